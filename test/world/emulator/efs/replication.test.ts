import {
  CreateReplicationConfigurationCommand, DeleteFileSystemCommand, DeleteReplicationConfigurationCommand, DescribeFileSystemsCommand,
  DescribeReplicationConfigurationsCommand, EFSClient, UpdateFileSystemProtectionCommand, type DestinationToCreate,
} from '@aws-sdk/client-efs';
import { SECOND, as, client, clock, describeFileSystem, emulated, fileSystem, refusal, refused, server } from './testing';
import { REGION, arn } from '../../../../world/emulator/environment';
import { EmulatorServer } from '../../../../world/emulator/server';

const replicate = (SourceFileSystemId: string, destination: DestinationToCreate, by = client) =>
  by.send(new CreateReplicationConfigurationCommand({ SourceFileSystemId, Destinations: [destination] }));
const remove = (SourceFileSystemId: string, DeletionMode?: 'ALL_CONFIGURATIONS' | 'LOCAL_CONFIGURATION_ONLY') =>
  client.send(new DeleteReplicationConfigurationCommand({ SourceFileSystemId, DeletionMode }));
const replicationsOf = async (FileSystemId?: string) =>
  (await client.send(new DescribeReplicationConfigurationsCommand({ FileSystemId }))).Replications!;
const protect = (FileSystemId: string, ReplicationOverwriteProtection: 'ENABLED' | 'DISABLED' | 'REPLICATING') =>
  client.send(new UpdateFileSystemProtectionCommand({ FileSystemId, ReplicationOverwriteProtection }));
const protectionOf = async (id: string) => (await describeFileSystem(id)).FileSystemProtection!.ReplicationOverwriteProtection;
const statusOf = async (id: string) => (await replicationsOf(id))[0].Destinations![0].Status;

describe('replication to a new file system', () => {
  test('of another Region makes one there, which is described there only', async () => {
    const source = await fileSystem({ Encrypted: true });
    const { Destinations } = await replicate(source, { Region: 'eu-central-1', AvailabilityZoneName: 'eu-central-1a' });
    const [{ FileSystemId: id, Status, Region }] = Destinations!;
    expect({ Status, Region }).toEqual({ Status: 'ENABLING', Region: 'eu-central-1' });

    const there = new EFSClient({ endpoint: server.url, region: 'eu-central-1', credentials: EmulatorServer.ADMIN, maxAttempts: 1 });
    const { FileSystems } = await there.send(new DescribeFileSystemsCommand({ FileSystemId: id }));
    expect(FileSystems).toMatchObject([{
      FileSystemArn: arn('elasticfilesystem', `file-system/${id}`, { region: 'eu-central-1' }),
      AvailabilityZoneName: 'eu-central-1a',
      Encrypted: true,
      FileSystemProtection: { ReplicationOverwriteProtection: 'REPLICATING' },
    }]);
    expect((await there.send(new DescribeFileSystemsCommand({}))).FileSystems).toHaveLength(1);
    there.destroy();

    expect(await refusal(describeFileSystem(id!))).toEqual(refused('FileSystemNotFound', 404));
    expect((await client.send(new DescribeFileSystemsCommand({}))).FileSystems!.map(({ FileSystemId }) => FileSystemId)).toEqual([source]);
  });

  test('takes a while to begin and to end, and leaves the destination as a file system of its own', async () => {
    const source = await fileSystem();
    const { Destinations } = await replicate(source, { Region: REGION });
    const id = Destinations![0].FileSystemId!;
    clock.advance(30 * SECOND);
    expect([await statusOf(source), await statusOf(id), await protectionOf(id)]).toEqual(['ENABLED', 'ENABLED', 'REPLICATING']);
    expect(await replicationsOf()).toHaveLength(1);

    await remove(source);
    await remove(source);
    expect(await statusOf(source)).toBe('DELETING');
    clock.advance(60 * SECOND);
    expect(await refusal(replicationsOf(source))).toEqual(refused('ReplicationNotFound', 404));
    expect(await refusal(remove(source))).toEqual(refused('ReplicationNotFound', 404));
    expect(await replicationsOf()).toEqual([]);
    expect(await protectionOf(id)).toBe('ENABLED');
  });

  test('needs a place that exists', async () => {
    const source = await fileSystem();
    expect(await refusal(replicate(source, {}))).toEqual(refused('ValidationException', 400));
    expect(await refusal(replicate(source, { AvailabilityZoneName: `${REGION}z` }))).toEqual(refused('UnsupportedAvailabilityZone', 400));
    expect(await refusal(replicate(source, { Region: REGION, AvailabilityZoneName: 'eu-central-1a' }))).toEqual(refused('UnsupportedAvailabilityZone', 400));
    expect(await refusal(replicate('fs-01234567', { Region: REGION }))).toEqual(refused('FileSystemNotFound', 404));
    expect(emulated.fileSystems).toHaveLength(1);
  });

  test('is refused for a file system that is in a replication already', async () => {
    const source = await fileSystem();
    const { Destinations } = await replicate(source, { Region: REGION });
    clock.advance(5 * SECOND);
    expect(await refusal(replicate(source, { Region: 'eu-central-1' }))).toEqual(refused('ValidationException', 400));
    expect(await refusal(replicate(Destinations![0].FileSystemId!, { Region: 'eu-central-1' }))).toEqual(refused('ValidationException', 400));
  });

  test('may be deleted on one side only where there are two', async () => {
    const [here, there] = [await fileSystem({ CreationToken: 'a' }), await fileSystem({ CreationToken: 'b' })];
    await replicate(here, { Region: REGION });
    await replicate(there, { Region: 'eu-central-1' });
    expect(await refusal(remove(here, 'LOCAL_CONFIGURATION_ONLY'))).toEqual(refused('BadRequest', 400));
    await remove(there, 'LOCAL_CONFIGURATION_ONLY');
  });
});

