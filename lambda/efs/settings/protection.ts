import { UpdateFileSystemProtectionCommand, type FileSystemDescription } from '@aws-sdk/client-efs';
import type { FileSystemProtectionProperty } from '../../../src/contract/configuration';
import { isCertainlyBack } from '../../shared/direction';
import { log } from '../../shared/log';
import type { Context } from '../../shared/resource-lifecycle';
import type { Efs } from '../efs';

export interface ProtectionOptions {
  readonly efs: Efs;
  readonly context: Context;
}

/**
 * Turns the protection from being overwritten by a replication on or off. EFS cannot change it on a file system that is the destination
 * of a replication. Such a file system is unprotected already, and a rollback must not fail because of it.
 */
export async function reconcileProtection(
  { FileSystemId: id, FileSystemProtection: protection }: FileSystemDescription,
  wanted: FileSystemProtectionProperty | undefined,
  old: FileSystemProtectionProperty | undefined,
  { efs, context }: ProtectionOptions,
): Promise<void> {
  if (wanted === undefined && old === undefined) { return; }
  const status = wanted?.ReplicationOverwriteProtection ?? 'ENABLED';
  const present = protection?.ReplicationOverwriteProtection ?? 'ENABLED';
  if (present === status) { return; }
  if (present === 'REPLICATING') {
    if (status === 'DISABLED') { return; }
    if (wanted === undefined || await isCertainlyBack(context)) {
      return log({ event: 'the destination of a replication stays unprotected until that is deleted', id });
    }
    throw new Error(`'replicationOverwriteProtection' of file system ${id} cannot be ${status} as long as it is the destination of a replication: `
      + 'delete that first, or leave the protection DISABLED');
  }
  await efs.call('UpdateFileSystemProtection', client => client.send(
    new UpdateFileSystemProtectionCommand({ FileSystemId: id, ReplicationOverwriteProtection: status as 'ENABLED' | 'DISABLED' })),
  { prop: 'replicationOverwriteProtection' });
}
