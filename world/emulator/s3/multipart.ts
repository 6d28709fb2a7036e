import { createHash, randomBytes } from 'crypto';
import type { Answer } from '../service';
import type { Part, StoredObject, Upload } from './bucket';
import { ALGORITHMS, checksum, composite, headersOf, type Algorithm, type Checksum, type ChecksumType } from './checksums';
import { MemoryContent } from './content';
import { invalidArgument, invalidRequest, malformedXml, S3Error } from './errors';
import { checkWriteConditions } from './objects';
import { claimed, payload } from './payload';
import {
  encryptionHeaders, integer, keptHeaders, ok, refuseUnsupported, versionHeader, wantedEncryption, writeContext, type Request,
} from './request';
import { blocks, document, group, tag, text } from './xml';

const SMALLEST_PART = 5 * 1024 * 1024;

export function createMultipartUpload({ call: { headers, caller }, bucket, key, access, clock }: Request): Answer {
  refuseUnsupported(headers);
  access.require('s3:PutObject', key, writeContext(headers));
  const encryption = access.resolved(wantedEncryption(headers, bucket));
  access.requireKey('kms:GenerateDataKey', key, encryption);

  const kind = wantedChecksum(headers['x-amz-checksum-algorithm'] as string | undefined, headers['x-amz-checksum-type'] as string | undefined);
  const id = randomBytes(48).toString('base64url');
  const upload: Upload = {
    id, key, initiator: caller.arn, initiated: clock.now(), headers: keptHeaders(headers), encryption, checksum: kind, parts: new Map(),
  };
  bucket.uploads.set(upload.id, upload);
  return ok(
    { ...encryptionHeaders(encryption), ...kind && { 'x-amz-checksum-algorithm': kind.algorithm, 'x-amz-checksum-type': kind.type } },
    document('InitiateMultipartUploadResult', tag('Bucket', bucket.name), tag('Key', key), tag('UploadId', upload.id)),
  );
}

/** Of disks, most parts are zeros: they share their memory, and their MD5. */
let zeros = Buffer.alloc(0);
const zeroMd5s = new Map<number, string>();

function withoutZeros(bytes: Buffer): Buffer {
  if (zeros.length < bytes.length) { zeros = Buffer.alloc(bytes.length); }
  const same = zeros.subarray(0, bytes.length);
  return same.equals(bytes) ? same : bytes;
}

function md5Of(bytes: Buffer): string {
  const md5 = () => createHash('md5').update(bytes).digest('hex');
  if (withoutZeros(bytes) === bytes) { return md5(); }
  if (!zeroMd5s.has(bytes.length)) { zeroMd5s.set(bytes.length, md5()); }
  return zeroMd5s.get(bytes.length)!;
}

