import {
  DescribeAccountPreferencesCommand, CreateTagsCommand, DeleteFileSystemCommand, DescribeAccessPointsCommand,
  DescribeFileSystemsCommand, type CreateFileSystemCommandInput,
} from '@aws-sdk/client-efs';
import {
  HOUR, KEY, KEY_ARN, SECOND, client, clock, createFileSystem, createMountTarget, describeFileSystem, emulated, fileSystem, refusal,
  refused, restart, server, update,
} from './efs/testing';
import { ACCOUNT, REGION, arn } from '../../../world/emulator/environment';
import { THROTTLE } from '../../../world/emulator/faults';

describe('a file system', () => {
  test('is described as it was created', async () => {
    const created = await createFileSystem({
      Encrypted: true,
      KmsKeyId: 'alias/mine',
      ThroughputMode: 'provisioned',
      ProvisionedThroughputInMibps: 12.5,
      Tags: [{ Key: 'Name', Value: 'data' }, { Key: 'größe', Value: '' }],
    });

    expect(created).toMatchObject({
      OwnerId: ACCOUNT,
      CreationToken: 'token',
      FileSystemId: expect.stringMatching(/^fs-[0-9a-f]{17}$/),
      FileSystemArn: arn('elasticfilesystem', `file-system/${created.FileSystemId}`),
      CreationTime: new Date(clock.now()),
      LifeCycleState: 'creating',
      Name: 'data',
      NumberOfMountTargets: 0,
      SizeInBytes: { Value: 0 },
      PerformanceMode: 'generalPurpose',
      Encrypted: true,
      KmsKeyId: KEY_ARN,
      ThroughputMode: 'provisioned',
      ProvisionedThroughputInMibps: 12.5,
      Tags: [{ Key: 'Name', Value: 'data' }, { Key: 'größe', Value: '' }],
      $metadata: { httpStatusCode: 201 },
    });
    const { $metadata: _, ...described } = created;
    expect(await describeFileSystem(created.FileSystemId!)).toEqual(described);
    expect(await describeFileSystem(created.FileSystemArn!)).toEqual(described);
    expect((await client.send(new DescribeFileSystemsCommand({ CreationToken: 'token' }))).FileSystems).toEqual([described]);
    expect(emulated.fileSystems[0].tags).toEqual({ Name: 'data', größe: '' });
  });

  test('takes seconds to come and to go, and is then not found', async () => {
    const id = (await createFileSystem()).FileSystemId!;
    clock.advance(4_999);
    expect((await describeFileSystem(id)).LifeCycleState).toEqual('creating');
    clock.advance(1);
    expect((await describeFileSystem(id)).LifeCycleState).toEqual('available');

    await client.send(new DeleteFileSystemCommand({ FileSystemId: id }));
    expect((await describeFileSystem(id)).LifeCycleState).toEqual('deleting');
    clock.advance(5 * SECOND);
    expect(await refusal(describeFileSystem(id))).toMatchObject({ name: 'FileSystemNotFound', status: 404, ErrorCode: 'FileSystemNotFound' });
    expect(await refusal(client.send(new DescribeFileSystemsCommand({ CreationToken: 'token' })))).toEqual(refused('FileSystemNotFound', 404));
    expect(emulated.fileSystems).toEqual([]);
  });

  test('takes as long as the options say', async () => {
    await restart({ durations: { fileSystemCreating: 60 * SECOND } });
    const id = (await createFileSystem()).FileSystemId!;
    clock.advance(59 * SECOND);
    expect((await describeFileSystem(id)).LifeCycleState).toEqual('creating');
  });

  test('is never made twice with one token: the error names the first, whatever else is asked for, and while it is deleted', async () => {
    const id = await fileSystem();
    const exists = expect.objectContaining({ name: 'FileSystemAlreadyExists', status: 409, FileSystemId: id });
    expect(await refusal(createFileSystem())).toEqual(exists);
    expect(await refusal(createFileSystem({ Encrypted: true, PerformanceMode: 'maxIO' }))).toEqual(exists);
    await client.send(new DeleteFileSystemCommand({ FileSystemId: id }));
    expect(await refusal(createFileSystem())).toEqual(exists);
    clock.advance(5 * SECOND);
    expect((await createFileSystem()).FileSystemId).not.toEqual(id);
  });

  test('whose creation was lost on the way back is found by its token', async () => {
    server.faults.inject('efs:CreateFileSystem', { kind: 'lost-answer' });
    await expect(createFileSystem()).rejects.toThrow();
    expect(await refusal(createFileSystem())).toMatchObject({ name: 'FileSystemAlreadyExists', FileSystemId: emulated.fileSystems[0].id });
  });

  test.each<[string, Partial<CreateFileSystemCommandInput>]>([
    ['a token that is too long', { CreationToken: 'x'.repeat(65) }],
    ['a token that is not ASCII', { CreationToken: 'tökén' }],
    ['provisioned throughput without a rate', { ThroughputMode: 'provisioned' }],
    ['a rate without provisioned throughput', { ProvisionedThroughputInMibps: 10 }],
    ['a rate with elastic throughput', { ThroughputMode: 'elastic', ProvisionedThroughputInMibps: 10 }],
    ['a rate below 1 MiB/s', { ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 0.5 }],
    ['maxIO with elastic throughput', { ThroughputMode: 'elastic', PerformanceMode: 'maxIO' }],
    ['maxIO in one zone', { AvailabilityZoneName: `${REGION}a`, PerformanceMode: 'maxIO' }],
    ['a zone that does not exist', { AvailabilityZoneName: `${REGION}z` }],
    ['a key without encryption', { KmsKeyId: KEY }],
    ['a key with encryption off', { KmsKeyId: KEY, Encrypted: false }],
    ['an unknown key', { KmsKeyId: 'alias/other', Encrypted: true }],
    ['51 tags', { Tags: Array.from({ length: 51 }, (_, i) => ({ Key: `key${i}`, Value: '' })) }],
    ['one tag key twice', { Tags: [{ Key: 'a', Value: '1' }, { Key: 'a', Value: '2' }] }],
    ['a tag key of AWS', { Tags: [{ Key: 'Aws:x', Value: '' }] }],
    ['a tag with a character that is not allowed', { Tags: [{ Key: 'a', Value: 'b,c' }] }],
  ])('is not made with %s', async (_what, input) => {
    expect(await refusal(createFileSystem(input))).toMatchObject({ name: 'BadRequest', status: 400, ErrorCode: 'BadRequest' });
    expect(emulated.fileSystems).toEqual([]);
  });

  test('is limited in number and throughput', async () => {
    await restart({ limits: { fileSystems: 1 } });
    expect(await refusal(createFileSystem({ ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 3415 }))).toEqual(refused('ThroughputLimitExceeded', 400));
    await createFileSystem();
    expect(await refusal(createFileSystem({ CreationToken: 'other' }))).toEqual(refused('FileSystemLimitExceeded', 403));
  });

  test.each([KEY, KEY_ARN, 'alias/mine', arn('kms', 'alias/mine')])('encrypted with %s shows the ARN of the key', async KmsKeyId => {
    expect(await createFileSystem({ Encrypted: true, KmsKeyId })).toMatchObject({ Encrypted: true, KmsKeyId: KEY_ARN });
  });

  test('is encrypted with the key of AWS if none is named', async () => {
    expect((await createFileSystem({ Encrypted: true })).KmsKeyId).toMatch(/^arn:aws:kms:eu-west-1:111122223333:key\//);
    const plain = await createFileSystem({ CreationToken: 'plain' });
    expect([plain.Encrypted, plain.KmsKeyId]).toEqual([false, undefined]);
  });

  test('tells its size, and can break for good', async () => {
    const id = await fileSystem();
    emulated.setSizeInBytes(id, 6144);
    expect((await describeFileSystem(id)).SizeInBytes).toMatchObject({ Value: 6144, ValueInStandard: 6144, Timestamp: new Date(clock.now()) });
    emulated.fail(id);
    expect((await describeFileSystem(id)).LifeCycleState).toEqual('error');
    expect(await refusal(createMountTarget(id, '1a'))).toEqual(refused('IncorrectFileSystemLifeCycleState', 409));
    await client.send(new DeleteFileSystemCommand({ FileSystemId: id }));
    clock.advance(5 * SECOND);
    expect(await refusal(describeFileSystem(id))).toEqual(refused('FileSystemNotFound', 404));
  });

  test('of a hundred others is told on pages of 100, each once, even if some go meanwhile', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 201; i++) { ids.push((await createFileSystem({ CreationToken: `token ${i}` })).FileSystemId!); }
    const list = async (Marker?: string) => client.send(new DescribeFileSystemsCommand({ Marker, MaxItems: 5 }));

    const first = await list();
    await client.send(new DeleteFileSystemCommand({ FileSystemId: ids[99] }));
    clock.advance(5 * SECOND);
    const second = await list(first.NextMarker);
    const third = await list(second.NextMarker);

    expect(first.FileSystems).toHaveLength(100);
    expect([first, second, third].flatMap(({ FileSystems }) => FileSystems!.map(({ FileSystemId }) => FileSystemId))).toEqual(ids);
    expect(third.NextMarker).toBeUndefined();
    expect(await refusal(list('nonsense'))).toEqual(refused('BadRequest', 400));
    expect(await refusal(client.send(new DescribeAccessPointsCommand({ NextToken: first.NextMarker })))).toEqual(refused('BadRequest', 400));
  });
});

