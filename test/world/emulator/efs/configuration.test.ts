import {
  CreateAccessPointCommand, DeleteAccessPointCommand, DeleteFileSystemCommand, DeleteFileSystemPolicyCommand, DescribeAccessPointsCommand,
  DescribeBackupPolicyCommand, DescribeFileSystemPolicyCommand, DescribeLifecycleConfigurationCommand, ListTagsForResourceCommand,
  PutBackupPolicyCommand, PutFileSystemPolicyCommand, PutLifecycleConfigurationCommand, TagResourceCommand, UntagResourceCommand,
  type LifecyclePolicy, type Tag,
} from '@aws-sdk/client-efs';
import { SECOND, client, clock, createFileSystem, describeFileSystem, emulated, fileSystem, refusal, refused, restart } from './testing';
import { REGION, arn } from '../../../../world/emulator/environment';

describe('tags', () => {
  const tag = (ResourceId: string, ...Tags: Tag[]) => client.send(new TagResourceCommand({ ResourceId, Tags }));
  const untag = (ResourceId: string, ...TagKeys: string[]) => client.send(new UntagResourceCommand({ ResourceId, TagKeys }));
  const tagsOf = async (ResourceId: string) => (await client.send(new ListTagsForResourceCommand({ ResourceId }))).Tags;

  test('are put, overwritten and removed one by one, by id or ARN', async () => {
    const id = await fileSystem({ Tags: [{ Key: 'a', Value: '1' }, { Key: 'b', Value: '1' }] });
    await tag(id, { Key: 'b', Value: '2' }, { Key: 'c:d/e', Value: 'x y' });
    await untag(arn('elasticfilesystem', `file-system/${id}`), 'a', 'never there');
    expect(await tagsOf(id)).toEqual([{ Key: 'b', Value: '2' }, { Key: 'c:d/e', Value: 'x y' }]);
    await tag(id, { Key: 'Name', Value: 'new' });
    expect(await describeFileSystem(id)).toMatchObject({ Name: 'new', Tags: expect.arrayContaining([{ Key: 'Name', Value: 'new' }]) });
  });

  test('are at most 50, overwritten ones not counted', async () => {
    const id = await fileSystem({ Tags: Array.from({ length: 50 }, (_, i) => ({ Key: `key${i}`, Value: '' })) });
    await tag(id, { Key: 'key7', Value: 'new' });
    expect(await refusal(tag(id, { Key: 'key50', Value: '' }))).toEqual(refused('BadRequest', 400));
    await untag(id, 'key0');
    await tag(id, { Key: 'key50', Value: '' });
    expect(Object.keys(emulated.fileSystems[0].tags)).toHaveLength(50);
  });

  test('of AWS, or with strange characters, are refused', async () => {
    const id = await fileSystem();
    expect(await refusal(tag(id, { Key: 'aws:cloudformation:stack-id', Value: '' }))).toEqual(refused('BadRequest', 400));
    expect(await refusal(tag(id, { Key: 'a', Value: '*' }))).toEqual(refused('BadRequest', 400));
    expect(await refusal(untag(id, 'AWS:x'))).toEqual(refused('BadRequest', 400));
    expect(await refusal(untag(id, ...Array.from({ length: 51 }, (_, i) => `key${i}`)))).toEqual(refused('BadRequest', 400));
  });

  test('are listed on pages of the size asked for', async () => {
    const id = await fileSystem({ Tags: ['a', 'b', 'c'].map(Key => ({ Key, Value: '' })) });
    const first = await client.send(new ListTagsForResourceCommand({ ResourceId: id, MaxResults: 2 }));
    const second = await client.send(new ListTagsForResourceCommand({ ResourceId: id, MaxResults: 2, NextToken: first.NextToken }));
    expect([first, second].map(({ Tags }) => Tags!.map(({ Key }) => Key))).toEqual([['a', 'b'], ['c']]);
    expect(second.NextToken).toBeUndefined();
    expect(await refusal(client.send(new ListTagsForResourceCommand({ ResourceId: id, NextToken: 'x' })))).toEqual(refused('BadRequest', 400));
  });

  test('of what does not exist are not found', async () => {
    expect(await refusal(tagsOf('fs-01234567'))).toEqual(refused('FileSystemNotFound', 404));
    expect(await refusal(tagsOf('fsap-01234567'))).toEqual(refused('AccessPointNotFound', 404));
    expect(await refusal(tagsOf('fsmt-01234567'))).toEqual(refused('BadRequest', 400));
  });
});

