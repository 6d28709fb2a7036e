import type { ConfigurationProperties } from './configuration';
import type { OwnerProperties, TagProperty } from './ownership';
import type { Deferral } from './throughput';

/**
 * What `FileSystem` and its handler say to each other. The names are those of
 * AWS::EFS::FileSystem wherever it has one.
 *
 * They travel through CloudFormation: a number or a boolean arrives as a
 * string, an absent property does not arrive at all.
 */
export interface FileSystemProperties extends OwnerProperties, ConfigurationProperties {
  /** Chosen by the user. Absent: derived by the handler from Owner and the immutable properties. */
  readonly CreationToken?: string;
  /** What happens to a file system that has the creation token already: NEVER, OWNED, ALWAYS. Absent: OWNED. */
  readonly Adopt?: string;
  /** The file system to adopt, whatever its creation token; none is made. */
  readonly AdoptFileSystemId?: string;
  /** `true`: it is adopted with a policy, a replication and access points that the properties do not declare. Absent: that is refused. */
  readonly AdoptAsIs?: string | boolean;
  /** Where it was before in its root stack: its logical id, after those of its nested stacks and slashes. */
  readonly Formerly?: readonly string[];
  /** `true`: a change of what cannot be changed makes a new file system. Absent: it is refused. */
  readonly AllowReplacement?: string | boolean;
  /** `true` or `false`. Absent: `false`, EFS's own default. */
  readonly Encrypted?: string | boolean;
  readonly KmsKeyId?: string;
  readonly PerformanceMode?: string;
  readonly AvailabilityZoneName?: string;
  readonly ThroughputMode?: string;
  readonly ProvisionedThroughputInMibps?: string | number;
  /** How a change of throughput that EFS does not allow yet is made later. Absent: it is an error. */
  readonly Deferral?: Deferral;
  readonly FileSystemTags?: readonly TagProperty[];
  /** An IAM policy document. Absent: none of ours; the service's default policy is in force. */
  readonly FileSystemPolicy?: unknown;
}

/** All of them, always: CloudFormation fails a `Fn::GetAtt` on a missing one. */
export interface FileSystemAttributes {
  readonly FileSystemId: string;
  readonly Arn: string;
  /** What is in force. */
  readonly ThroughputMode: string;
  /** What is in force; empty in other modes than provisioned. */
  readonly ProvisionedThroughputInMibps: string;
  /** To what the throughput will change, and when; empty if nothing is deferred. */
  readonly PendingThroughputChange: string;
}
