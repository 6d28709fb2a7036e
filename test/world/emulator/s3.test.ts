import { randomBytes } from 'crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { Readable } from 'stream';
import {
  DeleteObjectCommand, DeleteObjectsCommand, GetBucketLocationCommand, GetBucketPolicyCommand, GetBucketTaggingCommand,
  GetBucketVersioningCommand, HeadBucketCommand, HeadObjectCommand, ListObjectsV2Command, ListObjectVersionsCommand, paginateListObjectsV2,
  PutBucketPolicyCommand, PutBucketTaggingCommand, PutObjectCommand,
} from '@aws-sdk/client-s3';
import { admin, B, client, connect, clock, error, get, kms, md5, MIB, put, raw, ROLE, s3, server, useEmulator, withEnvironment } from './s3/fixture';
import { Principal } from '../../../world/emulator/iam';
import { S3 } from '../../../world/emulator/s3';
import { EmulatorServer } from '../../../world/emulator/server';

useEmulator();

describe('writing and reading', () => {
  beforeEach(() => { s3.createBucket(B); });

  test('needs nothing but AWS_ENDPOINT_URL: an IP address makes the SDK use path style', async () => {
    await withEnvironment(EmulatorServer.ADMIN, async () => {
      const plain = connect();
      await put('a key', 'hello', {}, plain);
      expect((await get('a key', {}, plain)).bytes.toString()).toBe('hello');
    });
    expect(server.calls.map(call => call.operation)).toEqual(['s3:PutObject', 's3:GetObject']);
  });

  test('keeps content, ETag, type and metadata, under keys with any characters', async () => {
    const key = 'a b/ü+&<%2F>.img';
    const written = await put(key, 'hello', { ContentType: 'text/plain', Metadata: { origin: 'here' }, CacheControl: 'no-store' });
    const read = await get(key);

    expect(written).toMatchObject({ ETag: `"${md5('hello')}"`, ServerSideEncryption: 'AES256' });
    expect(written.VersionId).toBeUndefined();
    expect(read.bytes.toString()).toBe('hello');
    expect(read).toMatchObject({
      ETag: `"${md5('hello')}"`,
      ContentType: 'text/plain',
      Metadata: { origin: 'here' },
      CacheControl: 'no-store',
      ContentLength: 5,
      AcceptRanges: 'bytes',
      LastModified: new Date(clock.now()),
    });
    expect(s3.object(B, key)).toMatchObject({ key, etag: md5('hello') });
  });

  test('takes apart a chunked stream with its trailing checksum', async () => {
    const chunks = [randomBytes(70_000), randomBytes(8_192), randomBytes(10)];
    const Body = Readable.from(chunks);
    const written = await admin.send(new PutObjectCommand({ Bucket: B, Key: 'stream', Body, ContentLength: 78_202, ContentEncoding: 'gzip' }));
    const read = await get('stream');

    expect(read.bytes.equals(Buffer.concat(chunks))).toBe(true);
    expect(read.ContentEncoding).toBe('gzip');
    expect(read.ChecksumCRC32).toBe(written.ChecksumCRC32);
  });

  test.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)('verifies %s, and returns it for the whole object', async ChecksumAlgorithm => {
    const body = randomBytes(1000);
    const written = await put('sum', body, { ChecksumAlgorithm });
    const read = await get('sum');

    expect(written[`Checksum${ChecksumAlgorithm}`]).toBeTruthy();
    expect(read[`Checksum${ChecksumAlgorithm}`]).toBe(written[`Checksum${ChecksumAlgorithm}`]);
    expect(read.ChecksumType).toBe('FULL_OBJECT');
    expect((await get('sum', { Range: 'bytes=0-9' }))[`Checksum${ChecksumAlgorithm}`]).toBeUndefined();
    const wrong = Buffer.from(written[`Checksum${ChecksumAlgorithm}`]!, 'base64').map(byte => 255 - byte);
    await expect(put('sum', body, { [`Checksum${ChecksumAlgorithm}`]: Buffer.from(wrong).toString('base64') })).rejects.toMatchObject(error('BadDigest', 400));
  });

  test('adds a CRC64NVME where the client sent no checksum', async () => {
    const { headers } = await raw('PUT', `/${B}/plain`, {}, '123456789');
    // The check value of CRC-64/NVME.
    expect(headers.get('x-amz-checksum-crc64nvme')).toBe(Buffer.from('ae8b14860a799888', 'hex').toString('base64'));
    expect((await get('plain')).ChecksumCRC64NVME).toBe('rosUhgp5mIg=');
  });

  test('refuses content that is not what headers or trailers say', async () => {
    await expect(put('x', 'hello', { ContentMD5: Buffer.from(md5('hullo'), 'hex').toString('base64') })).rejects.toMatchObject(error('BadDigest', 400));
    await expect(put('x', 'hello', { ContentMD5: 'short' })).rejects.toMatchObject(error('InvalidDigest', 400));
    await expect(put('x', 'hello', { ChecksumSHA256: 'short' })).rejects.toMatchObject(error('InvalidRequest', 400));

    const streaming = { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-decoded-content-length': '5', 'x-amz-trailer': 'x-amz-checksum-crc32' };
    const code = async (headers: Record<string, string>, body: string) => /<Code>(.*)<\/Code>/.exec((await raw('PUT', `/${B}/x`, headers, body)).content)?.[1];
    expect(await code({ 'x-amz-content-sha256': '0'.repeat(64) }, 'hello')).toBe('XAmzContentSHA256Mismatch');
    expect(await code(streaming, '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n')).toBe('BadDigest');
    expect(await code(streaming, '5\r\nhello\r\n0\r\n\r\n')).toBe('MalformedTrailerError');
    expect(await code(streaming, '6\r\nhello!\r\n0\r\nx-amz-checksum-crc32:nRNDnw==\r\n\r\n')).toBe('IncompleteBody');
    expect(await code(streaming, '5\r\nhel')).toBe('IncompleteBody');
    expect(s3.object(B, 'x')).toBeUndefined();
    expect(await code(streaming, '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n')).toBeUndefined();
  });

  test('refuses a chunk of less than 8,192 bytes, except the last one', async () => {
    const Body = Readable.from([randomBytes(8_192), randomBytes(8_191), randomBytes(1)]);
    await expect(admin.send(new PutObjectCommand({ Bucket: B, Key: 'stream', Body, ContentLength: 16_384 }))).rejects.toMatchObject({
      ...error('InvalidChunkSizeError', 403),
      message: expect.stringContaining('Only the last chunk is allowed to have a size less than 8192 bytes') as string,
      Chunk: '3',
      BadChunkSize: '8191',
    });
    expect(s3.object(B, 'stream')).toBeUndefined();
  });

  test.each<[string, Record<string, string | undefined>, string, string]>([
    ['no decoded length', { 'x-amz-decoded-content-length': undefined }, 'x-amz-checksum-crc32:NhCmhg==', 'MissingContentLength'],
    ['a smaller decoded length', { 'x-amz-decoded-content-length': '4' }, 'x-amz-checksum-crc32:NhCmhg==', 'IncompleteBody'],
    ['a larger decoded length', { 'x-amz-decoded-content-length': '6' }, 'x-amz-checksum-crc32:NhCmhg==', 'IncompleteBody'],
    ['a trailer that is not announced', { 'x-amz-trailer': undefined }, 'x-amz-checksum-crc32:NhCmhg==', 'MalformedTrailerError'],
    ['another trailer than announced', { 'x-amz-trailer': 'x-amz-checksum-crc32c' }, 'x-amz-checksum-crc32:NhCmhg==', 'MalformedTrailerError'],
    ['a trailer that is none', { 'x-amz-trailer': 'x-amz-meta-name' }, 'x-amz-meta-name:me', 'InvalidRequest'],
  ])('refuses a chunked stream with %s', async (_, change, trailer, code) => {
    const headers = {
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-decoded-content-length': '5', 'x-amz-trailer': 'x-amz-checksum-crc32', ...change,
    };
    const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)) as Record<string, string>;
    const { content } = await raw('PUT', `/${B}/x`, given, `5\r\nhello\r\n0\r\n${trailer}\r\n\r\n`);
    expect(content).toContain(`<Code>${code}</Code>`);
    expect(s3.object(B, 'x')).toBeUndefined();
  });

  test('keeps the segments . and .. of a key apart from those of a path, and refuses keys that lead out of the bucket', async () => {
    await put('videos/2014/../../video1.wmv', 'valid');
    await put('./a/./b', 'valid');
    expect([...s3.buckets.get(B)!.versions()].map(({ key }) => key)).toEqual(['./a/./b', 'videos/2014/../../video1.wmv']);
    expect((await get('videos/2014/../../video1.wmv')).bytes.toString()).toBe('valid');
    for (const key of ['videos/../../video1.wmv', 'videos/../../2014/video1.wmv', '../x']) {
      await expect(put(key, 'x')).rejects.toMatchObject(error('InvalidURI', 400));
    }
  });

  test('refuses all keys with the segments . and .. if a test says so', async () => {
    const strict = new S3(clock, kms, { dotSegments: 'refused' });
    strict.createBucket(B);
    server.add(strict);
    for (const key of ['a/../b', './a', 'a/.']) { await expect(put(key, 'x')).rejects.toMatchObject(error('InvalidURI', 400)); }
    await put('..a/b..c/.d', 'x');
  });

  test('refuses a request of another time than that of the service, if a test sets its clock', async () => {
    const writer = client();
    // Clients of this test sign with real time.
    server.clocksAhead = Date.now() - clock.now();
    await put('now', 'x', {}, writer);
    server.clocksAhead += 16 * 60_000;
    await expect(put('late', 'x', {}, client())).rejects.toMatchObject(error('RequestTimeTooSkewed', 403));
  });

  test('writes only what is not there, or only over what the caller knows', async () => {
    const { ETag } = await put('once', 'one', { IfNoneMatch: '*' });
    await expect(put('once', 'two', { IfNoneMatch: '*' })).rejects.toMatchObject(error('PreconditionFailed', 412));
    await expect(put('once', 'two', { IfMatch: '"other"' })).rejects.toMatchObject(error('PreconditionFailed', 412));
    await expect(put('never', 'two', { IfMatch: ETag })).rejects.toMatchObject(error('NoSuchKey', 404));
    await put('once', 'two', { IfMatch: ETag });
    expect((await get('once')).bytes.toString()).toBe('two');
  });

  test('reads only what still is what the caller pinned', async () => {
    const { ETag } = await put('pinned', 'one');
    const written = new Date(clock.now());
    expect((await get('pinned', { IfMatch: ETag })).bytes.toString()).toBe('one');
    await expect(get('pinned', { IfNoneMatch: ETag })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } });
    await expect(get('pinned', { IfModifiedSince: written })).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } });

    clock.advance(5000);
    await put('pinned', 'two');
    await expect(get('pinned', { IfMatch: ETag })).rejects.toMatchObject(error('PreconditionFailed', 412));
    await expect(get('pinned', { IfUnmodifiedSince: written })).rejects.toMatchObject(error('PreconditionFailed', 412));
    await expect(admin.send(new HeadObjectCommand({ Bucket: B, Key: 'pinned', IfMatch: ETag }))).rejects.toMatchObject({ $metadata: { httpStatusCode: 412 } });
    expect((await get('pinned', { IfModifiedSince: written, IfNoneMatch: ETag })).bytes.toString()).toBe('two');
  });

  test('says of a missing thing what is missing', async () => {
    await expect(get('none')).rejects.toMatchObject(error('NoSuchKey', 404));
    await expect(get('none', { Bucket: 'nowhere' })).rejects.toMatchObject(error('NoSuchBucket', 404));
    await expect(admin.send(new HeadObjectCommand({ Bucket: B, Key: 'none' }))).rejects.toMatchObject(error('NotFound', 404));
    await expect(admin.send(new HeadBucketCommand({ Bucket: 'nowhere' }))).rejects.toMatchObject(error('NotFound', 404));
  });

  test('refuses what it would otherwise silently ignore', async () => {
    await expect(put('x', 'x', { Tagging: 'a=b' })).rejects.toMatchObject(error('NotImplemented', 501));
    await expect(put('x', 'x', { ACL: 'public-read' })).rejects.toMatchObject(error('AccessControlListNotSupported', 400));
    expect(await raw('GET', `/${B}?lifecycle`, {})).toMatchObject({ status: 501 });
  });
});

