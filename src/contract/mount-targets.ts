import type { OwnerProperties } from './ownership';

/** What `MountTargets` and its handler say to each other. */
export interface MountTargetsProperties extends OwnerProperties {
  readonly FileSystemId: string;
  /** In the user's order, which decides where several share an Availability Zone. */
  readonly SubnetIds: readonly string[];
  readonly SecurityGroups: readonly string[];
  /** `true`: mount targets in these subnets that are there before the set become the set's. */
  readonly TakeOver?: string | boolean;
  /** IPV4_ONLY, IPV6_ONLY, DUAL_STACK. Absent: IPV4_ONLY. */
  readonly IpAddressType?: string;
  /** One per subnet, in the same order. Absent: the service chooses. */
  readonly IpAddresses?: readonly string[];
  /** One per subnet, in the same order. Absent: the service chooses. */
  readonly Ipv6Addresses?: readonly string[];
  /** `false`: an update that would delete a mount target and make it anew is refused. Absent: it is done. */
  readonly ReplaceMountTargets?: string | boolean;
  /** Whole seconds from when new mount targets are available. Absent: none. */
  readonly DnsPropagationDelay?: string | number;
  /** `true`: the number of subnets is known at deployment only, so attributes are joined lists. Absent: they are by position. */
  readonly JoinedAttributes?: string | boolean;
}

/**
 * What is told of each mount target. By position in SubnetIds (`MountTargetId0`,
 * `IpAddress0` …): of several subnets in one Availability Zone, each gives that
 * zone's mount target. Or joined by commas (`MountTargetIds`, `IpAddresses` …),
 * one per Availability Zone in the order of SubnetIds. `MountTargetIds` is there in any case. What a mount target has not is empty.
 */
export const MOUNT_TARGET_ATTRIBUTES = {
  MountTargetId: 'MountTargetIds',
  IpAddress: 'IpAddresses',
  Ipv6Address: 'Ipv6Addresses',
  NetworkInterfaceId: 'NetworkInterfaceIds',
  AvailabilityZoneId: 'AvailabilityZoneIds',
  AvailabilityZoneName: 'AvailabilityZoneNames',
} as const;

export type MountTargetAttribute = keyof typeof MOUNT_TARGET_ATTRIBUTES;

export type MountTargetsAttributes = {
  readonly [position in `${MountTargetAttribute}${number}` | typeof MOUNT_TARGET_ATTRIBUTES[MountTargetAttribute]]?: string;
};

/**
 * So many subnets' attributes by position, at their longest, fit into the 4,096 bytes of an
 * answer to CloudFormation: 258 each, 160 for
 * the joined ids, and at most 710 for what is not attributes.
 */
export const MOST_SUBNETS_BY_POSITION = 12;
