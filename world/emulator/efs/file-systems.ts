import { ACCOUNT, AVAILABILITY_ZONES, REGION, arn } from '../environment';
import type { Context } from '../iam';
import { AccessDenied, ServiceError, type Call } from '../service';
import type { Account } from './account';
import { page } from './pages';
import { badRequest, regionOf, requestTags, type Operations } from './requests';
import { FileSystem, Phase, Tags } from './state';
import { changeThroughput, checkThroughput } from './throughput';

/** The AWS managed key that encrypts where no other is named. */
const MANAGED_KEY = 'alias/aws/elasticfilesystem';

export function fileSystemOperations(account: Account): Operations {
  const { durations, limits } = account;

  return {
    CreateFileSystem(call, input) {
      const { CreationToken: token, Tags: tags = [], Encrypted: encrypted = false, AvailabilityZoneName: zone } = input;
      const { PerformanceMode: performanceMode = 'generalPurpose' } = input;
      const { ThroughputMode: mode = 'bursting', ProvisionedThroughputInMibps: provisioned } = input;
      const { id, order } = account.nextId('fs');
      account.authorize(call, 'CreateFileSystem', '*', { 'elasticfilesystem:Encrypted': encrypted, ...requestTags(tags) });
      account.authorizeTagging(call, 'CreateFileSystem', arn('elasticfilesystem', `file-system/${id}`), tags);

      if (!/^[\x20-\x7e]+$/.test(token)) { throw badRequest('CreationToken must be of ASCII characters.'); }
      const existing = account.fileSystems.find(({ creationToken }) => creationToken === token);
      if (existing) {
        // With whatever other parameters: the service compares nothing, and never answers with what exists.
        throw new ServiceError('FileSystemAlreadyExists', 409,
          `File system '${existing.id}' already exists with creation token '${token}'`, { FileSystemId: existing.id });
      }

      account.checkTags(tags);
      checkThroughput(account, { mode, provisioned }, performanceMode);
      if (zone !== undefined) { checkZone(account, zone, performanceMode); }
      if (input.KmsKeyId !== undefined && !encrypted) { throw badRequest('KmsKeyId needs Encrypted to be true.'); }
      const kmsKeyId = encrypted ? encryptionKey(account, call, input.KmsKeyId) : undefined;
      if (account.fileSystems.length >= limits.fileSystems) {
        throw new ServiceError('FileSystemLimitExceeded', 403, `The account has the maximum of ${limits.fileSystems} file systems already.`);
      }

      const fileSystem = new FileSystem(
        account.clock, durations.fileSystemCreating, order, id, token, new Tags(tags), performanceMode, mode, encrypted, kmsKeyId, zone);
      fileSystem.provisionedThroughputInMibps = provisioned;
      // One Zone file systems are backed up unless told otherwise.
      if (input.Backup ?? zone !== undefined) { fileSystem.backup = new Phase<string>(account.clock, 'ENABLED'); }
      account.add(fileSystem);
      return describe(account, fileSystem);
    },

    DescribeFileSystems(call, { FileSystemId: id, CreationToken: token, Marker: marker }) {
      if (id !== undefined) {
        const found = account.fileSystem(call, 'DescribeFileSystems', id);
        if (token !== undefined && found.creationToken !== token) {
          throw new ServiceError('FileSystemNotFound', 404, `File system '${id}' with creation token '${token}' does not exist.`);
        }
        return { FileSystems: [describe(account, found)] };
      }
      account.authorize(call, 'DescribeFileSystems', '*');
      const here = account.everywhere.filter(({ region }) => region === regionOf(call));
      const found = here.filter(({ creationToken }) => token === undefined || creationToken === token);
      if (token !== undefined && found.length === 0) {
        throw new ServiceError('FileSystemNotFound', 404, `File system with creation token '${token}' does not exist.`);
      }
      // MaxItems is ignored: the service sets it itself.
      const { items, next } = page('file systems', found, limits.fileSystemsPerPage, marker, ({ order }) => order);
      return { FileSystems: items.map(item => describe(account, item)), Marker: marker, NextMarker: next };
    },

    UpdateFileSystem(call, input) {
      const fileSystem = account.fileSystem(call, 'UpdateFileSystem', input.FileSystemId);
      account.requireAvailable(fileSystem);
      changeThroughput(account, fileSystem, input);
      fileSystem.phase.begin('updating', 'available', durations.fileSystemUpdating);
      return describe(account, fileSystem);
    },

    DeleteFileSystem(call, { FileSystemId }) {
      const fileSystem = account.fileSystem(call, 'DeleteFileSystem', FileSystemId);
      // A mount target counts until it is really gone.
      if (account.mountTargets.some(({ fileSystemId }) => fileSystemId === fileSystem.id)) {
        throw new ServiceError('FileSystemInUse', 409, `File system '${fileSystem.id}' has mount targets.`);
      }
      if (account.replicationOf(fileSystem)) {
        throw new ServiceError('FileSystemInUse', 409, `File system '${fileSystem.id}' is part of a replication.`);
      }
      if (fileSystem.lifeCycleState === 'deleting') { return; }
      fileSystem.phase.begin('deleting', 'deleted', durations.fileSystemDeleting);
    },
  };
}

