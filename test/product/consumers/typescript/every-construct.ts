import { App, Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as storage from 'cdk-durable-storage';
import { Construct } from 'constructs';

// Whatever the library offers, in one app, for the lowest and for the newest aws-cdk-lib.
const app = new App({ analyticsReporting: false });
const stack = new Stack(app, 'Consumer', { env: { account: '111122223333', region: 'eu-west-1' } });
const vpc = new ec2.Vpc(stack, 'Vpc', { availabilityZones: ['eu-west-1a', 'eu-west-1b'], restrictDefaultSecurityGroup: false });
storage.StorageFunctions.addEndpoints(vpc);
storage.StorageFunctions.configure(stack, {
  vpc,
  logRetention: logs.RetentionDays.ONE_MONTH,
  architecture: lambda.Architecture.ARM_64,
  workerMemory: Size.gibibytes(2),
});
const key = new kms.Key(stack, 'Key');

const own = new storage.FileSystem(stack, 'Files', {
  vpc,
  kmsKey: key,
  throughputMode: efs.ThroughputMode.ELASTIC,
  throughputCooldown: storage.ThroughputCooldown.DEFER,
  lifecyclePolicy: efs.LifecyclePolicy.AFTER_30_DAYS,
  outOfInfrequentAccessPolicy: efs.OutOfInfrequentAccessPolicy.AFTER_1_ACCESS,
  adopt: storage.Adopt.OWNED,
});
// It must have each member of the interface, as this aws-cdk-lib declares it.
const files: efs.IFileSystem = own;
const reference: { readonly fileSystemRef: efs.IFileSystem['fileSystemRef'] } = files;
own.connections.allowDefaultPortFromAnyIpv4();
own.metricPercentIOLimit({ period: Duration.minutes(5) });

const accessPoint = new efs.AccessPoint(stack, 'Data', { fileSystem: files, path: '/data', createAcl: { ownerGid: '1000', ownerUid: '1000', permissions: '755' } });
const reader = new lambda.Function(stack, 'Reader', {
  vpc,
  runtime: lambda.Runtime.NODEJS_LATEST,
  handler: 'index.handler',
  code: lambda.Code.fromInline('exports.handler = () => {};'),
  filesystem: lambda.FileSystem.fromEfsAccessPoint(accessPoint, '/mnt/data'),
});
files.grant(reader, 'elasticfilesystem:ClientMount');
const task = new ecs.FargateTaskDefinition(stack, 'Task');
task.addVolume({ name: 'data', efsVolumeConfiguration: { fileSystemId: reference.fileSystemRef.fileSystemId } });
task.addContainer('App', { image: ecs.ContainerImage.fromRegistry('public.ecr.aws/docker/library/busybox') });

new storage.TagSet(stack, 'Tags', { fileSystem: files, tags: { team: 'storage' } });
const shared = storage.FileSystem.fromFileSystemAttributes(stack, 'Shared', {
  fileSystemId: 'fs-0123456789abcdef0', securityGroup: new ec2.SecurityGroup(stack, 'Access', { vpc }),
});
storage.FileSystem.fromLookup(stack, 'Found', { creationToken: 'team-files', securityGroup: shared.connections.securityGroups[0] });
new storage.MountTargets(stack, 'Targets', { fileSystem: shared, vpc });
new storage.BackupPolicy(stack, 'Backup', { fileSystem: shared });
new storage.LifecycleConfiguration(stack, 'Lifecycle', { fileSystem: shared, lifecyclePolicy: efs.LifecyclePolicy.AFTER_7_DAYS });
new storage.ReplicationConfiguration(stack, 'Replication', { fileSystem: shared, destination: efs.ReplicationConfiguration.regionalFileSystem('eu-central-1') });
new storage.FileSystemPolicy(stack, 'Policy', { fileSystem: shared }).addToResourcePolicy(new iam.PolicyStatement({
  principals: [reader.grantPrincipal], actions: ['elasticfilesystem:ClientWrite'],
}));

const image = new storage.SnapshotImport(stack, 'Image', {
  image: storage.DiskImage.fromBucket(new s3.Bucket(stack, 'Images', { versioned: true }), 'disk.img', 'version'),
  volumeSize: Size.gibibytes(20),
  kmsKey: key,
  verify: storage.Verification.FULL,
  zeroBlocks: storage.ZeroBlocks.WRITE,
});
image.onFailed('Failed');
image.metricThrottles();
new storage.SnapshotImport(stack, 'Next', {
  image: storage.DiskImage.fromBucket(new s3.Bucket(stack, 'Builds'), 'next.qcow2', undefined, { format: storage.DiskImageFormat.QCOW2 }),
  parent: storage.Snapshot.fromSnapshotId(stack, 'Base', 'snap-0123456789abcdef0'),
});
const whole = new storage.SnapshotExport(stack, 'Export', { snapshot: image, bucket: new s3.Bucket(stack, 'Exports'), kmsKey: key });
new storage.SnapshotImport(stack, 'RoundTrip', { image: storage.DiskImage.fromExport(whole) });
const golden: ec2.IMachineImage = new storage.MachineImage(stack, 'Golden', {
  rootDisk: storage.MachineDisk.fromImport(image), architecture: ec2.InstanceArchitecture.ARM_64, bootMode: storage.BootMode.UEFI, retainPrevious: 1,
});
new ec2.LaunchTemplate(stack, 'Launch', { machineImage: golden, instanceType: new ec2.InstanceType('t4g.small') });
new ec2.Volume(stack, 'Volume', { availabilityZone: 'eu-west-1a', snapshotId: image.snapshotId, removalPolicy: RemovalPolicy.DESTROY });

// A construct that this app does not use is one that nobody has tried.
const used = new Set(app.node.findAll().map(({ constructor }) => constructor));
const unused = Object.entries(storage).filter(([, exported]) => isConstruct(exported) && !used.has(exported)).map(([name]) => name);
if (unused.length > 0) { throw new Error(`every-construct.ts does not define a ${unused.join(', ')}`); }
app.synth();

function isConstruct(exported: unknown): exported is Function {
  return typeof exported === 'function' && exported.prototype instanceof Construct;
}