describe('ranges of an object', () => {
  const content = randomBytes(3 * MIB + 17);
  let folder: string;

  beforeEach(() => {
    s3.createBucket(B);
    folder = mkdtempSync(join(tmpdir(), 'emulated-s3-'));
  });
  afterEach(() => { rmSync(folder, { recursive: true }); });

  test.each(['memory', 'a file'])('are answered in every form, from %s', async where => {
    const path = join(folder, 'disk.img');
    writeFileSync(path, content);
    await s3.put(B, 'disk', where === 'memory' ? content : { path });
    const last = content.length - 1;

    for (const [Range, start, end] of [
      ['bytes=0-0', 0, 0], ['bytes=5-9', 5, 9], [`bytes=${MIB - 1}-${2 * MIB}`, MIB - 1, 2 * MIB], [`bytes=${MIB}-`, MIB, last],
      ['bytes=-17', last - 16, last], [`bytes=10-${10 * MIB}`, 10, last], [`bytes=-${10 * MIB}`, 0, last],
    ] as const) {
      const part = await get('disk', { Range });
      expect(part).toMatchObject({ $metadata: { httpStatusCode: 206 }, ContentRange: `bytes ${start}-${end}/${content.length}`, ContentLength: end - start + 1 });
      expect(part.bytes.equals(content.subarray(start, end + 1))).toBe(true);
    }
    for (const Range of [`bytes=${content.length}-`, `bytes=${content.length}-${content.length + 5}`, 'bytes=-0']) {
      await expect(get('disk', { Range })).rejects.toMatchObject({
        ...error('InvalidRange', 416), ActualObjectSize: String(content.length), RangeRequested: Range,
      });
    }
    for (const Range of ['bytes=9-5', 'bytes=0-1,3-4', 'lines=1-2']) {
      expect((await get('disk', { Range })).$metadata.httpStatusCode).toBe(200);
    }
    const whole = await get('disk');
    expect(whole).toMatchObject({ $metadata: { httpStatusCode: 200 }, ETag: `"${md5(content)}"` });
    expect(whole.bytes.equals(content)).toBe(true);
    expect(await admin.send(new HeadObjectCommand({ Bucket: B, Key: 'disk' }))).toMatchObject({ ContentLength: content.length, ETag: `"${md5(content)}"` });
  });

  test('of an empty object do not exist', async () => {
    await s3.put(B, 'empty', '');
    await expect(get('empty', { Range: 'bytes=0-' })).rejects.toMatchObject(error('InvalidRange', 416));
    expect((await get('empty')).bytes).toHaveLength(0);
  });

  test('of a file are read as they are asked for, so a big image need not fit in memory', async () => {
    const path = join(folder, 'big.img');
    writeFileSync(path, '');
    truncateSync(path, 65 * MIB);
    await s3.put(B, 'big', { path });

    await expect(get('big')).rejects.toMatchObject(error('NotImplemented', 501));
    expect((await get('big', { Range: `bytes=${64 * MIB}-` })).bytes).toHaveLength(MIB);
    await s3.put(B, 'start', { path, size: 10 });
    expect((await get('start')).bytes).toHaveLength(10);
    await expect(s3.put(B, 'x', { path, size: 66 * MIB })).rejects.toThrow('bytes, not');
  });
});

