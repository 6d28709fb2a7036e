import type { OwnerProperties } from './ownership';

/** What `MountTargets` and its handler say to each other. */
export interface MountTargetsProperties extends OwnerProperties {
  readonly FileSystemId: string;
  /** `Node.addr` of the construct: tells this set from others of the same file system. */
  readonly Address: string;
  /** In the user's order, which decides where several share an Availability Zone. */
  readonly SubnetIds: readonly string[];
  readonly SecurityGroups: readonly string[];
  /** `true`: mount targets in these subnets that are there before the set become the set's. */
  readonly TakeOver?: string | boolean;
  /** One per subnet, in the same order. Absent: the service chooses. */
  readonly IpAddresses?: readonly string[];
}

/**
 * Attributes by position in SubnetIds: `MountTargetId0`, `IpAddress0` … Of
 * several subnets in one Availability Zone, each gives that zone's mount target.
 */
export type MountTargetsAttributes = {
  readonly [position in `MountTargetId${number}` | `IpAddress${number}`]: string;
} & {
  /** Joined by commas, one per Availability Zone, in the order of SubnetIds. */
  readonly MountTargetIds: string;
};
