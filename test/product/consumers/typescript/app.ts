import { App, RemovalPolicy, Size, Stack, Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Adopt, BackupPolicy, DiskImage, FileSystem, MountTargets, SnapshotImport, TagSet, ThroughputCooldown, Verification } from 'cdk-durable-storage';

// The other languages synthesize this same template.
const app = new App({ analyticsReporting: false });
const stack = new Stack(app, 'Consumer', { env: { account: '111122223333', region: 'eu-west-1' } });
const vpc = new ec2.Vpc(stack, 'Vpc', { availabilityZones: ['eu-west-1a', 'eu-west-1b'] });

const files = new FileSystem(stack, 'Files', {
  vpc,
  creationToken: 'team-files',
  adopt: Adopt.ALWAYS,
  throughputMode: efs.ThroughputMode.PROVISIONED,
  provisionedThroughputPerSecond: Size.mebibytes(128),
  throughputCooldown: ThroughputCooldown.DEFER,
  removalPolicy: RemovalPolicy.RETAIN,
});
files.addAccessPoint('Home', { path: '/home' });
new efs.AccessPoint(stack, 'Data', { fileSystem: files, path: '/data' });
new TagSet(stack, 'Billing', { fileSystem: files, tags: { 'cost-center': '1001' } });

const shared = efs.FileSystem.fromFileSystemAttributes(stack, 'Shared', {
  fileSystemId: 'fs-0123456789abcdef0',
  securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'SharedAccess', 'sg-0123456789abcdef0'),
});
const access = new MountTargets(stack, 'Access', { fileSystem: shared, vpc });
access.connections.allowDefaultPortFrom(new ec2.SecurityGroup(stack, 'Clients', { vpc }));
new BackupPolicy(stack, 'Backup', { fileSystem: shared, enableAutomaticBackups: false });

const image = new SnapshotImport(stack, 'Image', {
  image: DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, 'Images', 'images'), 'web-42.img'),
  volumeSize: Size.gibibytes(20),
  kmsKey: new kms.Key(stack, 'Key'),
  verify: Verification.FULL,
});
Tags.of(image).add('role', 'data');
image.metricFailed().createAlarm(stack, 'Failed', { threshold: 1, evaluationPeriods: 1 });
new ec2.Volume(stack, 'Volume', { availabilityZone: 'eu-west-1a', snapshotId: image.snapshotId, removalPolicy: RemovalPolicy.DESTROY });

app.synth();