describe('replication to an existing file system', () => {
  test('needs its protection to be off, and encryption if the source has it', async () => {
    const source = await fileSystem({ CreationToken: 'a', Encrypted: true });
    const [plain, destination] = [await fileSystem({ CreationToken: 'b' }), await fileSystem({ CreationToken: 'c', Encrypted: true })];
    expect(await refusal(replicate(source, { FileSystemId: destination, Region: REGION }))).toEqual(refused('ValidationException', 400));
    expect(await refusal(replicate(source, { FileSystemId: destination, Region: 'eu-central-1' }))).toEqual(refused('FileSystemNotFound', 404));
    await protect(plain, 'DISABLED');
    await protect(destination, 'DISABLED');
    expect(await refusal(replicate(source, { FileSystemId: plain }))).toEqual(refused('ConflictException', 409));
    expect(await refusal(replicate(plain, { Region: REGION }))).toEqual(refused('ValidationException', 400));

    await replicate(source, { FileSystemId: destination, Region: REGION });
    expect([await protectionOf(destination), await statusOf(destination)]).toEqual(['REPLICATING', 'ENABLING']);
  });
});

describe('protection', () => {
  test('is on at first, and cannot be changed in a replication', async () => {
    const id = await fileSystem();
    expect(await protectionOf(id)).toBe('ENABLED');
    await protect(id, 'DISABLED');
    expect(await protectionOf(id)).toBe('DISABLED');
    expect(await refusal(protect(id, 'REPLICATING'))).toEqual(refused('BadRequest', 400));
    await protect(id, 'ENABLED');
    await replicate(id, { Region: REGION });
    expect(await refusal(protect(id, 'DISABLED'))).toEqual(refused('ReplicationAlreadyExists', 409));
  });
});

test('neither side of a replication can be deleted', async () => {
  const source = await fileSystem();
  const { Destinations } = await replicate(source, { Region: REGION });
  clock.advance(30 * SECOND);
  for (const FileSystemId of [source, Destinations![0].FileSystemId]) {
    expect(await refusal(client.send(new DeleteFileSystemCommand({ FileSystemId })))).toEqual(refused('FileSystemInUse', 409));
  }
  await remove(source);
  expect(await refusal(client.send(new DeleteFileSystemCommand({ FileSystemId: source })))).toEqual(refused('FileSystemInUse', 409));
  clock.advance(60 * SECOND);
  await client.send(new DeleteFileSystemCommand({ FileSystemId: source }));
});

test.each([
  ['elasticfilesystem:CreateReplicationConfiguration'], ['elasticfilesystem:CreateFileSystem'], ['iam:CreateServiceLinkedRole'],
])('without the right to %s nothing is replicated', async action => {
  const source = await fileSystem();
  const all = ['elasticfilesystem:CreateReplicationConfiguration', 'elasticfilesystem:CreateFileSystem', 'iam:CreateServiceLinkedRole'];
  const allow = (...Action: string[]) => ({ Effect: 'Allow' as const, Action, Resource: '*' });
  expect(await refusal(replicate(source, { Region: 'eu-central-1' }, as(allow(...all.filter(one => one !== action))))))
    .toMatchObject({ name: 'AccessDeniedException', message: expect.stringContaining(action) });
  expect(emulated.replicas).toEqual([]);
  await replicate(source, { Region: 'eu-central-1' }, as(allow(...all)));
  expect(emulated.replicas).toHaveLength(1);
});
