import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { BROKEN, THROTTLE, type Fault } from '../../../world/emulator/faults';
import { withEachCallFailing } from '../../harness/efs/efs-handler-world';

const QUICK = { durations: { replicationEnabling: 5_000, replicationDeleting: 5_000, backupPolicyChanging: 5_000, fileSystemUpdating: 5_000 } };
const LOST: Fault = { kind: 'lost-answer' };
/** In turn. */
const FAULTS = [LOST, THROTTLE, LOST, { kind: 'reset' }, BROKEN] as const satisfies readonly Fault[];
const POLICY = { Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }] };
const to = (Region: string) => ({ Destinations: [{ Region }] });

/** As in faults.test.ts. */
describe('a call that fails once does no harm', () => {
  test('to what a file system has', async () => {
    const calls = await withEachCallFailing(async (world, arm) => {
      const stack = world.stack('Custom::FileSystem');
      const plain = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };
      arm();
      await stack.deploy({
        ...plain, LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }], BackupPolicy: { Status: 'ENABLED' }, ReplicationConfiguration: to('eu-central-1'),
      });
      await stack.deploy({ ...plain, BackupPolicy: { Status: 'DISABLED' }, ReplicationConfiguration: to('us-east-1') });
      const [only, ...others] = world.efs.fileSystems;
      expect(others).toEqual([]);
      expect([only.lifecyclePolicies, only.backupPolicy]).toEqual([[], 'DISABLED']);
      expect(world.efs.replications.map(({ destination }) => destination.region)).toEqual(['us-east-1']);
      // One for each replication, and none for an attempt.
      expect(world.efs.replicas).toHaveLength(2);
      await stack.deploy({ ...plain, FileSystemProtection: { ReplicationOverwriteProtection: 'DISABLED' } });
      expect([world.efs.replications, only.protection]).toEqual([[], 'DISABLED']);
      await stack.destroy();
      expect(world.efs.fileSystems).toEqual([]);
    }, FAULTS, QUICK);
    expect(calls).toBeGreaterThan(40);
  });

  test('to settings of their own', async () => {
    const calls = await withEachCallFailing(async (world, arm) => {
      const { FileSystemId } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'token' }));
      world.clock.advance(10_000);
      const setting = { Owner: 'Stack/Setting', RemovalPolicy: 'Delete', FileSystemId };
      const [policy, backup, lifecycle, replication] = [
        world.stack('Custom::FileSystemPolicy'), world.stack('Custom::BackupPolicy'),
        world.stack('Custom::LifecycleConfiguration'), world.stack('Custom::ReplicationConfiguration'),
      ];
      arm();
      await policy.deploy({ ...setting, FileSystemPolicy: POLICY });
      await backup.deploy({ ...setting, BackupPolicy: { Status: 'ENABLED' } });
      await lifecycle.deploy({ ...setting, LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }] });
      await replication.deploy({ ...setting, ReplicationConfiguration: to('eu-central-1') });
      await replication.deploy({ ...setting, ReplicationConfiguration: to('us-east-1') });
      expect([world.efs.fileSystems[0].backupPolicy, world.efs.replications.length, world.efs.replicas.length]).toEqual(['ENABLED', 1, 2]);
      for (const one of [policy, backup, lifecycle, replication]) { await one.destroy(); }
      const [{ policy: left, lifecyclePolicies }] = world.efs.fileSystems;
      expect([left, lifecyclePolicies, world.efs.replications]).toEqual([undefined, [], []]);
    }, FAULTS, QUICK);
    expect(calls).toBeGreaterThan(30);
  });
});
