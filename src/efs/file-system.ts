import { type CfnResource, FeatureFlags, type ITaggableV2, Lazy, RemovalPolicy, type Size, Stack, TagManager, Tags, TagType, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { EFS_DENY_ANONYMOUS_ACCESS } from 'aws-cdk-lib/cx-api';
import { type Construct, DependencyGroup, type IDependable } from 'constructs';
import { Adopt } from './adopt';
import { lookUpFileSystem, type FileSystemLookupOptions } from './file-system-lookup';
import { FileSystemMetrics, metricOf } from './file-system-metrics';
import type { MountTargetOptions } from './mount-target-options';
import { MountTargets } from './mount-targets';
import { ThroughputCooldown } from './throughput-cooldown';
import type { FileSystemAttributes, FileSystemProperties } from '../contract/file-system';
import { adoptionAccess, retainForMigration } from '../private/efs/adoption';
import { configurationProperties, replicationAccess } from '../private/efs/configuration';
import type { FileSystemConfigurationOptions } from '../private/efs/configuration-options';
import { checkFormerly } from '../private/efs/formerly';
import { tellFacts } from '../private/efs/owned-file-system';
import { EfsProvider } from '../private/efs/provider';
import { zonesAreKnown } from '../private/efs/subnets';
import { ThroughputDeferral } from '../private/efs/throughput-deferral';
import { handledResource } from '../private/functions/handled-resource';
import { grantFileSystemKey } from '../private/resource/key-access';
import { inRegion, refuseRivals } from '../private/resource/rivals';
import { mergedTags, TAG_RULES } from '../private/resource/tags';
import { check, misuse, notBoth, wholeMebibytes } from '../private/resource/validation';

const RESOURCE_TYPE = 'Custom::FileSystem';

/**
 * Properties of a file system.
 */
export interface FileSystemProps extends FileSystemConfigurationOptions, MountTargetOptions {
  /**
   * The VPC of the mount targets.
   *
   * Another one moves the mount targets; the file system stays.
   */
  readonly vpc: ec2.IVpc;

  /**
   * The subnets of the mount targets, at most 12. EFS has one mount target per Availability
   * Zone; of several subnets in a zone, one gets it.
   *
   * Changes in place: where the subnet of a zone is no longer among them, the mount
   * target is deleted and made anew, which interrupts access from that zone.
   *
   * @default - one subnet per Availability Zone, by the VPC's default strategy
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * The security group of the mount targets.
   *
   * Changes in place.
   *
   * @default - a new one that allows all outbound traffic
   */
  readonly securityGroup?: ec2.ISecurityGroup;

  /**
   * Whether the file system is encrypted at rest.
   *
   * A change makes a new, empty file system, and is refused without `allowReplacement`.
   *
   * @default true
   */
  readonly encrypted?: boolean;

  /**
   * The key to encrypt the file system with. Its key policy must let this
   * account's IAM policies decide, as the default key policy does.
   *
   * A change makes a new, empty file system, and is refused without `allowReplacement`.
   *
   * @default - the key aws/elasticfilesystem, if the file system is encrypted
   */
  readonly kmsKey?: kms.IKeyRef;

  /**
   * The performance mode.
   *
   * A change makes a new, empty file system, and is refused without `allowReplacement`.
   *
   * @see https://docs.aws.amazon.com/efs/latest/ug/performance.html#performancemodes
   * @default PerformanceMode.GENERAL_PURPOSE
   */
  readonly performanceMode?: efs.PerformanceMode;

  /**
   * The throughput mode.
   *
   * Changes in place; EFS allows that once in 24 hours.
   *
   * @see https://docs.aws.amazon.com/efs/latest/ug/performance.html#throughput-modes
   * @default ThroughputMode.BURSTING
   */
  readonly throughputMode?: efs.ThroughputMode;

  /**
   * The provisioned throughput per second: a whole number of MiB, for
   * `ThroughputMode.PROVISIONED` and for that only.
   *
   * Changes in place; EFS allows a decrease once in 24 hours.
   *
   * @default - none
   */
  readonly provisionedThroughputPerSecond?: Size;

  /**
   * What happens to a change of throughput that EFS does not allow yet.
   *
   * @default ThroughputCooldown.FAIL
   */
  readonly throughputCooldown?: ThroughputCooldown;

  /**
   * The name of the file system: its tag `Name`.
   *
   * Changes in place.
   *
   * @default - the path of the construct
   */
  readonly fileSystemName?: string;

  /**
   * The creation token: 1 to 64 printable ASCII characters. An account has one
   * file system per token and Region.
   *
   * A change makes a new, empty file system, and is refused without `allowReplacement`.
   * With a token of yours, whatever else makes a new file system needs another token.
   *
   * @default - derived from the root stack's name, the logical id, and the properties that cannot change
   */
  readonly creationToken?: string;

  /**
   * What happens if a file system with the creation token exists already.
   *
   * An adopted file system must be as the props that cannot change say; the deployment fails
   * otherwise, and says what differs. It keeps its data, and is only released, not deleted,
   * when it is removed from the stack or when a deployment is rolled back.
   *
   * @default Adopt.OWNED
   */
  readonly adopt?: Adopt;

  /**
   * The id of any existing file system to adopt. The construct creates none then. For a file
   * system that was in another stack, or was made by `efs.FileSystem`. It must not
   * belong to a stack any more.
   *
   * Its mount targets in `vpcSubnets`, if no stack has them, become this construct's
   * without interruption; they must have the security group `securityGroup`.
   *
   * A change makes another file system take its place, and is refused without `allowReplacement`.
   *
   * @default - the file system is known by its creation token
   */
  readonly adoptFileSystemId?: string;

  /**
   * Whether a file system may be adopted if it has a policy, a replication or access points
   * that the props do not declare. Otherwise the deployment fails and names them.
   *
   * @default false
   */
  readonly adoptAsIs?: boolean;

  /**
   * The logical ids that this file system had before, if its construct was renamed, or moved to
   * another scope: this construct takes it over in the same deployment.
   * In a nested stack, the logical ids of the nested stacks come first, with slashes between:
   * `DataNestedStackDataNestedStackResource1A2B3C4D/Files5E6F7A8B`. The ids are in the template, and in the
   * owner tag of the file system.
   *
   * @default - none: a construct with another logical id is another file system
   */
  readonly formerly?: string[];

  /**
   * Whether a change of what cannot change in place makes another file system, which
   * is empty. Otherwise such a change is refused before anything happens.
   *
   * @default false
   */
  readonly allowReplacement?: boolean;

  /**
   * What happens to the file system when it is removed from the stack or replaced.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * Whether the file system lies in one Availability Zone: the one in
   * `vpcSubnets.availabilityZones`, otherwise the first of the VPC.
   *
   * A change, or another zone, makes a new, empty file system, and is refused without `allowReplacement`.
   *
   * @see https://docs.aws.amazon.com/efs/latest/ug/availability-durability.html#file-system-type
   * @default false
   */
  readonly oneZone?: boolean;

  /**
   * The policy of the file system, which rules access by NFS clients. Grants add to it.
   *
   * Changes in place.
   *
   * @default - none, and EFS allows everything to everybody who reaches a mount target
   */
  readonly fileSystemPolicy?: iam.PolicyDocument;

  /**
   * Whether clients that do not use IAM have access.
   *
   * Changes in place.
   *
   * @default - false if `grantRead`, `grantReadWrite` or `grantRootAccess` is used, or if the feature flag
   * `@aws-cdk/aws-efs:denyAnonymousAccess` is set and the app has no `FileSystemPolicy` for this file system; true otherwise
   */
  readonly allowAnonymousAccess?: boolean;
}

/**
 * Defines an Amazon EFS file system that can outlive its stack.
 *
 * It takes the place of `efs.FileSystem`: the same props under the same names,
 * and the same interface. It has a set of mount targets, one per Availability Zone.
 *
 * A deployment waits until the file system is available. A file system that is
 * retained keeps its data and can be found again by its creation token. Where a
 * prop does not say otherwise, changes are made in place.
 *
 * @see https://docs.aws.amazon.com/efs/latest/ug/whatisefs.html
 */
export class FileSystem extends FileSystemMetrics implements ITaggableV2 {
  /**
   * The port of NFS.
   */
  public static readonly DEFAULT_PORT: number = MountTargets.DEFAULT_PORT;

  /**
   * A file system that exists already.
   *
   * @param scope The parent construct.
   * @param id The id of the construct.
   * @param attrs Its id or ARN, and its security group.
   */
  public static fromFileSystemAttributes(scope: Construct, id: string, attrs: efs.FileSystemAttributes): efs.IFileSystem {
    return efs.FileSystem.fromFileSystemAttributes(scope, id, attrs);
  }

  /**
   * A file system that exists already, looked for at deployment: when this is new, or other
   * properties are looked for. The deployment fails unless there is exactly one.
   *
   * @param scope The parent construct.
   * @param id The id of the construct.
   * @param options By what to look for it.
   */
  public static fromLookup(scope: Construct, id: string, options: FileSystemLookupOptions): efs.IFileSystem {
    return lookUpFileSystem(scope, id, options);
  }

  /**
   * A metric of any file system, an imported or looked up one as well.
   *
   * @param fileSystem The file system.
   * @param metricName The name of the metric in the namespace `AWS/EFS`.
   * @param props Options of the metric.
   */
  public static metricOf(fileSystem: efs.IFileSystem, metricName: string, props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return metricOf(fileSystem, metricName, props);
  }

  /**
   * Prepares a file system of aws-cdk-lib for taking it over: it and all that belongs to it is
   * retained when it is removed from the template. Deploy that; then remove it, and in the same
   * deployment define a `FileSystem` under another id with `adoptFileSystemId`.
   *
   * @param fileSystem The file system.
   */
  public static retainForMigration(fileSystem: efs.FileSystem): void {
    retainForMigration(fileSystem);
  }

  /**
   * The id of the file system, assigned by Amazon EFS.
   *
   * @attribute
   */
  public readonly fileSystemId: string;

  /**
   * The ARN of the file system.
   *
   * @attribute
   */
  public readonly fileSystemArn: string;

  /**
   * The security group of the mount targets, and port 2049 (NFS).
   */
  public readonly connections: ec2.Connections;

  /**
   * Depend on this to wait until the mount targets are available, and `dnsPropagationDelay` longer if they are new.
   */
  public readonly mountTargetsAvailable: IDependable;

  /**
   * The mount targets.
   */
  public readonly mountTargets: MountTargets;

  /**
   * The throughput mode that is in force after the deployment: with `ThroughputCooldown.DEFER`,
   * and after a rollback, it may not be the wanted one yet.
   *
   * @attribute
   */
  public readonly presentThroughputMode: string;

  /**
   * The provisioned throughput that is in force after the deployment, in MiB per
   * second; empty if the mode is another one.
   *
   * @attribute
   */
  public readonly presentProvisionedThroughput: string;

  /**
   * To what the throughput will change, and when; empty if nothing is deferred.
   *
   * @attribute
   */
  public readonly pendingThroughputChange: string;

  /**
   * Collects the tags of the file system.
   */
  public readonly cdkTagManager: TagManager = new TagManager(TagType.KEY_VALUE, RESOURCE_TYPE);

  private readonly resource: CfnResource;
  /** A FileSystemPolicy of the app is the policy. */
  private policyIsElsewhere = false;

  constructor(scope: Construct, id: string, props: FileSystemProps) {
    super(scope, id);
    const encrypted = props.encrypted ?? true;
    const throughput = this.validate(props, encrypted);
    const zone = this.oneZone(props);
    const configuration = configurationProperties(this, props);

    const provider = EfsProvider.getOrCreate(this);
    const deferral = props.throughputCooldown === ThroughputCooldown.DEFER ? ThroughputDeferral.getOrCreate(this) : undefined;
    this._startPolicy(props.fileSystemPolicy);
    this.resource = handledResource<FileSystemProperties>(this, {
      resourceType: RESOURCE_TYPE,
      provider,
      removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
      properties: {
        CreationToken: props.creationToken,
        Adopt: props.adopt,
        AdoptFileSystemId: props.adoptFileSystemId,
        AdoptAsIs: props.adoptAsIs ? true : undefined,
        Formerly: props.formerly?.length ? props.formerly : undefined,
        AllowReplacement: props.allowReplacement ? true : undefined,
        Encrypted: encrypted,
        KmsKeyId: props.kmsKey?.keyRef.keyArn,
        PerformanceMode: props.performanceMode,
        AvailabilityZoneName: zone,
        ThroughputMode: props.throughputMode,
        ProvisionedThroughputInMibps: throughput,
        Deferral: deferral?.properties,
        FileSystemTags: mergedTags(this, this.cdkTagManager, TAG_RULES.fileSystem),
        FileSystemPolicy: Lazy.any({ produce: () => this.finishedPolicy(props) }),
        ...configuration,
      },
    });
    this.grantAccess(props, provider);
    if (deferral) { this.resource.node.addDependency(deferral); }
    tellFacts(this, {
      availabilityZone: zone,
      adoptedId: props.adoptFileSystemId,
      causeOf: setting => {
        if (setting === 'FileSystemPolicy') { return this._causeOfPolicy(props.allowAnonymousAccess, this.deniesByFlag); }
        return configuration[setting] && 'by its own props: use one or the other, not both';
      },
      leavePolicy: () => { this.policyIsElsewhere = true; },
    });
    this.refuseSecond(props);
    Tags.of(this).add('Name', props.fileSystemName || this.node.path);

    this.fileSystemId = this.resource.ref;
    const attribute = (name: keyof FileSystemAttributes) => this.resource.getAtt(name).toString();
    this.fileSystemArn = attribute('Arn');
    this.presentThroughputMode = attribute('ThroughputMode');
    this.presentProvisionedThroughput = attribute('ProvisionedThroughputInMibps');
    this.pendingThroughputChange = attribute('PendingThroughputChange');

    const securityGroup = props.securityGroup ?? new ec2.SecurityGroup(this, 'EfsSecurityGroup', { vpc: props.vpc });
    this.connections = new ec2.Connections({ securityGroups: [securityGroup], defaultPort: ec2.Port.tcp(FileSystem.DEFAULT_PORT) });
    this.mountTargets = this.makeMountTargets(props, zone, securityGroup);
    this.mountTargetsAvailable = new DependencyGroup(this.mountTargets);
  }

  /**
   * Adds an access point.
   *
   * @param id The id of the construct.
   * @param accessPointOptions Options of the access point.
   */
  public addAccessPoint(id: string, accessPointOptions: efs.AccessPointOptions = {}): efs.AccessPoint {
    return new efs.AccessPoint(this, id, { fileSystem: this, ...accessPointOptions });
  }

  private grantAccess({ kmsKey, replicationConfiguration, adopt, adoptFileSystemId }: FileSystemProps, provider: EfsProvider): void {
    const access: IDependable[] = [
      ...kmsKey ? grantFileSystemKey(this, 'KeyAccess', kmsKey, provider.keys) : [],
      ...replicationConfiguration ? replicationAccess(this, provider, replicationConfiguration) : [],
      ...adoptFileSystemId !== undefined || adopt === Adopt.ALWAYS ? [adoptionAccess(this, provider, adoptFileSystemId)] : [],
    ];
    this.resource.node.addDependency(...access);
  }

  private makeMountTargets(props: FileSystemProps, zone: string | undefined, securityGroup: ec2.ISecurityGroup): MountTargets {
    return new MountTargets(this, 'MountTargets', {
      fileSystem: this,
      vpc: props.vpc,
      vpcSubnets: zone === undefined ? props.vpcSubnets : { availabilityZones: [zone], onePerAz: true },
      securityGroups: [securityGroup],
      ipAddressType: props.ipAddressType,
      ipAddresses: props.ipAddresses,
      ipv6Addresses: props.ipv6Addresses,
      replaceMountTargets: props.replaceMountTargets,
      dnsPropagationDelay: props.dnsPropagationDelay,
    });
  }

  /** Returns the provisioned throughput in MiB per second. */
  private validate(props: FileSystemProps, encrypted: boolean): number | undefined {
    const { kmsKey, performanceMode, throughputMode, creationToken, oneZone } = props;
    const provisioned = throughputMode === efs.ThroughputMode.PROVISIONED;
    const maxIo = performanceMode === efs.PerformanceMode.MAX_IO;

    check(this, 'creationToken', creationToken, '1 to 64 printable ASCII characters', value => /^[\x20-\x7e]{1,64}$/.test(value));
    check(this, 'adoptFileSystemId', props.adoptFileSystemId, 'the id of a file system', value => /^fs-[0-9a-f]{8,40}$/.test(value));
    notBoth(this, "'adoptFileSystemId'", "'creationToken'", props.adoptFileSystemId !== undefined && creationToken !== undefined);
    checkFormerly(this, props.formerly, props.adopt === Adopt.NEVER);
    notBoth(this, "'adoptFileSystemId'", "'adopt'", props.adoptFileSystemId !== undefined && props.adopt !== undefined);
    notBoth(this, "'kmsKey'", "'encrypted: false'", kmsKey !== undefined && !encrypted);
    // The same messages as in aws-cdk-lib, because tests of users may expect them.
    if (maxIo && oneZone === true) { throw misuse(this, 'performanceMode MAX_IO is not supported for One Zone file systems.'); }
    if (maxIo && throughputMode === efs.ThroughputMode.ELASTIC) {
      throw misuse(this, 'ThroughputMode ELASTIC is not supported for file systems with performanceMode MAX_IO');
    }

    const throughput = wholeMebibytes(this, 'provisionedThroughputPerSecond', props.provisionedThroughputPerSecond, 1);
    if (provisioned && throughput === undefined) {
      throw misuse(this, 'Property provisionedThroughputPerSecond is required when throughputMode is PROVISIONED');
    }
    if (!provisioned && throughput !== undefined && !Token.isUnresolved(throughputMode)) {
      throw misuse(this, `'provisionedThroughputPerSecond' needs 'throughputMode' PROVISIONED, got ${throughputMode ?? 'none'}`);
    }
    return throughput;
  }

  /** Refuses that two file systems of the app are one by their names. */
  private refuseSecond({ creationToken, adoptFileSystemId }: FileSystemProps): void {
    const { account, region } = Stack.of(this);
    if (creationToken !== undefined) {
      refuseRivals(this, {
        kind: 'creationToken',
        thing: [account, region, creationToken],
        wants: {},
        conflict: ({ scope }) => `'creationToken' must be one that no other file system has, got that of ${scope.node.path}: choose another one`,
      });
    }
    if (adoptFileSystemId !== undefined) {
      refuseRivals(this, {
        kind: 'adoptFileSystemId',
        thing: inRegion(this, adoptFileSystemId),
        wants: {},
        conflict: ({ scope }) => `'adoptFileSystemId' must be the id of a file system that nothing else adopts, got that of ${scope.node.path}: `
          + 'adopt it once, and use that construct, or FileSystem.fromFileSystemAttributes, in the other place',
      });
    }
  }

  /** Returns the Availability Zone of a One Zone file system. */
  private oneZone({ oneZone, vpc, vpcSubnets }: FileSystemProps): string | undefined {
    if (!oneZone) { return undefined; }
    const zones = vpcSubnets?.availabilityZones;
    if (vpcSubnets && !zones) {
      throw misuse(this, 'When oneZone is enabled and vpcSubnets defined, vpcSubnets.availabilityZones can not be undefined.');
    }
    if (zones && zones.length !== 1) {
      throw misuse(this, `When oneZone is enabled, vpcSubnets.availabilityZones should exactly have one zone. Got ${zones.length}`);
    }
    const zone = zones?.[0] ?? vpc.availabilityZones[0];
    if (zonesAreKnown(vpc) && !Token.isUnresolved(zone) && !vpc.availabilityZones.includes(zone)) {
      throw misuse(this, `vpcSubnets.availabilityZones specified is not in vpc.availabilityZones. Got ${zone}, not one of ${vpc.availabilityZones.join(', ')}`);
    }
    return zone;
  }

  /** Returns the policy with all grants, which may come until the template is written. */
  private finishedPolicy({ allowAnonymousAccess }: FileSystemProps): iam.PolicyDocument | undefined {
    return this._finishPolicy({ allowAnonymousAccess, deniedByDefault: this.deniesByFlag && !this.policyIsElsewhere });
  }

  private get deniesByFlag(): boolean {
    return FeatureFlags.of(this).isEnabled(EFS_DENY_ANONYMOUS_ACCESS) ?? false;
  }
}