describe('throughput', () => {
  test('changes by an update that takes seconds, during which nothing else can be changed', async () => {
    const id = await fileSystem();
    expect(await update(id, 'elastic')).toMatchObject({ ThroughputMode: 'elastic', LifeCycleState: 'updating', $metadata: { httpStatusCode: 202 } });
    expect(await refusal(update(id, 'elastic'))).toEqual(refused('IncorrectFileSystemLifeCycleState', 409));
    expect(await refusal(createMountTarget(id, '1a'))).toEqual(refused('IncorrectFileSystemLifeCycleState', 409));
    clock.advance(10 * SECOND);
    expect(await describeFileSystem(id)).toMatchObject({ ThroughputMode: 'elastic', LifeCycleState: 'available' });
  });

  test('can be raised at any time, but lowered only once in 24 hours', async () => {
    const id = await fileSystem({ ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 100 });
    const to = async (rate: number) => { clock.advance(10 * SECOND); return update(id, undefined, rate); };
    await to(50);
    const loweredAt = clock.now();
    await to(200);
    await to(300);
    const time = new Date(loweredAt + 24 * HOUR).toISOString().replace('.000Z', 'Z');
    expect(await refusal(to(299))).toMatchObject({
      name: 'TooManyRequests',
      status: 429,
      message: 'You have reached the maximum number of throughput mode changes or provisioned throughput value decreases. '
        + `Wait until ${time} UTC and try again.`,
    });
    expect((await describeFileSystem(id)).ProvisionedThroughputInMibps).toEqual(300);
    clock.advance(loweredAt + 24 * HOUR - clock.now() - 10 * SECOND - 1);
    expect(await refusal(to(299))).toEqual(refused('TooManyRequests', 429));
    clock.advance(1);
    expect((await update(id, undefined, 299)).ProvisionedThroughputInMibps).toEqual(299);
  });

  test('changes its mode only once in 24 hours, and no decrease is left then', async () => {
    const id = await fileSystem();
    await update(id, 'provisioned', 100);
    clock.advance(23 * HOUR);
    expect(await refusal(update(id, 'bursting'))).toEqual(refused('TooManyRequests', 429));
    expect(await refusal(update(id, undefined, 99))).toEqual(refused('TooManyRequests', 429));
    clock.advance(HOUR);
    const { ThroughputMode, ProvisionedThroughputInMibps } = await update(id, 'bursting');
    expect([ThroughputMode, ProvisionedThroughputInMibps]).toEqual(['bursting', undefined]);
  });

  test('must make sense together', async () => {
    const id = await fileSystem();
    const maxIO = await fileSystem({ CreationToken: 'max', PerformanceMode: 'maxIO' });
    expect(await refusal(update(id, 'provisioned'))).toEqual(refused('BadRequest', 400));
    expect(await refusal(update(id, undefined, 10))).toEqual(refused('BadRequest', 400));
    expect(await refusal(update(id, 'elastic', 10))).toEqual(refused('BadRequest', 400));
    expect(await refusal(update(id))).toEqual(refused('BadRequest', 400));
    expect(await refusal(update(maxIO, 'elastic'))).toEqual(refused('BadRequest', 400));
    expect(await refusal(update(id, 'provisioned', 3415))).toEqual(refused('ThroughputLimitExceeded', 400));
    expect(await refusal(update('fs-01234567', 'elastic'))).toEqual(refused('FileSystemNotFound', 404));
  });
});