describe('a bucket with versions', () => {
  beforeEach(() => { s3.createBucket(B, { versioned: true }); });

  test('keeps every version, readable by its id', async () => {
    const one = await put('k', 'one');
    const two = await put('k', 'two');

    expect(one.VersionId).toMatch(/^[\w.]{32}$/);
    expect(await get('k')).toMatchObject({ VersionId: two.VersionId });
    const old = await get('k', { VersionId: one.VersionId });
    expect(old).toMatchObject({ VersionId: one.VersionId });
    expect(old.bytes.toString()).toBe('one');
    await expect(get('k', { VersionId: 'A'.repeat(32) })).rejects.toMatchObject(error('NoSuchVersion', 404));
    await expect(get('k', { VersionId: 'nonsense' })).rejects.toMatchObject(error('InvalidArgument', 400));
    expect(await admin.send(new GetBucketVersioningCommand({ Bucket: B }))).toMatchObject({ Status: 'Enabled' });
  });

  test('hides a deleted object behind a marker, and shows it again once the marker is deleted', async () => {
    const written = await put('k', 'one');
    const marker = await admin.send(new DeleteObjectCommand({ Bucket: B, Key: 'k' }));
    expect(marker).toMatchObject({ DeleteMarker: true, VersionId: expect.stringMatching(/^[\w.]{32}$/) as string });

    await expect(get('k')).rejects.toMatchObject(error('NoSuchKey', 404));
    expect((await raw('GET', `/${B}/k`, {})).headers.get('x-amz-delete-marker')).toBe('true');
    await expect(get('k', { VersionId: marker.VersionId })).rejects.toMatchObject(error('MethodNotAllowed', 405));
    expect((await get('k', { VersionId: written.VersionId })).bytes.toString()).toBe('one');
    expect((await admin.send(new ListObjectsV2Command({ Bucket: B }))).KeyCount).toBe(0);
    await put('k', 'again', { IfNoneMatch: '*' }).then(({ VersionId }) => admin.send(new DeleteObjectCommand({ Bucket: B, Key: 'k', VersionId })));

    expect(await admin.send(new DeleteObjectCommand({ Bucket: B, Key: 'k', VersionId: marker.VersionId }))).toMatchObject({ DeleteMarker: true });
    expect((await get('k')).bytes.toString()).toBe('one');
  });

  test('lists versions and markers, newest first, page by page', async () => {
    const one = await put('a', 'one');
    const two = await put('a', 'two');
    const marker = await admin.send(new DeleteObjectCommand({ Bucket: B, Key: 'a' }));
    const other = await put('b', 'x');

    const first = await admin.send(new ListObjectVersionsCommand({ Bucket: B, MaxKeys: 2 }));
    expect(first).toMatchObject({
      IsTruncated: true,
      NextKeyMarker: 'a',
      NextVersionIdMarker: two.VersionId,
      DeleteMarkers: [{ Key: 'a', VersionId: marker.VersionId, IsLatest: true }],
      Versions: [{ Key: 'a', VersionId: two.VersionId, IsLatest: false, Size: 3 }],
    });
    const rest = await admin.send(new ListObjectVersionsCommand({ Bucket: B, KeyMarker: 'a', VersionIdMarker: two.VersionId }));
    expect(rest.Versions).toMatchObject([{ Key: 'a', VersionId: one.VersionId }, { Key: 'b', VersionId: other.VersionId, IsLatest: true }]);
    expect(rest.IsTruncated).toBe(false);
    const afterKey = await admin.send(new ListObjectVersionsCommand({ Bucket: B, KeyMarker: 'a' }));
    expect(afterKey.Versions?.map(version => version.Key)).toEqual(['b']);
  });

  test('is empty only when the last version is gone', async () => {
    await put('a', 'one');
    await put('a', 'two');
    await admin.send(new DeleteObjectCommand({ Bucket: B, Key: 'b' }));
    expect(() => s3.deleteBucket(B)).toThrow(expect.objectContaining({ code: 'BucketNotEmpty', status: 409 }));

    const { Versions = [], DeleteMarkers = [] } = await admin.send(new ListObjectVersionsCommand({ Bucket: B }));
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    const { Deleted, Errors } = await admin.send(new DeleteObjectsCommand({ Bucket: B, Delete: { Objects } }));

    expect([Deleted, Errors]).toMatchObject([{ length: 3 }, undefined]);
    s3.deleteBucket(B);
    expect(s3.buckets.size).toBe(0);
  });
});

