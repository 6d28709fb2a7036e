import { ACCOUNT, AVAILABILITY_ZONES, REGION } from '../environment';
import { ServiceError, type Call } from '../service';
import type { Account } from './account';
import { encryptionKey } from './file-systems';
import { SERVICE, SERVICE_LINKED_ROLE } from './mount-targets';
import { page } from './pages';
import { badRequest, regionOf, type Operations } from './requests';
import { FileSystem, Phase, Replication, Tags } from './state';

/** What CreateReplicationConfiguration is told of a destination. */
interface Wanted {
  readonly Region?: string;
  readonly AvailabilityZoneName?: string;
  readonly KmsKeyId?: string;
  readonly FileSystemId?: string;
  readonly RoleArn?: string;
}

/**
 * Replication, and the protection against it. In other Regions there is
 * nothing but the destinations of replications from here.
 *
 * Who may replicate: the user guide asks for CreateReplicationConfiguration,
 * CreateFileSystem for a new destination, and iam:CreateServiceLinkedRole. It
 * does not say whether an existing destination is checked as well; this does.
 */
export function replicationOperations(account: Account): Operations {
  return {
    CreateReplicationConfiguration(call, { SourceFileSystemId, Destinations: destinations }) {
      const source = account.fileSystem(call, 'CreateReplicationConfiguration', SourceFileSystemId);
      account.requireAvailable(source);
      if (destinations.length !== 1) { throw badRequest(`A replication has exactly one destination, not ${destinations.length}.`); }
      refuseReplicating(account, source);
      if (source.protection === 'DISABLED') {
        throw validation(`File system '${source.id}' has its replication overwrite protection disabled, so it cannot be replicated.`);
      }
      if (!account.serviceLinkedRoleExists) { call.authorize('iam:CreateServiceLinkedRole', SERVICE_LINKED_ROLE, { 'iam:AWSServiceName': SERVICE }); }
      const [wanted] = destinations as Wanted[];
      const destination = wanted.FileSystemId === undefined
        ? createDestination(account, call, source, wanted)
        : existingDestination(account, call, source, wanted);

      const replication = new Replication(account.clock, account.durations, account.nextId('replication').order, source, destination, wanted.RoleArn);
      account.serviceLinkedRoleExists = true;
      account.addReplication(replication);
      return describe(replication);
    },

    DescribeReplicationConfigurations(call, { FileSystemId, MaxResults = account.limits.resultsPerPage, NextToken }) {
      if (FileSystemId === undefined) {
        account.authorize(call, 'DescribeReplicationConfigurations', '*');
        const { items, next } = page(
          'replications', account.replications, Math.min(MaxResults, account.limits.resultsPerPage), NextToken, ({ order }) => order);
        return { Replications: items.map(describe), NextToken: next };
      }
      const { id } = account.fileSystem(call, 'DescribeReplicationConfigurations', FileSystemId);
      return { Replications: [describe(find(account, id, ({ source, destination }) => source.id === id || destination.id === id))] };
    },

    DeleteReplicationConfiguration(call, { SourceFileSystemId, DeletionMode: mode = 'ALL_CONFIGURATIONS' }) {
      const { id } = account.fileSystem(call, 'DeleteReplicationConfiguration', SourceFileSystemId);
      const replication = find(account, id, ({ source }) => source.id === id);
      if (mode === 'LOCAL_CONFIGURATION_ONLY' && replication.destination.region === REGION) {
        throw badRequest('LOCAL_CONFIGURATION_ONLY is not for replication inside of one account and Region.');
      }
      if (replication.phase.state !== 'DELETING') { replication.delete(); }
    },

    UpdateFileSystemProtection(call, { FileSystemId, ReplicationOverwriteProtection: wanted }) {
      const fileSystem = account.fileSystem(call, 'UpdateFileSystemProtection', FileSystemId);
      account.requireAvailable(fileSystem);
      if (wanted !== 'ENABLED' && wanted !== 'DISABLED') { throw badRequest(`The protection can be set to ENABLED or DISABLED, not to ${wanted}.`); }
      if (account.replicationOf(fileSystem)) {
        throw new ServiceError('ReplicationAlreadyExists', 409, `File system '${fileSystem.id}' is part of a replication.`);
      }
      fileSystem.protection = wanted;
      return { ReplicationOverwriteProtection: wanted };
    },
  };
}

