import { CreateFileSystemCommand, type CreateFileSystemCommandInput } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAGS, RETAINED_TAG } from '../../../src/contract/ownership';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const PLAIN = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };

let world: EfsHandlerWorld;
let stack: Stack;
inEachTest('Custom::FileSystem', (...given) => { [world, stack] = given; });

const ids = () => world.ids;

async function foreign(input: Partial<CreateFileSystemCommandInput> = {}): Promise<string> {
  const { FileSystemId } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs', Tags: [{ Key: 'a', Value: 'b' }], ...input }));
  world.clock.advance(10_000);
  return FileSystemId!;
}

describe('by creation token', () => {
  test('NEVER refuses what is there, even what this construct made before, and names it', async () => {
    await stack.deploy({ ...PLAIN, CreationToken: 'mine' });
    world.stacks.statuses.set(stack.stackId, 'DELETE_COMPLETE');
    await expect(world.stack('Custom::FileSystem').deploy({ ...PLAIN, CreationToken: 'mine', Adopt: 'NEVER' })).rejects.toThrow(
      `file system ${stack.physicalId} has the creation token 'mine' already, and 'adopt' is NEVER: choose another 'creationToken', or another 'adopt'`);
    expect(world.tags(stack.physicalId!)[OWNERSHIP_TAGS.stackId]).toBe(stack.stackId);
  });

  test('NEVER takes what its own lost call made', async () => {
    world.server.faults.inject('efs:CreateFileSystem', { kind: 'lost-answer' });
    await stack.deploy({ ...PLAIN, Adopt: 'NEVER' });
    expect(ids()).toEqual([stack.physicalId]);
  });

  test('NEVER makes a new one beside a retained one with another token', async () => {
    await stack.deploy({ ...PLAIN, Encrypted: true });
    world.stacks.statuses.set(stack.stackId, 'DELETE_COMPLETE');
    await world.stack('Custom::FileSystem').deploy({ ...PLAIN, Adopt: 'NEVER' });
    expect(ids()).toHaveLength(2);
  });

  test('ALWAYS adopts that of somebody else, and gives it back', async () => {
    const id = await foreign();
    await stack.deploy({ ...PLAIN, CreationToken: 'theirs', Adopt: 'ALWAYS' });
    expect(stack.physicalId).toBe(id);
    expect(world.tags(id)).toMatchObject({ a: 'b', [OWNERSHIP_TAGS.state]: 'adopted', [OWNERSHIP_TAGS.stackId]: stack.stackId });

    await stack.destroy();
    expect(world.tags(id)).toEqual({ a: 'b' });
  });

  test('ALWAYS says all that differs, and touches nothing', async () => {
    const id = await foreign({ PerformanceMode: 'maxIO' });
    await expect(stack.deploy({ ...PLAIN, Encrypted: true, CreationToken: 'theirs', Adopt: 'ALWAYS' })).rejects.toThrow(
      `file system ${id} has the creation token 'theirs' already, but its encrypted is false, not true, its performanceMode is maxIO, not generalPurpose`);
    expect(world.tags(id)).toEqual({ a: 'b' });
  });
});

