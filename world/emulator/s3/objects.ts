import type { Answer } from '../service';
import type { StoredObject } from './bucket';
import { checksum, headersOf } from './checksums';
import { MemoryContent, md5 } from './content';
import { invalidArgument, invalidRequest, malformedXml, notImplemented, preconditionFailed, S3Error } from './errors';
import { payload } from './payload';
import {
  encryptionHeaders, integer, keptHeaders, ok, refuseUnsupported, versionHeader, wantedEncryption, wantedObject, wantedVersion, writeContext,
  type Request,
} from './request';
import { blocks, document, group, tag, text } from './xml';

export function getObject(request: Request): Promise<Answer> {
  return read(request, async (object, start, end) => object.content.read(start, end));
}

export function headObject(request: Request): Promise<Answer> {
  return read(request);
}

async function read(
  request: Request, content?: (object: StoredObject, start: number, end: number) => Promise<Buffer>,
): Promise<Answer> {
  const { call: { headers, query }, bucket, key, access } = request;
  const versionId = wantedVersion(request);
  requireRead(request, 's3:GetObject', versionId);
  const object = wantedObject(request, versionId);
  const withChecksum = headers['x-amz-checksum-mode'] === 'ENABLED';
  // HEAD shows nothing encrypted, except a checksum.
  if (content || withChecksum) { access.requireKey('kms:Decrypt', key, object.encryption); }

  const common: Record<string, string> = {
    'etag': `"${object.etag}"`,
    'last-modified': new Date(object.lastModified).toUTCString(),
    ...versionHeader(bucket, object),
  };
  if (unchanged(request, object)) { return { status: 304, headers: common }; }

  const range = wantedRange(request, object);
  const { start, end } = range ?? { start: 0, end: object.content.size };
  const shown: Record<string, string> = {
    ...common,
    ...object.headers,
    ...encryptionHeaders(object.encryption),
    'accept-ranges': 'bytes',
    'content-length': String(end - start),
    ...range && { 'content-range': `bytes ${start}-${end - 1}/${object.content.size}` },
    ...query.has('partNumber') && object.parts && { 'x-amz-mp-parts-count': String(object.parts.length) },
    ...withChecksum && !range && object.checksum && headersOf(object.checksum),
  };
  return { status: range ? 206 : 200, headers: shown, body: await content?.(object, start, end) };
}

function requireRead({ access, key }: Request, action: string, versionId: string | undefined): void {
  access.require(versionId === undefined ? action : action.replace(/Object/, 'ObjectVersion'), key, { 's3:VersionId': versionId });
}

/** Evaluates the conditional headers of a read; true means 304. */
function unchanged({ call: { headers } }: Request, object: StoredObject): boolean {
  const modified = Math.floor(object.lastModified / 1000);
  const since = (name: 'if-modified-since' | 'if-unmodified-since') => Math.floor(Date.parse(headers[name] ?? '') / 1000);

  if (headers['if-match'] !== undefined) {
    if (!namesEtag(headers['if-match'], object)) { throw preconditionFailed('If-Match'); }
  } else if (modified > since('if-unmodified-since')) {
    throw preconditionFailed('If-Unmodified-Since');
  }
  return headers['if-none-match'] !== undefined ? namesEtag(headers['if-none-match'], object) : modified <= since('if-modified-since');
}

function namesEtag(condition: string, { etag }: StoredObject): boolean {
  return condition.split(',').map(one => one.trim().replace(/^"|"$/g, '')).some(one => one === '*' || one === etag);
}

/** What a Range or a part number stands for; a Range that makes no sense is ignored, as HTTP wants it. */
function wantedRange({ call: { headers, query } }: Request, object: StoredObject): { start: number; end: number } | undefined {
  const size = object.content.size;
  const partNumber = query.get('partNumber');
  if (partNumber !== null) {
    if (headers.range !== undefined) { throw invalidRequest('Cannot specify both Range header and partNumber query parameter'); }
    return partRange(object, integer('partNumber', partNumber, 1));
  }

  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '') ?? [];
  if (!first && !last) { return undefined; }
  if (first && last && Number(last) < Number(first)) { return undefined; }
  const start = first ? Number(first) : Math.max(0, size - Number(last));
  const end = first && last ? Math.min(Number(last) + 1, size) : size;
  if (start >= size) {
    throw new S3Error('InvalidRange', 416, 'The requested range is not satisfiable',
      { RangeRequested: headers.range!, ActualObjectSize: String(size) }, { 'content-range': `bytes */${size}` });
  }
  return { start, end };
}

