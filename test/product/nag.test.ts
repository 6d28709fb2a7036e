import { writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { constructsMissingIn, EverythingStack } from '../../conformance/tools/everything';
import { DemoStack } from '../../examples/demo/stack';
import { DiskImage, FileSystem, MachineDisk, MachineImage, Snapshot, SnapshotExport, SnapshotImport } from '../../src';
import { ENV } from '../harness/given';

/** Returns what cdk-nag finds in an app, without the rules and the constructs that are the user's. */
function findings(app: App, users: Record<string, string> = {}): string[] {
  app.synth();
  return new AwsSolutionsChecks(app).validateScope(app).violations
    .flatMap(({ ruleName, violatingResources }) => violatingResources.map(({ constructPath }) => ({ ruleName, path: constructPath! })))
    .filter(({ ruleName, path }) => !Object.keys(users).some(ruleOrPath => ruleName === ruleOrPath || path.startsWith(`${ruleOrPath}/`)))
    .map(({ ruleName, path }) => `${ruleName} ${path}`);
}

/** Rules about things of apps that show something else. */
const OF_THE_USER = {
  'AwsSolutions-VPC7': 'flow logs are up to the owner of the VPC',
  'AwsSolutions-EC26': 'a volume is encrypted like the snapshot that it is made from',
};

/** Things of `EverythingStack` that are not of this library, and why cdk-nag may find them. */
const BESIDE_EVERYTHING = {
  ...OF_THE_USER,
  'Everything/Files/EfsSecurityGroup': 'the app opens it to every address',
  'Everything/Images': "a user's bucket",
  'Everything/Indexer': "a user's function",
  'Everything/Key': "a user's key",
  'Everything/Task': "a user's task",
};

test('cdk-nag finds nothing in any construct, with functions in a VPC', () => {
  const app = new App();
  new EverythingStack(app, 'Everything', { env: ENV });
  expect(constructsMissingIn(app)).toEqual([]);
  expect(findings(app, BESIDE_EVERYTHING)).toEqual([]);
});

test('cdk-nag finds nothing in functions outside of a VPC, with odd object keys, keys by alias and the keys of buckets', () => {
  const app = new App();
  const stack = new Stack(app, 'Stack', { env: ENV });
  const vpc = new ec2.Vpc(stack, 'Vpc', { availabilityZones: ['eu-west-1a', 'eu-west-1b'], restrictDefaultSecurityGroup: false });
  const kmsKey = new kms.Key(stack, 'Key', { enableKeyRotation: true });
  const replica = new FileSystem(stack, 'Replica', { vpc, kmsKey, replicationOverwriteProtection: efs.ReplicationOverwriteProtection.DISABLED });
  new FileSystem(stack, 'Files', { vpc, replicationConfiguration: efs.ReplicationConfiguration.existingFileSystem(replica) });
  const images = s3.Bucket.fromBucketAttributes(stack, 'Images', { bucketName: 'images', encryptionKey: kmsKey });
  const image = new SnapshotImport(stack, 'Image', { image: DiskImage.fromBucket(images, 'a*b/ü.img'), kmsKey });
  new SnapshotImport(stack, 'ByAlias', { image: DiskImage.fromBucket(images, 'disk.img'), kmsKey: kms.Alias.fromAliasName(stack, 'Alias', 'alias/images') });
  const base = Snapshot.fromSnapshotId(stack, 'Base', 'snap-0123456789abcdef0');
  new SnapshotImport(stack, 'Increment', { image: DiskImage.fromBucket(images, 'next.img'), parent: base });
  new SnapshotExport(stack, 'Export', { snapshot: image, since: base, bucket: images, kmsKey });
  new MachineImage(stack, 'Golden', { rootDisk: MachineDisk.fromImport(image), architecture: ec2.InstanceArchitecture.ARM_64 });

  expect(findings(app, OF_THE_USER)).toEqual([]);
});

test.each<[string, (app: App) => void]>([
  ['demo', app => {
    const imagePath = join(tmpdir(), 'nag-disk.img');
    writeFileSync(imagePath, Buffer.alloc(512));
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
