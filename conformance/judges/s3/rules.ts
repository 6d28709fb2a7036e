import { crc32 } from 'node:zlib';
import {
  CompleteMultipartUploadCommand, CreateBucketCommand, CreateMultipartUploadCommand, DeleteObjectCommand, GetObjectCommand, HeadObjectCommand,
  ListPartsCommand, PutBucketVersioningCommand, PutObjectCommand, S3Client, UploadPartCommand,
  type CompleteMultipartUploadCommandInput, type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { Clock } from '../../../world/emulator/clock';
import { REGION } from '../../../world/emulator/environment';
import { S3 } from '../../../world/emulator/s3';
import { EmulatorServer } from '../../../world/emulator/server';
import type { Section } from '../../tools/report';

/** A request that keeps or breaks a rule of S3. */
type Send = (s3: S3Client) => Promise<unknown>;

const Bucket = 'rules';
const PART = Buffer.alloc(5 * 1024 * 1024, 7);

/** Sends each request to our emulated S3 and to versitygw, which must answer with the same status and code. */
export async function rules(section: Section, gatewayUrl: string): Promise<void> {
  const clock = new Clock(Date.now());
  const server = new EmulatorServer(clock);
  const emulated = new S3(clock);
  server.add(emulated);
  server.clocksAhead = 0;
  await server.listen();
  const clients = [server.url, gatewayUrl].map(endpoint =>
    new S3Client({ endpoint, region: REGION, credentials: EmulatorServer.ADMIN, maxAttempts: 1, requestChecksumCalculation: 'WHEN_REQUIRED' }));
  try {
    emulated.createBucket(Bucket, { versioned: true });
    await clients[1].send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));
    await clients[1].send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    for (const s3 of clients) { await s3.send(new PutObjectCommand({ Bucket, Key: 'there', Body: 'content' })); }
    for (const [what, send] of Object.entries(RULES)) { await compare(section, what, clients, send); }
  } finally {
    clients.forEach(client => client.destroy());
    await server.close();
  }
}

async function compare(section: Section, what: string, clients: readonly S3Client[], send: Send): Promise<void> {
  const [ours, theirs] = [await outcome(clients[0], send), await outcome(clients[1], send)];
  const known = DIFFERENCES[what];
  if (known?.ours === ours && known.theirs === theirs) { return section.row(what, 'explained', `emulator: ${ours}; versitygw: ${theirs}; ${known.note}`); }
  await section.check(what, () => {
    if (known) { throw new Error(`docs/conformance.md explains another difference; emulator: ${ours}; versitygw: ${theirs}`); }
    if (ours !== theirs) { throw new Error(`emulator: ${ours}; versitygw: ${theirs}`); }
    return ours;
  });
}

/** Returns `200`, or status and code of the error. Answers to HEAD have no code. */
async function outcome(s3: S3Client, send: Send): Promise<string> {
  try {
    await send(s3);
    return '200';
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    if ($metadata?.httpStatusCode === undefined) { throw error; }
    return `${$metadata.httpStatusCode} ${name}`;
  }
}

/** Sends an object in aws-chunked encoding, without what the SDK would put right. */
function chunked(sizes: readonly number[], headers: Record<string, string | undefined> = {}, trailer?: string): Send {
  const content = Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i + 1)));
  let at = 0;
  const chunks = sizes.flatMap(size => [Buffer.from(`${size.toString(16)}\r\n`), content.subarray(at, at += size), Buffer.from('\r\n')]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(content));
  const body = Buffer.concat([...chunks, Buffer.from(`0\r\n${trailer ?? `x-amz-checksum-crc32:${sum.toString('base64')}`}\r\n\r\n`)]);
  const all = {
    'content-encoding': 'aws-chunked',
    'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'x-amz-decoded-content-length': String(content.length),
    'x-amz-trailer': 'x-amz-checksum-crc32',
    'content-length': String(body.length),
    ...headers,
  };
  return s3 => {
    const command = new PutObjectCommand({ Bucket, Key: 'chunked', Body: '' });
    command.middlewareStack.add(next => args => {
      const request = args.request as { body: Buffer; headers: Record<string, string> };
      request.body = body;
      Object.keys(all).forEach(name => { delete request.headers[name]; });
      Object.assign(request.headers, Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));
      return next(args);
    }, { step: 'build', priority: 'low' });
    return s3.send(command);
  };
}

const put = (Key: string, more: Partial<PutObjectCommandInput> = {}): Send => s3 => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'content', ...more }));

/** Completes an upload of two parts. */
function complete(Key: string, more: Partial<CompleteMultipartUploadCommandInput> = {}, { first = PART, etag = '' } = {}): Send {
  return async s3 => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' }));
    for (const [i, Body] of [first, Buffer.from('last')].entries()) {
      await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: i + 1, Body, ChecksumAlgorithm: 'CRC32' }));
    }
    const { Parts = [] } = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }));
    const listed = Parts.map(({ PartNumber, ETag, ChecksumCRC32 }) => ({ PartNumber, ETag: etag || ETag, ChecksumCRC32 }));
    const whole = Buffer.alloc(4);
    whole.writeUInt32BE(crc32(Buffer.concat([first, Buffer.from('last')])));
    return s3.send(new CompleteMultipartUploadCommand({
      Bucket, Key, UploadId, MultipartUpload: { Parts: listed }, ChecksumType: 'FULL_OBJECT', ChecksumCRC32: whole.toString('base64'), ...more,
    }));
  };
}