describe('an access point', () => {
  const create = (FileSystemId: string, ClientToken = 'token') => client.send(new CreateAccessPointCommand({
    ClientToken, FileSystemId, Tags: [{ Key: 'Name', Value: 'home' }], PosixUser: { Uid: 1000, Gid: 1000 }, RootDirectory: { Path: '/home' },
  }));
  const list = (by: { FileSystemId?: string; AccessPointId?: string; MaxResults?: number; NextToken?: string }) =>
    client.send(new DescribeAccessPointsCommand(by));

  test('comes and goes, once per token, and with its file system', async () => {
    const id = await fileSystem();
    const { AccessPointId } = await create(id);
    expect(await refusal(create(id))).toMatchObject({ name: 'AccessPointAlreadyExists', status: 409, AccessPointId });
    clock.advance(2 * SECOND);
    expect((await list({ FileSystemId: id })).AccessPoints).toMatchObject([{
      AccessPointId, Name: 'home', FileSystemId: id, PosixUser: { Uid: 1000, Gid: 1000 }, RootDirectory: { Path: '/home' }, LifeCycleState: 'available',
    }]);

    await client.send(new DeleteAccessPointCommand({ AccessPointId }));
    clock.advance(2 * SECOND);
    expect(await refusal(list({ AccessPointId }))).toEqual(refused('AccessPointNotFound', 404));
    await create(id);
    await client.send(new DeleteFileSystemCommand({ FileSystemId: id }));
    clock.advance(5 * SECOND);
    expect(emulated.accessPoints).toEqual([]);
  });

  test('needs a file system that is available, and is limited in number', async () => {
    await restart({ limits: { accessPointsPerFileSystem: 1 } });
    const { FileSystemId } = await createFileSystem();
    expect(await refusal(create(FileSystemId!))).toEqual(refused('IncorrectFileSystemLifeCycleState', 409));
    clock.advance(5 * SECOND);
    await create(FileSystemId!);
    expect(await refusal(create(FileSystemId!, 'other'))).toEqual(refused('AccessPointLimitExceeded', 403));
    expect(await refusal(create('fs-01234567', 'other'))).toEqual(refused('FileSystemNotFound', 404));
  });

  test('is listed on pages', async () => {
    const id = await fileSystem();
    for (const token of ['a', 'b', 'c']) { await create(id, token); }
    const first = await list({ FileSystemId: id, MaxResults: 2 });
    const second = await list({ FileSystemId: id, NextToken: first.NextToken });
    expect([first, second].map(({ AccessPoints }) => AccessPoints!.map(({ ClientToken }) => ClientToken))).toEqual([['a', 'b'], ['c']]);
  });
});

