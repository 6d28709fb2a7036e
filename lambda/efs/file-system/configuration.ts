import type { FileSystemDescription } from '@aws-sdk/client-efs';
import type { ReplicationDestinationProperty } from '../../../src/contract/configuration';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import type { Stacks } from '../../shared/stacks';
import type { Efs } from '../efs';
import { reconcileBackup } from '../settings/backup-policy';
import { reconcilePolicy } from '../settings/file-system-policy';
import { hasArchiveTransition, reconcileLifecycle } from '../settings/lifecycle-configuration';
import { reconcileProtection } from '../settings/protection';
import { destinationIn, isReplicationInForce, type Replications } from '../settings/replication';

export interface Reconciliation {
  readonly fileSystem: FileSystemDescription;
  readonly wanted: FileSystemProperties;
  /** Before the update, of the same file system. */
  readonly old: FileSystemProperties | undefined;
  readonly stackId: string;
}

/** All that a file system has besides itself and can be changed: policy, life cycle, backups, protection, replication. */
export class Configuration {
  constructor(private readonly efs: Efs, private readonly stacks: Stacks, private readonly replications: Replications) {}

  /** Before the throughput changes: no more moves to Archive, which only elastic file systems have. */
  public async prepare({ fileSystem, wanted, old }: Reconciliation): Promise<void> {
    if (!hasArchiveTransition(old?.LifecyclePolicies) || hasArchiveTransition(wanted.LifecyclePolicies)) { return; }
    await reconcileLifecycle(this.efs, fileSystem.FileSystemId!, wanted.LifecyclePolicies, old?.LifecyclePolicies);
  }

  /** False: not in force yet, ask again. */
  public async apply({ fileSystem, wanted, old, stackId }: Reconciliation): Promise<boolean> {
    const { efs, stacks } = this;
    const id = fileSystem.FileSystemId!;
    await reconcilePolicy(efs, id, wanted.FileSystemPolicy, old?.FileSystemPolicy);
    await reconcileLifecycle(efs, id, wanted.LifecyclePolicies, old?.LifecyclePolicies);
    const backedUp = await reconcileBackup(efs, fileSystem, wanted.BackupPolicy, old?.BackupPolicy);

    // A file system without protection cannot be replicated, and one that is replicated is always protected.
    const [to, before] = [destinationIn(wanted.ReplicationConfiguration), destinationIn(old?.ReplicationConfiguration)];
    if (!await this.stopReplication(id, to, before)) { return false; }
    await reconcileProtection(fileSystem, wanted.FileSystemProtection, old?.FileSystemProtection, { efs, stacks, stackId });
    return await this.replicate(id, to, before) && backedUp;
  }

  /** True: there is none, or one to where it shall lead. */
  private async stopReplication(
    id: string, wanted: ReplicationDestinationProperty | undefined, old: ReplicationDestinationProperty | undefined,
  ): Promise<boolean> {
    if (!old) { return true; }
    const present = await this.replications.from(id);
    if (!present || (wanted && present.destination.Status !== 'DELETING' && await this.replications.fits(present, wanted, old))) { return true; }
    await this.replications.delete(present);
    return false;
  }

  private async replicate(
    id: string, wanted: ReplicationDestinationProperty | undefined, old: ReplicationDestinationProperty | undefined,
  ): Promise<boolean> {
    if (!wanted) { return true; }
    const present = await this.replications.from(id);
    if (!present) {
      await this.replications.create(id, wanted);
      return false;
    }
    if (present.destination.Status !== 'DELETING' && !await this.replications.fits(present, wanted)) {
      throw new Error(`'replicationConfiguration': file system ${id} is replicated to ${present.destination.FileSystemId} `
        + `in ${present.destination.Region} already, and a file system has one replication: delete that first`);
    }
    return isReplicationInForce(present, JSON.stringify(old) === JSON.stringify(wanted));
  }
}
