import {
  CreateMultipartUploadCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectAttributesCommand, HeadBucketCommand,
  HeadObjectCommand, ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { allow, B, client, clock, connect, error, get, kms, put, ROLE, s3, server, useEmulator } from './fixture';
import { ACCOUNT } from '../../../../world/emulator/environment';

useEmulator();

describe('access', () => {
  const bucket = `arn:aws:s3:::${B}`;
  const objects = `${bucket}/*`;

  beforeEach(() => { s3.createBucket(B, { versioned: true }); });

  test('follows the identity policy, action by action', async () => {
    const written = await put('k', 'one');
    const reader = client([allow('s3:GetObject', objects)]);

    expect((await get('k', {}, reader)).bytes.toString()).toBe('one');
    await expect(get('k', { VersionId: written.VersionId }, reader)).rejects.toMatchObject({
      ...error('AccessDenied', 403), message: expect.stringContaining('s3:GetObjectVersion') as string,
    });
    await expect(put('k', 'two', {}, reader)).rejects.toMatchObject(error('AccessDenied', 403));
    await expect(reader.send(new DeleteObjectCommand({ Bucket: B, Key: 'k' }))).rejects.toMatchObject(error('AccessDenied', 403));
    await expect(reader.send(new ListObjectsV2Command({ Bucket: B }))).rejects.toMatchObject(error('AccessDenied', 403));
    await expect(reader.send(new HeadBucketCommand({ Bucket: B }))).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
    await expect(reader.send(new CreateMultipartUploadCommand({ Bucket: B, Key: 'm' }))).rejects.toMatchObject(error('AccessDenied', 403));
    await expect(reader.send(new GetObjectAttributesCommand({ Bucket: B, Key: 'k', ObjectAttributes: ['ETag'] }))).rejects.toMatchObject(error('AccessDenied', 403));
    expect((await get('k', { VersionId: written.VersionId }, client([allow('s3:GetObjectVersion', objects)]))).bytes.toString()).toBe('one');
  });

  test('hides whether a key exists from whoever may not list the bucket', async () => {
    const reader = client([allow('s3:GetObject', objects)]);
    await expect(get('none', {}, reader)).rejects.toMatchObject(error('AccessDenied', 403));
    await expect(reader.send(new HeadObjectCommand({ Bucket: B, Key: 'none' }))).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } });
    const lister = client([allow('s3:GetObject', objects), allow('s3:ListBucket', bucket)]);
    await expect(get('none', {}, lister)).rejects.toMatchObject(error('NoSuchKey', 404));
  });

  test('lets a policy limit listing to a prefix', async () => {
    const lister = client([allow('s3:ListBucket', bucket, { Condition: { StringEquals: { 's3:prefix': 'mine/' } } })]);
    await lister.send(new ListObjectsV2Command({ Bucket: B, Prefix: 'mine/' }));
    await expect(lister.send(new ListObjectsV2Command({ Bucket: B, Prefix: 'other/' }))).rejects.toMatchObject(error('AccessDenied', 403));
    await expect(lister.send(new ListObjectsV2Command({ Bucket: B }))).rejects.toMatchObject(error('AccessDenied', 403));
  });

  test('is refused object by object in a DeleteObjects', async () => {
    await put('mine/a', 'x');
    await put('other', 'x');
    const cleaner = client([allow('s3:DeleteObject', `${bucket}/mine/*`)]);
    const { Deleted, Errors } = await cleaner.send(new DeleteObjectsCommand({ Bucket: B, Delete: { Objects: [{ Key: 'mine/a' }, { Key: 'other' }] } }));

    expect(Deleted).toMatchObject([{ Key: 'mine/a', DeleteMarker: true, DeleteMarkerVersionId: expect.any(String) as string }]);
    expect(Errors).toMatchObject([{ Key: 'other', Code: 'AccessDenied' }]);
    expect(s3.object(B, 'other')).toBeDefined();
  });

  test('can be given to a role, and taken from everyone, by the bucket policy', async () => {
    await put('k', 'one');
    s3.setPolicy(B, {
      Statement: [
        { Effect: 'Deny', Principal: { AWS: '*' }, Action: 's3:*', Resource: [bucket, objects], Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
        { Effect: 'Allow', Principal: { AWS: ROLE }, Action: 's3:GetObject*', Resource: objects },
        { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 's3:PutObject', Resource: objects },
        { Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: `${bucket}/locked/*` },
      ],
    });
    expect((await get('k', {}, client([]))).bytes.toString()).toBe('one');
    expect((await get('k', {}, client([], `arn:aws:sts::${ACCOUNT}:assumed-role/handler/session`))).bytes.toString()).toBe('one');
    await expect(get('k', {}, client([], `${ROLE}-other`))).rejects.toMatchObject(error('AccessDenied', 403));
    await expect(get('k', {}, client([{ Effect: 'Deny', Action: 's3:GetObject', Resource: '*' }]))).rejects.toMatchObject(error('AccessDenied', 403));
    await expect(put('new', 'x', {}, client([]))).rejects.toMatchObject(error('AccessDenied', 403));
    await expect(put('locked/k', 'x')).rejects.toMatchObject({
      ...error('AccessDenied', 403), message: expect.stringContaining('explicit deny in a resource-based policy') as string,
    });

    s3.setPolicy(B, undefined);
    await expect(get('k', {}, client([]))).rejects.toMatchObject(error('AccessDenied', 403));
  });

  test('is refused to unknown keys and to a caller who expects another owner', async () => {
    const stranger = connect({ endpoint: server.url, region: 'eu-west-1', credentials: { accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' } });
    await expect(get('k', {}, stranger)).rejects.toMatchObject(error('InvalidAccessKeyId', 403));
    await expect(get('k', { ExpectedBucketOwner: '444455556666' })).rejects.toMatchObject(error('AccessDenied', 403));
  });
});

describe('a bucket encrypted with a customer\'s key', () => {
  const objects = `arn:aws:s3:::${B}/*`;
  let key: { keyId: string; arn: string };

  beforeEach(() => {
    key = kms.createKey();
    kms.createAlias('alias/images', key.keyId);
    s3.createBucket(B, { encryption: { algorithm: 'aws:kms', kmsKey: 'alias/images' } });
  });

  test('asks for the key on every write and read, through S3', async () => {
    const bare = client([allow('s3:*', objects)]);
    await expect(put('k', 'x', {}, bare)).rejects.toMatchObject({ ...error('AccessDenied', 403), message: expect.stringContaining('kms:GenerateDataKey') as string });
    await expect(bare.send(new CreateMultipartUploadCommand({ Bucket: B, Key: 'k' }))).rejects.toMatchObject(error('AccessDenied', 403));

    const viaS3 = { Condition: { StringEquals: { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' } } };
    const writer = client([allow('s3:PutObject', objects), allow('kms:GenerateDataKey', key.arn, viaS3)]);
    expect(await put('k', 'x', {}, writer)).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key.arn });
    await expect(get('k', {}, bare)).rejects.toMatchObject({ ...error('AccessDenied', 403), message: expect.stringContaining('kms:Decrypt') as string });
    await bare.send(new HeadObjectCommand({ Bucket: B, Key: 'k' }));
    const reader = client([allow('s3:GetObject', objects), allow('kms:Decrypt', key.arn, viaS3)]);
    expect(await get('k', {}, reader)).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key.arn });
  });

  test('is unreadable while the key is', async () => {
    await put('k', 'x');
    kms.setEnabled(key.keyId, false);
    await expect(get('k')).rejects.toMatchObject(error('KMS.DisabledException', 400));
    kms.scheduleDeletion(key.keyId, 7);
    await expect(get('k')).rejects.toMatchObject(error('KMS.KMSInvalidStateException', 400));
    clock.advance(7 * 24 * 3600 * 1000);
    await expect(get('k')).rejects.toMatchObject(error('KMS.NotFoundException', 400));
  });

  test('takes another encryption, or the key that AWS manages, if the writer says so', async () => {
    expect(await put('plain', 'x', { ServerSideEncryption: 'AES256' })).toMatchObject({ ServerSideEncryption: 'AES256' });
    s3.createBucket('others');
    const writer = client([allow('s3:*', '*')]);
    expect(await put('k', 'x', { Bucket: 'others', ServerSideEncryption: 'aws:kms' }, writer)).toMatchObject({ ServerSideEncryption: 'aws:kms' });
    await expect(put('k', 'x', { Bucket: 'others', ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key.arn }, writer)).rejects.toMatchObject(error('AccessDenied', 403));
  });
});