function partRange({ parts, content }: StoredObject, number: number): { start: number; end: number } {
  const sizes = parts?.map(part => part.size) ?? [content.size];
  if (number < 1 || number > sizes.length) { throw new S3Error('InvalidPartNumber', 416, 'The requested partnumber is not satisfiable'); }
  const start = sizes.slice(0, number - 1).reduce((sum, size) => sum + size, 0);
  return { start, end: start + sizes[number - 1] };
}

export async function putObject({ call, bucket, key, access, clock }: Request): Promise<Answer> {
  const { headers } = call;
  refuseUnsupported(headers);
  access.require('s3:PutObject', key, writeContext(headers));
  const { bytes, checksum: given } = payload(call);
  const encryption = access.resolved(wantedEncryption(headers, bucket));
  access.requireKey('kms:GenerateDataKey', key, encryption);

  const content = new MemoryContent([bytes]);
  const etag = await md5(content);
  checkWriteConditions({ call, bucket, key });
  const object: StoredObject = {
    deleteMarker: false,
    key,
    versionId: bucket.nextVersionId(),
    lastModified: clock.now(),
    content,
    etag,
    headers: keptHeaders(headers),
    encryption,
    // S3 adds one where the client gave none.
    checksum: given ?? checksum('CRC64NVME', [bytes]),
  };
  bucket.add(object);
  return ok({ etag: `"${etag}"`, ...encryptionHeaders(encryption), ...headersOf(object.checksum!), ...versionHeader(bucket, object) });
}

/** `If-None-Match: *` writes only what is not there, `If-Match` only over what the caller knows. */
export function checkWriteConditions({ call: { headers }, bucket, key }: Pick<Request, 'call' | 'bucket' | 'key'>): void {
  const current = bucket.latest(key);
  const present = current && !current.deleteMarker ? current : undefined;
  if (headers['if-none-match'] !== undefined) {
    if (headers['if-none-match'] !== '*') { throw notImplemented('If-None-Match of a write with anything but *'); }
    if (present) { throw preconditionFailed('If-None-Match'); }
  }
  if (headers['if-match'] !== undefined) {
    if (!present) { throw new S3Error('NoSuchKey', 404, 'The specified key does not exist.', { Key: key }); }
    if (!namesEtag(headers['if-match'], present)) { throw preconditionFailed('If-Match'); }
  }
}