describe('the configuration of a file system', () => {
  test('has a policy once one is put, until it is deleted', async () => {
    await restart({ policySpelling: 'as put' });
    const id = await fileSystem();
    const describePolicy = () => client.send(new DescribeFileSystemPolicyCommand({ FileSystemId: id }));
    const put = (policy: unknown) => client.send(new PutFileSystemPolicyCommand({
      FileSystemId: id, Policy: typeof policy === 'string' ? policy : JSON.stringify(policy),
    }));
    const statement = { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' };

    expect(await refusal(describePolicy())).toEqual(refused('PolicyNotFound', 404));
    for (const policy of ['{', {}, { Statement: [{ ...statement, Action: 's3:GetObject' }] }, { Statement: { ...statement, Principal: undefined } },
      { Statement: { ...statement, Resource: arn('elasticfilesystem', 'file-system/fs-01234567') } }]) {
      expect(await refusal(put(policy))).toEqual(refused('InvalidPolicyException', 400));
    }
    expect(await refusal(put('x'.repeat(20_001)))).toEqual(refused('BadRequest', 400));
    await put({ Statement: statement });
    expect(JSON.parse((await describePolicy()).Policy!)).toEqual({ Statement: statement });
    await client.send(new DeleteFileSystemPolicyCommand({ FileSystemId: id }));
    expect(await refusal(describePolicy())).toEqual(refused('PolicyNotFound', 404));
  });

  test('has backups switched on and off, which takes seconds', async () => {
    const id = await fileSystem();
    const status = async (FileSystemId = id) => (await client.send(new DescribeBackupPolicyCommand({ FileSystemId }))).BackupPolicy!.Status;
    const put = async (Status: 'ENABLED' | 'DISABLED' | 'ENABLING') =>
      (await client.send(new PutBackupPolicyCommand({ FileSystemId: id, BackupPolicy: { Status } }))).BackupPolicy!.Status;
    expect(await refusal(status())).toEqual(refused('PolicyNotFound', 404));
    expect(await put('ENABLED')).toEqual('ENABLING');
    clock.advance(5 * SECOND);
    expect(await status()).toEqual('ENABLED');
    expect(await put('ENABLED')).toEqual('ENABLED');
    expect(await put('DISABLED')).toEqual('DISABLING');
    clock.advance(5 * SECOND);
    expect(await status()).toEqual('DISABLED');
    expect(await refusal(put('ENABLING'))).toEqual(refused('BadRequest', 400));
    expect(await status(await fileSystem({ CreationToken: 'one zone', AvailabilityZoneName: `${REGION}a` }))).toEqual('ENABLED');
    expect(await status(await fileSystem({ CreationToken: 'backup', Backup: true }))).toEqual('ENABLED');
  });

  test('has life cycle policies, each transition once and in order', async () => {
    const id = await fileSystem({ ThroughputMode: 'elastic' });
    const put = (FileSystemId: string, ...LifecyclePolicies: LifecyclePolicy[]) =>
      client.send(new PutLifecycleConfigurationCommand({ FileSystemId, LifecyclePolicies }));
    const policies = async () => (await client.send(new DescribeLifecycleConfigurationCommand({ FileSystemId: id }))).LifecyclePolicies;

    expect(await policies()).toEqual([]);
    await put(id, { TransitionToIA: 'AFTER_30_DAYS' }, { TransitionToArchive: 'AFTER_90_DAYS' }, { TransitionToPrimaryStorageClass: 'AFTER_1_ACCESS' });
    expect(await policies()).toHaveLength(3);
    for (const wrong of [
      [{ TransitionToIA: 'AFTER_30_DAYS', TransitionToArchive: 'AFTER_90_DAYS' }],
      [{}],
      [{ TransitionToIA: 'AFTER_30_DAYS' }, { TransitionToIA: 'AFTER_60_DAYS' }],
      [{ TransitionToIA: 'AFTER_30_DAYS' }, { TransitionToArchive: 'AFTER_30_DAYS' }],
    ] as LifecyclePolicy[][]) {
      expect(await refusal(put(id, ...wrong))).toEqual(refused('BadRequest', 400));
    }
    await put(id);
    expect(await policies()).toEqual([]);
    const bursting = await fileSystem({ CreationToken: 'bursting' });
    expect(await refusal(put(bursting, { TransitionToArchive: 'AFTER_90_DAYS' }))).toEqual(refused('BadRequest', 400));
  });

  test('changes only while it is available', async () => {
    const { FileSystemId } = await createFileSystem();
    const calls = [
      new PutBackupPolicyCommand({ FileSystemId, BackupPolicy: { Status: 'ENABLED' } }),
      new PutLifecycleConfigurationCommand({ FileSystemId, LifecyclePolicies: [] }),
      new PutFileSystemPolicyCommand({ FileSystemId, Policy: '{}' }),
      new DeleteFileSystemPolicyCommand({ FileSystemId }),
    ];
    for (const call of calls) { expect(await refusal(client.send(call as any))).toEqual(refused('IncorrectFileSystemLifeCycleState', 409)); }
  });
});