function wantedChecksum(algorithm: string | undefined, type: string | undefined): Upload['checksum'] {
  if (algorithm === undefined) {
    if (type !== undefined) { throw invalidRequest('The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.'); }
    return undefined;
  }
  if (!ALGORITHMS.includes(algorithm as Algorithm)) {
    throw invalidRequest(`Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${ALGORITHMS.join(', ')}]`);
  }
  const chosen = (type ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE')) as ChecksumType;
  if (chosen === 'COMPOSITE' ? algorithm === 'CRC64NVME' : algorithm.startsWith('SHA')) {
    throw invalidRequest(`The ${chosen} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`);
  }
  return { algorithm: algorithm as Algorithm, type: chosen };
}

export function uploadPart(request: Request): Answer {
  const { call, key, access, clock } = request;
  refuseUnsupported(call.headers);
  access.require('s3:PutObject', key);
  const upload = wantedUpload(request);
  const number = integer('partNumber', call.query.get('partNumber'), 0);
  if (number < 1 || number > 10_000) {
    throw invalidArgument('Part number must be an integer between 1 and 10000, inclusive', 'partNumber', String(number));
  }
  access.requireKey('kms:Decrypt', key, upload.encryption);

  const { bytes, checksum: given } = payload(call);
  // An upload without an algorithm takes parts with any, or with none.
  const wanted = upload.checksum;
  if (wanted && given?.algorithm !== wanted.algorithm && (given || wanted.type === 'COMPOSITE')) {
    throw invalidRequest(`Checksum Type mismatch occurred, expected checksum Type: ${wanted.algorithm.toLowerCase()}, `
      + `actual checksum Type: ${given?.algorithm.toLowerCase() ?? 'null'}`);
  }
  const part: Part = {
    bytes: withoutZeros(bytes),
    etag: md5Of(bytes),
    lastModified: clock.now(),
    checksum: given ?? checksum(wanted?.algorithm ?? 'CRC64NVME', [bytes]),
  };
  upload.parts.set(number, part);
  const { 'x-amz-checksum-type': _, ...checksumHeader } = headersOf(part.checksum!);
  return ok({ etag: `"${part.etag}"`, ...encryptionHeaders(upload.encryption), ...checksumHeader });
}

export function completeMultipartUpload(request: Request): Answer | Promise<Answer> {
  const { call, bucket, key, access, clock, completion: { delay, meanwhile } } = request;
  access.require('s3:PutObject', key, writeContext(call.headers));
  const upload = wantedUpload(request);
  const { completion } = upload;
  if (completion) { return call.work(completion.moment - clock.now()).then(() => completion.answer); }
  access.requireKey('kms:Decrypt', key, upload.encryption);
  const complete = completionOf(request, upload);
  if (delay === 0) { return complete(); }
  if (meanwhile === 'gone') { bucket.uploads.delete(upload.id); }
  upload.completion = { moment: clock.now() + delay, answer: call.work(delay).then(complete) };
  return upload.completion.answer;
}

/** Checks all that S3 checks at once. Returns what makes the object. */
function completionOf(request: Request, upload: Upload): () => Answer {
  const { call, bucket, key, clock } = request;
  const chosen = chosenParts(upload, call.body.toString());
  const parts = chosen.map(({ part }) => part);
  const size = parts.reduce((sum, part) => sum + part.bytes.length, 0);
  const expected = call.headers['x-amz-mp-object-size'];
  if (expected !== undefined && expected !== String(size)) {
    throw invalidRequest(`The provided 'x-amz-mp-object-size' header value ${String(expected)} does not match what was computed: ${size}`);
  }
  checkWriteConditions(request);
  const whole = wholeChecksum(upload, parts);
  const type = call.headers['x-amz-checksum-type'];
  if (type !== undefined && type !== whole.type) {
    throw invalidRequest(`The upload was created using the ${whole.type} checksum mode. The complete request must use the same checksum mode.`);
  }
  const claim = claimed(call.headers);
  if (claim && (claim.algorithm !== whole.algorithm || claim.value.replace(/-\d+$/, '') !== whole.value.replace(/-\d+$/, ''))) {
    throw new S3Error('BadDigest', 400, `The ${claim.algorithm.toLowerCase()} you specified did not match the calculated checksum.`);
  }

  const md5s = createHash('md5');
  parts.forEach(part => md5s.update(part.etag, 'hex'));
  return () => {
    // Somebody may have written the object meanwhile.
    checkWriteConditions(request);
    const object: StoredObject = {
      deleteMarker: false,
      key,
      versionId: bucket.nextVersionId(),
      lastModified: clock.now(),
      content: new MemoryContent(parts.map(part => part.bytes)),
      etag: `${md5s.digest('hex')}-${parts.length}`,
      headers: upload.headers,
      encryption: upload.encryption,
      checksum: whole,
      parts: chosen.map(({ part, number }) => ({ number, size: part.bytes.length, checksum: upload.checksum && part.checksum })),
    };
    bucket.uploads.delete(upload.id);
    bucket.add(object);
    return ok(
      { ...encryptionHeaders(upload.encryption), ...versionHeader(bucket, object) },
      document('CompleteMultipartUploadResult',
        tag('Location', `http://s3.amazonaws.com/${bucket.name}/${key}`), tag('Bucket', bucket.name), tag('Key', key),
        tag('ETag', `"${object.etag}"`), tag(`Checksum${whole.algorithm}`, whole.value), tag('ChecksumType', whole.type)),
    );
  };
}

/** The parts that the request lists, each as the request describes it. */
function chosenParts(upload: Upload, xml: string): { number: number; part: Part }[] {
  const listed = blocks(xml, 'Part');
  if (listed.length === 0) { throw malformedXml(); }
  let previous = 0;
  const chosen = listed.map(block => {
    const number = Number(text(block, 'PartNumber'));
    const etag = text(block, 'ETag');
    if (!Number.isInteger(number) || etag === undefined) { throw malformedXml(); }
    if (number <= previous) {
      throw new S3Error('InvalidPartOrder', 400, 'The list of parts was not in ascending order. Parts must be ordered by part number.');
    }
    previous = number;

    const part = upload.parts.get(number);
    const claims = ALGORITHMS
      .map(algorithm => ({ algorithm, value: text(block, `Checksum${algorithm}`) }))
      .filter(({ value }) => value !== undefined);
    const wanted = upload.checksum;
    if (wanted?.type === 'COMPOSITE' && !claims.some(({ algorithm }) => algorithm === wanted.algorithm)) {
      throw invalidRequest(`The upload was created using a ${wanted.algorithm.toLowerCase()} checksum. The complete request must include the `
        + `checksum for each part. It was missing for part ${number} in the request.`);
    }
    const differs = claims.some(({ algorithm, value }) => part?.checksum?.algorithm !== algorithm || part.checksum.value !== value);
    if (!part || part.etag !== etag.replace(/"/g, '') || differs) {
      throw new S3Error('InvalidPart', 400,
        'One or more of the specified parts could not be found.  '
          + "The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        { UploadId: upload.id, PartNumber: String(number), ETag: etag.replace(/"/g, '') });
    }
    return { number, part };
  });
  const small = chosen.slice(0, -1).find(({ part }) => part.bytes.length < SMALLEST_PART);
  if (small) {
    throw new S3Error('EntityTooSmall', 400, 'Your proposed upload is smaller than the minimum allowed size',
      { ProposedSize: `${small.part.bytes.length}`, MinSizeAllowed: `${SMALLEST_PART}`, PartNumber: `${small.number}`, ETag: small.part.etag });
  }
  return chosen;
}

