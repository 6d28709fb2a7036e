import {
  CreateReplicationConfigurationCommand, DeleteReplicationConfigurationCommand, DescribeFileSystemsCommand,
  paginateDescribeReplicationConfigurations, type Destination, type EFSClient, type ReplicationConfigurationDescription,
} from '@aws-sdk/client-efs';
import type { ReplicationConfigurationProperty, ReplicationDestinationProperty } from '../../../src/contract/configuration';
import { isNamed } from '../../shared/errors';
import { log } from '../../shared/log';
import { retrying, type RetryOptions } from '../../shared/retry';
import { resourceIdOf, type Efs } from '../efs';

/** A replication from one file system to another. */
export interface Replication {
  readonly sourceId: string;
  readonly destination: Destination;
}

/** Replications from file systems of this account and Region. A file system takes part in one replication at most. */
export class Replications {
  constructor(private readonly efs: Efs, private readonly efsIn: (region: string) => EFSClient) {}

  /** Returns the replication whose source is the file system. */
  public async from(fileSystemId: string): Promise<Replication | undefined> {
    const found = await this.with(fileSystemId);
    return found?.sourceId === fileSystemId ? found : undefined;
  }

  /** Returns the replication whose source or destination is the file system. */
  public async with(fileSystemId: string): Promise<Replication | undefined> {
    try {
      const [found] = await this.efs.call('DescribeReplicationConfigurations', async client => {
        const all: ReplicationConfigurationDescription[] = [];
        for await (const page of paginateDescribeReplicationConfigurations({ client }, { FileSystemId: fileSystemId })) {
          all.push(...page.Replications ?? []);
        }
        return all;
      });
      return found && { sourceId: found.SourceFileSystemId!, destination: found.Destinations![0] };
    } catch (error) {
      if (isNamed(error, 'ReplicationNotFound', 'FileSystemNotFound')) { return undefined; }
      throw error;
    }
  }

  /**
   * Whether a replication has the wanted destination. EFS describes the destination's zone and key. Its key is not compared if the
   * wanted one is an alias or absent.
   */
  public async fits({ destination }: Replication, wanted: ReplicationDestinationProperty, old?: ReplicationDestinationProperty): Promise<boolean> {
    if (wanted.Region !== undefined && wanted.Region !== destination.Region) { return false; }
    if (wanted.FileSystemId !== undefined) { return resourceIdOf(wanted.FileSystemId) === destination.FileSystemId; }
    // A new destination is wanted. The old one is the user's file system, and may be about to be deleted.
    if (old?.FileSystemId !== undefined && resourceIdOf(old.FileSystemId) === destination.FileSystemId) { return false; }

    const there = await this.describe(destination);
    if (!there) { return false; }
    const key = wanted.KmsKeyId;
    return there.AvailabilityZoneName === wanted.AvailabilityZoneName
      && (key === undefined || key.includes('alias/') || resourceIdOf(key) === resourceIdOf(there.KmsKeyId ?? ''));
  }

  /** Whether a replication has the old destination, and not the wanted one. One with another destination, somebody else has made. */
  public async isOutdated(
    present: Replication, wanted: ReplicationDestinationProperty | undefined, old: ReplicationDestinationProperty,
  ): Promise<boolean> {
    return !(wanted && await this.fits(present, wanted, old)) && this.fits(present, old);
  }

  /** Creates a replication. Succeeds if one as wanted exists, which an attempt whose answer was lost may have created. */
  public async create(fileSystemId: string, wanted: ReplicationDestinationProperty, options?: RetryOptions): Promise<void> {
    log({ event: 'creating replication', fileSystemId, destination: wanted });
    try {
      await this.efs.call('CreateReplicationConfiguration', client => client.send(
        new CreateReplicationConfigurationCommand({ SourceFileSystemId: fileSystemId, Destinations: [{ ...wanted }] })),
      { prop: 'replicationConfiguration', ...options });
    } catch (error) {
      if (isNamed(error, 'IncorrectFileSystemLifeCycleState')) { throw error; }
      const present = await this.from(fileSystemId);
      if (!present || !await this.fits(present, wanted)) { throw error; }
    }
  }

  /** Begins to delete a replication. The destination stays, as a file system of its own. */
  public async delete({ sourceId, destination }: Replication): Promise<void> {
    if (destination.Status === 'DELETING') { return; }
    log({ event: 'deleting replication', fileSystemId: sourceId, destination: destination.FileSystemId });
    try {
      await this.efs.call('DeleteReplicationConfiguration', client => client.send(
        new DeleteReplicationConfigurationCommand({ SourceFileSystemId: sourceId })));
    } catch (error) {
      if (!isNamed(error, 'ReplicationNotFound', 'FileSystemNotFound')) { throw error; }
    }
  }

  /** Deletes the replication that keeps a file system from being deleted, if the properties declare it. Throws if another one keeps it. */
  public async deleteBlocking(fileSystemId: string, isDeclared: boolean): Promise<void> {
    const found = await this.with(fileSystemId);
    if (!found || found.destination.Status === 'DELETING') { return; }
    if (found.sourceId === fileSystemId && isDeclared) { return this.delete(found); }
    throw new Error(found.sourceId === fileSystemId
      ? `file system ${fileSystemId} cannot be deleted as long as it is replicated to ${found.destination.FileSystemId}: delete its replication first`
      : `file system ${fileSystemId} cannot be deleted as long as it is the destination of a replication: delete that of ${found.sourceId} first`);
  }

  private async describe({ Region: region, FileSystemId: id }: Destination) {
    const client = this.efsIn(region!);
    try {
      const { FileSystems } = await retrying(
        () => client.send(new DescribeFileSystemsCommand({ FileSystemId: id })), { what: `DescribeFileSystems in ${region}` });
      return FileSystems?.[0];
    } catch (error) {
      if (isNamed(error, 'FileSystemNotFound')) { return undefined; }
      throw error;
    }
  }
}

/** Returns the destination; a configuration has exactly one. */
export function destinationIn(configuration: ReplicationConfigurationProperty | undefined): ReplicationDestinationProperty | undefined {
  return configuration?.Destinations[0];
}

/** Whether a replication is enabled. One that existed before the request may be in an error state: that is logged, and no reason to fail the request. */
export function isReplicationInForce({ sourceId, destination }: Replication, existedBefore: boolean): boolean {
  const { Status: status, StatusMessage: message, FileSystemId: id } = destination;
  switch (status) {
    case 'ENABLED': return true;
    case 'ENABLING': case 'DELETING': return false;
    default:
      if (!existedBefore) {
        throw new Error(`'replicationConfiguration': the replication of ${sourceId} to ${id} is in state ${status}${message ? ` (${message})` : ''}`);
      }
      log({ event: 'replication is not in order', fileSystemId: sourceId, destination: id, status, message });
      return true;
  }
}