test('the CDK\'s own handler empties a bucket, under the bucket policy that the CDK gives it', async () => {
  const bucket = `arn:aws:s3:::${B}`;
  const actions = ['s3:PutBucketPolicy', 's3:GetBucket*', 's3:List*', 's3:DeleteObject*'];
  s3.createBucket(B, {
    versioned: true,
    tags: { 'aws-cdk:auto-delete-objects': 'true' },
    policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: ROLE }, Action: actions, Resource: [bucket, `${bucket}/*`] }] },
  });
  for (let n = 0; n < 1001; n++) { await s3.put(B, `k/${n % 500}`, 'x'); }
  await admin.send(new DeleteObjectCommand({ Bucket: B, Key: 'k/0' }));

  await withEnvironment(server.issue(new Principal(ROLE, () => [])), async () => {
    const path = '../../../node_modules/aws-cdk-lib/custom-resource-handlers/dist/aws-s3/auto-delete-objects-handler';
    const { autoDeleteHandler } = jest.requireActual<{ autoDeleteHandler: (event: object) => Promise<void> }>(path);
    await autoDeleteHandler({ RequestType: 'Delete', ResourceProperties: { BucketName: B } });
  });

  await expect(put('late', 'x')).rejects.toMatchObject(error('AccessDenied', 403));
  s3.deleteBucket(B);
  expect(server.calls.map(call => call.operation)).toEqual([
    's3:DeleteObject', 's3:GetBucketTagging', 's3:GetBucketPolicy', 's3:PutBucketPolicy',
    's3:ListObjectVersions', 's3:DeleteObjects', 's3:ListObjectVersions', 's3:DeleteObjects', 's3:PutObject',
  ]);
});