function find(account: Account, id: string, fits: (replication: Replication) => boolean): Replication {
  const found = account.replications.find(fits);
  if (!found) { throw new ServiceError('ReplicationNotFound', 404, `File system '${id}' has no replication.`); }
  return found;
}

function refuseReplicating(account: Account, fileSystem: FileSystem): void {
  if (account.replicationOf(fileSystem)) { throw validation(`File system '${fileSystem.id}' is part of a replication already.`); }
}

/** With the rights of the caller, and like any other: encrypted, backed up, without mount targets. */
function createDestination(account: Account, call: Call, source: FileSystem, wanted: Wanted): FileSystem {
  const zone = wanted.AvailabilityZoneName;
  const region = wanted.Region ?? (zone === undefined ? undefined : zone.slice(0, -1));
  if (region === undefined) { throw validation('A destination needs a Region, an Availability Zone, or an existing file system.'); }
  if (zone !== undefined && (!zone.startsWith(region) || (region === REGION && !(zone in AVAILABILITY_ZONES)))) {
    throw new ServiceError('UnsupportedAvailabilityZone', 400, `One Zone file systems are not available in Availability Zone '${zone}'.`);
  }
  account.authorize(call, 'CreateFileSystem', '*', { 'elasticfilesystem:Encrypted': true });
  const key = encryptionKey(account, call, wanted.KmsKeyId, region);

  const { id, order } = account.nextId('fs');
  const destination = new FileSystem(account.clock, account.durations.fileSystemCreating, order, id, `source_file_system_${source.id}`,
    new Tags([]), zone === undefined ? source.performanceMode : 'generalPurpose', 'bursting', true, key, zone, region);
  destination.backup = new Phase<string>(account.clock, 'ENABLED');
  account.add(destination);
  return destination;
}

function existingDestination(account: Account, call: Call, source: FileSystem, wanted: Wanted): FileSystem {
  const destination = account.everywhere.find(({ id, arn, region }) =>
    [id, arn].includes(wanted.FileSystemId!) && (wanted.Region === undefined || wanted.Region === region));
  account.authorize(call, 'CreateReplicationConfiguration', destination ?? wanted.FileSystemId!);
  if (!destination) { throw new ServiceError('FileSystemNotFound', 404, `File system '${wanted.FileSystemId}' does not exist.`); }
  if (destination === source) { throw validation('A file system cannot be replicated to itself.'); }
  refuseReplicating(account, destination);
  if (destination.protection !== 'DISABLED') {
    throw validation(`The replication overwrite protection of file system '${destination.id}' is ${destination.protection}; it must be DISABLED.`);
  }
  if (source.encrypted && !destination.encrypted) {
    throw new ServiceError('ConflictException', 409, 'The source file system is encrypted, but the destination file system is not.');
  }
  account.requireAvailable(destination);
  return destination;
}

function validation(message: string): ServiceError {
  return new ServiceError('ValidationException', 400, message);
}

function describe({ source, destination, createdAt, phase, roleArn }: Replication) {
  return {
    SourceFileSystemId: source.id,
    SourceFileSystemRegion: source.region,
    SourceFileSystemArn: source.arn,
    OriginalSourceFileSystemArn: source.arn,
    CreationTime: createdAt,
    SourceFileSystemOwnerId: ACCOUNT,
    Destinations: [{
      Status: phase.state,
      FileSystemId: destination.id,
      Region: destination.region,
      OwnerId: ACCOUNT,
      RoleArn: roleArn,
      LastReplicatedTimestamp: phase.state === 'ENABLED' ? createdAt : undefined,
    }],
  };
}

/** In other Regions, a file system may be described, changed and deleted, but none is made by a call there. */
export function refuseElsewhere(call: Call, operation: string): void {
  if (regionOf(call) === REGION || !/^(CreateFileSystem|.*MountTarget.*|.*AccessPoint.*)$/.test(operation)) { return; }
  throw new ServiceError('NotImplemented', 501, `the emulated EFS does not know ${operation} in ${regionOf(call)}`);
}
