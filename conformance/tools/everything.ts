import { App, Aws, Duration, RemovalPolicy, Size, Stack, Tags, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as library from 'cdk-durable-storage';
import {
  Adopt, BackupPolicy, BootMode, DiskImage, DiskImageFormat, ExportFormat,
  FileSystem, FileSystemPolicy, IpAddressType, LifecycleConfiguration, MachineDisk, MachineImage,
  MountTargets, ReplicationConfiguration, Snapshot, SnapshotExport, SnapshotImport, TagSet, ThroughputCooldown, Verification, ZeroBlocks,
} from 'cdk-durable-storage';
import { Construct } from 'constructs';

/** All constructs of the library, with what their props can say; where two exclude each other, in several instances. */
export class EverythingStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', { maxAzs: 3, natGateways: 1 });
    const key = new kms.Key(this, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
    const reader = new iam.Role(this, 'Reader', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
    this.fileSystems(vpc, key, reader);
    this.foreignFileSystem(vpc);
    this.snapshots(key);
    Tags.of(this).add('team', 'storage');
  }

  private fileSystems(vpc: ec2.Vpc, key: kms.Key, reader: iam.Role): void {
    const files = new FileSystem(this, 'Files', {
      vpc,
      kmsKey: key,
      creationToken: 'team-files',
      fileSystemName: 'team-files',
      adopt: Adopt.ALWAYS,
      allowReplacement: true,
      throughputMode: efs.ThroughputMode.PROVISIONED,
      provisionedThroughputPerSecond: Size.mebibytes(128),
      throughputCooldown: ThroughputCooldown.DEFER,
      enableAutomaticBackups: false,
      lifecyclePolicy: efs.LifecyclePolicy.AFTER_30_DAYS,
      transitionToArchivePolicy: efs.LifecyclePolicy.AFTER_90_DAYS,
      outOfInfrequentAccessPolicy: efs.OutOfInfrequentAccessPolicy.AFTER_1_ACCESS,
      replicationOverwriteProtection: efs.ReplicationOverwriteProtection.ENABLED,
      replicationConfiguration: efs.ReplicationConfiguration.regionalFileSystem('eu-central-1'),
      fileSystemPolicy: new iam.PolicyDocument({
        statements: [new iam.PolicyStatement({ principals: [new iam.AccountRootPrincipal()], actions: ['elasticfilesystem:ClientMount'] })],
      }),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    files.grantReadWrite(reader);
    files.addAccessPoint('Point', { path: '/data', createAcl: { ownerGid: '1000', ownerUid: '1000', permissions: '755' } });
    files.metricPercentIOLimit({ period: Duration.minutes(5) }).createAlarm(this, 'NearTheLimit', { threshold: 95, evaluationPeriods: 3 });
    new TagSet(this, 'PointTags', { accessPoint: efs.AccessPoint.fromAccessPointId(this, 'TheirPoint', 'fsap-0123456789abcdef0'), tags: { team: 'storage' } });
    new TagSet(this, 'Billing', { fileSystem: files, tags: { 'cost-center': '1001' }, overwrite: true });

    new FileSystem(this, 'OneZone', { vpc, oneZone: true, encrypted: false, allowAnonymousAccess: true, adopt: Adopt.NEVER });
    new FileSystem(this, 'Adopted', { vpc, adoptFileSystemId: 'fs-0fedcba9876543210', performanceMode: efs.PerformanceMode.GENERAL_PURPOSE });
  }

  private foreignFileSystem(vpc: ec2.Vpc): void {
    const access = new ec2.SecurityGroup(this, 'Access', { vpc });
    const shared = efs.FileSystem.fromFileSystemAttributes(this, 'Shared', { fileSystemId: 'fs-0123456789abcdef0', securityGroup: access });
    new MountTargets(this, 'MountTargets', {
      fileSystem: shared,
      vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      securityGroups: [access],
      ipAddressType: IpAddressType.DUAL_STACK,
      replaceMountTargets: false,
      dnsPropagationDelay: Duration.seconds(90),
    });
    new BackupPolicy(this, 'Backup', { fileSystem: shared });
    new LifecycleConfiguration(this, 'Lifecycle', { fileSystem: shared, lifecyclePolicy: efs.LifecyclePolicy.AFTER_7_DAYS });
    new ReplicationConfiguration(this, 'Replication', {
      fileSystem: shared, destination: efs.ReplicationConfiguration.regionalFileSystem('eu-central-1'),
    });
    new FileSystemPolicy(this, 'Policy', { fileSystem: shared }).addToResourcePolicy(new iam.PolicyStatement({
      principals: [new iam.AccountRootPrincipal()], actions: ['elasticfilesystem:ClientMount'],
    }));

    const found = FileSystem.fromLookup(this, 'Found', { tags: { team: 'storage' }, securityGroup: access });
    new TagSet(this, 'FoundTags', { fileSystem: found, tags: { account: Aws.ACCOUNT_ID } });
  }

  private snapshots(key: kms.Key): void {
    const images = new s3.Bucket(this, 'Images', { removalPolicy: RemovalPolicy.DESTROY });
    const encrypted = new SnapshotImport(this, 'Encrypted', {
      image: DiskImage.fromBucket(images, 'disk.img'),
      volumeSize: Size.gibibytes(8),
      description: 'the team image',
      kmsKey: key,
      verify: Verification.FULL,
      sourceRevision: '7',
      maxPutsPerSecond: 500,
      maxConcurrency: 4,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new SnapshotImport(this, 'Background', {
      image: DiskImage.fromBucket(s3.Bucket.fromBucketName(this, 'Foreign', 'foreign-images'), 'disk.img'), waitForCompletion: false, zeroBlocks: ZeroBlocks.OMIT,
    });
    const base = Snapshot.fromSnapshotId(this, 'Base', 'snap-0123456789abcdef0');
    new SnapshotImport(this, 'Increment', {
      image: DiskImage.fromBucket(images, 'next.qcow2', undefined, { format: DiskImageFormat.QCOW2 }), parent: base, sharedWithAccounts: ['444455556666'],
    });
    new SnapshotImport(this, 'Applied', { image: DiskImage.fromDelta(images, 'changes.delta'), parent: base });
    new SnapshotExport(this, 'Export', {
      snapshot: encrypted, bucket: images, key: `exports/${encrypted.snapshotId}.img`, kmsKey: key, maxGetsPerSecond: 500, removalPolicy: RemovalPolicy.DESTROY,
    });
    new SnapshotExport(this, 'Vhd', { snapshot: encrypted, bucket: images, format: ExportFormat.VHD });
    new SnapshotExport(this, 'Qcow2', { snapshot: encrypted, bucket: images, kmsKey: key, format: ExportFormat.QCOW2 });
    new SnapshotExport(this, 'Changes', { snapshot: encrypted, since: base, bucket: images, waitForCompletion: false });
    const golden = new MachineImage(this, 'Golden', {
      rootDisk: MachineDisk.fromImport(encrypted, { volumeType: ec2.EbsDeviceVolumeType.GP3, iops: 4000, throughput: 250 }),
      dataDisks: [MachineDisk.fromSnapshotId('snap-0fedcba9876543210')],
      architecture: ec2.InstanceArchitecture.X86_64,
      bootMode: BootMode.UEFI,
      tpm: true,
      description: 'the team machine',
      retainPrevious: 2,
      sharedWithAccounts: ['444455556666'],
    });
    new ec2.LaunchTemplate(this, 'Launch', { machineImage: golden, instanceType: new ec2.InstanceType('m7i.large') });
  }
}

/** Constructs of the library that no stack of an app has. */
export function constructsMissingIn(app: App): string[] {
  const classes = Object.entries(library).filter(([, exported]) => typeof exported === 'function' && exported.prototype instanceof Construct) as
    [string, new (...args: never[]) => Construct][];
  const constructs = app.node.findAll();
  return classes.filter(([, type]) => !constructs.some(construct => construct instanceof type)).map(([name]) => name);
}
