import { DescribeBackupPolicyCommand, PutBackupPolicyCommand, type FileSystemDescription } from '@aws-sdk/client-efs';
import { SettingLifecycle, type InForce } from './setting';
import type { BackupPolicyProperties, BackupPolicyProperty } from '../../../src/contract/configuration';
import { isNamed } from '../../shared/errors';
import { digestOf } from '../claims/claim';
import type { Efs } from '../efs';

/**
 * The backup policy stays as it is when the resource is removed: the value before it is not recorded, and deleting a stack must not end
 * backups.
 */
export class BackupPolicyLifecycle extends SettingLifecycle<BackupPolicyProperties> {
  protected readonly kind = 'backup';
  protected readonly name = 'the backup policy';

  protected digest(_fileSystem: FileSystemDescription, { BackupPolicy: { Status: status } }: BackupPolicyProperties): string {
    return digestOf(status);
  }

  protected async inForce(
    { FileSystemId: id }: FileSystemDescription, { BackupPolicy: { Status: status } }: BackupPolicyProperties,
  ): Promise<InForce> {
    return await statusOf(this.efs, id!) === status ? 'wanted' : 'other';
  }

  /** Every file system has a backup policy, which this resource is for changing. */
  protected async refuseForeign(): Promise<void> {}

  protected async put(fileSystem: FileSystemDescription, { BackupPolicy: { Status: status } }: BackupPolicyProperties): Promise<boolean> {
    return putBackup(this.efs, fileSystem.FileSystemId!, status);
  }

  protected override async isOurs(): Promise<boolean> {
    return false;
  }

  protected async unset(): Promise<void> {}
}

/** Turns automatic backups on or off, or back to EFS's default if the prop was removed. Returns false if that is not in force yet. */
export async function reconcileBackup(
  efs: Efs, fileSystem: FileSystemDescription, wanted: BackupPolicyProperty | undefined, old: BackupPolicyProperty | undefined,
): Promise<boolean> {
  if (wanted === undefined && old === undefined) { return true; }
  // EFS backs up One Zone file systems by default.
  const status = wanted?.Status ?? (fileSystem.AvailabilityZoneName === undefined ? 'DISABLED' : 'ENABLED');
  return putBackup(efs, fileSystem.FileSystemId!, status);
}

/** Returns false if the status is not in force yet. */
async function putBackup(efs: Efs, fileSystemId: string, status: string): Promise<boolean> {
  const present = await statusOf(efs, fileSystemId);
  if (present === status) { return true; }
  if (present === 'ENABLING' || present === 'DISABLING') { return false; }
  await efs.call('PutBackupPolicy', client => client.send(new PutBackupPolicyCommand({
    FileSystemId: fileSystemId, BackupPolicy: { Status: status as 'ENABLED' | 'DISABLED' },
  })), { prop: 'enableAutomaticBackups' });
  return false;
}

/** Returns whether automatic backups are on, off, or about to be. */
export async function statusOf(efs: Efs, fileSystemId: string): Promise<string> {
  try {
    const { BackupPolicy } = await efs.call(
      'DescribeBackupPolicy', client => client.send(new DescribeBackupPolicyCommand({ FileSystemId: fileSystemId })));
    return BackupPolicy?.Status ?? 'DISABLED';
  } catch (error) {
    // The backup policy was never set.
    if (isNamed(error, 'PolicyNotFound')) { return 'DISABLED'; }
    throw error;
  }
}
