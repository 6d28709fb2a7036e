import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { destinationIn, isReplicationInForce, type Replications } from './replication';
import { SettingLifecycle, type SettingServices } from './setting';
import type { ReplicationConfigurationProperties, ReplicationDestinationProperty } from '../../../src/contract/configuration';
import { isNamed, OutOfReach } from '../../shared/errors';
import { RETRY_POLICIES } from '../../shared/retry';

export interface ReplicationServices extends SettingServices {
  readonly replications: Replications;
}

/** A file system that just became available may refuse its replication for some seconds. A deletion in that state takes minutes, so it is not waited for. */
const WAIT_FOR_FILE_SYSTEM = { policy: RETRY_POLICIES.REPLICATION, retryIf: (error: unknown) => isNamed(error, 'IncorrectFileSystemLifeCycleState') };

/** The replication is deleted with the resource. Its destination stays, as a file system of its own. */
export class ReplicationConfigurationLifecycle extends SettingLifecycle<ReplicationConfigurationProperties> {
  private readonly replications: Replications;

  constructor({ efs, replications }: ReplicationServices) {
    super(efs);
    this.replications = replications;
  }

  /**
   * Deletes a replication that no longer fits. Only an event does that, never a poll: the poll of an earlier request may come late, and
   * must not delete the replication of a later one.
   */
  protected async begin(
    { FileSystemId: id }: FileSystemDescription, properties: ReplicationConfigurationProperties, old: ReplicationConfigurationProperties | undefined,
  ): Promise<void> {
    const present = await this.replications.from(id!);
    if (!present) {
      if (!old) { await this.replications.create(id!, destinationOf(properties), WAIT_FOR_FILE_SYSTEM); }
      return;
    }
    const { Status: status, FileSystemId: destinationId, Region: region } = present.destination;
    if (status !== 'DELETING' && await this.replications.fits(present, destinationOf(properties), old && destinationOf(old))) { return; }
    if (old) { return this.replications.delete(present); }
    throw new OutOfReach(`file system ${id} is replicated to ${destinationId} in ${region} already`
      + `${status === 'DELETING' ? ', which is being deleted: deploy again when it is gone' : ', and a file system has one replication'}`);
  }

  protected async apply(
    { FileSystemId: id }: FileSystemDescription, properties: ReplicationConfigurationProperties, old: ReplicationConfigurationProperties | undefined,
  ): Promise<boolean> {
    const present = await this.replications.from(id!);
    if (!present) {
      if (!old) { throw new Error(`the replication of ${id} disappeared while it was being made`); }
      await this.replications.create(id!, destinationOf(properties));
      return false;
    }
    if (present.destination.Status === 'DELETING') { return false; }
    if (!await this.replications.fits(present, destinationOf(properties))) {
      throw new OutOfReach(`file system ${id} is replicated to ${present.destination.FileSystemId} by now, which is not as wanted`);
    }
    return isReplicationInForce(present, old !== undefined && JSON.stringify(destinationOf(old)) === JSON.stringify(destinationOf(properties)));
  }

  protected async isOurs(fileSystem: FileSystemDescription, properties: ReplicationConfigurationProperties): Promise<boolean> {
    const present = await this.replications.from(fileSystem.FileSystemId!);
    return present !== undefined && this.replications.fits(present, destinationOf(properties));
  }

  protected async remove(fileSystem: FileSystemDescription): Promise<void> {
    const present = await this.replications.from(fileSystem.FileSystemId!);
    if (present) { await this.replications.delete(present); }
  }
}

function destinationOf({ ReplicationConfiguration: configuration }: ReplicationConfigurationProperties): ReplicationDestinationProperty {
  return destinationIn(configuration)!;
}
