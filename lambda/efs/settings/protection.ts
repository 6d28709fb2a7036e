import { UpdateFileSystemProtectionCommand, type FileSystemDescription } from '@aws-sdk/client-efs';
import { about } from './naming-prop';
import type { FileSystemProtectionProperty } from '../../../src/contract/configuration';
import { log } from '../../shared/log';
import type { Stacks } from '../../shared/stacks';
import type { Efs } from '../efs';

/**
 * Protects a file system from being overwritten by a replication, or not. What
 * is the destination of one already cannot be changed: without protection that is
 * as wanted, and a rollback must not fail because of it.
 */
export async function reconcileProtection(
  { FileSystemId: id, FileSystemProtection: protection }: FileSystemDescription,
  wanted: FileSystemProtectionProperty | undefined,
  old: FileSystemProtectionProperty | undefined,
  { efs, stacks, stackId }: { efs: Efs; stacks: Stacks; stackId: string },
): Promise<void> {
  if (wanted === undefined && old === undefined) { return; }
  const status = wanted?.ReplicationOverwriteProtection ?? 'ENABLED';
  const present = protection?.ReplicationOverwriteProtection ?? 'ENABLED';
  if (present === status) { return; }
  if (present === 'REPLICATING') {
    if (status === 'DISABLED') { return; }
    if (wanted === undefined || await stacks.isRollingBack(stackId, true)) {
      return log({ event: 'the destination of a replication stays unprotected until that is deleted', id });
    }
    throw new Error(`'replicationOverwriteProtection' of file system ${id} cannot be ${status} as long as it is the destination of a replication: `
      + 'delete that first, or leave the protection DISABLED');
  }
  await about('replicationOverwriteProtection', () => efs.call('UpdateFileSystemProtection', client => client.send(
    new UpdateFileSystemProtectionCommand({ FileSystemId: id, ReplicationOverwriteProtection: status as 'ENABLED' | 'DISABLED' }))));
}
