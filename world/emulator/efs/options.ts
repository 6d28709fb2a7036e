import type { Context } from '../iam';
import type { Call } from '../service';

/** What EFS needs to know of EC2. */
export interface Network {
  subnet(id: string): Subnet | undefined;
  securityGroup(id: string): { groupId: string; vpcId: string } | undefined;
  /** Makes a network interface; throws ServiceError `IpAddressInUse` or `NoFreeAddressesInSubnet`. */
  createInterface(
    subnetId: string, options: { privateIpAddress?: string; ipv6Address?: string | true; groups: string[]; description: string },
  ): { networkInterfaceId: string; privateIpAddress: string; ipv6Address?: string };
  modifyInterface(networkInterfaceId: string, options: { groups: string[] }): void;
  deleteInterface(networkInterfaceId: string): void;
  defaultSecurityGroup(vpcId: string): { groupId: string } | undefined;
}

export interface Subnet {
  subnetId: string;
  vpcId: string;
  availabilityZone: string;
  availabilityZoneId: string;
  cidrBlock: string;
  ipv6CidrBlock?: string;
  ownerId: string;
}

/** What EFS needs of KMS. */
export interface Keys {
  /** The ARN of the key of a Region that an id, alias, key ARN or alias ARN names; undefined if there is none. */
  resolve(keyId: string, region: string): string | undefined;
  /** Refuses a use of the key: by key policy and identity policies, or because of the key's state. Without it, identity policies alone decide. */
  authorize?(call: Call, action: string, keyId: string, context: Context, region: string): void;
}

/** How long a thing stays in a state that passes, in milliseconds. */
export const DURATIONS = {
  fileSystemCreating: 5_000,
  fileSystemUpdating: 10_000,
  fileSystemDeleting: 5_000,
  mountTargetCreating: 80_000,
  mountTargetDeleting: 40_000,
  /** How long EC2 has a network interface when its mount target is gone. */
  interfaceLingering: 0,
  accessPointCreating: 2_000,
  accessPointDeleting: 2_000,
  backupPolicyChanging: 5_000,
  replicationEnabling: 30_000,
  replicationDeleting: 60_000,
  /** From one change of throughput mode, or decrease of provisioned throughput, to the next. */
  betweenThroughputChanges: 24 * 60 * 60_000,
};

export const LIMITS = {
  fileSystems: 1_000,
  accessPointsPerFileSystem: 10_000,
  securityGroupsPerMountTarget: 5,
  tags: 50,
  /** MiB/s. */
  provisionedThroughput: 3_414,
  fileSystemsPerPage: 100,
  mountTargetsPerPage: 10,
  /** Where the caller may ask for less: access points, tags. */
  resultsPerPage: 100,
};

export interface EfsOptions {
  readonly durations?: Partial<typeof DURATIONS>;
  readonly limits?: Partial<typeof LIMITS>;
  /** The rate of all EFS calls of the account together; not limited if absent. */
  readonly callsPerSecond?: number;
  /**
   * How DescribeFileSystemPolicy writes a policy: in another way that means the same, or as it was put.
   * @default 'equal'
   */
  readonly policySpelling?: 'equal' | 'as put';
  /** Chooses among spellings. @default - WORLD_SEED of the environment, else 1 */
  readonly seed?: number;
  /** Availability Zones (names) where EFS is not to be had. */
  readonly unsupportedZones?: string[];
}
