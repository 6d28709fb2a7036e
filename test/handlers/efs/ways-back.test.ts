/** Rollbacks that meet what somebody has deleted or changed by hand: it is left as it is, and the rollback succeeds. */
import { CreateFileSystemCommand, DeleteFileSystemCommand, DeleteMountTargetCommand } from '@aws-sdk/client-efs';
import type { EfsResourceType } from '../../../src/contract/resource-types';
import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

type Properties = Record<string, unknown>;

const FILES = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };
const OWNED = { Owner: 'Stack/Thing', RemovalPolicy: 'Delete' };

let world: EfsHandlerWorld;
beforeEach(async () => { world = await EfsHandlerWorld.start(); });
afterEach(() => world.close());

function stackOf(type: EfsResourceType): Stack {
  const stack = world.stack(type);
  stack.onStatus = status => world.stacks.statuses.set(stack.stackId, status);
  return stack;
}

async function foreign(token: string, tags: Record<string, string> = {}): Promise<string> {
  const { FileSystemId } = await world.client.send(new CreateFileSystemCommand({ CreationToken: token }));
  world.clock.advance(60_000);
  await world.tag(FileSystemId!, tags);
  return FileSystemId!;
}

async function remove(id: string): Promise<void> {
  for (const target of world.efs.mountTargets) { await world.client.send(new DeleteMountTargetCommand({ MountTargetId: target.id })); }
  world.clock.advance(120_000);
  await world.client.send(new DeleteFileSystemCommand({ FileSystemId: id }));
  world.clock.advance(120_000);
}

/** Updates a resource whose file system is gone: that fails, and its rollback does not. */
async function expectNotStuck(stack: Stack, properties: Properties, error: string): Promise<void> {
  await expect(stack.deploy(properties)).rejects.toThrow(error);
  expect(stack.isStuck).toBe(false);
  expect(world.logged('left as it is, because an error would keep the stack from rolling back').length).toBeGreaterThan(0);
}

test('a file system that is gone', async () => {
  const stack = stackOf('Custom::FileSystem');
  await stack.deploy(FILES);
  await remove(stack.physicalId!);
  await expectNotStuck(stack, { ...FILES, FileSystemTags: [{ Key: 'a', Value: 'b' }] }, "is gone: it was deleted outside of CloudFormation; to have a new, empty one, set another 'creationToken'");
  expect(world.ids).toEqual([]);
  await stack.destroy();
});

test('a file system that is gone, with the attributes that are known without it', async () => {
  const stack = stackOf('Custom::FileSystem');
  const { Arn } = await stack.deploy(FILES);
  await remove(stack.physicalId!);
  world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
  const { id, attributes } = await stack.play(stack.event('Update', FILES, { PhysicalResourceId: stack.physicalId, OldResourceProperties: { ...FILES, BackupPolicy: 'ENABLED' } }));
  expect(id).toBe(stack.physicalId);
  expect(attributes).toMatchObject({ FileSystemId: id, Arn });
});

test('the same is an error if CloudFormation does not say that it rolls back', async () => {
  const stack = stackOf('Custom::FileSystem');
  await stack.deploy(FILES);
  await remove(stack.physicalId!);
  world.stacks.broken = true;
  await expect(stack.deploy({ ...FILES, FileSystemTags: [{ Key: 'a', Value: 'b' }] })).rejects.toThrow('is gone');
  expect(stack.isStuck).toBe(true);
});

const SETTINGS: [EfsResourceType, Properties, Properties][] = [
  ['Custom::LifecycleConfiguration', { LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }] }, { LifecyclePolicies: [{ TransitionToIA: 'AFTER_30_DAYS' }] }],
  ['Custom::BackupPolicy', { BackupPolicy: { Status: 'ENABLED' } }, { BackupPolicy: { Status: 'DISABLED' } }],
];

test.each(SETTINGS)('a %s of a file system that is gone', async (type, before, after) => {
  const FileSystemId = await foreign('theirs');
  const stack = stackOf(type);
  await stack.deploy({ ...OWNED, FileSystemId, ...before });
  await remove(FileSystemId);
  await expectNotStuck(stack, { ...OWNED, FileSystemId, ...after }, 'which does not exist');
});

