import { CreateAccessPointCommand } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import type { EfsOptions } from '../../../world/emulator/efs';
import { THROTTLE } from '../../../world/emulator/faults';
import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const KIB = 1024;
const FILES = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };

let world: EfsHandlerWorld;
let stack: Stack;
let id: string;

async function begin(properties: object = FILES, options?: EfsOptions): Promise<void> {
  world = await EfsHandlerWorld.start(options);
  stack = world.stack('Custom::FileSystem');
  ({ FileSystemId: id } = await stack.deploy({ ...properties }));
}
afterEach(() => world.close());

/** From the beginning of the deletion to its end, in seconds. */
async function seconds(deletion: Promise<unknown>): Promise<number> {
  const start = world.clock.now();
  await deletion.catch(() => {});
  return (world.clock.now() - start) / 1000;
}

describe('a deletion that something else prevents', () => {
  test('says soon which mount targets are in the way, and succeeds when they are gone', async () => {
    await begin();
    const [one, two] = [await world.foreignTarget(id, world.subnet.a1), await world.foreignTarget(id, world.subnet.b1)];
    const deletion = stack.destroy();
    const time = seconds(deletion);
    await expect(deletion).rejects.toThrow(`file system ${id} cannot be deleted as long as it has mount targets that are not of its stack: `
      + `delete ${one} (${world.subnet.a1}), ${two} (${world.subnet.b1}) first`);
    expect(await time).toBeGreaterThanOrEqual(60);
    expect(await time).toBeLessThan(90);

    world.efs.mountTargets.forEach(({ phase }) => phase.settle('deleted'));
    await stack.destroy();
    expect(world.efs.fileSystems).toEqual([]);
  });

  test('waits for a set of mount targets that is being deleted, although EFS is too busy for it', async () => {
    await begin();
    const set = world.stack('Custom::MountTargets', 'Targets');
    const { a1, b1 } = world.subnet;
    await set.deploy({ Owner: 'Stack/Targets', RemovalPolicy: 'Delete', FileSystemId: id, SecurityGroups: [], SubnetIds: [a1, b1] });
    const end = world.clock.now() + 75_000;
    world.server.faults.choose(operation => operation === 'efs:DeleteMountTarget' && world.clock.now() < end ? THROTTLE : undefined);
    await Promise.all([set.destroy(), stack.destroy()]);
    expect(world.clock.now()).toBeGreaterThan(end);
    expect(world.efs.mountTargets).toEqual([]);
    expect(world.efs.fileSystems).toEqual([]);
  });

  test('waits for mount targets that are going already', async () => {
    await begin();
    await world.foreignTarget(id, world.subnet.a1);
    world.efs.mountTargets[0].phase.begin('deleting', 'deleted', 300_000);
    await stack.destroy();
    expect(world.efs.fileSystems).toEqual([]);
  });

  test('waits for mount targets of others that begin to go within a minute', async () => {
    await begin();
    await world.foreignTarget(id, world.subnet.a1);
    const deletion = stack.destroy();
    await world.clock.sleep(40_000);
    world.efs.mountTargets[0].phase.begin('deleting', 'deleted', 90_000);
    await deletion;
    expect(world.efs.fileSystems).toEqual([]);
  });

  test('names access points, where EFS says no more than that it is in use', async () => {
    await begin();
    const { AccessPointId: point } = await world.client.send(new CreateAccessPointCommand({ ClientToken: 'point', FileSystemId: id }));
    world.server.faults.inject('efs:DeleteFileSystem', { kind: 'error', code: 'FileSystemInUse', status: 409, message: 'in use' }, { times: Infinity });
    await expect(stack.destroy()).rejects.toThrow(`as long as it has access points: delete ${point} first`);
  });
});

