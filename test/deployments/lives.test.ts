import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import {
  BackupPolicy, DiskImage, FileSystem, FileSystemPolicy, LifecycleConfiguration, MachineDisk, MachineImage, MountTargets, ReplicationConfiguration,
  Snapshot, SnapshotExport, SnapshotImport, TagSet,
} from '../../src';
import { EBS_RESOURCE_TYPES, EFS_RESOURCE_TYPES } from '../../src/contract/resource-types';
import { disk, EbsWorld, IMAGES } from '../harness/deployment/ebs-world';
import { EfsWorld } from '../harness/deployment/efs-world';

/*
 * One short life of each custom resource: created, changed and deleted by the bundled functions, which run as processes under
 * their roles. `npm test` runs this file; the other deployments, with all that can go wrong, are part of `npm run test:all`.
 */

/** Resource types in the templates of this file. */
const deployed = new Set<string>();
const note = (stack: Stack) => {
  Object.values<{ Type: string }>(Template.fromStack(stack).toJSON().Resources).forEach(({ Type }) => deployed.add(Type));
};

describe('all resources of EFS', () => {
  let world: EfsWorld;
  beforeAll(async () => { world = await EfsWorld.start(); });
  afterAll(() => world.close());

  const { AFTER_7_DAYS, AFTER_30_DAYS } = efs.LifecyclePolicy;
  const app = (changed: boolean) => (stack: Stack) => {
    const vpc = world.network.vpc(stack);
    const securityGroup = world.network.group(stack, 'one');
    new FileSystem(stack, 'Files', {
      vpc, securityGroup, removalPolicy: RemovalPolicy.DESTROY, throughputMode: changed ? efs.ThroughputMode.ELASTIC : efs.ThroughputMode.BURSTING,
    });
    const fileSystem = FileSystem.fromLookup(stack, 'Theirs', { tags: { team: 'others' }, securityGroup });
    new MountTargets(stack, 'Targets', {
      fileSystem, vpc, vpcSubnets: world.network.selection(stack, changed ? 'a2' : 'a', 'b'), securityGroups: [securityGroup],
    });
    new TagSet(stack, 'Tags', { fileSystem, tags: { 'cost-center': changed ? '2' : '1' } });
    new FileSystemPolicy(stack, 'Policy', { fileSystem }).addToResourcePolicy(new iam.PolicyStatement({
      principals: [new iam.AnyPrincipal()], actions: [changed ? 'elasticfilesystem:ClientMount' : 'elasticfilesystem:ClientWrite'],
    }));
    new BackupPolicy(stack, 'Backup', { fileSystem, enableAutomaticBackups: !changed });
    new LifecycleConfiguration(stack, 'Lifecycle', { fileSystem, lifecyclePolicy: changed ? AFTER_7_DAYS : AFTER_30_DAYS });
    new ReplicationConfiguration(stack, 'Replication', {
      fileSystem, destination: efs.ReplicationConfiguration.regionalFileSystem(changed ? 'us-east-1' : 'eu-central-1'),
    });
    note(stack);
  };
  const settingsOf = (id: string) => {
    const { policy, backupPolicy, lifecyclePolicies } = world.fileSystem(id);
    return {
      tags: world.tags(id),
      action: policy && JSON.parse(policy).Statement[0].Action,
      backups: backupPolicy,
      transitions: lifecyclePolicies.map(({ TransitionToIA }) => TransitionToIA),
      replicatedTo: world.emulator.efs.replications.filter(({ source }) => source.id === id).map(({ destination }) => destination.region),
    };
  };
  let theirs: string;
  let ours: string;

  test('are created', async () => {
    theirs = await world.foreignFileSystem('theirs');
    ours = (await world.deploy('Efs', app(false))).expectSuccess('CREATE_COMPLETE').id('Files');
    expect(world.fileSystem(ours)).toMatchObject({ lifeCycleState: 'available', throughputMode: 'bursting' });
    world.expectTargets(ours, 'a one', 'b one');
    world.expectTargets(theirs, 'a one', 'b one');
    expect(settingsOf(theirs)).toEqual({
      tags: { 'team': 'others', 'Name': 'theirs', 'cost-center': '1' },
      action: 'elasticfilesystem:ClientWrite',
      backups: 'ENABLED',
      transitions: ['AFTER_30_DAYS'],
      replicatedTo: ['eu-central-1'],
    });
  });

  test('change in place', async () => {
    const changed = (await world.deploy('Efs', app(true))).expectSuccess('UPDATE_COMPLETE');
    expect(changed.id('Files')).toBe(ours);
    expect(world.fileSystem(ours).throughputMode).toBe('elastic');
    world.expectTargets(theirs, 'a2 one', 'b one');
    expect(settingsOf(theirs)).toEqual({
      tags: { 'team': 'others', 'Name': 'theirs', 'cost-center': '2' },
      action: 'elasticfilesystem:ClientMount',
      backups: 'DISABLED',
      transitions: ['AFTER_7_DAYS'],
      replicatedTo: ['us-east-1'],
    });
  });

  test('are deleted with their stack, and leave nothing on the file system of somebody else', async () => {
    (await world.destroy('Efs')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Efs');
    world.expectTargets(theirs);
    expect(settingsOf(theirs)).toEqual({ tags: { team: 'others', Name: 'theirs' }, action: undefined, backups: 'DISABLED', transitions: [], replicatedTo: [] });
  });
});

describe('all resources of EBS', () => {
  let world: EbsWorld;
  beforeAll(async () => { world = await EbsWorld.start(); });
  afterAll(() => world.close());

  const [base, first, second] = ['base', 'first', 'second'].map(seed => disk(1, seed));
  const app = (image: Buffer) => (stack: Stack) => {
    const root = new SnapshotImport(stack, 'Root', { image: DiskImage.fromAsset(world.file('base.img', base)) });
    const disk_ = new SnapshotImport(stack, 'Disk', { image: DiskImage.fromAsset(world.file('disk.img', image)), parent: root });
    new MachineImage(stack, 'Machine', { rootDisk: MachineDisk.fromImport(disk_), architecture: ec2.InstanceArchitecture.ARM_64 });
    // Exports only the blocks that differ from the parent, because a whole volume takes long.
    new SnapshotExport(stack, 'Delta', {
      snapshot: disk_,
      since: Snapshot.fromSnapshotId(stack, 'Since', root.snapshotId),
      bucket: Bucket.fromBucketName(stack, 'Images', IMAGES),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    note(stack);
  };
  const expectExactly = (root: string, snapshot: string, image: Buffer, machine: string) => {
    const { ec2: { images, snapshots }, s3 } = world.emulator;
    expect(snapshots.all.map(({ snapshotId }) => snapshotId).sort()).toEqual([root, snapshot].sort());
    world.expectContent(root, base);
    world.expectContent(snapshot, image);
    expect(images.all.map(({ imageId }) => imageId)).toEqual([machine]);
    expect(s3.buckets.get(IMAGES)!.versions().map(({ key }) => key)).toEqual([`${root}-${snapshot}.delta`]);
  };
  let root: string;
  let before: string;

  test('are created', async () => {
    const created = (await world.deploy('Ebs', app(first))).expectSuccess('CREATE_COMPLETE');
    [root, before] = [created.id('Root'), created.id('Disk')];
    expectExactly(root, before, first, created.id('Machine'));
  });

  test('are replaced by those of another image', async () => {
    const changed = (await world.deploy('Ebs', app(second))).expectSuccess('UPDATE_COMPLETE');
    expect(changed.id('Disk')).not.toBe(before);
    expectExactly(root, changed.id('Disk'), second, changed.id('Machine'));
  });

  test('are deleted with their stack', async () => {
    (await world.destroy('Ebs')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Ebs');
    expect(world.emulator.ec2.images.all).toEqual([]);
    expect(world.emulator.s3.buckets.get(IMAGES)!.versions()).toEqual([]);
  });
});

test('no custom resource is missing here', () => {
  expect([...EFS_RESOURCE_TYPES, ...EBS_RESOURCE_TYPES].filter(type => !deployed.has(type))).toEqual([]);
});
