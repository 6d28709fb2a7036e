import { writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { DemoStack } from '../../examples/demo/stack';
import {
  Adopt, BackupPolicy, DiskImage, FileSystem, FileSystemPolicy, MachineDisk, MachineImage, MountTargets, Snapshot, SnapshotExport, SnapshotImport,
  StorageFunctions, TagSet, ThroughputCooldown,
} from '../../src';
import { ENV } from '../harness/given';

/** What cdk-nag finds once the app is synthesized, but for the rules that are about the user's own things. */
function findings(app: App, users: Record<string, string> = {}): string[] {
  app.synth();
  return new AwsSolutionsChecks(app).validateScope(app).violations
    .filter(({ ruleName }) => !(ruleName in users))
    .flatMap(({ ruleName, violatingResources }) => violatingResources.map(({ constructPath }) => `${ruleName} ${constructPath}`));
}

/** Of apps that show something else. */
const OF_THE_USER = {
  'AwsSolutions-VPC7': 'flow logs are up to the owner of the VPC',
  'AwsSolutions-EC26': 'a volume is encrypted as the snapshot is that it is made from',
};

test('cdk-nag finds nothing in any construct, wherever its functions run', () => {
  const app = new App();
  const stack = new Stack(app, 'Stack', { env: ENV });
  const vpc = new ec2.Vpc(stack, 'Vpc', { availabilityZones: ['eu-west-1a', 'eu-west-1b'], restrictDefaultSecurityGroup: false });
  StorageFunctions.configure(stack, { vpc });
  StorageFunctions.addEndpoints(vpc);
  const kmsKey = new kms.Key(stack, 'Key', { enableKeyRotation: true });
  const alias = kms.Alias.fromAliasName(stack, 'Alias', 'alias/images');
  new FileSystem(stack, 'Files', { vpc, kmsKey, adopt: Adopt.ALWAYS, throughputCooldown: ThroughputCooldown.DEFER });
  new FileSystem(stack, 'Adopted', { vpc, adoptFileSystemId: 'fs-0123456789abcdef1' });
  const shared = FileSystem.fromFileSystemAttributes(stack, 'Shared', {
    fileSystemId: 'fs-0123456789abcdef0', securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'Access', 'sg-0123456789abcdef0'),
  });
  new MountTargets(stack, 'MountTargets', { fileSystem: shared, vpc });
  new TagSet(stack, 'Tags', { fileSystem: shared, tags: { team: 'storage' } });
  new BackupPolicy(stack, 'Backup', { fileSystem: shared });
  new FileSystemPolicy(stack, 'Policy', { fileSystem: shared }).addToResourcePolicy(new iam.PolicyStatement({
    principals: [new iam.AccountRootPrincipal()], actions: ['elasticfilesystem:ClientMount'],
  }));
  const images = s3.Bucket.fromBucketAttributes(stack, 'Images', { bucketName: 'images', encryptionKey: kmsKey });
  const image = new SnapshotImport(stack, 'Image', { image: DiskImage.fromBucket(images, 'a*b/ü.img'), kmsKey });
  new SnapshotImport(stack, 'ByAlias', { image: DiskImage.fromBucket(images, 'disk.img'), kmsKey: alias });
  const base = Snapshot.fromSnapshotId(stack, 'Base', 'snap-0123456789abcdef0');
  new SnapshotImport(stack, 'Increment', { image: DiskImage.fromBucket(images, 'next.img'), parent: base });
  new SnapshotExport(stack, 'Export', { snapshot: image, since: base, bucket: images, kmsKey });
  new MachineImage(stack, 'Golden', { rootDisk: MachineDisk.fromImport(image), architecture: ec2.InstanceArchitecture.ARM_64 });

  expect(findings(app, OF_THE_USER)).toEqual([]);
});

test.each<[string, (app: App) => void]>([
  ['demo', app => {
    const imagePath = join(tmpdir(), 'nag-disk.img');
    writeFileSync(imagePath, 'a disk');
    new DemoStack(app, 'Demo', { env: ENV, imagePath, costCenter: '1001', clients: 'Clients' });
  }],
])('cdk-nag finds nothing in the example %s', (_, define) => {
  const app = new App();
  define(app);
  expect(findings(app, OF_THE_USER)).toEqual([]);
});

test('cdk-nag still finds what the user does beside it', () => {
  const app = new App();
  const stack = new Stack(app, 'Stack', { env: ENV });
  const files = new FileSystem(stack, 'Files', { vpc: new ec2.Vpc(stack, 'Vpc', { availabilityZones: ['eu-west-1a'], restrictDefaultSecurityGroup: false }) });
  const role = new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
  role.addToPolicy(new iam.PolicyStatement({ actions: ['elasticfilesystem:*'], resources: [files.fileSystemArn] }));
  files.connections.allowDefaultPortFromAnyIpv4();

  expect(findings(app, OF_THE_USER)).toEqual([
    'AwsSolutions-EC23 Stack/Files/EfsSecurityGroup/Resource',
    'AwsSolutions-IAM5[Action::elasticfilesystem:*] Stack/Role/DefaultPolicy/Resource',
  ]);
});
