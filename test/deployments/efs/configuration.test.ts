import { CreateFileSystemCommand, EFSClient } from '@aws-sdk/client-efs';
import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { BackupPolicy, FileSystem, FileSystemPolicy, LifecycleConfiguration, ReplicationConfiguration, type FileSystemProps } from '../../../src';
import { DeploymentWorld } from '../../harness/deployment/deployment-world';
import { vpcIn } from '../../harness/deployment/efs-network';

const FAR = 'eu-central-1';
const { AFTER_7_DAYS, AFTER_30_DAYS, AFTER_90_DAYS } = efs.LifecyclePolicy;
const { ReplicationConfiguration: To, ReplicationOverwriteProtection: Protection } = efs;

let world: DeploymentWorld;
/** Of somebody else. */
let foreignId: string;
beforeEach(async () => {
  world = await DeploymentWorld.start();
  const client = new EFSClient(world.emulator.config);
  foreignId = (await client.send(new CreateFileSystemCommand({ CreationToken: 'theirs' }))).FileSystemId!;
  await world.pass({ minutes: 1 });
  client.destroy();
});
afterEach(() => world.close());

const find = (id: string) => world.emulator.efs.fileSystems.find(one => one.id === id)!;
const replications = () => world.emulator.efs.replications.map(({ source, destination }) => `${source.id} to ${destination.region}`);
const mount = (conditions?: iam.Conditions) => new iam.PolicyStatement({
  principals: [new iam.AnyPrincipal()], actions: ['elasticfilesystem:ClientMount'], conditions,
});

interface Version {
  readonly files?: Partial<FileSystemProps>;
  readonly settings?: 'first' | 'second';
  /** Somebody mounts one of them by an access point; the policy names it. */
  readonly accessPoint?: boolean;
}

const app = ({ files, settings, accessPoint }: Version) => (stack: Stack) => {
  const vpc = vpcIn(stack);
  const fileSystem = new FileSystem(stack, 'Files', { vpc, throughputMode: efs.ThroughputMode.ELASTIC, removalPolicy: RemovalPolicy.DESTROY, ...files });
  if (accessPoint) {
    const { accessPointArn } = fileSystem.addAccessPoint('Point', { path: '/data' });
    new FileSystemPolicy(stack, 'FilesPolicy', { fileSystem }).addToResourcePolicy(
      mount({ StringEquals: { 'elasticfilesystem:AccessPointArn': accessPointArn } }));
  }
  if (!settings) { return; }
  const foreign = efs.FileSystem.fromFileSystemAttributes(stack, 'Foreign', {
    fileSystemId: foreignId, securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'ForeignGroup', 'sg-01234567'),
  });
  const first = settings === 'first';
  new FileSystemPolicy(stack, 'Policy', { fileSystem: foreign }).addToResourcePolicy(
    mount(first ? undefined : { Bool: { 'aws:SecureTransport': 'true' } }));
  new BackupPolicy(stack, 'Backup', { fileSystem: foreign, enableAutomaticBackups: first });
  new LifecycleConfiguration(stack, 'Lifecycle', { fileSystem: foreign, lifecyclePolicy: first ? AFTER_7_DAYS : AFTER_30_DAYS });
  new ReplicationConfiguration(stack, 'Replication', { fileSystem: foreign, destination: To.regionalFileSystem(first ? FAR : 'us-east-1') });
};

test('a file system gets, changes and loses all that it can have, in place', async () => {
  const deploy = async (files: Partial<FileSystemProps>, options?: object) => world.deploy('App', app({ files, accessPoint: true }), options);
  const everything = {
    lifecyclePolicy: AFTER_30_DAYS,
    outOfInfrequentAccessPolicy: efs.OutOfInfrequentAccessPolicy.AFTER_1_ACCESS,
    transitionToArchivePolicy: AFTER_90_DAYS,
    enableAutomaticBackups: true,
    replicationConfiguration: To.regionalFileSystem(FAR),
  };
  const id = (await deploy(everything)).expectSuccess('CREATE_COMPLETE').id('Files');
  expect(find(id).lifecyclePolicies).toEqual([
    { TransitionToIA: 'AFTER_30_DAYS' }, { TransitionToPrimaryStorageClass: 'AFTER_1_ACCESS' }, { TransitionToArchive: 'AFTER_90_DAYS' },
  ]);
  expect([find(id).backupPolicy, replications()]).toEqual(['ENABLED', [`${id} to ${FAR}`]]);
  expect(find(id).policy).toContain('access-point/fsap-');

  const changed = { lifecyclePolicy: AFTER_7_DAYS, enableAutomaticBackups: false, replicationConfiguration: To.regionalFileSystem('us-east-1') };
  (await deploy(changed, { failAfter: 'Files' })).expectRolledBack();
  expect([find(id).lifecyclePolicies.length, find(id).backupPolicy, replications()]).toEqual([3, 'ENABLED', [`${id} to ${FAR}`]]);
  (await deploy(changed)).expectSuccess('UPDATE_COMPLETE');
  expect([find(id).lifecyclePolicies, find(id).backupPolicy, replications()]).toEqual([[{ TransitionToIA: 'AFTER_7_DAYS' }], 'DISABLED', [`${id} to us-east-1`]]);

  (await deploy({ replicationOverwriteProtection: Protection.DISABLED })).expectSuccess('UPDATE_COMPLETE');
  expect([find(id).lifecyclePolicies, find(id).protection, replications()]).toEqual([[], 'DISABLED', []]);

  (await world.deploy('App', app({ files: {} }))).expectSuccess('UPDATE_COMPLETE');
  expect([find(id).policy, find(id).protection]).toEqual([undefined, 'ENABLED']);
  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
  expect(world.emulator.efs.fileSystems.map(one => one.id)).toEqual([foreignId]);
});

