import { DescribeBackupPolicyCommand, PutBackupPolicyCommand, type FileSystemDescription } from '@aws-sdk/client-efs';
import { about } from './naming-prop';
import { Efs } from '../efs';
import { settingOf, type SettingClients } from './setting';
import type { BackupPolicyProperties, BackupPolicyProperty, SettingAttributes } from '../../../src/contract/configuration';
import { isNamed } from '../../shared/errors';
import type { Lifecycle } from '../../shared/resource-lifecycle';

/** Stays as it is when the resource is removed: what it was before, nobody knows, and no deletion of a stack shall end backups. */
export const backupPolicy = (clients: SettingClients): Lifecycle<BackupPolicyProperties, SettingAttributes> => {
  const efs = new Efs(clients.efs);
  return settingOf(efs, {
    begin: async () => {},
    apply: (fileSystem, { BackupPolicy: { Status: status } }) => putBackup(efs, fileSystem.FileSystemId!, status),
    isOurs: async () => false,
    remove: async () => {},
  });
};

/** Turns automatic backups on or off; without a word any more, back to what the service does by itself. False: not in force yet. */
export async function reconcileBackup(
  efs: Efs, fileSystem: FileSystemDescription, wanted: BackupPolicyProperty | undefined, old: BackupPolicyProperty | undefined,
): Promise<boolean> {
  if (wanted === undefined && old === undefined) { return true; }
  // EFS backs up One Zone file systems unless told otherwise.
  const status = wanted?.Status ?? (fileSystem.AvailabilityZoneName === undefined ? 'DISABLED' : 'ENABLED');
  return putBackup(efs, fileSystem.FileSystemId!, status);
}

/** False: on the way there. */
export async function putBackup(efs: Efs, fileSystemId: string, status: string): Promise<boolean> {
  const present = await statusOf(efs, fileSystemId);
  if (present === status) { return true; }
  if (present === 'ENABLING' || present === 'DISABLING') { return false; }
  await about('enableAutomaticBackups', () => efs.call('PutBackupPolicy', client => client.send(new PutBackupPolicyCommand({
    FileSystemId: fileSystemId, BackupPolicy: { Status: status as 'ENABLED' | 'DISABLED' },
  }))));
  return false;
}

async function statusOf(efs: Efs, fileSystemId: string): Promise<string> {
  try {
    const { BackupPolicy } = await efs.call(
      'DescribeBackupPolicy', client => client.send(new DescribeBackupPolicyCommand({ FileSystemId: fileSystemId })));
    return BackupPolicy?.Status ?? 'DISABLED';
  } catch (error) {
    // Nobody ever said anything.
    if (isNamed(error, 'PolicyNotFound')) { return 'DISABLED'; }
    throw error;
  }
}
