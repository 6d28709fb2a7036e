import type { FileSystemDescription } from '@aws-sdk/client-efs';
import type { Schedules } from './schedules';
import { reconcileThroughput, throughputOf } from './throughput';
import type { ReplicationDestinationProperty } from '../../../src/contract/configuration';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { isNamed, OutOfReach } from '../../shared/errors';
import { tagChanges } from '../../shared/ownership';
import type { ReadyContext } from '../../shared/resource-lifecycle';
import { withoutClaimed } from '../claims/declared-settings';
import type { Efs } from '../efs';
import { reconcileBackup } from '../settings/backup-policy';
import { reconcilePolicy } from '../settings/file-system-policy';
import { hasArchiveTransition, reconcileLifecycle } from '../settings/lifecycle-configuration';
import { reconcileProtection } from '../settings/protection';
import { destinationIn, isReplicationInForce, type Replications } from '../settings/replication';

export interface ConfigurationServices {
  readonly efs: Efs;
  readonly schedules: Schedules;
  readonly replications: Replications;
}

export interface ConfigurationChange {
  readonly fileSystem: FileSystemDescription;
  readonly wanted: FileSystemProperties;
  /** The properties before an update, if they are of the same file system. */
  readonly old: FileSystemProperties | undefined;
  readonly context: ReadyContext<FileSystemProperties>;
}

/** All that can be changed on a file system: throughput, tags, policy, transitions, backups, protection, replication. */
export class Configuration {
  constructor(private readonly services: ConfigurationServices) {}

  /** Brings the configuration into force. Returns undefined if it is not in force yet; else the change of throughput that is deferred, if any. */
  public async reconcile(given: ConfigurationChange): Promise<{ pending: string } | undefined> {
    const change = { ...given, old: given.old && withoutClaimed(given.fileSystem, given.wanted, given.old) };
    const { fileSystem, wanted, old, context } = change;
    try {
      await this.endArchiving(change);
      const throughput = await reconcileThroughput(this.services, fileSystem, throughputOf(wanted, old), {
        context, deferral: wanted.Deferral, oldDeferral: context.old?.Deferral,
      });
      if (throughput.waiting) { return undefined; }
      await this.reconcileTags(change);
      return await this.reconcileSettings(change) ? { pending: throughput.pending ?? '' } : undefined;
    } catch (error) {
      // Another change of the file system is under way.
      if (isNamed(error, 'IncorrectFileSystemLifeCycleState')) { return undefined; }
      throw error;
    }
  }

  /** Removes transitions to Archive before the throughput changes, because only elastic file systems may have them. */
  private async endArchiving({ fileSystem, wanted, old }: ConfigurationChange): Promise<void> {
    if (!hasArchiveTransition(old?.LifecyclePolicies) || hasArchiveTransition(wanted.LifecyclePolicies)) { return; }
    await reconcileLifecycle(this.services.efs, fileSystem.FileSystemId!, wanted.LifecyclePolicies, old?.LifecyclePolicies);
  }

  private async reconcileTags({ fileSystem: { FileSystemId: id, Tags: tags }, wanted, old }: ConfigurationChange): Promise<void> {
    const changes = tagChanges(tags, wanted.FileSystemTags ?? [], old?.FileSystemTags);
    // Removes first, because a file system has at most 50 tags at any moment.
    await this.services.efs.untag(id!, changes.remove);
    await this.services.efs.tag(id!, changes.set);
  }

  /** Returns false if a setting is not in force yet. */
  private async reconcileSettings({ fileSystem, wanted, old, context }: ConfigurationChange): Promise<boolean> {
    const { efs } = this.services;
    const id = fileSystem.FileSystemId!;
    await reconcilePolicy({ efs, fileSystem, prop: 'fileSystemPolicy' }, wanted.FileSystemPolicy, old?.FileSystemPolicy);
    await reconcileLifecycle(efs, id, wanted.LifecyclePolicies, old?.LifecyclePolicies);
    const isBackedUp = await reconcileBackup(efs, fileSystem, wanted.BackupPolicy, old?.BackupPolicy);

    // EFS refuses to replicate an unprotected file system, and to unprotect a replicated one. So replication stops before, and starts after.
    const [to, before] = [destinationIn(wanted.ReplicationConfiguration), destinationIn(old?.ReplicationConfiguration)];
    if (!await this.stopReplication(id, to, before)) { return false; }
    await reconcileProtection(fileSystem, wanted.FileSystemProtection, old?.FileSystemProtection, { efs, context });
    return await this.replicate(id, to, before) && isBackedUp;
  }

  /** Deletes the old replication unless it has the wanted destination, or somebody else made it. Returns false if that is under way. */
  private async stopReplication(
    id: string, wanted: ReplicationDestinationProperty | undefined, old: ReplicationDestinationProperty | undefined,
  ): Promise<boolean> {
    if (!old) { return true; }
    const { replications } = this.services;
    const present = await replications.from(id);
    if (!present || !await replications.isOutdated(present, present.destination.Status === 'DELETING' ? undefined : wanted, old)) { return true; }
    await replications.delete(present);
    return false;
  }

  private async replicate(
    id: string, wanted: ReplicationDestinationProperty | undefined, old: ReplicationDestinationProperty | undefined,
  ): Promise<boolean> {
    if (!wanted) { return true; }
    const { replications } = this.services;
    const present = await replications.from(id);
    if (!present) {
      await replications.create(id, wanted);
      return false;
    }
    if (present.destination.Status !== 'DELETING' && !await replications.fits(present, wanted)) {
      throw new OutOfReach(`'replicationConfiguration': file system ${id} is replicated to ${present.destination.FileSystemId} `
        + `in ${present.destination.Region} already, and a file system has one replication: delete that first`);
    }
    return isReplicationInForce(present, JSON.stringify(old) === JSON.stringify(wanted));
  }
}
