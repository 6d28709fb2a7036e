import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const RETAINED = { Owner: 'Stack/Files', RemovalPolicy: 'Retain', Encrypted: true };

let world: EfsHandlerWorld;
let first: Stack;
inEachTest('Custom::FileSystem', (...given) => { [world, first] = given; });

const ids = () => world.ids;
/** As CloudFormation does with a retained resource: no event at all. */
const deleteStack = (stack: Stack) => world.stacks.statuses.set(stack.stackId, 'DELETE_COMPLETE');
const redeployed = () => world.stack('Custom::FileSystem');

describe('a file system that was retained', () => {
  test.each(['DELETE_COMPLETE', 'unknown'])('is adopted when its stack, now %s, is deployed again', async status => {
    await first.deploy(RETAINED);
    if (status === 'unknown') { world.stacks.statuses.delete(first.stackId); } else { deleteStack(first); }

    const second = redeployed();
    await second.deploy({ ...RETAINED, FileSystemTags: [{ Key: 'Name', Value: 'again' }] });

    expect(second.physicalId).toBe(first.physicalId);
    expect(ids()).toHaveLength(1);
    expect(world.tags(ids()[0])).toMatchObject({ Name: 'again', [OWNERSHIP_TAGS.stackId]: second.stackId, [OWNERSHIP_TAGS.state]: 'adopted' });

    deleteStack(second);
    const third = redeployed();
    await third.deploy(RETAINED);
    expect(third.physicalId).toBe(first.physicalId);
  });

  test('stays where it is, if another resource fails in the new stack, and is adopted by the next one', async () => {
    await first.deploy(RETAINED);
    deleteStack(first);

    const second = world.follow(redeployed());
    await expect(second.deploy(RETAINED, { failAfter: true })).rejects.toThrow(/^another resource failed$/);
    expect(ids()).toEqual([first.physicalId]);
    expect(world.tags(first.physicalId!)).toEqual({
      [OWNERSHIP_TAGS.stackId]: first.stackId,
      [OWNERSHIP_TAGS.owner]: RETAINED.Owner,
      [OWNERSHIP_TAGS.logicalId]: 'Thing',
      [OWNERSHIP_TAGS.identity]: expect.any(String),
    });

    const third = redeployed();
    await third.deploy(RETAINED);
    expect(third.physicalId).toBe(first.physicalId);
  });

  test('is only released by a deletion, until an update decides otherwise', async () => {
    await first.deploy(RETAINED);
    deleteStack(first);
    const adopting = { ...RETAINED, RemovalPolicy: 'Delete' };
    const second = redeployed();
    await second.deploy(adopting);
    await second.destroy();
    expect(ids()).toEqual([first.physicalId]);
    expect(world.tags(first.physicalId!)).toEqual({});

    const third = redeployed();
    await expect(third.deploy(RETAINED)).rejects.toThrow(`set 'adoptFileSystemId' to ${first.physicalId}`);
    const byId = { AdoptFileSystemId: first.physicalId! };
    await third.deploy({ ...RETAINED, ...byId });
    await third.deploy({ ...adopting, ...byId });
    await third.destroy();
    expect(ids()).toEqual([]);
  });

  test('is not given up by the rollback of an update that retains it', async () => {
    await first.deploy(RETAINED);
    deleteStack(first);
    const second = redeployed();
    const adopting = { ...RETAINED, RemovalPolicy: 'Delete' };
    await second.deploy(adopting);
    world.stacks.statuses.set(second.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await expect(second.deploy(RETAINED, { failAfter: true })).rejects.toThrow();

    await second.destroy();
    expect(ids()).toEqual([first.physicalId]);
  });

  test('is adopted although its creation had failed', async () => {
    await world.handlers.act(first.event('Create', RETAINED));
    world.remember(first, ids()[0]);
    deleteStack(first);
    await redeployed().deploy(RETAINED);
    expect(ids()).toHaveLength(1);
  });

  test('stops a deployment with other immutable properties, which says how they differ', async () => {
    await first.deploy(RETAINED);
    deleteStack(first);
    const token = (await world.describe(first.physicalId!)).CreationToken;

    await expect(redeployed().deploy({ ...RETAINED, Encrypted: false })).rejects.toThrow(new RegExp(
      `file system ${first.physicalId} was retained by an earlier deployment of Stack/Files, but its encrypted is true, not false: `
      + `.*'creationToken' to '${token}'`));
    expect(ids()).toEqual([first.physicalId]);

    await redeployed().deploy({ ...RETAINED, CreationToken: token });
    expect(ids()).toEqual([first.physicalId]);
  });

  test('stops a deployment with its token and another key', async () => {
    const [one, other] = [world.kms.createKey(), world.kms.createKey()];
    await first.deploy({ ...RETAINED, CreationToken: 'mine', KmsKeyId: one.keyId });
    deleteStack(first);
    await expect(redeployed().deploy({ ...RETAINED, CreationToken: 'mine', KmsKeyId: other.keyId }))
      .rejects.toThrow(`file system ${first.physicalId} has the creation token 'mine' already, but its kmsKey is ${one.arn}, not ${other.arn}`);
    expect(world.tags(first.physicalId!)[OWNERSHIP_TAGS.stackId]).toBe(first.stackId);
  });

  test('does not stand in the way of a new one with a token of its own', async () => {
    await first.deploy(RETAINED);
    deleteStack(first);
    await redeployed().deploy({ ...RETAINED, Encrypted: false, CreationToken: 'fresh' });
    expect(ids()).toHaveLength(2);
  });

  test('does not stand in the way of a replacement', async () => {
    await first.deploy({ ...RETAINED, PerformanceMode: 'maxIO' });
    deleteStack(first);
    const second = redeployed();
    await second.deploy({ ...RETAINED, RemovalPolicy: 'Delete', CreationToken: 'mine' });
    await second.deploy({ ...RETAINED, RemovalPolicy: 'Delete', AllowReplacement: true });
    expect(ids()).toEqual([first.physicalId, second.physicalId]);
  });
});

test('a resource under a new logical id takes the file system over, and the old one leaves it alone', async () => {
  await first.deploy({ ...RETAINED, Owner: 'Stack/Thing' });
  const renamed = world.stack('Custom::FileSystem', 'Renamed');
  Object.assign(renamed, { stackId: first.stackId });
  await renamed.deploy({ ...RETAINED, Owner: 'Stack/Renamed', Formerly: ['Thing'] });
  expect(renamed.physicalId).toBe(first.physicalId);

  await first.destroy();
  expect(ids()).toEqual([renamed.physicalId]);
});

test('a file system of somebody else with the token is refused, and not touched', async () => {
  const { FileSystemId } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'taken', Tags: [{ Key: 'a', Value: 'b' }] }));
  await expect(first.deploy({ ...RETAINED, Encrypted: false, CreationToken: 'taken' })).rejects.toThrow(
    `file system ${FileSystemId} has the creation token 'taken' already, and CloudFormation does not list it as that of Stack/Files: `
    + `if it is yours, set 'adoptFileSystemId' to ${FileSystemId}, or 'adopt' to ALWAYS; otherwise choose another 'creationToken', or delete that file system`);
  expect(world.tags(FileSystemId!)).toEqual({ a: 'b' });
  expect(ids()).toEqual([FileSystemId]);
});

test('a file system of a stack that still exists is refused, and not touched', async () => {
  await first.deploy({ ...RETAINED, CreationToken: 'taken' });
  world.stacks.resources.set(first.physicalId!, { stackId: first.stackId, logicalId: 'Thing', type: 'Custom::FileSystem' });
  const before = { ...world.tags(first.physicalId!) };
  await expect(redeployed().deploy({ ...RETAINED, CreationToken: 'taken' })).rejects.toThrow(`belongs to stack ${first.stackId}`);
  expect(world.tags(first.physicalId!)).toEqual(before);
});
