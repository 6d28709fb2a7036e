import type * as efs from 'aws-cdk-lib/aws-efs';

/**
 * When EFS moves files to cheaper storage classes, and back.
 */
export interface LifecycleOptions {
  /**
   * After how many days without access a file moves to Infrequent Access.
   *
   * Changes in place.
   *
   * @default - none; files do not move to Infrequent Access
   */
  readonly lifecyclePolicy?: efs.LifecyclePolicy;

  /**
   * When a file moves back to the primary storage class.
   *
   * Changes in place.
   *
   * @default - none; files do not move back
   */
  readonly outOfInfrequentAccessPolicy?: efs.OutOfInfrequentAccessPolicy;

  /**
   * After how many days without access a file moves to Archive. That must be later than
   * `lifecyclePolicy`, and EFS has it for `ThroughputMode.ELASTIC` with
   * `PerformanceMode.GENERAL_PURPOSE` only.
   *
   * Changes in place.
   *
   * @default - none; files do not move to Archive
   */
  readonly transitionToArchivePolicy?: efs.LifecyclePolicy;
}

/**
 * What a file system has besides itself, all of it changed in place.
 */
export interface FileSystemConfigurationOptions extends LifecycleOptions {
  /**
   * Whether AWS Backup makes a backup every day. False turns backups off, also
   * those that were turned on elsewhere.
   *
   * Changes in place. Without it any more, backups are as EFS has them by itself.
   *
   * @default - on for One Zone file systems, off for others; what somebody else chose is left as it is
   */
  readonly enableAutomaticBackups?: boolean;

  /**
   * Whether the file system is protected from becoming the destination of a replication. One
   * without protection is read-only.
   *
   * Changes in place, but not as long as the file system is part of a replication.
   *
   * @default ReplicationOverwriteProtection.ENABLED
   */
  readonly replicationOverwriteProtection?: efs.ReplicationOverwriteProtection;

  /**
   * Where the file system is replicated to.
   *
   * Changes in place: the replication is deleted, and made anew with another destination. The
   * former destination stays, as a writable file system that nobody deletes. A new destination gets
   * the tags and mount targets that you give it elsewhere.
   *
   * @default - no replication
   */
  readonly replicationConfiguration?: efs.ReplicationConfiguration;
}