/** Signs as a function does whose clock is late. The answer makes the client correct itself. */
const late = (minutes: number): Send => s3 => {
  s3.config.systemClockOffset = -minutes * 60_000;
  return s3.send(new PutObjectCommand({ Bucket, Key: 'late', Body: 'content' }));
};

const RULES: Record<string, Send> = {
  'aws-chunked: chunks of 8,192 bytes and a smaller last one': chunked([8192, 8192, 1]),
  'aws-chunked: a chunk of 8,191 bytes before the last': chunked([8192, 8191, 1]),
  'aws-chunked: no decoded length': chunked([10], { 'x-amz-decoded-content-length': undefined }),
  'aws-chunked: a smaller decoded length': chunked([10], { 'x-amz-decoded-content-length': '9' }),
  'aws-chunked: a larger decoded length': chunked([10], { 'x-amz-decoded-content-length': '11' }),
  'aws-chunked: a trailer that is not announced': chunked([10], { 'x-amz-trailer': undefined }),
  'aws-chunked: another trailer than announced': chunked([10], { 'x-amz-trailer': 'x-amz-checksum-crc32c' }),
  'aws-chunked: an announced trailer that is none': chunked([10], { 'x-amz-trailer': 'x-amz-meta-name' }),
  'aws-chunked: no trailer': chunked([10], {}, ''),
  'aws-chunked: a wrong checksum': chunked([10], {}, 'x-amz-checksum-crc32:AAAAAA=='),
  'If-None-Match on a key that is taken': put('there', { IfNoneMatch: '*' }),
  'If-None-Match on a key that is free': put('free', { IfNoneMatch: '*' }),
  'If-Match of another object': put('there', { IfMatch: '"other"' }),
  'If-Match on a key that is free': put('nowhere', { IfMatch: '"other"' }),
  'reading with If-Match of another object': s3 => s3.send(new GetObjectCommand({ Bucket, Key: 'there', IfMatch: '"other"', Range: 'bytes=0-1' })),
  'HEAD with If-Match of another object': s3 => s3.send(new HeadObjectCommand({ Bucket, Key: 'there', IfMatch: '"other"' })),
  'a range beyond the end': s3 => s3.send(new GetObjectCommand({ Bucket, Key: 'there', Range: 'bytes=7-9' })),
  'a missing key': s3 => s3.send(new GetObjectCommand({ Bucket, Key: 'nowhere' })),
  'a missing bucket': s3 => s3.send(new GetObjectCommand({ Bucket: 'no-bucket', Key: 'there' })),
  'HEAD of a missing key': s3 => s3.send(new HeadObjectCommand({ Bucket, Key: 'nowhere' })),
  'a version id that is none': s3 => s3.send(new GetObjectCommand({ Bucket, Key: 'there', VersionId: 'none' })),
  'deleting with If-Match of another object': s3 => s3.send(new DeleteObjectCommand({ Bucket, Key: 'there', IfMatch: '"other"' })),
  'a multipart upload with the CRC32 and size of the whole': complete('whole', { MpuObjectSize: PART.length + 4 }),
  'another CRC32 of the whole': complete('sum', { ChecksumCRC32: 'AAAAAA==' }),
  'another size of the whole': complete('size', { MpuObjectSize: PART.length }),
  'If-None-Match at the end of a multipart upload': complete('there', { IfNoneMatch: '*' }),
  'a part of another ETag': complete('part', {}, { etag: '"00000000000000000000000000000000"' }),
  'a part under 5 MiB before the last': complete('small', {}, { first: Buffer.alloc(1024) }),
  'an upload that does not exist': s3 => s3.send(new ListPartsCommand({ Bucket, Key: 'there', UploadId: 'none' })),
  'a key whose segments .. lead out of the bucket': put('videos/../../video1.wmv'),
  'a request that is 14 minutes old': late(14),
  'a request that is 16 minutes old': late(16),
};

/** What differs, and who is right. */
const DIFFERENCES: Record<string, { readonly ours: string; readonly theirs: string; readonly note: string }> = {
  'aws-chunked: a chunk of 8,191 bytes before the last': {
    ours: '403 InvalidChunkSizeError', theirs: '400 InvalidChunkSizeError', note: 'S3 answers with 403: a log of it is in aws-sdk-cpp#2727',
  },
  'a key whose segments .. lead out of the bucket': {
    ours: '400 InvalidURI', theirs: '400 400', note: 'the user guide of S3 says only that such keys are not valid; nothing here depends on the code',
  },
};
