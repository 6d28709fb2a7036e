import { Resource } from 'aws-cdk-lib';
import type * as efs from 'aws-cdk-lib/aws-efs';
import type { Construct } from 'constructs';
import type { BackupPolicyProperties } from '../contract/configuration';
import { settingResource } from '../private/efs/setting-resource';

/**
 * Properties of the backup policy of a file system.
 */
export interface BackupPolicyProps {
  /**
   * The file system.
   *
   * Another one gets the backup policy; this one keeps it.
   */
  readonly fileSystem: efs.IFileSystem;

  /**
   * Whether AWS Backup makes a backup every day. False turns backups off.
   *
   * Changes in place.
   *
   * @default true
   */
  readonly enableAutomaticBackups?: boolean;
}

/**
 * Defines whether an existing Amazon EFS file system is backed up every day.
 *
 * When it is removed, backups stay on or off as they are: the former setting is not known, and
 * the deletion of a stack must not end backups. To turn them off, set `enableAutomaticBackups` to false and deploy.
 *
 * @see https://docs.aws.amazon.com/efs/latest/ug/awsbackup.html
 */
export class BackupPolicy extends Resource {
  constructor(scope: Construct, id: string, props: BackupPolicyProps) {
    super(scope, id);
    settingResource<BackupPolicyProperties>(this, {
      resourceType: 'Custom::BackupPolicy',
      fileSystem: props.fileSystem,
      setting: 'BackupPolicy',
      actions: ['elasticfilesystem:PutBackupPolicy'],
      properties: { BackupPolicy: { Status: props.enableAutomaticBackups ?? true ? 'ENABLED' : 'DISABLED' } },
    });
  }
}
