import { isIPv4 } from 'net';
import { Annotations, type CustomResource, Fn, Resource, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as efs from 'aws-cdk-lib/aws-efs';
import { type Construct, Dependable } from 'constructs';
import type { MountTargetsAttributes, MountTargetsProperties } from '../contract/mount-targets';
import { OWNERSHIP_TAG_PREFIX } from '../contract/ownership';
import { EfsProvider } from '../private/efs-provider';
import { handledResource } from '../private/handled-resource';
import { factsOf, grantOnForeign } from '../private/owned-file-system';
import { cidrOf, isWithin, zoneOf, zonesAreKnown, zonesWithSeveral } from '../private/subnets';
import { check, misuse } from '../private/validation';

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
  {
    actions: ['elasticfilesystem:TagResource', 'elasticfilesystem:UntagResource'],
    conditions: { 'ForAllValues:StringLike': { 'aws:TagKeys': `${OWNERSHIP_TAG_PREFIX}mount-targets:*` } },
  },
];

/**
 * Properties of a set of mount targets.
 */
export interface MountTargetsProps {
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
   * The subnets. EFS has one mount target per Availability Zone; of several
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

  /**
   * The IPv4 addresses of the mount targets: one per subnet, in the same order.
   *
   * A change deletes the mount targets concerned and makes them anew.
   *
   * @default - EFS chooses free ones
   */
  readonly ipAddresses?: string[];
}

/**
 * Defines the mount targets of an Amazon EFS file system in a VPC: one per Availability Zone.
 *
 * `FileSystem` makes one by itself. It can also stand alone, for a file system that the
 * stack did not make; it then notes its subnets in a tag on that file system, and leaves
 * mount targets alone that it did not make. A deployment waits until the mount
 * targets are available and have their security groups. When the set is removed, its mount targets are deleted.
 *
 * To depend on it means to wait for the mount targets, not for its security group's rules.
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
   * The ids of the mount targets: one per subnet, in the same order. Of several subnets in one
   * Availability Zone, each has the id of that zone's mount target.
   *
   * If the number of subnets is known at deployment only: one per Availability Zone.
   *
   * @attribute
   */
  public readonly mountTargetIds: string[];

  private readonly resource: CustomResource;
  private readonly addresses: string[] | undefined;

  constructor(scope: Construct, id: string, props: MountTargetsProps) {
    super(scope, id);
    const { subnets, subnetIds, isPendingLookup } = props.vpc.selectSubnets(props.vpcSubnets ?? { onePerAz: true });
    /** A list that CloudFormation makes, of whatever length. */
    const opaque = Token.isUnresolved(subnetIds);
    if (!isPendingLookup) { this.validateSubnets(props, subnets); }
    if (!opaque) { this.validateAddresses(props.ipAddresses, subnets); }

    const securityGroups = props.securityGroups ?? [new ec2.SecurityGroup(this, 'SecurityGroup', { vpc: props.vpc })];
    this.validateSecurityGroups(securityGroups);
    this.connections = new ec2.Connections({ securityGroups, defaultPort: ec2.Port.tcp(MountTargets.DEFAULT_PORT) });

    const provider = EfsProvider.getOrCreate(this);
    this.resource = handledResource<MountTargetsProperties>(this, {
      resourceType: 'Custom::MountTargets',
      serviceToken: provider.serviceToken,
      properties: {
        FileSystemId: props.fileSystem.fileSystemId,
        Address: this.node.addr,
        SubnetIds: subnetIds,
        SecurityGroups: securityGroups.map(group => group.securityGroupId),
        TakeOver: factsOf(props.fileSystem)?.adoptsById ? true : undefined,
        IpAddresses: props.ipAddresses,
      },
    });
    const access = grantOnForeign(this, { provider, fileSystem: props.fileSystem, statements: STATEMENTS });
    if (access) { this.resource.node.addDependency(access); }
    // Whoever waits for the mount targets may be named in the rules of their security group, so must not wait for those.
    Dependable.implement(this, { dependencyRoots: [this.resource] });

    this.mountTargetIds = opaque
      ? Fn.split(',', this.attribute('MountTargetIds'))
      : subnetIds.map((_, position) => this.attribute(`MountTargetId${position}`));
    this.addresses = opaque ? undefined : subnetIds.map((_, position) => this.attribute(`IpAddress${position}`));
  }

  /**
   * The IPv4 addresses of the mount targets: one per subnet, in the same order. Of several subnets
   * in one Availability Zone, each has the address of that zone's mount target.
   *
   * @attribute
   */
  public get ipAddresses(): string[] {
    if (!this.addresses) { throw misuse(this, "'ipAddresses' cannot be told for a list of subnets whose length is known at deployment only"); }
    return this.addresses;
  }

  private attribute(name: keyof MountTargetsAttributes): string {
    return this.resource.getAttString(name);
  }

  private validateSubnets({ fileSystem, ipAddresses, vpc }: MountTargetsProps, subnets: ec2.ISubnet[]): void {
    const only = factsOf(fileSystem)?.availabilityZone;
    if (subnets.length === 0 && only !== undefined && !zonesAreKnown(vpc)) {
      // efs.FileSystem makes a file system that nobody can mount.
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
      if (ipAddresses) {
        throw misuse(this, `with 'ipAddresses', 'vpcSubnets' must have one subnet per Availability Zone, got in ${where}: ${first.node.path}, ${names}`);
      }
      Annotations.of(this).addWarningV2('cdk-durable-storage:MountTargets.severalSubnetsInOneZone',
        `'vpcSubnets' has several subnets in ${where}, where EFS allows one mount target: it goes to ${first.node.path}, `
        + `unless it is in one of the others already: ${names}`);
    }
  }

  private validateAddresses(ipAddresses: string[] | undefined, subnets: ec2.ISubnet[]): void {
    if (ipAddresses === undefined || Token.isUnresolved(ipAddresses)) { return; }
    check(this, 'ipAddresses', ipAddresses.length, `one per subnet, ${subnets.length} in all`, count => count === subnets.length);
    ipAddresses.forEach((address, position) => {
      check(this, 'ipAddresses', address, 'IPv4 addresses', isIPv4);
      check(this, 'ipAddresses', address, 'different from each other', value => ipAddresses.indexOf(value) === position);
      const cidr = cidrOf(subnets[position]);
      check(this, 'ipAddresses', address, `in ${cidr}, the range of ${subnets[position].node.path}`, value => cidr === undefined || isWithin(value, cidr));
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