function checkZone(account: Account, zone: string, performanceMode: string): void {
  if (!(zone in AVAILABILITY_ZONES)) { throw badRequest(`Availability Zone '${zone}' does not exist in Region ${REGION}.`); }
  if (account.unsupportedZones.includes(zone)) {
    throw new ServiceError('UnsupportedAvailabilityZone', 400, `One Zone file systems are not available in Availability Zone '${zone}'.`);
  }
  if (performanceMode === 'maxIO') { throw badRequest("PerformanceMode 'maxIO' is not supported for One Zone file systems."); }
}

/** The ARN of the key. A customer's own key is used in the caller's name, who must be allowed to. */
export function encryptionKey(account: Account, call: Call, keyId: string | undefined, region = REGION): string {
  const managed = account.keys.resolve(MANAGED_KEY, region) ?? arn('kms', 'key/00000000-0000-4000-8000-0000000000ef', { region });
  if (keyId === undefined || keyId === MANAGED_KEY || keyId === arn('kms', MANAGED_KEY, { region })) { return managed; }

  const key = account.keys.resolve(keyId, region);
  if (key === undefined) { throw badRequest(`KMS key '${keyId}' does not exist in ${region}.`); }
  if (key !== managed) {
    const context = { 'kms:ViaService': `elasticfilesystem.${region}.amazonaws.com`, 'kms:CallerAccount': ACCOUNT };
    const use = (action: string, more: Context = {}) => useKey(account, call, { action, key, region, context: { ...context, ...more } });
    use('kms:DescribeKey');
    use('kms:CreateGrant', { 'kms:GrantIsForAWSResource': 'true' });
    use('kms:GenerateDataKeyWithoutPlaintext');
    use('kms:Decrypt');
  }
  return key;
}

interface KeyUse {
  readonly action: string;
  readonly key: string;
  readonly region: string;
  readonly context: Context;
}

function useKey({ keys }: Account, call: Call, { action, key, region, context }: KeyUse): void {
  if (!keys.authorize) { return call.authorize(action, key, context); }
  try {
    keys.authorize(call, action, key, context, region);
  } catch (error) {
    if (error instanceof ServiceError && !(error instanceof AccessDenied)) { throw badRequest(`KMS key '${key}' cannot be used: ${error.message}`); }
    throw error;
  }
}

function describe(account: Account, fileSystem: FileSystem) {
  const { sizeInBytes, availabilityZoneName } = fileSystem;
  return {
    OwnerId: ACCOUNT,
    CreationToken: fileSystem.creationToken,
    FileSystemId: fileSystem.id,
    FileSystemArn: fileSystem.arn,
    CreationTime: fileSystem.createdAt,
    LifeCycleState: fileSystem.lifeCycleState,
    Name: fileSystem.tagSet.get('Name'),
    NumberOfMountTargets: account.mountTargets.filter(({ fileSystemId }) => fileSystemId === fileSystem.id).length,
    SizeInBytes: { Value: sizeInBytes, Timestamp: fileSystem.sizeMeasuredAt, ValueInIA: 0, ValueInStandard: sizeInBytes, ValueInArchive: 0 },
    PerformanceMode: fileSystem.performanceMode,
    Encrypted: fileSystem.encrypted,
    KmsKeyId: fileSystem.kmsKeyId,
    ThroughputMode: fileSystem.throughputMode,
    ProvisionedThroughputInMibps: fileSystem.provisionedThroughputInMibps,
    AvailabilityZoneName: availabilityZoneName,
    AvailabilityZoneId: availabilityZoneName && (AVAILABILITY_ZONES[availabilityZoneName] ?? `id-of-${availabilityZoneName}`),
    Tags: fileSystem.tagSet.list,
    FileSystemProtection: { ReplicationOverwriteProtection: fileSystem.protection },
  };
}