describe('a file system that holds data', () => {
  const RETAINED = { ...FILES, RemovalPolicy: 'Retain' };

  test('is released, not deleted, under RETAIN, so that a rollback succeeds', async () => {
    await begin(RETAINED);
    world.efs.setSizeInBytes(id, 6 * KIB + 1);
    await stack.destroy();
    expect(world.efs.fileSystems).toHaveLength(1);
    expect(world.tags(id)).not.toHaveProperty(OWNERSHIP_TAGS.stackId);
    expect(world.logged('file system released')).toHaveLength(1);
  });

  test('is deleted under RETAIN where there is none', async () => {
    await begin(RETAINED);
    world.efs.setSizeInBytes(id, 6 * KIB);
    await stack.destroy();
    expect(world.efs.fileSystems).toEqual([]);
  });

  test('is deleted, if the removal policy is DESTROY', async () => {
    await begin();
    world.efs.setSizeInBytes(id, 1_000_000);
    await stack.destroy();
    expect(world.efs.fileSystems).toEqual([]);
  });
});

describe('mount targets', () => {
  const targets = () => ({
    Owner: 'Stack/Targets', RemovalPolicy: 'Delete', FileSystemId: id, SubnetIds: [world.subnet.a1], SecurityGroups: [world.group.one],
  });

  test('are gone once EC2 has none of their network interfaces left', async () => {
    await begin(FILES, { durations: { interfaceLingering: 30_000 } });
    const set = world.stack('Custom::MountTargets');
    await set.deploy(targets());
    const time = seconds(set.destroy());
    expect(await time).toBeGreaterThanOrEqual(70);
    expect(world.ec2.networkInterfaces).toEqual([]);
    world.ec2.deleteSecurityGroup(world.group.one);
  });

  test('of others keep their network interfaces, and nobody waits for that', async () => {
    await begin();
    await world.foreignTarget(id, world.subnet.b1);
    const set = world.stack('Custom::MountTargets');
    await set.deploy(targets());
    await set.destroy();
    expect(world.ec2.networkInterfaces).toHaveLength(1);
  });

  test('are gone all the same, if nobody may look at network interfaces', async () => {
    await begin();
    const set = world.stack('Custom::MountTargets');
    await set.deploy(targets());
    const fault = { kind: 'error', code: 'UnauthorizedOperation', status: 403, message: 'no' } as const;
    world.server.faults.inject('ec2:DescribeNetworkInterfaces', fault, { times: Infinity });
    await set.destroy();
    expect(world.efs.mountTargets).toEqual([]);
    // The first look is enough to know.
    expect(world.server.count('ec2:DescribeNetworkInterfaces')).toBe(1);
  });

  test('take two calls a poll while they all go, and the poll that removes the record is the last one', async () => {
    await begin();
    const set = world.stack('Custom::MountTargets');
    await set.deploy({ ...targets(), SubnetIds: [world.subnet.a1, world.subnet.b1] });
    const event = set.event('Delete', targets(), { PhysicalResourceId: set.physicalId });
    const started = { ...event, ...await world.handlers.act(event) };
    const before = world.server.calls.length;
    expect(await world.handlers.poll(started)).toEqual({ IsComplete: false });
    expect(world.server.calls.slice(before).map(({ operation }) => operation).sort()).toEqual(['efs:DescribeFileSystems', 'efs:DescribeMountTargets']);
    world.clock.advance(45_000);
    expect(await world.handlers.poll(started)).toEqual({ IsComplete: true });
    expect(world.efs.mountTargets).toEqual([]);
    expect(world.tags(id)).not.toHaveProperty([`cdk-durable-storage:mount-targets:${set.physicalId!.split('/')[1]}`]);
  });

  test('that somebody makes in a subnet of the set while it is being deleted are left alone', async () => {
    await begin();
    const set = world.stack('Custom::MountTargets');
    await set.deploy({ ...targets(), SubnetIds: [world.subnet.a1, world.subnet.b1] });
    const slow = world.efs.mountTargets.find(({ subnetId }) => subnetId === world.subnet.b1)!;
    const event = set.event('Delete', targets(), { PhysicalResourceId: set.physicalId });
    const handlers = world.handlers;
    const started = { ...event, ...await handlers.act(event) };
    slow.phase.begin('deleting', 'deleted', 300_000);
    world.clock.advance(45_000);
    await handlers.poll(started);
    const theirs = await world.foreignTarget(id, world.subnet.a1);
    while (!(await handlers.poll(started)).IsComplete) { world.clock.advance(5_000); }
    expect(world.efs.mountTargets.map(target => target.id)).toEqual([theirs]);
  });
});