describe('a tag set', () => {
  const set = (ResourceId: string, tags: Record<string, string>) =>
    ({ ...OWNED, ResourceId, Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) });

  test('of a file system that is gone', async () => {
    const id = await foreign('theirs');
    const stack = stackOf('Custom::TagSet');
    await stack.deploy(set(id, { a: '1' }));
    await remove(id);
    await expectNotStuck(stack, set(id, { a: '2' }), 'which does not exist');
  });

  test('one of whose keys somebody else has set since, which keeps their value; the others are restored', async () => {
    const id = await foreign('theirs');
    const stack = stackOf('Custom::TagSet');
    await stack.deploy(set(id, { a: '1', b: '1' }));
    const [PhysicalResourceId, before, after] = [stack.physicalId!, set(id, { a: '1', b: '1' }), set(id, { a: '2' })];
    await stack.play(stack.event('Update', after, { PhysicalResourceId, OldResourceProperties: before }));
    await world.tag(id, { b: 'theirs' });
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await stack.play(stack.event('Update', before, { PhysicalResourceId, OldResourceProperties: after }));
    expect(world.tags(id)).toMatchObject({ a: '1', b: 'theirs' });
  });
});

describe('a set of mount targets', () => {
  const targets = (FileSystemId: string, ...names: ('a1' | 'a2' | 'b1')[]) => ({
    ...OWNED, FileSystemId, SubnetIds: names.map(name => world.subnet[name]), SecurityGroups: [world.group.one],
  });

  test('of a file system that is gone', async () => {
    const id = await foreign('theirs');
    const stack = stackOf('Custom::MountTargets');
    await stack.deploy(targets(id, 'a1'));
    await remove(id);
    await expectNotStuck(stack, targets(id, 'a1', 'b1'), 'there is no such file system');
  });

  test('in whose place somebody has made another mount target since', async () => {
    const id = await foreign('theirs');
    const stack = stackOf('Custom::MountTargets');
    const [before, after] = [targets(id, 'a1', 'b1'), targets(id, 'b1')];
    await stack.deploy(before);
    const PhysicalResourceId = stack.physicalId!;
    await stack.play(stack.event('Update', after, { PhysicalResourceId, OldResourceProperties: before }));
    const theirs = await world.foreignTarget(id, world.subnet.a2);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    const { attributes } = await stack.play(stack.event('Update', before, { PhysicalResourceId, OldResourceProperties: after }));
    expect(attributes).toMatchObject({ MountTargetId0: '', MountTargetId1: '' });
    expect(world.efs.mountTargets.map(target => target.id)).toContain(theirs);
    expect(world.efs.mountTargets).toHaveLength(2);
  });
});

describe('a lookup', () => {
  const by = (Value: string) => ({ ...OWNED, Tags: [{ Key: 'env', Value }] });

  test.each(['old', 'new'] as const)('whose file system before is gone, by an event with the %s id', async rollbackWith => {
    const [blue, green] = [await foreign('blue', { env: 'blue' }), await foreign('green', { env: 'green' })];
    await world.clock.sleep(600_000);
    const stack = stackOf('Custom::FileSystemLookup');
    expect(await stack.deploy(by('blue'))).toEqual({ FileSystemId: blue });
    await remove(blue);
    await world.clock.sleep(600_000);
    await expect(stack.deploy(by('green'), { failAfter: true, rollbackWith })).rejects.toThrow('another resource failed');
    expect(stack.isStuck).toBe(false);
    expect(stack.physicalId).toMatch(rollbackWith === 'old' ? new RegExp(`/${blue}$`) : new RegExp(`/${green}$`));
  });
});

test('an update that EFS throttles for ten minutes is rolled back all the same', async () => {
  const stack = stackOf('Custom::FileSystem');
  await stack.deploy({ ...FILES, FileSystemTags: [{ Key: 'a', Value: '1' }] });
  const end = world.clock.now() + 600_000;
  world.server.faults.persist(/^efs:/, { kind: 'error', code: 'ThrottlingException', status: 400, message: 'slow down' }, () => world.clock.now() < end);
  await expect(stack.deploy({ ...FILES, FileSystemTags: [{ Key: 'a', Value: '2' }] }, { failAfter: true })).rejects.toThrow('another resource failed');
  expect(stack.isStuck).toBe(false);
  expect(world.tags(stack.physicalId!)).toMatchObject({ a: '1' });
});