describe('the service', () => {
  test('limits the rate of all calls together, if told so, with an error of its own kind', async () => {
    await restart({ callsPerSecond: 2 });
    const call = () => client.send(new DescribeFileSystemsCommand({}));
    await call();
    await call();
    const error = await refusal(call());
    expect(error).toMatchObject({ name: 'ThrottlingException', status: 400, message: 'Rate exceeded' });
    expect(error.ErrorCode).toBeUndefined();
    clock.advance(500);
    await call();
    expect(await refusal(call())).toEqual(refused('ThrottlingException', 400));
  });

  test('throttles in the same way by an injected fault', async () => {
    server.faults.inject('efs:DescribeFileSystems', THROTTLE);
    expect(await refusal(client.send(new DescribeFileSystemsCommand({})))).toEqual(refused('ThrottlingException', 400));
  });

  test('says clearly what it does not know', async () => {
    const id = await fileSystem();
    expect(await refusal(client.send(new DescribeAccountPreferencesCommand({}))))
      .toMatchObject({ name: 'NotImplemented', status: 501, message: 'the emulated EFS does not know DescribeAccountPreferences' });
    expect(await refusal(client.send(new CreateTagsCommand({ FileSystemId: id, Tags: [] })))).toEqual(refused('NotImplemented', 501));
  });
});
