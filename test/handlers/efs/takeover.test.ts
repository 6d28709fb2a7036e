import { CreateFileSystemCommand, TagResourceCommand } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

let world: EfsHandlerWorld;
let stack: Stack;
let id: string;
let targets: string[];

/** A file system with two mount targets that this stack has just adopted. */
beforeEach(async () => {
  world = await EfsHandlerWorld.start();
  stack = world.stack('Custom::MountTargets');
  id = (await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs' }))).FileSystemId!;
  world.clock.advance(10_000);
  targets = [await world.foreignTarget(id, world.subnet.a1), await world.foreignTarget(id, world.subnet.b1)];
  groups = [...world.efs.mountTargets[0].securityGroups];
  await adopt();
});
afterEach(() => world.close());

let groups: string[];
const adopt = () => world.client.send(new TagResourceCommand({ ResourceId: id, Tags: [{ Key: OWNERSHIP_TAGS.state, Value: 'adopted' }] }));
const present = () => world.efs.mountTargets.map(target => target.id);
const set = (more: object = {}) => ({
  Owner: 'Stack/Targets',
  RemovalPolicy: 'Delete',
  FileSystemId: id,
  SubnetIds: [world.subnet.a1, world.subnet.b1],
  SecurityGroups: groups,
  TakeOver: true,
  ...more,
});

test('mount targets of an adopted file system become the set\'s as they are', async () => {
  expect(await stack.deploy(set())).toMatchObject({ MountTargetId0: targets[0], MountTargetId1: targets[1] });
  expect(world.server.count('efs:CreateMountTarget')).toBe(2);
  expect(world.server.count('efs:ModifyMountTargetSecurityGroups')).toBe(0);
});

test('a mount target that the adopted file system lacks is made, and only that one is deleted with the set', async () => {
  await stack.deploy(set({ SubnetIds: [world.subnet.a1, world.subnet.b1, world.subnet.c1] }));
  expect(present()).toHaveLength(3);
  await stack.destroy();
  expect(present()).toEqual(targets);
});

test('a rollback gives back the mount targets that were taken over', async () => {
  await expect(stack.deploy(set(), { failAfter: true })).rejects.toThrow('another resource failed');
  expect(present()).toEqual(targets);
  expect(Object.keys(world.tags(id))).toEqual([OWNERSHIP_TAGS.state]);
  await stack.deploy(set());
});

test('mount targets that were taken over change with the set, and one made in their place is the set\'s own', async () => {
  await stack.deploy(set());
  await stack.deploy(set({ SubnetIds: [world.subnet.a2, world.subnet.b1], SecurityGroups: [world.group.one] }));
  expect(present()).toContain(targets[1]);
  expect(present()).not.toContain(targets[0]);
  await stack.destroy();
  expect(present()).toEqual([targets[1]]);
});

test('mount targets that were taken over are deleted with the set when the file system is no longer an adopted one', async () => {
  await stack.deploy(set());
  await world.untag(id, OWNERSHIP_TAGS.state);
  await stack.destroy();
  expect(present()).toEqual([]);
});

test('other security groups are refused: a rollback could not give them back', async () => {
  await expect(stack.deploy(set({ SecurityGroups: [world.group.one] }))).rejects.toThrow(
    `mount target ${targets[0]} has the security groups ${groups.join()}, not ${world.group.one}: to adopt it, set 'securityGroup' to what it has`);
  expect(Object.keys(world.tags(id))).toEqual([OWNERSHIP_TAGS.state]);
});

test.each([
  ['of a file system that was not adopted', async () => world.untag(id, OWNERSHIP_TAGS.state), {}],
  ['if nobody asked for it', async () => {}, { TakeOver: undefined }],
])('mount targets are not taken over, %s', async (_what, prepare, more) => {
  await prepare();
  await expect(stack.deploy(set(more))).rejects.toThrow('which is not of this set');
  expect(present()).toEqual(targets);
});
