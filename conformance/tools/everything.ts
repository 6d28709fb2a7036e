import { App, Aws, Duration, RemovalPolicy, Size, Stack, Tags, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as library from 'cdk-durable-storage';
import {
  Adopt, BackupPolicy, BootMode, DiskImage, DiskImageFormat, ExportFormat, FileSystem, FileSystemPolicy, IpAddressType, LifecycleConfiguration,
  MachineDisk, MachineImage, MountTargets, ReplicationConfiguration, Snapshot, SnapshotExport, SnapshotImport, StorageFunctions, TagSet,
  ThroughputCooldown, Verification, ZeroBlocks,
} from 'cdk-durable-storage';
import { Construct } from 'constructs';

/**
 * Defines every construct of the library with every kind of prop; props that exclude each other are in several instances.
 *
 * The judges read its template. `npx projen cdk-versions` copies this file into an app of its own, where it is compiled and
 * synthesized with the packed library and the lowest and the newest aws-cdk-lib. So it imports nothing of this repository but the
 * library, by its name.
 */
export class EverythingStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', { maxAzs: 3, natGateways: 1 });
    StorageFunctions.addEndpoints(vpc);
    StorageFunctions.configure(this, {
      vpc,
      logRetention: logs.RetentionDays.ONE_MONTH,
      architecture: lambda.Architecture.ARM_64,
      handlerMemory: Size.mebibytes(512),
      workerMemory: Size.gibibytes(2),
    });
    const key = new kms.Key(this, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
    const reader = new iam.Role(this, 'Reader', { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') });
    const files = this.fileSystems(vpc, key, reader);
    this.clients(vpc, files);
    this.foreignFileSystem(vpc);
    const image = this.snapshots(key);
    this.machines(image);
    Tags.of(this).add('team', 'storage');
  }

  private fileSystems(vpc: ec2.Vpc, key: kms.Key, reader: iam.Role): FileSystem {
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
    const replica = efs.FileSystem.fromFileSystemAttributes(this, 'Replica', { fileSystemId: 'fs-0123456789abcdef1', securityGroup: files.connections.securityGroups[0] });
    new FileSystem(this, 'Adopted', {
      vpc,
      adoptFileSystemId: 'fs-0fedcba9876543210',
      performanceMode: efs.PerformanceMode.GENERAL_PURPOSE,
      replicationConfiguration: efs.ReplicationConfiguration.existingFileSystem(replica),
    });
    return files;
  }

  /** Hands a file system to constructs of aws-cdk-lib, as its own interface. */
  private clients(vpc: ec2.Vpc, own: FileSystem): void {
    // These lines compile only if `FileSystem` has each member of the interface as the present aws-cdk-lib declares it.
    const files: efs.IFileSystem = own;
    const reference: efs.FileSystemReference = own.fileSystemRef;
    own.connections.allowDefaultPortFromAnyIpv4();
    const accessPoint = new efs.AccessPoint(this, 'Data', { fileSystem: files, path: '/shared', createAcl: { ownerGid: '1000', ownerUid: '1000', permissions: '755' } });
    const indexer = new lambda.Function(this, 'Indexer', {
      vpc,
      runtime: lambda.Runtime.NODEJS_LATEST,
      handler: 'index.handler',
      code: lambda.Code.fromInline('exports.handler = () => {};'),
      filesystem: lambda.FileSystem.fromEfsAccessPoint(accessPoint, '/mnt/data'),
    });
    files.grant(indexer, 'elasticfilesystem:ClientMount');
    const task = new ecs.FargateTaskDefinition(this, 'Task');
    task.addVolume({ name: 'data', efsVolumeConfiguration: { fileSystemId: reference.fileSystemId } });
    task.addContainer('App', { image: ecs.ContainerImage.fromRegistry('public.ecr.aws/docker/library/busybox') });
  }

  private foreignFileSystem(vpc: ec2.Vpc): void {
    const access = new ec2.SecurityGroup(this, 'Access', { vpc });
    const shared = FileSystem.fromFileSystemAttributes(this, 'Shared', { fileSystemId: 'fs-0123456789abcdef0', securityGroup: access });
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

  private snapshots(key: kms.Key): SnapshotImport {
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
    encrypted.onFailed('Failed');
    encrypted.metricThrottles();
    new SnapshotImport(this, 'Background', {
      image: DiskImage.fromBucket(s3.Bucket.fromBucketName(this, 'Foreign', 'foreign-images'), 'disk.img'), waitForCompletion: false, zeroBlocks: ZeroBlocks.OMIT,
    });
    const base = Snapshot.fromSnapshotId(this, 'Base', 'snap-0123456789abcdef0');
    new SnapshotImport(this, 'Increment', {
      image: DiskImage.fromBucket(images, 'next.qcow2', undefined, { format: DiskImageFormat.QCOW2 }), parent: base, sharedWithAccounts: ['444455556666'],
    });
    new SnapshotImport(this, 'Applied', { image: DiskImage.fromDelta(images, 'changes.delta'), parent: base });
    const exported = new SnapshotExport(this, 'Export', {
      snapshot: encrypted, bucket: images, key: `exports/${encrypted.snapshotId}.img`, kmsKey: key, maxGetsPerSecond: 500, removalPolicy: RemovalPolicy.DESTROY,
    });
    new SnapshotImport(this, 'RoundTrip', { image: DiskImage.fromExport(exported) });
    new SnapshotExport(this, 'Vhd', { snapshot: encrypted, bucket: images, format: ExportFormat.VHD });
    new SnapshotExport(this, 'Qcow2', { snapshot: encrypted, bucket: images, kmsKey: key, format: ExportFormat.QCOW2 });
    new SnapshotExport(this, 'Changes', { snapshot: encrypted, since: base, bucket: images, waitForCompletion: false, removalPolicy: RemovalPolicy.DESTROY });
    return encrypted;
  }

  private machines(disk: SnapshotImport): void {
    const golden: ec2.IMachineImage = new MachineImage(this, 'Golden', {
      rootDisk: MachineDisk.fromImport(disk, { volumeType: ec2.EbsDeviceVolumeType.GP3, iops: 4000, throughput: 250 }),
      dataDisks: [MachineDisk.fromSnapshotId('snap-0fedcba9876543210')],
      architecture: ec2.InstanceArchitecture.X86_64,
      bootMode: BootMode.UEFI,
      tpm: true,
      description: 'the team machine',
      retainPrevious: 2,
      sharedWithAccounts: ['444455556666'],
    });
    new ec2.LaunchTemplate(this, 'Launch', { machineImage: golden, instanceType: new ec2.InstanceType('m7i.large') });
    new ec2.Volume(this, 'Volume', { availabilityZone: `${this.region}a`, snapshotId: disk.snapshotId, encrypted: true, removalPolicy: RemovalPolicy.DESTROY });
  }
}

/** Returns the names of the library's constructs that an app does not define. */
export function constructsMissingIn(app: App): string[] {
  const used = new Set(app.node.findAll().map(({ constructor }) => constructor));
  return Object.entries(library).filter(([, exported]) => isConstruct(exported) && !used.has(exported)).map(([name]) => name);
}

function isConstruct(exported: unknown): exported is Function {
  return typeof exported === 'function' && exported.prototype instanceof Construct;
}

/** The app that the judges and `npx projen cdk-versions` synthesize. */
export function everythingApp(env: StackProps['env'], outdir?: string): App {
  const app = new App({ outdir, analyticsReporting: false });
  new EverythingStack(app, 'Everything', { env });
  const missing = constructsMissingIn(app);
  if (missing.length > 0) { throw new Error(`conformance/tools/everything.ts does not define a ${missing.join(', ')}`); }
  app.synth();
  return app;
}

if (require.main === module) { everythingApp({ account: '111122223333', region: 'eu-west-1' }); }
