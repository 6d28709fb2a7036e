import {
  CreateReplicationConfigurationCommand, DeleteReplicationConfigurationCommand, DescribeLifecycleConfigurationCommand,
  PutLifecycleConfigurationCommand, type LifecyclePolicy,
} from '@aws-sdk/client-efs';
import { arn, REGION } from '../../../world/emulator/environment';
import { THROTTLE } from '../../../world/emulator/faults';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const PLAIN = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };
const ELASTIC = { ...PLAIN, ThroughputMode: 'elastic' };
const FAR = 'eu-central-1';
const to = (...Destinations: object[]) => ({ ReplicationConfiguration: { Destinations } });

let world: EfsHandlerWorld;
let stack: Stack;
inEachTest('Custom::FileSystem', (...given) => { [world, stack] = given; });

const fileSystem = () => world.efs.fileSystems.find(({ id }) => id === stack.physicalId)!;
const fails = (properties: object) => expect(stack.deploy({ ...PLAIN, ...properties }, { failAfter: true })).rejects.toThrow('another resource failed');

describe('life-cycle policies', () => {
  const WARM = { LifecyclePolicies: [{ TransitionToIA: 'AFTER_30_DAYS' }, { TransitionToPrimaryStorageClass: 'AFTER_1_ACCESS' }] };
  const COLD = { LifecyclePolicies: [{ TransitionToIA: 'AFTER_30_DAYS' }, { TransitionToArchive: 'AFTER_90_DAYS' }] };

  test('are put, changed, and cleared', async () => {
    await stack.deploy({ ...ELASTIC, ...WARM });
    expect(fileSystem().lifecyclePolicies).toEqual(WARM.LifecyclePolicies);
    await stack.deploy({ ...ELASTIC, ...COLD });
    expect(fileSystem().lifecyclePolicies).toEqual(COLD.LifecyclePolicies);
    await stack.deploy(ELASTIC);
    expect(fileSystem().lifecyclePolicies).toEqual([]);
    expect(world.efs.fileSystems).toHaveLength(1);
  });

  test('are left alone when they are as wanted, or when nobody ever asked for any', async () => {
    await stack.deploy(PLAIN);
    expect(world.server.count('efs:DescribeLifecycleConfiguration')).toBe(0);
    await stack.deploy({ ...PLAIN, ...WARM });
    const reversed = [...WARM.LifecyclePolicies].reverse() as LifecyclePolicy[];
    await world.client.send(new PutLifecycleConfigurationCommand({ FileSystemId: stack.physicalId, LifecyclePolicies: reversed }));
    const puts = world.server.count('efs:PutLifecycleConfiguration');
    await stack.deploy({ ...PLAIN, ...WARM, FileSystemTags: [{ Key: 'a', Value: 'b' }] });
    expect(world.server.count('efs:PutLifecycleConfiguration')).toBe(puts);
  });

  test('are as before after a rollback', async () => {
    await stack.deploy({ ...PLAIN, ...WARM });
    await fails({});
    expect(fileSystem().lifecyclePolicies).toEqual(WARM.LifecyclePolicies);
  });

  test('that move to Archive end before the file system stops to be elastic', async () => {
    await stack.deploy({ ...ELASTIC, ...COLD });
    const calls = world.server.calls.length;
    await stack.deploy({ ...PLAIN, ThroughputMode: 'bursting', ...WARM });
    const changes = world.server.calls.slice(calls).map(({ operation }) => operation).filter(name => /efs:(Put|Update)/.test(name));
    expect(changes).toEqual(['efs:PutLifecycleConfiguration', 'efs:UpdateFileSystem']);
  });

  test('that EFS refuses are reported by the names of the props', async () => {
    await expect(stack.deploy({ ...PLAIN, ...COLD })).rejects.toThrow(/transitionToArchivePolicy': TransitionToArchive needs ThroughputMode 'elastic'/);
    expect(world.efs.fileSystems).toEqual([]);
  });
});

describe('automatic backups', () => {
  const ON = { BackupPolicy: { Status: 'ENABLED' } };
  const OFF = { BackupPolicy: { Status: 'DISABLED' } };

  test('are turned on and off, and are in force when the deployment ends', async () => {
    await stack.deploy({ ...PLAIN, ...ON });
    expect(fileSystem().backupPolicy).toBe('ENABLED');
    await stack.deploy({ ...PLAIN, ...OFF });
    expect(fileSystem().backupPolicy).toBe('DISABLED');
  });

  test('are off for a One Zone file system only if so wanted, and on again without it', async () => {
    const zone = { ...PLAIN, AvailabilityZoneName: `${REGION}a` };
    await stack.deploy(zone);
    expect(fileSystem().backupPolicy).toBe('ENABLED');
    await stack.deploy({ ...zone, ...OFF });
    expect(fileSystem().backupPolicy).toBe('DISABLED');
    await stack.deploy(zone);
    expect(fileSystem().backupPolicy).toBe('ENABLED');
  });

  test('are off again when nobody asks for them any more', async () => {
    await stack.deploy({ ...PLAIN, ...ON });
    await stack.deploy(PLAIN);
    expect(fileSystem().backupPolicy).toBe('DISABLED');
  });

  test('are as before after a rollback', async () => {
    await stack.deploy({ ...PLAIN, ...ON });
    await fails(OFF);
    expect(fileSystem().backupPolicy).toBe('ENABLED');
  });

  test('that are off need no call to be turned off', async () => {
    await stack.deploy({ ...PLAIN, ...OFF });
    expect(world.server.count('efs:PutBackupPolicy')).toBe(0);
  });
});

describe('protection', () => {
  const OPEN = { FileSystemProtection: { ReplicationOverwriteProtection: 'DISABLED' } };
  const CLOSED = { FileSystemProtection: { ReplicationOverwriteProtection: 'ENABLED' } };

  test.each([['explicitly', CLOSED], ['by default', {}]])('is turned off, and on again %s', async (_how, closed) => {
    await stack.deploy({ ...PLAIN, ...OPEN });
    expect(fileSystem().protection).toBe('DISABLED');
    await stack.deploy({ ...PLAIN, ...closed });
    expect(fileSystem().protection).toBe('ENABLED');
  });

  test('is as before after a rollback', async () => {
    await stack.deploy(PLAIN);
    await fails(OPEN);
    expect(fileSystem().protection).toBe('ENABLED');
  });

  test('of the destination of a replication cannot be turned on, which does not stop a rollback', async () => {
    await stack.deploy({ ...PLAIN, ...OPEN });
    const source = world.stack('Custom::FileSystem', 'Source');
    await source.deploy({ ...PLAIN, Owner: 'Stack/Source', ...to({ FileSystemId: stack.physicalId, Region: REGION }) });
    expect(fileSystem().protection).toBe('REPLICATING');

    await stack.deploy({ ...PLAIN, ...OPEN, FileSystemTags: [{ Key: 'a', Value: 'b' }] });
    await expect(stack.deploy({ ...PLAIN, ...CLOSED })).rejects.toThrow(/'replicationOverwriteProtection' of file system fs-\w+ cannot be ENABLED/);
    expect(fileSystem().protection).toBe('REPLICATING');
  });
});

describe('replication', () => {
  const replica = () => world.efs.replications[0]?.destination;

  test('to another Region is enabled when the deployment ends, and deleted when it is not wanted any more', async () => {
    await stack.deploy({ ...PLAIN, ...to({ Region: FAR }) });
    expect(world.efs.replications.map(({ phase }) => phase.state)).toEqual(['ENABLED']);
    const { id } = replica();

    await stack.deploy(PLAIN);
    expect(world.efs.replications).toEqual([]);
    expect(world.efs.replicas.map(one => [one.id, one.protection])).toEqual([[id, 'ENABLED']]);
  });

  test.each<[string, object]>([
    ['wants another destination', to({ Region: 'us-east-1' })],
    ['wants none', {}],
  ])('that somebody else has made in its place is not deleted by an update that %s', async (_, wanted) => {
    await stack.deploy({ ...PLAIN, ...to({ Region: FAR }) });
    const SourceFileSystemId = stack.physicalId!;
    await world.client.send(new DeleteReplicationConfigurationCommand({ SourceFileSystemId }));
    world.clock.advance(600_000);
    await world.client.send(new CreateReplicationConfigurationCommand({ SourceFileSystemId, Destinations: [{ Region: REGION }] }));
    world.clock.advance(600_000);
    const errors = await world.follow(stack).deploy({ ...PLAIN, ...wanted }).then(() => [], ({ message }) => [message]);
    expect(errors).toEqual('ReplicationConfiguration' in wanted ? [expect.stringMatching(/is replicated to fs-\w+ in eu-west-1 already.*: delete that first$/)] : []);
    expect([stack.isStuck, replica().region]).toEqual([false, REGION]);
  });

  test('is made anew with another destination, and only then', async () => {
    const { keyId } = world.kms.createKey();
    const { keyId: otherId } = world.kms.createKey();
    const key = (id: string) => arn('kms', `key/${id}`);
    const destinations = [
      { Region: FAR },
      { Region: 'us-east-1' },
      { Region: 'us-east-1', AvailabilityZoneName: 'us-east-1a' },
      { Region: REGION },
      { Region: REGION, KmsKeyId: key(keyId) },
      { Region: REGION, KmsKeyId: key(otherId) },
    ];
    for (const [index, destination] of destinations.entries()) {
      await stack.deploy({ ...PLAIN, ...to(destination) });
      expect(world.server.count('efs:CreateReplicationConfiguration')).toBe(index + 1);
      await stack.deploy({ ...PLAIN, ...to(destination), FileSystemTags: [{ Key: 'step', Value: `${index}` }] });
      expect(world.server.count('efs:CreateReplicationConfiguration')).toBe(index + 1);
      expect([replica().region, replica().availabilityZoneName]).toEqual([destination.Region, destination.AvailabilityZoneName]);
    }
    expect(replica().kmsKeyId).toBe(key(otherId));
    expect(world.efs.replications).toHaveLength(1);
  });

  test('to another Region takes a key of that Region, and says that it is the prop if the key is of another one', async () => {
    const [near, far, other] = [world.kms.createKey(), world.kms.createKey({ region: FAR }), world.kms.createKey({ region: FAR })];
    await expect(stack.deploy({ ...PLAIN, ...to({ Region: FAR, KmsKeyId: near.arn }) })).rejects.toThrow(/'replicationConfiguration': .*does not exist in/);
    for (const key of [far, other]) {
      await stack.deploy({ ...PLAIN, ...to({ Region: FAR, KmsKeyId: key.arn }) });
      expect(replica().kmsKeyId).toBe(key.arn);
    }
    await stack.deploy({ ...PLAIN, ...to({ Region: FAR, KmsKeyId: other.arn }), FileSystemTags: [{ Key: 'a', Value: 'b' }] });
    expect(world.server.count('efs:CreateReplicationConfiguration')).toBe(3);
  });

  test('moves from an existing file system to a new one in the same Region', async () => {
    const destination = world.stack('Custom::FileSystem', 'Destination');
    await destination.deploy({ ...PLAIN, Owner: 'Stack/Destination', FileSystemProtection: { ReplicationOverwriteProtection: 'DISABLED' } });
    await stack.deploy({ ...PLAIN, ...to({ FileSystemId: destination.physicalId, Region: REGION }) });
    expect(replica().id).toBe(destination.physicalId);

    await stack.deploy({ ...PLAIN, ...to({ Region: REGION }) });
    expect(replica().id).not.toBe(destination.physicalId);
    await destination.destroy();
  });

  test('goes and comes with protection in the order that EFS wants', async () => {
    const OPEN = { FileSystemProtection: { ReplicationOverwriteProtection: 'DISABLED' } };
    await stack.deploy({ ...PLAIN, ...OPEN });
    await stack.deploy({ ...PLAIN, ...to({ Region: FAR }) });
    expect([fileSystem().protection, replica().region]).toEqual(['ENABLED', FAR]);
    await stack.deploy({ ...PLAIN, ...OPEN });
    expect([fileSystem().protection, world.efs.replications]).toEqual(['DISABLED', []]);
  });

  test('is as before after a rollback; the destination of a deployment that failed stays', async () => {
    await stack.deploy(PLAIN);
    await fails(to({ Region: FAR }));
    expect([world.efs.replications, world.efs.replicas.length]).toEqual([[], 1]);

    await stack.deploy({ ...PLAIN, ...to({ Region: FAR }) });
    await fails({});
    expect(replica().region).toBe(FAR);
  });

  test('that an update did not touch is not made anew by its rollback', async () => {
    await stack.deploy({ ...PLAIN, ...to({ Region: FAR }) });
    const { id } = replica();
    await expect(stack.deploy({ ...PLAIN, ...to({ FileSystemId: 'fs-0123456789abcdef0', Region: 'us-east-1' }), FileSystemPolicy: { Statement: [] } }))
      .rejects.toThrow('InvalidPolicyException');
    expect(replica().id).toBe(id);
  });

  test('is deleted before the file system, which else could not be', async () => {
    await stack.deploy({ ...PLAIN, ...to({ Region: FAR }) });
    await stack.destroy();
    expect([world.efs.fileSystems, world.efs.replications, world.efs.replicas.length]).toEqual([[], [], 1]);
  });

  test('of somebody else is named by a deletion that it blocks', async () => {
    await stack.deploy(PLAIN);
    await world.client.send(new CreateReplicationConfigurationCommand({ SourceFileSystemId: stack.physicalId, Destinations: [{ Region: REGION }] }));
    const { destination } = world.efs.replications[0];
    world.clock.advance(60_000);
    await expect(stack.destroy()).rejects.toThrow(`cannot be deleted as long as it is replicated to ${destination.id}: delete its replication first`);
    expect(fileSystem().lifeCycleState).toBe('available');
  });

  test('is made once, though the answer was lost', async () => {
    await stack.deploy(PLAIN);
    world.server.faults.inject('efs:CreateReplicationConfiguration', THROTTLE);
    world.server.faults.inject('efs:CreateReplicationConfiguration', { kind: 'lost-answer' });
    await stack.deploy({ ...PLAIN, ...to({ Region: FAR }) });
    expect([world.efs.replications.length, world.efs.replicas.length]).toEqual([1, 1]);
  });

  test('to a file system that is protected says so', async () => {
    const destination = world.stack('Custom::FileSystem', 'Destination');
    await destination.deploy({ ...PLAIN, Owner: 'Stack/Destination' });
    await expect(stack.deploy({ ...PLAIN, ...to({ FileSystemId: destination.physicalId, Region: REGION }) }))
      .rejects.toThrow(/'replicationConfiguration': The replication overwrite protection of file system .* must be DISABLED/);
  });

  test('that fails is an error when it is new, and no reason to fail other changes', async () => {
    await stack.deploy({ ...PLAIN, ...to({ Region: FAR }) });
    world.efs.replications[0].phase.settle('ERROR');
    await stack.deploy({ ...PLAIN, ...to({ Region: FAR }), FileSystemTags: [{ Key: 'a', Value: 'b' }] });
    expect(world.logged('replication is not in order')).toHaveLength(1);
  });
});

test('a setting waits for a file system that somebody else is changing', async () => {
  await stack.deploy(PLAIN);
  world.server.faults.inject('efs:PutLifecycleConfiguration', {
    kind: 'error', status: 409, code: 'IncorrectFileSystemLifeCycleState', message: 'busy', members: {},
  });
  await stack.deploy({ ...PLAIN, LifecyclePolicies: [{ TransitionToIA: 'AFTER_1_DAY' }] });
  const { LifecyclePolicies } = await world.client.send(new DescribeLifecycleConfigurationCommand({ FileSystemId: stack.physicalId }));
  expect(LifecyclePolicies).toEqual([{ TransitionToIA: 'AFTER_1_DAY' }]);
});