function wholeChecksum({ checksum: wanted }: Upload, parts: Part[]): Checksum {
  return wanted?.type === 'COMPOSITE'
    ? composite(wanted.algorithm, parts.map(part => part.checksum!))
    : checksum(wanted?.algorithm ?? 'CRC64NVME', parts.map(part => part.bytes));
}

export function abortMultipartUpload(request: Request): Answer {
  const { bucket, key, access } = request;
  access.require('s3:AbortMultipartUpload', key);
  bucket.uploads.delete(wantedUpload(request).id);
  return { status: 204 };
}

export function listParts(request: Request): Answer {
  const { call: { query }, bucket, key, access } = request;
  access.require('s3:ListMultipartUploadParts', key);
  const upload = wantedUpload(request);
  const marker = integer('part-number-marker', query.get('part-number-marker'), 0);
  const maxParts = integer('max-parts', query.get('max-parts'), 1000, 1000);
  const left = [...upload.parts].sort(([a], [b]) => a - b).filter(([number]) => number > marker);
  const page = left.slice(0, maxParts);
  return ok({}, document('ListPartsResult',
    tag('Bucket', bucket.name), tag('Key', key), tag('UploadId', upload.id), tag('PartNumberMarker', marker),
    tag('NextPartNumberMarker', page[page.length - 1]?.[0] ?? 0), tag('MaxParts', maxParts), tag('IsTruncated', left.length > page.length),
    tag('StorageClass', 'STANDARD'), tag('ChecksumAlgorithm', upload.checksum?.algorithm), tag('ChecksumType', upload.checksum?.type),
    ...page.map(([number, part]) => group('Part',
      tag('PartNumber', number), tag('LastModified', new Date(part.lastModified).toISOString()), tag('ETag', `"${part.etag}"`),
      tag('Size', part.bytes.length), upload.checksum ? tag(`Checksum${part.checksum!.algorithm}`, part.checksum!.value) : ''))));
}

/** By key, and of one key by the time they were begun. */
export function listMultipartUploads({ call: { query }, bucket, access }: Request): Answer {
  access.require('s3:ListBucketMultipartUploads');
  const most = integer('max-uploads', query.get('max-uploads'), 1000, 1000);
  const after = { key: query.get('key-marker'), id: query.get('upload-id-marker') };
  const all = [...bucket.uploads.values()].sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)) || a.initiated - b.initiated);
  const marked = all.findIndex(({ key, id }) => key === after.key && id === after.id) + 1;
  const left = all.slice(marked).filter(({ key }) => key.startsWith(query.get('prefix') ?? '') && (marked > 0 || after.key === null || key > after.key));
  const page = left.slice(0, most);
  const last = page.at(-1);
  const shown = ({ initiator }: Upload) => tag('ID', initiator) + tag('DisplayName', initiator.split('/').at(-1));
  return ok({}, document('ListMultipartUploadsResult',
    tag('Bucket', bucket.name), tag('KeyMarker', after.key ?? ''), tag('UploadIdMarker', after.id ?? ''), tag('MaxUploads', most),
    tag('IsTruncated', left.length > page.length), ...last && left.length > page.length ? [tag('NextKeyMarker', last.key), tag('NextUploadIdMarker', last.id)] : [],
    ...page.map(upload => group('Upload',
      tag('Key', upload.key), tag('UploadId', upload.id), group('Initiator', shown(upload)), tag('StorageClass', 'STANDARD'),
      tag('Initiated', new Date(upload.initiated).toISOString())))));
}

function wantedUpload({ call: { query }, bucket, key }: Request): Upload {
  const id = query.get('uploadId')!;
  const upload = bucket.uploads.get(id);
  if (upload?.key === key) { return upload; }
  throw new S3Error('NoSuchUpload', 404,
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.', { UploadId: id });
}
