import { DeleteFileSystemCommand } from '@aws-sdk/client-efs';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const PLAIN = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };

let world: EfsHandlerWorld;
let stack: Stack;
inEachTest('Custom::FileSystem', (...given) => { [world, stack] = given; });

const ids = () => world.ids;

test.each([
  [{ Encrypted: true }, 'encrypted from false to true'],
  [{ PerformanceMode: 'maxIO' }, 'performanceMode from generalPurpose to maxIO'],
  [{ AvailabilityZoneName: 'eu-west-1b' }, 'availabilityZoneName from none to eu-west-1b'],
  [{ CreationToken: 'mine' }, 'creationToken from none to mine'],
  [{ Encrypted: true, CreationToken: 'mine' }, 'encrypted from false to true, creationToken from none to mine'],
])('is refused before anything happens, for %j', async (change, what) => {
  await stack.deploy(PLAIN);
  const [id] = ids();
  await expect(stack.deploy({ ...PLAIN, ...change })).rejects.toThrow(
    `the file system would be replaced by a new, empty one, because ${what} cannot change in place: `
    + "leave the properties as they were, or set 'allowReplacement'");
  expect(ids()).toEqual([id]);
  expect(stack.physicalId).toBe(id);
  expect(world.server.count('efs:CreateFileSystem')).toBe(1);
});

test('is refused for another key, which is named', async () => {
  const [one, other] = [world.kms.createKey(), world.kms.createKey()];
  await stack.deploy({ ...PLAIN, Encrypted: true, KmsKeyId: one.keyId });
  await expect(stack.deploy({ ...PLAIN, Encrypted: true, KmsKeyId: other.keyId })).rejects.toThrow(`kmsKey from ${one.keyId} to ${other.keyId} cannot`);
});

test('happens, if the user allows it', async () => {
  await stack.deploy(PLAIN);
  const [id] = ids();
  await stack.deploy({ ...PLAIN, Encrypted: true, AllowReplacement: true });
  expect(ids()).toEqual([stack.physicalId]);
  expect(stack.physicalId).not.toBe(id);
});

test.each(['old', 'new'] as const)('that was allowed is undone by a rollback, which needs no allowance, with the %s id', async rollbackWith => {
  await stack.deploy(PLAIN);
  const [id] = ids();
  await expect(stack.deploy({ ...PLAIN, Encrypted: true, AllowReplacement: true }, { failAfter: true, rollbackWith })).rejects.toThrow('another');
  expect(stack.physicalId).toBe(id);
});

test('is not refused in a rollback, even if the old file system was deleted by hand meanwhile', async () => {
  await stack.deploy(PLAIN);
  const [id] = ids();
  const wanted = { ...PLAIN, Encrypted: true, AllowReplacement: true };
  const { id: other } = await stack.play(stack.event('Update', wanted, { PhysicalResourceId: id, OldResourceProperties: PLAIN as any }));
  await world.client.send(new DeleteFileSystemCommand({ FileSystemId: id }));
  world.clock.advance(60_000);

  world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
  const back = await stack.play(stack.event('Update', PLAIN, { PhysicalResourceId: other, OldResourceProperties: wanted as any }));
  expect(ids()).toEqual([other, back.id]);
});

describe('that went back to a retained file system', () => {
  const kept = { ...PLAIN, RemovalPolicy: 'Retain', AllowReplacement: true };
  const update = (properties: object, old: object, id: string) =>
    stack.play(stack.event('Update', properties as any, { PhysicalResourceId: id, OldResourceProperties: old as any }));

  test.each([
    ['CloudFormation says so', false],
    ['CloudFormation does not answer', true],
  ])('does not delete it in the rollback, whatever the failed deployment made of the removal policy, where %s', async (_, silent) => {
    await stack.deploy(kept);
    const first = stack.physicalId!;
    const encrypted = { ...kept, Encrypted: true };
    const { id: second } = await update(encrypted, kept, first);

    world.stacks.broken = silent;
    const back = { ...kept, RemovalPolicy: 'Delete' };
    expect((await update(back, encrypted, second)).id).toBe(first);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    expect((await update(encrypted, back, first)).id).toBe(second);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
    await stack.play(stack.event('Delete', back, { PhysicalResourceId: first }));
    world.clock.advance(60_000);
    expect(ids()).toEqual([first, second]);
  });
});