describe('by id', () => {
  test('makes nothing, and marks the one that is there', async () => {
    const id = await foreign();
    const attributes = await stack.deploy({ ...PLAIN, AdoptFileSystemId: id, FileSystemTags: [{ Key: 'Name', Value: 'x' }] });
    expect(attributes.FileSystemId).toBe(id);
    expect(world.server.count('efs:CreateFileSystem')).toBe(1);
    expect(world.tags(id)).toMatchObject({ a: 'b', Name: 'x', [OWNERSHIP_TAGS.state]: 'adopted' });

    await stack.deploy({ ...PLAIN, AdoptFileSystemId: id, FileSystemTags: [{ Key: 'Name', Value: 'y' }] });
    expect(world.tags(id)).toMatchObject({ Name: 'y', [OWNERSHIP_TAGS.state]: 'adopted' });
    await stack.destroy();
    expect(ids()).toEqual([id]);
  });

  test('gives it back in a rollback, and when the creation was cancelled', async () => {
    const id = await foreign();
    await expect(stack.deploy({ ...PLAIN, AdoptFileSystemId: id }, { failAfter: true })).rejects.toThrow('another resource failed');
    expect(world.tags(id)).toEqual({ a: 'b' });

    await world.handlers.act(stack.event('Create', { ...PLAIN, AdoptFileSystemId: id }));
    await stack.cancel({ ...PLAIN, AdoptFileSystemId: id });
    expect(world.tags(id)).toEqual({ a: 'b' });
  });

  test('says what differs, and what is not there', async () => {
    const id = await foreign({ AvailabilityZoneName: 'eu-west-1a' });
    await expect(stack.deploy({ ...PLAIN, AdoptFileSystemId: id }))
      .rejects.toThrow(`'adoptFileSystemId' is ${id}, but its availabilityZoneName is eu-west-1a, not absent: set the properties as they are`);
    await expect(stack.deploy({ ...PLAIN, AdoptFileSystemId: 'fs-0123456789abcdef0' }))
      .rejects.toThrow("'adoptFileSystemId' is fs-0123456789abcdef0, but there is no such file system");
    expect(world.tags(id)).toEqual({ a: 'b' });
  });

  test('moves one from another stack that has removed it, although that stack is still there', async () => {
    await stack.deploy(PLAIN);
    const id = stack.physicalId!;
    const other = world.stack('Custom::FileSystem', 'Moved', 'Other');
    const moved = { ...PLAIN, Owner: 'Other/Moved', AdoptFileSystemId: id };
    world.stacks.resources.set(id, { stackId: stack.stackId, logicalId: 'Thing', type: 'Custom::FileSystem' });
    await expect(other.deploy(moved)).rejects.toThrow(
      `'adoptFileSystemId' is ${id}, but it still belongs to stack ${stack.stackId} (Thing): retain it there, and remove it from that stack first`);
    expect(world.tags(id)[OWNERSHIP_TAGS.stackId]).toBe(stack.stackId);

    world.stacks.resources.clear();
    await other.deploy(moved);
    expect(other.physicalId).toBe(id);
    await stack.destroy();
    expect(ids()).toEqual([id]);
    expect(world.tags(id)[OWNERSHIP_TAGS.stackId]).toBe(other.stackId);
  });

  test('is refused where CloudFormation still has the file system or a mount target, unless their stack says that it retains them', async () => {
    const id = await foreign();
    const target = await world.foreignTarget(id, world.subnet.a1);
    world.stacks.resources.set(target, { stackId: stack.stackId, logicalId: 'EfsMountTarget1', type: 'AWS::EFS::MountTarget' });
    await expect(stack.deploy({ ...PLAIN, AdoptFileSystemId: id })).rejects.toThrow(
      `but its mount target ${target} still belongs to stack ${stack.stackId} (EfsMountTarget1): `
      + 'deploy it once with FileSystem.retainForMigration, and only then without it');
    expect(world.tags(id)).toEqual({ a: 'b' });

    await world.tag(id, { [RETAINED_TAG]: 'arn:of-another-stack' });
    await expect(stack.deploy({ ...PLAIN, AdoptFileSystemId: id })).rejects.toThrow('still belongs to stack');
    await world.tag(id, { [RETAINED_TAG]: stack.stackId });
    await stack.deploy({ ...PLAIN, AdoptFileSystemId: id });
    expect(stack.physicalId).toBe(id);
  });

  test('keeps the file system if the resource has it already, also through a rollback', async () => {
    await stack.deploy(PLAIN);
    const [id] = ids();
    await expect(stack.deploy({ ...PLAIN, AdoptFileSystemId: id }, { failAfter: true })).rejects.toThrow('another resource failed');
    await stack.deploy({ ...PLAIN, AdoptFileSystemId: id });
    expect(ids()).toEqual([id]);
    await stack.destroy();
    expect(ids()).toEqual([]);
  });

  test('instead of one of its own is a replacement', async () => {
    await stack.deploy(PLAIN);
    const [own] = ids();
    const id = await foreign();
    const refused = stack.event('Update', { ...PLAIN, AdoptFileSystemId: id }, { PhysicalResourceId: own, OldResourceProperties: PLAIN as any });
    await expect(stack.play(refused))
      .rejects.toThrow(`the file system would be replaced by ${id}, because adoptFileSystemId from none to ${id} cannot change in place`);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await expect(stack.deploy({ ...PLAIN, AdoptFileSystemId: id, AllowReplacement: true }, { failAfter: true })).rejects.toThrow('another');
    expect(stack.physicalId).toBe(own);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    await stack.deploy({ ...PLAIN, AdoptFileSystemId: id, AllowReplacement: true });
    expect(ids()).toEqual([id]);
  });
});

test('the account is never listed, not to look for a retained file system either', async () => {
  for (let i = 0; i < 3; i++) { await foreign({ CreationToken: `${i}`, Tags: [{ Key: OWNERSHIP_TAGS.owner, Value: 'Other/Files' }] }); }
  await stack.deploy({ ...PLAIN, Encrypted: true, RemovalPolicy: 'Retain' });
  world.stacks.statuses.set(stack.stackId, 'DELETE_COMPLETE');
  const before = world.server.count('efs:DescribeFileSystems');
  // The deployments before have asked for the owner and for other logical ids of the stack; this one asks for the owner.
  await expect(world.stack('Custom::FileSystem').deploy(PLAIN)).rejects.toThrow(
    'was retained by an earlier deployment of Stack/Files, but its encrypted is true, not false');
  // By token, by the id that the index gave, and by token again for what might have been left; twice more in the Delete that follows.
  expect(world.server.count('efs:DescribeFileSystems') - before).toBe(5);
  expect(world.server.count('tagging:GetResources')).toBe(3);
});

test('a retained file system that was made a moment ago is not in the index yet, but found by its token', async () => {
  await stack.deploy(PLAIN);
  world.stacks.statuses.set(stack.stackId, 'DELETE_COMPLETE');
  jest.spyOn(world.tagging, 'handle').mockRejectedValue(new Error('must not be asked'));
  await world.stack('Custom::FileSystem').deploy(PLAIN);
  expect(ids()).toHaveLength(1);
});
