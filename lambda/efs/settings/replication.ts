import {
  CreateReplicationConfigurationCommand, DeleteReplicationConfigurationCommand, DescribeFileSystemsCommand,
  paginateDescribeReplicationConfigurations, type Destination, type EFSClient, type ReplicationConfigurationDescription,
} from '@aws-sdk/client-efs';
import { about } from './naming-prop';
import type { ReplicationConfigurationProperty, ReplicationDestinationProperty } from '../../../src/contract/configuration';
import { isNamed } from '../../shared/errors';
import { log } from '../../shared/log';
import { retrying, type RetryOptions } from '../../shared/retry';
import { resourceIdOf, type Efs } from '../efs';

/** One whose source is the file system in question. */
export interface Replication {
  readonly sourceId: string;
  readonly destination: Destination;
}

/** From file systems of the account and Region to others. A file system is in one replication at most. */
export class Replications {
  constructor(private readonly efs: Efs, private readonly efsIn: (region: string) => EFSClient) {}

  public async from(fileSystemId: string): Promise<Replication | undefined> {
    const found = await this.with(fileSystemId);
    return found?.sourceId === fileSystemId ? found : undefined;
  }

  /** Whichever side of it the file system is. */
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
   * Whether it leads where it shall. EFS makes no secret of where a destination
   * is, and which key encrypts it; a key's alias, and no key, are taken for whatever key there is.
   */
  public async fits({ destination }: Replication, wanted: ReplicationDestinationProperty, old?: ReplicationDestinationProperty): Promise<boolean> {
    if (wanted.Region !== undefined && wanted.Region !== destination.Region) { return false; }
    if (wanted.FileSystemId !== undefined) { return resourceIdOf(wanted.FileSystemId) === destination.FileSystemId; }
    // That of another stack, perhaps, which is about to be deleted; wanted is a new one.
    if (old?.FileSystemId !== undefined && resourceIdOf(old.FileSystemId) === destination.FileSystemId) { return false; }

    const there = await this.describe(destination);
    if (!there) { return false; }
    const key = wanted.KmsKeyId;
    return there.AvailabilityZoneName === wanted.AvailabilityZoneName
      && (key === undefined || key.includes('alias/') || resourceIdOf(key) === resourceIdOf(there.KmsKeyId ?? ''));
  }

  /** True: there is one as wanted, made here or, when the answer was lost, by an attempt before. */
  public async create(fileSystemId: string, wanted: ReplicationDestinationProperty, options?: RetryOptions): Promise<void> {
    log({ event: 'creating replication', fileSystemId, destination: wanted });
    try {
      await about('replicationConfiguration', () => this.efs.call('CreateReplicationConfiguration', client => client.send(
        new CreateReplicationConfigurationCommand({ SourceFileSystemId: fileSystemId, Destinations: [{ ...wanted }] })), options));
    } catch (error) {
      if (isNamed(error, 'IncorrectFileSystemLifeCycleState')) { throw error; }
      const present = await this.from(fileSystemId);
      if (!present || !await this.fits(present, wanted)) { throw error; }
    }
  }

  /** The destination stays, as a file system of its own. */
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

  /** Removes what keeps a file system from being deleted, if it is its own replication; names it otherwise. */
  public async makeWay(fileSystemId: string, own: boolean): Promise<void> {
    const found = await this.with(fileSystemId);
    if (!found || found.destination.Status === 'DELETING') { return; }
    if (found.sourceId === fileSystemId && own) { return this.delete(found); }
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

/** The only one. */
export function destinationIn(configuration: ReplicationConfigurationProperty | undefined): ReplicationDestinationProperty | undefined {
  return configuration?.Destinations[0];
}

/** True: it is in force. `before`: it was there before this request, so that its troubles are no reason to fail that. */
export function isInForce({ sourceId, destination }: Replication, before: boolean): boolean {
  const { Status: status, StatusMessage: message, FileSystemId: id } = destination;
  switch (status) {
    case 'ENABLED': return true;
    case 'ENABLING': case 'DELETING': return false;
    default:
      if (!before) {
        throw new Error(`'replicationConfiguration': the replication of ${sourceId} to ${id} is in state ${status}${message ? ` (${message})` : ''}`);
      }
      log({ event: 'replication is not in order', fileSystemId: sourceId, destination: id, status, message });
      return true;
  }
}
