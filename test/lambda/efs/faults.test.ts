import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { withEachCallFailing, World } from './world';
import { BROKEN, THROTTLE, type Fault } from '../../emulator/faults';

const QUICK = { durations: { mountTargetCreating: 5_000, mountTargetDeleting: 5_000, fileSystemUpdating: 5_000 } };
const LOST: Fault = { kind: 'lost-answer' };
const RESET: Fault = { kind: 'reset' };
const ALTERNATELY = [[THROTTLE, RESET, BROKEN], [LOST]];

/** Whichever call fails once, by whatever passes by itself: the outcome is the same as without, and nothing is left over. */
describe('a call that fails once does no harm', () => {
  test.each(ALTERNATELY)('to a file system (%#)', async (...faults) => {
    const calls = await withEachCallFailing(async (world, arm) => {
      const stack = world.stack('Custom::FileSystem');
      const { keyId } = world.kms.createKey();
      const first = {
        Owner: 'Stack/Files',
        RemovalPolicy: 'Delete',
        Encrypted: true,
        KmsKeyId: keyId,
        FileSystemTags: [{ Key: 'a', Value: '1' }],
        FileSystemPolicy: { Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }] },
      };
      arm();
      await stack.deploy(first);
      await stack.deploy({ ...first, ThroughputMode: 'elastic', FileSystemPolicy: undefined, FileSystemTags: [{ Key: 'b', Value: '1' }] });
      await stack.deploy({ ...first, PerformanceMode: 'maxIO', AllowReplacement: true });

      const [only, ...others] = world.efs.fileSystems;
      expect(others).toEqual([]);
      expect(only).toMatchObject({ id: stack.physicalId, performanceMode: 'maxIO', tags: expect.objectContaining({ a: '1' }) });
      expect(Object.keys(only.tags)).not.toContain('cdk-durable-storage:state');
      await stack.destroy();
      expect(world.efs.fileSystems).toEqual([]);
    }, faults, QUICK);
    expect(calls).toBeGreaterThan(20);
  });

  test.each(ALTERNATELY)('to mount targets (%#)', async (...faults) => {
    const calls = await withEachCallFailing(async (world, arm) => {
      const { FileSystemId: id } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'token' }));
      world.clock.advance(10_000);
      const stack = world.stack('Custom::MountTargets');
      const set = { Owner: 'Stack/Targets', RemovalPolicy: 'Delete', FileSystemId: id, Address: 'c8', SecurityGroups: [world.group.one] };
      const { a1, a2, b1, c1 } = world.subnet;
      arm();
      await stack.deploy({ ...set, SubnetIds: [a1, b1] });
      await stack.deploy({ ...set, SubnetIds: [a2, c1], SecurityGroups: [world.group.two] });

      expect(world.efs.mountTargets.map(({ subnetId }) => subnetId).sort()).toEqual([a2, c1].sort());
      expect(world.efs.mountTargets.map(({ securityGroups }) => securityGroups)).toEqual([[world.group.two], [world.group.two]]);
      await stack.destroy();
      expect(world.efs.mountTargets).toEqual([]);
      expect(world.tags(id!)).toEqual({});
    }, faults, QUICK);
    expect(calls).toBeGreaterThan(30);
  });

  test.each(ALTERNATELY)('to a tag set (%#)', async (...faults) => {
    const calls = await withEachCallFailing(async (world, arm) => {
      const { FileSystemId: id } = await world.client.send(
        new CreateFileSystemCommand({ CreationToken: 'token', Tags: [{ Key: 'foreign', Value: 'yes' }] }));
      const stack = world.stack('Custom::TagSet');
      const set = { Owner: 'Stack/Tags', RemovalPolicy: 'Delete', ResourceId: id, Address: 'c8' };
      arm();
      await stack.deploy({ ...set, Tags: [{ Key: 'a', Value: '1' }] });
      await stack.deploy({ ...set, Tags: [{ Key: 'b', Value: '1' }] });
      expect(world.tags(id!)).toEqual({ foreign: 'yes', b: '1' });
      await stack.destroy();
      expect(world.tags(id!)).toEqual({ foreign: 'yes' });
    }, faults);
    expect(calls).toBeGreaterThan(5);
  });
});

test('a service that refuses throughout fails the deployment with its error, and leaves nothing', async () => {
  const world = await World.start();
  world.server.faults.inject('efs:CreateFileSystem', BROKEN, { times: 1_000 });
  const stack = world.stack('Custom::FileSystem');
  await expect(stack.deploy({ Owner: 'Stack/Files', RemovalPolicy: 'Delete' })).rejects.toThrow('InternalServerError: internal error');
  expect(world.efs.fileSystems).toEqual([]);
  await world.close();
});