describe('a bucket without versions', () => {
  beforeEach(() => { s3.createBucket(B, { tags: { 'aws-cdk:auto-delete-objects': 'true' } }); });

  test('forgets what is overwritten or deleted', async () => {
    await put('k', 'one');
    await put('k', 'two');
    expect((await admin.send(new ListObjectVersionsCommand({ Bucket: B }))).Versions).toMatchObject([{ Key: 'k', VersionId: 'null', IsLatest: true }]);
    expect(await admin.send(new DeleteObjectCommand({ Bucket: B, Key: 'k' }))).not.toHaveProperty('DeleteMarker', true);
    await admin.send(new DeleteObjectCommand({ Bucket: B, Key: 'k' }));
    s3.deleteBucket(B);
  });

  test('lists keys in the order of their bytes, page by page, with common prefixes', async () => {
    for (const key of ['b', 'a/2', 'a/1', 'a/x/1', '😀', '￿', 'c&<>']) { await put(key, key); }
    const pages: string[][] = [];
    for await (const page of paginateListObjectsV2({ client: admin, pageSize: 3 }, { Bucket: B })) {
      pages.push(page.Contents!.map(({ Key }) => Key!));
    }
    expect(pages).toEqual([['a/1', 'a/2', 'a/x/1'], ['b', 'c&<>', '￿'], ['😀']]);

    const top = await admin.send(new ListObjectsV2Command({ Bucket: B, Delimiter: '/', MaxKeys: 2 }));
    expect(top).toMatchObject({ KeyCount: 2, IsTruncated: true, CommonPrefixes: [{ Prefix: 'a/' }], Contents: [{ Key: 'b', Size: 1, ETag: `"${md5('b')}"` }] });
    const next = await admin.send(new ListObjectsV2Command({ Bucket: B, Delimiter: '/', ContinuationToken: top.NextContinuationToken }));
    expect(next).toMatchObject({ IsTruncated: false, Contents: [{ Key: 'c&<>' }, { Key: '￿' }, { Key: '😀' }] });
    expect(await admin.send(new ListObjectsV2Command({ Bucket: B, Prefix: 'a/', Delimiter: '/' }))).toMatchObject({
      Contents: [{ Key: 'a/1' }, { Key: 'a/2' }], CommonPrefixes: [{ Prefix: 'a/x/' }],
    });
    expect((await admin.send(new ListObjectsV2Command({ Bucket: B, StartAfter: 'b' }))).Contents?.[0].Key).toBe('c&<>');
    await expect(admin.send(new ListObjectsV2Command({ Bucket: B, ContinuationToken: 'x' }))).rejects.toMatchObject(error('InvalidArgument', 400));
  });

  test('tells its location, tags and policy', async () => {
    expect(await admin.send(new GetBucketLocationCommand({ Bucket: B }))).toMatchObject({ LocationConstraint: 'eu-west-1' });
    expect(await admin.send(new HeadBucketCommand({ Bucket: B }))).toMatchObject({ BucketRegion: 'eu-west-1' });
    expect(await admin.send(new GetBucketTaggingCommand({ Bucket: B }))).toMatchObject({ TagSet: [{ Key: 'aws-cdk:auto-delete-objects', Value: 'true' }] });
    await admin.send(new PutBucketTaggingCommand({ Bucket: B, Tagging: { TagSet: [] } }));
    await expect(admin.send(new GetBucketTaggingCommand({ Bucket: B }))).rejects.toMatchObject(error('NoSuchTagSet', 404));

    await expect(admin.send(new GetBucketPolicyCommand({ Bucket: B }))).rejects.toMatchObject(error('NoSuchBucketPolicy', 404));
    const Policy = JSON.stringify({ Statement: [{ Effect: 'Deny', Principal: '*', Action: ['s3:PutObject'], Resource: [`arn:aws:s3:::${B}/*`] }] });
    await admin.send(new PutBucketPolicyCommand({ Bucket: B, Policy }));
    expect((await admin.send(new GetBucketPolicyCommand({ Bucket: B }))).Policy).toBe(Policy);
    await expect(admin.send(new PutBucketPolicyCommand({ Bucket: B, Policy: Policy.replace(B, 'other') }))).rejects.toMatchObject(error('MalformedPolicy', 400));
    expect(() => s3.createBucket(B)).toThrow(expect.objectContaining({ code: 'BucketAlreadyOwnedByYou' }));
  });
});
