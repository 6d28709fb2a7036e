import { isIPv4, isIPv6 } from 'net';
import { Annotations, Aws, type CfnResource, Fn, Resource, Stack, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import { type Construct, Dependable, DependencyGroup } from 'constructs';
import { IpAddressType, type MountTargetOptions } from './mount-target-options';
import {
  MOST_SUBNETS_BY_POSITION, MOUNT_TARGET_ATTRIBUTES, type MountTargetAttribute, type MountTargetsProperties,
} from '../contract/mount-targets';
import { grantOnForeign } from '../private/efs/foreign-access';
import { mountTargetConflict, type MountTargetPlace } from '../private/efs/mount-target-rivals';
import { factsOf, nameParts } from '../private/efs/owned-file-system';
import { EfsProvider } from '../private/efs/provider';
import { cidrOf, isWithin, zoneOf, zonesAreKnown, zonesWithSeveral } from '../private/efs/subnets';
import { claimStatement } from '../private/efs/tag-access';
import { handledResource } from '../private/functions/handled-resource';
import { refuseRivals } from '../private/resource/rivals';
import { check, misuse, notBoth, wholeSeconds } from '../private/resource/validation';

/** The quota of security groups that accounts have at first. */
const USUAL_SECURITY_GROUPS = 5;

/** What the set does to its file system. Its record there is a tag, and no other tag may it touch. */
const STATEMENTS = [
  {
    actions: [
      'elasticfilesystem:CreateMountTarget',
      'elasticfilesystem:DeleteMountTarget',
      'elasticfilesystem:ModifyMountTargetSecurityGroups',
    ],
  },
  claimStatement(),
];

/**
 * Properties of a set of mount targets.
 */
export interface MountTargetsProps extends MountTargetOptions {
  /**
   * The file system.
   *
   * Another one makes new mount targets, and deletes these afterwards.
   */
  readonly fileSystem: efs.IFileSystem;

  /**
   * The VPC of the mount targets. EFS allows one per file system.
   *
   * Another one deletes all mount targets and makes them anew.
   */
  readonly vpc: ec2.IVpc;

  /**
   * The subnets, at most 12. EFS has one mount target per Availability Zone; of several
   * subnets in a zone, one gets it: that which has it already, otherwise the first.
   *
   * Changes in place: where the subnet of a zone is no longer among them, the mount
   * target is deleted and made anew, which interrupts access from that zone.
   *
   * @default - one subnet per Availability Zone, by the VPC's default strategy
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * The security groups of every mount target. More than 5 need a higher quota of
   * security groups per network interface.
   *
   * Changes in place.
   *
   * @default - a new one that allows all outbound traffic
   */
  readonly securityGroups?: ec2.ISecurityGroup[];
}

/**
 * Defines the mount targets of an Amazon EFS file system in a VPC: one per Availability Zone.
 *
 * `FileSystem` makes one by itself. It can also stand alone, for a file system that the
 * stack did not make; it then notes its subnets in a tag on that file system, and leaves
 * mount targets alone that it did not make. A deployment waits until the mount
 * targets are available and have their security groups. When the set is removed, its mount targets are
 * deleted, except those that another set has too. Sets share a mount target if they have the same subnet; different
 * subnets in one zone are refused.
 *
 * To depend on it means to wait for the mount targets, and `dnsPropagationDelay` longer if they are new, but
 * not for its security group's rules. Whoever waits for `mountTargetsAvailable` of an imported file system, as a Lambda
 * function does that mounts it, waits for the sets of the same stack.
 *
 * Its attributes are lists with one element per subnet, in the same order. Of several subnets in one
 * Availability Zone, each has that of the zone's mount target. If the number of subnets is known at
 * deployment only, they have one element per Availability Zone.
 *
 * @see https://docs.aws.amazon.com/efs/latest/ug/accessing-fs.html
 */
export class MountTargets extends Resource implements ec2.IConnectable {
  /**
   * The port of NFS.
   */
  public static readonly DEFAULT_PORT: number = 2049;

  /**
   * The security groups of the mount targets, and port 2049 (NFS).
   */
  public readonly connections: ec2.Connections;

  /**
   * The ids of the mount targets.
   *
   * @attribute
   */
  public readonly mountTargetIds: string[];

  /**
   * The ids of their network interfaces.
   *
   * @attribute
   */
  public readonly networkInterfaceIds: string[];

  /**
   * The ids of their Availability Zones, like `euw1-az1`, which are the same in every account.
   *
   * @attribute
   */
  public readonly availabilityZoneIds: string[];

  /**
   * The names of their Availability Zones in this account, like `eu-west-1a`.
   *
   * @attribute
   */
  public readonly availabilityZoneNames: string[];

  private readonly resource: CfnResource;
  private readonly fileSystem: efs.IFileSystem;
  private readonly addressType: IpAddressType;
  /** The number of subnets, unless it is known only at deployment. */
  private readonly count: number | undefined;

  constructor(scope: Construct, id: string, props: MountTargetsProps) {
    super(scope, id);
    const selected = props.vpc.selectSubnets(props.vpcSubnets ?? { onePerAz: true });
    const { subnetIds } = selected;
    this.fileSystem = props.fileSystem;
    this.addressType = props.ipAddressType ?? IpAddressType.IPV4_ONLY;
    this.count = Token.isUnresolved(subnetIds) ? undefined : subnetIds.length;
    this.validate(props, selected);

    const securityGroups = props.securityGroups ?? [new ec2.SecurityGroup(this, 'SecurityGroup', { vpc: props.vpc })];
    this.validateSecurityGroups(securityGroups);
    this.connections = new ec2.Connections({ securityGroups, defaultPort: ec2.Port.tcp(MountTargets.DEFAULT_PORT) });

    const provider = EfsProvider.getOrCreate(this);
    this.resource = handledResource<MountTargetsProperties>(this, {
      resourceType: 'Custom::MountTargets',
      provider,
      properties: {
        FileSystemId: props.fileSystem.fileSystemId,
        SubnetIds: subnetIds,
        SecurityGroups: securityGroups.map(group => group.securityGroupId),
        TakeOver: factsOf(props.fileSystem)?.adoptedId !== undefined ? true : undefined,
        IpAddressType: props.ipAddressType,
        IpAddresses: props.ipAddresses,
        Ipv6Addresses: props.ipv6Addresses,
        ReplaceMountTargets: props.replaceMountTargets === false ? false : undefined,
        DnsPropagationDelay: wholeSeconds(this, 'dnsPropagationDelay', props.dnsPropagationDelay, 30 * 60),
        JoinedAttributes: this.count === undefined ? true : undefined,
      },
    });
    const access = grantOnForeign(this, { provider, fileSystem: props.fileSystem, statements: STATEMENTS });
    if (access) { this.resource.node.addDependency(access); }
    // The rules of the security group are left out, because a rule may refer to a resource that waits for the mount targets.
    Dependable.implement(this, { dependencyRoots: [this.resource] });

    const place: MountTargetPlace = {
      vpc: props.vpc, subnets: selected.subnets, isUnknown: this.count === undefined, isPendingLookup: selected.isPendingLookup ?? false,
    };
    refuseRivals(this, {
      kind: 'mount targets', thing: nameParts(this, props.fileSystem), wants: place, conflict: rival => mountTargetConflict(place, rival),
    });
    this.addToAvailable(props.fileSystem);

    this.mountTargetIds = this.list('MountTargetId');
    this.networkInterfaceIds = this.list('NetworkInterfaceId');
    this.availabilityZoneIds = this.list('AvailabilityZoneId');
    this.availabilityZoneNames = this.list('AvailabilityZoneName');
  }

  /**
   * The IPv4 addresses of the mount targets. An error, if `ipAddressType` is IPV6_ONLY.
   *
   * @attribute
   */
  public get ipAddresses(): string[] {
    if (this.addressType === IpAddressType.IPV6_ONLY) { throw misuse(this, `there are no 'ipAddresses' with 'ipAddressType' ${this.addressType}`); }
    return this.list('IpAddress');
  }

  /**
   * The IPv6 addresses of the mount targets. An error, unless `ipAddressType` is IPV6_ONLY or DUAL_STACK.
   *
   * @attribute
   */
  public get ipv6Addresses(): string[] {
    if (this.addressType === IpAddressType.IPV4_ONLY) { throw misuse(this, `there are no 'ipv6Addresses' with 'ipAddressType' ${this.addressType}`); }
    return this.list('Ipv6Address');
  }

  /**
   * The DNS names of the mount targets, by which each is found from the whole VPC, like
   * `eu-west-1a.fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com`. An error, if the number of
   * subnets is known at deployment only.
   *
   * @attribute
   */
  public get dnsNames(): string[] {
    if (this.count === undefined) { throw misuse(this, "'dnsNames' cannot be told for a list of subnets whose length is known at deployment only"); }
    const { region } = Stack.of(this);
    return this.availabilityZoneNames.map(zone => `${zone}.${this.fileSystem.fileSystemId}.efs.${region}.${Aws.URL_SUFFIX}`);
  }

  /**
   * Adds this set to `mountTargetsAvailable` of an imported file system in the same stack. A file system that is defined here
   * has mount targets of its own, for which this set may wait. A dependency across stacks could lead back to this stack.
   */
  private addToAvailable(fileSystem: efs.IFileSystem): void {
    const { mountTargetsAvailable } = fileSystem;
    if (factsOf(fileSystem) || fileSystem instanceof efs.FileSystem || Stack.of(fileSystem) !== Stack.of(this)) { return; }
    if (mountTargetsAvailable instanceof DependencyGroup) { mountTargetsAvailable.add(this); }
  }

  private list(name: MountTargetAttribute): string[] {
    return this.count === undefined
      ? Fn.split(',', this.resource.getAtt(MOUNT_TARGET_ATTRIBUTES[name]).toString())
      : Array.from({ length: this.count }, (_, position) => this.resource.getAtt(`${name}${position}`).toString());
  }

  private validate(props: MountTargetsProps, { subnets, isPendingLookup }: ec2.SelectedSubnets): void {
    const { ipAddresses, ipv6Addresses } = props;
    if (!isPendingLookup) { this.validateSubnets(props, subnets); }
    notBoth(this, "'ipAddresses'", `'ipAddressType' ${this.addressType}`, ipAddresses !== undefined && this.addressType === IpAddressType.IPV6_ONLY);
    notBoth(this, "'ipv6Addresses'", `'ipAddressType' ${this.addressType}`, ipv6Addresses !== undefined && this.addressType === IpAddressType.IPV4_ONLY);
    if (this.count === undefined) { return; }
    check(this, 'vpcSubnets', this.count, `at most ${MOST_SUBNETS_BY_POSITION} subnets, whose attributes fit into an answer to CloudFormation`,
      count => count <= MOST_SUBNETS_BY_POSITION);
    this.validateAddresses('ipAddresses', ipAddresses, subnets, isIPv4);
    this.validateAddresses('ipv6Addresses', ipv6Addresses, subnets, isIPv6);
  }

  private validateSubnets({ fileSystem, ipAddresses, ipv6Addresses, vpc }: MountTargetsProps, subnets: ec2.ISubnet[]): void {
    const only = factsOf(fileSystem)?.availabilityZone;
    if (subnets.length === 0 && only !== undefined && !zonesAreKnown(vpc)) {
      // A warning and no error, because efs.FileSystem accepts this too; it makes a file system without mount targets.
      Annotations.of(this).addWarningV2('cdk-durable-storage:MountTargets.unknownZones',
        `which subnet lies in ${only} is not known in a stack without account and Region, so the deployment will fail: `
        + "give the stack an 'env', or leave out 'vpcSubnets'");
      return;
    }
    check(this, 'vpcSubnets', subnets.length, 'at least one subnet', count => count > 0);
    for (const zone of only === undefined ? [] : subnets.map(zoneOf)) {
      check(this, 'vpcSubnets', zone, `in ${only}, where the file system is`, value => Token.isUnresolved(only) || value === only);
    }
    for (const [zone, [first, ...others]] of zonesWithSeveral(subnets)) {
      const where = Token.isUnresolved(zone) ? 'one Availability Zone' : zone;
      const names = others.map(other => other.node.path).join(', ');
      const chosen = ipAddresses ? 'ipAddresses' : ipv6Addresses && 'ipv6Addresses';
      if (chosen) {
        throw misuse(this, `with '${chosen}', 'vpcSubnets' must have one subnet per Availability Zone, got in ${where}: ${first.node.path}, ${names}`);
      }
      Annotations.of(this).addWarningV2('cdk-durable-storage:MountTargets.severalSubnetsInOneZone',
        `'vpcSubnets' has several subnets in ${where}, where EFS allows one mount target: it goes to ${first.node.path}, `
        + `unless it is in one of the others already: ${names}`);
    }
  }

  private validateAddresses(
    prop: 'ipAddresses' | 'ipv6Addresses', addresses: string[] | undefined, subnets: ec2.ISubnet[], holds: (address: string) => boolean,
  ): void {
    if (addresses === undefined || Token.isUnresolved(addresses)) { return; }
    check(this, prop, addresses.length, `one per subnet, ${subnets.length} in all`, count => count === subnets.length);
    addresses.forEach((address, position) => {
      check(this, prop, address, prop === 'ipAddresses' ? 'IPv4 addresses' : 'IPv6 addresses', holds);
      check(this, prop, address, 'different from each other', value => addresses.indexOf(value) === position);
      const cidr = prop === 'ipAddresses' ? cidrOf(subnets[position]) : undefined;
      check(this, prop, address, `in ${cidr}, the range of ${subnets[position].node.path}`, value => cidr === undefined || isWithin(value, cidr));
    });
  }

  private validateSecurityGroups({ length }: ec2.ISecurityGroup[]): void {
    check(this, 'securityGroups', length, 'at least one', count => count > 0);
    if (length > USUAL_SECURITY_GROUPS) {
      Annotations.of(this).addWarningV2('cdk-durable-storage:MountTargets.manySecurityGroups',
        `'securityGroups' has ${length} entries; more than ${USUAL_SECURITY_GROUPS} need a higher quota of security groups per network interface`);
    }
  }
}
