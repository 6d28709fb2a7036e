import type { OwnerProperties } from './ownership';

/** What a file system has besides itself, by the names of AWS::EFS::FileSystem. Absent: left as the service has it, or back to that. */
export interface ConfigurationProperties {
  /** One transition each. */
  readonly LifecyclePolicies?: readonly LifecyclePolicyProperty[];
  readonly BackupPolicy?: BackupPolicyProperty;
  readonly FileSystemProtection?: FileSystemProtectionProperty;
  readonly ReplicationConfiguration?: ReplicationConfigurationProperty;
}

export interface LifecyclePolicyProperty {
  readonly TransitionToIA?: string;
  readonly TransitionToPrimaryStorageClass?: string;
  readonly TransitionToArchive?: string;
}

export interface BackupPolicyProperty {
  /** `ENABLED` or `DISABLED`. */
  readonly Status: string;
}

export interface FileSystemProtectionProperty {
  /** `ENABLED` or `DISABLED`. */
  readonly ReplicationOverwriteProtection: string;
}

export interface ReplicationConfigurationProperty {
  /** Exactly one. */
  readonly Destinations: readonly ReplicationDestinationProperty[];
}

export interface ReplicationDestinationProperty {
  /** An existing file system. Absent: EFS makes one. */
  readonly FileSystemId?: string;
  readonly Region?: string;
  /** Of a One Zone file system. */
  readonly AvailabilityZoneName?: string;
  readonly KmsKeyId?: string;
}

/** A setting of a file system, whoever made that, as a resource of its own. */
export interface SettingProperties extends OwnerProperties {
  readonly FileSystemId: string;
}

export interface SettingAttributes {
  readonly FileSystemId: string;
}

export interface FileSystemPolicyProperties extends SettingProperties {
  /** An IAM policy document. */
  readonly FileSystemPolicy: unknown;
  /** `true`: replace a policy that somebody else put. Absent: refuse. */
  readonly Overwrite?: string | boolean;
}

export interface BackupPolicyProperties extends SettingProperties {
  readonly BackupPolicy: BackupPolicyProperty;
}

export interface LifecycleConfigurationProperties extends SettingProperties {
  readonly LifecyclePolicies: readonly LifecyclePolicyProperty[];
  /** `true`: replace transitions that somebody else put. Absent: refuse. */
  readonly Overwrite?: string | boolean;
}

export interface ReplicationConfigurationProperties extends SettingProperties {
  readonly ReplicationConfiguration: ReplicationConfigurationProperty;
}
