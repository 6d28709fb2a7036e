import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { BackupPolicy, DiskImage, FileSystem, FileSystemPolicy, LifecycleConfiguration, SnapshotExport, SnapshotImport, TagSet } from '../../src';
import { disk, EbsWorld, IMAGES } from '../harness/deployment/ebs-world';
import { EfsWorld } from '../harness/deployment/efs-world';

/*
 * IAM applies each change after up to 20 seconds, by the seed. That is worst for an update of a stack whose functions are warm: a new
 * resource adds a policy to their role, and its event comes at once.
 */
const SEEDS = [1, 2, 3];

describe.each(SEEDS)('by seed %d, an update of a deployed stack', seed => {
  let world: EfsWorld;
  beforeAll(async () => { world = await EfsWorld.start({ seed }); });
  afterAll(() => world.close());

  /** A file system of somebody else, as a construct of the stack. */
  const foreign = (stack: Stack, id: string, fileSystemId: string) => FileSystem.fromFileSystemAttributes(stack, id, {
    fileSystemId, securityGroup: SecurityGroup.fromSecurityGroupId(stack, `${id}Group`, world.network.groups.one),
  });

  test('adds tags and settings to file systems that its functions had no right to', async () => {
    const [first, second] = [await world.foreignFileSystem('first'), await world.foreignFileSystem('second')];
    const app = (added: boolean) => (stack: Stack) => {
      new TagSet(stack, 'Tags', { fileSystem: foreign(stack, 'First', first), tags: { a: '1' } });
      if (!added) { return; }
      const fileSystem = foreign(stack, 'Second', second);
      new TagSet(stack, 'More', { fileSystem, tags: { b: '2' } });
      new BackupPolicy(stack, 'Backup', { fileSystem, enableAutomaticBackups: true });
      new LifecycleConfiguration(stack, 'Lifecycle', { fileSystem, lifecyclePolicy: efs.LifecyclePolicy.AFTER_7_DAYS });
      const client = new iam.Role(stack, 'Client', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
      new FileSystemPolicy(stack, 'Policy', { fileSystem }).addToResourcePolicy(new iam.PolicyStatement({
        principals: [client], actions: ['elasticfilesystem:ClientMount'],
      }));
    };

    (await world.deploy('Late', app(false))).expectSuccess('CREATE_COMPLETE');
    (await world.deploy('Late', app(true))).expectSuccess('UPDATE_COMPLETE');
    expect(world.tags(second)).toMatchObject({ b: '2' });
    expect(world.fileSystem(second)).toMatchObject({ backupPolicy: 'ENABLED', lifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }] });
    (await world.deploy('Late', app(false))).expectSuccess('UPDATE_COMPLETE');
    expect(world.tags(second)).not.toHaveProperty('b');
    (await world.destroy('Late')).expectSuccess('DELETE_COMPLETE');
  });

  test('takes back what it added, if it fails', async () => {
    const [first, second] = [await world.foreignFileSystem('third'), await world.foreignFileSystem('fourth')];
    const app = (...ids: string[]) => (stack: Stack) => ids.forEach((fileSystemId, n) => {
      new TagSet(stack, `Tags${n}`, { fileSystem: foreign(stack, `Files${n}`, fileSystemId), tags: { a: `${n}` } });
    });
    (await world.deploy('Back', app(first))).expectSuccess('CREATE_COMPLETE');
    (await world.deploy('Back', app(first, second), { failAfter: 'Tags1' })).expectRolledBack();
    expect(world.tags(second)).not.toHaveProperty('a');
    expect(world.tags(first)).toMatchObject({ a: '0' });
    (await world.destroy('Back')).expectSuccess('DELETE_COMPLETE');
  });
});

describe.each(SEEDS)('by seed %d, an update of a deployed stack', seed => {
  let world: EbsWorld;
  beforeAll(async () => { world = await EbsWorld.start({ seed }); });
  afterAll(() => world.close());

  test('adds an import and an export', async () => {
    const [first, second] = [disk(1, 'first'), disk(1, 'second')];
    await world.put(IMAGES, 'first.img', first);
    await world.put(IMAGES, 'second.img', second);
    const app = (added: boolean) => (stack: Stack) => {
      const bucket = Bucket.fromBucketName(stack, 'Images', IMAGES);
      const since = new SnapshotImport(stack, 'First', { image: DiskImage.fromBucket(bucket, 'first.img') });
      if (!added) { return; }
      const snapshot = new SnapshotImport(stack, 'Second', { image: DiskImage.fromBucket(bucket, 'second.img'), parent: since });
      // Exports only the blocks that differ from the parent, because a whole volume takes long.
      new SnapshotExport(stack, 'Export', { snapshot, since, bucket, removalPolicy: RemovalPolicy.DESTROY });
    };
    (await world.deploy('Late', app(false))).expectSuccess('CREATE_COMPLETE');
    const updated = (await world.deploy('Late', app(true))).expectSuccess('UPDATE_COMPLETE');
    world.expectContent(updated.id('Second'), second);
    expect(world.emulator.s3.buckets.get(IMAGES)!.versions().map(({ key }) => key).filter(key => key.endsWith('.delta'))).toHaveLength(1);
    (await world.destroy('Late')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Late');
  });
});

test('a permission that is missing fails the deployment within two minutes, and the error says how long it was waited for', async () => {
  const world = await EfsWorld.start();
  try {
    const files = await world.foreignFileSystem('files');
    const app = (stack: Stack) => {
      const fileSystem = FileSystem.fromFileSystemAttributes(stack, 'Files', { fileSystemId: files, securityGroup: world.network.group(stack, 'one') });
      new TagSet(stack, 'Tags', { fileSystem, tags: { a: '1' } });
    };
    const began = world.emulator.clock.now();
    const failed = await world.deploy('Missing', app, { without: 'elasticfilesystem:TagResource' });
    failed.expectFailure('ROLLBACK_COMPLETE', /denied for \d+ seconds, longer than IAM may need to apply a new policy: .*elasticfilesystem:TagResource/);
    const ended = Math.max(...failed.events.map(({ timestamp }) => timestamp));
    expect((ended - began) / 1000).toBeLessThan(120);
  } finally {
    await world.close();
  }
});
