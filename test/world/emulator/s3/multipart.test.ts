import { createHash, randomBytes } from 'crypto';
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateMultipartUploadCommand, GetObjectAttributesCommand, HeadObjectCommand,
  ListPartsCommand, UploadPartCommand, type CompletedMultipartUpload,
} from '@aws-sdk/client-s3';
import { admin, B, clock, error, get, md5, MIB, put, s3, useEmulator } from './fixture';

useEmulator();

describe('a multipart upload', () => {
  const parts = [randomBytes(5 * MIB), randomBytes(5 * MIB), randomBytes(100)];
  const Key = 'disk';

  beforeEach(() => { s3.createBucket(B); });

  const upload = async (options: { ChecksumAlgorithm?: 'CRC32' | 'SHA256' | 'CRC64NVME'; ChecksumType?: 'FULL_OBJECT' } = {}, bodies = parts) => {
    const { UploadId } = await admin.send(new CreateMultipartUploadCommand({ Bucket: B, Key, ContentType: 'text/plain', ...options }));
    const Parts = await Promise.all(bodies.map(async (Body, index) => {
      const { ChecksumAlgorithm } = options;
      const part = await admin.send(new UploadPartCommand({ Bucket: B, Key, UploadId, PartNumber: index + 1, Body, ChecksumAlgorithm }));
      const { ETag, ChecksumCRC32, ChecksumSHA256, ChecksumCRC64NVME } = part;
      return { PartNumber: index + 1, ETag, ChecksumCRC32, ChecksumSHA256, ChecksumCRC64NVME };
    }));
    const complete = (MultipartUpload: CompletedMultipartUpload = { Parts }, abortSignal?: AbortSignal) =>
      admin.send(new CompleteMultipartUploadCommand({ Bucket: B, Key, UploadId, MultipartUpload }), { abortSignal });
    return { UploadId, Parts, complete };
  };

  test('makes one object of its parts, whose ETag is that of their MD5s', async () => {
    const { complete } = await upload();
    const etag = `"${md5(Buffer.concat(parts.map(part => Buffer.from(md5(part), 'hex'))))}-3"`;

    expect(await complete()).toMatchObject({ ETag: etag, ChecksumType: 'FULL_OBJECT', ChecksumCRC64NVME: expect.any(String) as string });
    const read = await get(Key);
    expect(read).toMatchObject({ ETag: etag, ContentType: 'text/plain' });
    expect(read.bytes.equals(Buffer.concat(parts))).toBe(true);
    const across = await get(Key, { Range: `bytes=${5 * MIB - 3}-${10 * MIB + 2}` });
    expect(across.bytes.equals(Buffer.concat(parts).subarray(5 * MIB - 3, 10 * MIB + 3))).toBe(true);
    const second = await get(Key, { PartNumber: 2 });
    expect(second).toMatchObject({ PartsCount: 3, ContentRange: `bytes ${5 * MIB}-${10 * MIB - 1}/${10 * MIB + 100}` });
    expect(second.bytes.equals(parts[1])).toBe(true);
    await expect(complete()).rejects.toMatchObject(error('NoSuchUpload', 404));
  });

  test('is completed minutes later, although its caller has hung up and it was aborted', async () => {
    s3.completionDelay = 300_000;
    const { UploadId, complete } = await upload();
    const hungUp = new AbortController();
    const first = complete(undefined, hungUp.signal);
    await clock.sleep(1000);
    hungUp.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    await admin.send(new AbortMultipartUploadCommand({ Bucket: B, Key, UploadId }));
    await clock.sleep(200_000);
    expect(s3.object(B, Key)).toBeUndefined();
    await clock.sleep(200_000);
    expect(s3.object(B, Key)!.content.size).toBe(10 * MIB + 100);
  });

  test('has one answer for all who complete it at the same time', async () => {
    s3.completionDelay = 300_000;
    const { complete } = await upload();
    const answers = Promise.all([complete(), complete()]);
    await clock.sleep(400_000);
    const [{ ETag }, second] = await answers;
    expect(second.ETag).toBe(ETag);
  });

  test('is not completed over what somebody has written meanwhile, if told so', async () => {
    s3.completionDelay = 300_000;
    const { UploadId, Parts } = await upload();
    const completed = admin.send(new CompleteMultipartUploadCommand({ Bucket: B, Key, UploadId, MultipartUpload: { Parts }, IfNoneMatch: '*' }));
    await clock.sleep(1000);
    await put(Key, 'mine');
    await Promise.all([expect(completed).rejects.toMatchObject(error('PreconditionFailed', 412)), clock.sleep(400_000)]);
    expect((await get(Key)).bytes.toString()).toBe('mine');
  });

  test('has a checksum of checksums, whose parts GetObjectAttributes shows', async () => {
    const { Parts, complete } = await upload({ ChecksumAlgorithm: 'SHA256' });
    const sums = parts.map(part => createHash('sha256').update(part).digest());
    const whole = createHash('sha256').update(Buffer.concat(sums)).digest('base64');

    expect(Parts.map(part => part.ChecksumSHA256)).toEqual(sums.map(sum => sum.toString('base64')));
    expect(await complete()).toMatchObject({ ChecksumSHA256: `${whole}-3`, ChecksumType: 'COMPOSITE' });
    expect(await admin.send(new HeadObjectCommand({ Bucket: B, Key, ChecksumMode: 'ENABLED' }))).toMatchObject({ ChecksumSHA256: `${whole}-3`, ChecksumType: 'COMPOSITE' });
    const ObjectAttributes = ['ETag', 'Checksum', 'ObjectParts', 'ObjectSize', 'StorageClass'] as const;
    expect(await admin.send(new GetObjectAttributesCommand({ Bucket: B, Key, ObjectAttributes: [...ObjectAttributes], MaxParts: 2 }))).toMatchObject({
      ETag: expect.stringMatching(/^[0-9a-f]{32}-3$/) as string,
      Checksum: { ChecksumSHA256: whole, ChecksumType: 'COMPOSITE' },
      ObjectSize: 10 * MIB + 100,
      StorageClass: 'STANDARD',
      ObjectParts: {
        TotalPartsCount: 3,
        IsTruncated: true,
        NextPartNumberMarker: '2',
        Parts: [{ PartNumber: 1, Size: 5 * MIB, ChecksumSHA256: sums[0].toString('base64') }, { PartNumber: 2 }],
      },
    });
  });

  test('has the checksum of the whole object if it was asked for', async () => {
    const { complete } = await upload({ ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' });
    const { ChecksumCRC32 } = await put('same', Buffer.concat(parts), { ChecksumAlgorithm: 'CRC32' });
    expect(await complete()).toMatchObject({ ChecksumCRC32, ChecksumType: 'FULL_OBJECT' });
  });

  test('refuses parts that it does not have, that are too small, or in disorder', async () => {
    const { UploadId, Parts, complete } = await upload({ ChecksumAlgorithm: 'SHA256' }, [parts[2], parts[2]]);
    await expect(complete()).rejects.toMatchObject(error('EntityTooSmall', 400));
    await expect(complete({ Parts: [Parts[1], Parts[0]] })).rejects.toMatchObject(error('InvalidPartOrder', 400));
    await expect(complete({ Parts: [{ ...Parts[0], ETag: '"0"' }] })).rejects.toMatchObject(error('InvalidPart', 400));
    await expect(complete({ Parts: [{ ...Parts[0], PartNumber: 7 }] })).rejects.toMatchObject(error('InvalidPart', 400));
    await expect(complete({ Parts: [{ ...Parts[0], ChecksumSHA256: undefined }] })).rejects.toMatchObject(error('InvalidRequest', 400));
    await expect(complete({ Parts: [] })).rejects.toMatchObject(error('MalformedXML', 400));
    await expect(admin.send(new UploadPartCommand({ Bucket: B, Key, UploadId, PartNumber: 3, Body: 'x', ChecksumAlgorithm: 'CRC32' })))
      .rejects.toMatchObject(error('InvalidRequest', 400));
    await expect(admin.send(new UploadPartCommand({ Bucket: B, Key: 'other', UploadId, PartNumber: 1, Body: 'x' }))).rejects.toMatchObject(error('NoSuchUpload', 404));
  });

  test('shows its parts, and is gone once aborted', async () => {
    const { UploadId } = await upload({ ChecksumAlgorithm: 'SHA256' });
    expect(await admin.send(new ListPartsCommand({ Bucket: B, Key, UploadId, MaxParts: 1 }))).toMatchObject({
      IsTruncated: true, NextPartNumberMarker: '1', Parts: [{ PartNumber: 1, Size: 5 * MIB, ETag: `"${md5(parts[0])}"` }], ChecksumAlgorithm: 'SHA256',
    });
    expect((await admin.send(new ListPartsCommand({ Bucket: B, Key, UploadId, PartNumberMarker: '1' }))).Parts).toHaveLength(2);

    await admin.send(new AbortMultipartUploadCommand({ Bucket: B, Key, UploadId }));
    await expect(admin.send(new ListPartsCommand({ Bucket: B, Key, UploadId }))).rejects.toMatchObject(error('NoSuchUpload', 404));
    expect(s3.object(B, Key)).toBeUndefined();
  });
});