test('a file system is replicated to another one of the stack, and both go with it', async () => {
  (await world.deploy('App', stack => {
    const vpc = vpcIn(stack);
    const options = { vpc, removalPolicy: RemovalPolicy.DESTROY };
    const destination = new FileSystem(stack, 'Destination', { ...options, replicationOverwriteProtection: Protection.DISABLED });
    new FileSystem(stack, 'Source', { ...options, replicationConfiguration: To.existingFileSystem(destination) });
  })).expectSuccess('CREATE_COMPLETE');
  expect(world.emulator.efs.replications).toHaveLength(1);

  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
  expect(world.emulator.efs.fileSystems.map(({ id }) => id)).toEqual([foreignId]);
});

test('a replica can have a key of its own, and is deleted by nobody', async () => {
  const build = (replicated: boolean) => (stack: Stack) => {
    const replicationConfiguration = replicated ? To.regionalFileSystem(undefined, new kms.Key(stack, 'Key')) : undefined;
    new FileSystem(stack, 'Source', { vpc: vpcIn(stack), removalPolicy: RemovalPolicy.DESTROY, replicationConfiguration });
  };
  (await world.deploy('App', build(true))).expectSuccess('CREATE_COMPLETE');
  const [{ destination }] = world.emulator.efs.replications;
  expect(destination.kmsKeyId).toBe((await world.deploy('App', build(true))).attribute('Key', 'Arn'));
  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
  expect(find(destination.id).protection).toBe('ENABLED');
});

test('settings of a file system of somebody else come, change and go, under rights to nothing else', async () => {
  const deploy = async (settings?: 'first' | 'second', options?: object) => world.deploy('App', app({ settings }), options);
  const state = () => [
    JSON.parse(find(foreignId).policy ?? '{}').Statement?.Condition, find(foreignId).backupPolicy, find(foreignId).lifecyclePolicies, replications(),
  ];
  (await deploy()).expectSuccess('CREATE_COMPLETE');
  (await deploy('first')).expectSuccess('UPDATE_COMPLETE');
  const first = [undefined, 'ENABLED', [{ TransitionToIA: 'AFTER_7_DAYS' }], [`${foreignId} to ${FAR}`]];
  expect(state()).toEqual(first);
  expect(JSON.parse(find(foreignId).policy!).Statement).toHaveLength(1);

  (await deploy('second', { failAfter: 'Replication' })).expectRolledBack();
  expect(state()).toEqual(first);
  (await deploy('second')).expectSuccess('UPDATE_COMPLETE');
  expect(find(foreignId).policy).toContain('aws:SecureTransport');
  expect(state().slice(1)).toEqual(['DISABLED', [{ TransitionToIA: 'AFTER_30_DAYS' }], [`${foreignId} to us-east-1`]]);

  (await deploy()).expectSuccess('UPDATE_COMPLETE');
  expect(state()).toEqual([undefined, 'DISABLED', [], []]);
  expect(find(foreignId).policy).toBeUndefined();
});

// As every other right is tried by `npx projen conformance permissions`, in less time.
test('a policy fails without the right to put one', async () => {
  const action = 'elasticfilesystem:PutFileSystemPolicy';
  (await world.deploy('App', app({ settings: 'first' }), { without: action }))
    .expectFailure('ROLLBACK_COMPLETE', `is not authorized to perform: ${action}`);
  expect([find(foreignId).policy, find(foreignId).lifecyclePolicies, replications()]).toEqual([undefined, [], []]);
});