export function deleteObject(request: Request): Answer {
  const { bucket, key, access, call: { headers } } = request;
  const versionId = wantedVersion(request);
  access.require(versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion', key, { 's3:VersionId': versionId });
  if (headers['if-match'] !== undefined) { checkWriteConditions(request); }
  const { marker, versionId: touched } = remove(request, key, versionId);
  return {
    status: 204,
    headers: { ...marker && { 'x-amz-delete-marker': 'true' }, ...touched !== undefined && bucket.versioning && { 'x-amz-version-id': touched } },
  };
}

/** Removes a version for good; without one, hides the key behind a delete marker if the bucket keeps versions. */
function remove({ bucket, clock }: Request, key: string, versionId: string | undefined): { marker: boolean; versionId?: string } {
  if (versionId !== undefined) {
    return { marker: bucket.remove(key, versionId)?.deleteMarker ?? false, versionId };
  }
  if (bucket.versioning === undefined) {
    bucket.remove(key, 'null');
    return { marker: false };
  }
  const marker = { deleteMarker: true as const, key, versionId: bucket.nextVersionId(), lastModified: clock.now() };
  bucket.add(marker);
  return { marker: true, versionId: marker.versionId };
}

export function deleteObjects(request: Request): Answer {
  const { call, access } = request;
  const { bytes, guarded } = payload(call);
  if (!guarded) { throw invalidRequest('Missing required header for this request: Content-MD5 OR x-amz-checksum-*'); }
  const xml = bytes.toString();
  const wanted = blocks(xml, 'Object').map(block => ({ key: text(block, 'Key'), versionId: text(block, 'VersionId') || undefined }));
  if (wanted.length === 0 || wanted.length > 1000 || wanted.some(({ key }) => !key)) { throw malformedXml(); }

  const results = wanted.map(({ key, versionId }) => {
    const action = versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion';
    try {
      access.require(action, key, { 's3:VersionId': versionId });
    } catch (error) {
      if (!(error instanceof S3Error)) { throw error; }
      return group('Error', tag('Key', key), tag('VersionId', versionId), tag('Code', error.code), tag('Message', error.message));
    }
    const { marker, versionId: touched } = remove(request, key!, versionId);
    if (text(xml, 'Quiet') === 'true') { return ''; }
    return group('Deleted', tag('Key', key), tag('VersionId', versionId),
      tag('DeleteMarker', marker || undefined), tag('DeleteMarkerVersionId', marker ? touched : undefined));
  });
  return ok({}, document('DeleteResult', ...results));
}

const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'];

export function getObjectAttributes(request: Request): Answer {
  const { call: { headers }, bucket, key, access } = request;
  const versionId = wantedVersion(request);
  const wanted = String(headers['x-amz-object-attributes'] ?? '').split(',').map(name => name.trim());
  const unknown = wanted.find(name => !ATTRIBUTES.includes(name));
  if (unknown !== undefined) { throw invalidArgument('Invalid attribute name specified.', 'x-amz-object-attributes', unknown); }
  requireRead(request, 's3:GetObject', versionId);
  requireRead(request, 's3:GetObjectAttributes', versionId);
  const object = wantedObject(request, versionId);
  access.requireKey('kms:Decrypt', key, object.encryption);

  const { checksum: whole } = object;
  const members: Record<string, () => string> = {
    ETag: () => tag('ETag', object.etag),
    // A composite checksum has no part count here, unlike everywhere else.
    Checksum: () => whole
      ? group('Checksum', tag(`Checksum${whole.algorithm}`, whole.value.replace(/-\d+$/, '')), tag('ChecksumType', whole.type))
      : '',
    ObjectParts: () => objectParts(object, headers['x-amz-part-number-marker'], headers['x-amz-max-parts']),
    StorageClass: () => tag('StorageClass', 'STANDARD'),
    ObjectSize: () => tag('ObjectSize', object.content.size),
  };
  return ok(
    { 'last-modified': new Date(object.lastModified).toUTCString(), ...versionHeader(bucket, object) },
    document('GetObjectAttributesResponse', ...ATTRIBUTES.filter(name => wanted.includes(name)).map(name => members[name]())),
  );
}

/** Of a full-object checksum only the number of parts is known afterwards; a composite one keeps each. */
function objectParts({ parts, checksum: whole }: StoredObject, after: string | string[] | undefined, max: string | string[] | undefined): string {
  if (!parts) { return ''; }
  if (whole?.type !== 'COMPOSITE') { return group('ObjectParts', tag('PartsCount', parts.length)); }
  const marker = integer('part-number-marker', after as string | undefined, 0);
  const maxParts = integer('max-parts', max as string | undefined, 1000, 1000);
  const left = parts.filter(part => part.number > marker);
  const page = left.slice(0, maxParts);
  return group('ObjectParts',
    tag('PartsCount', parts.length), tag('PartNumberMarker', marker), tag('NextPartNumberMarker', page[page.length - 1]?.number ?? 0),
    tag('MaxParts', maxParts), tag('IsTruncated', left.length > page.length),
    ...page.map(part => group('Part', tag('PartNumber', part.number), tag('Size', part.size),
      part.checksum ? tag(`Checksum${part.checksum.algorithm}`, part.checksum.value) : '')));
}
