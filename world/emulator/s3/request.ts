import type { IncomingHttpHeaders } from 'http';
import type { Clock } from '../clock';
import type { Answer, Call } from '../service';
import type { Access } from './access';
import type { Bucket, Encryption, StoredObject, Version } from './bucket';
import { invalidArgument, invalidRequest, notImplemented, S3Error } from './errors';

/** A call on a bucket that exists, or on an object in it. */
export interface Request {
  readonly call: Call;
  readonly bucket: Bucket;
  /** Decoded; empty if the call is on the bucket. */
  readonly key: string;
  readonly access: Access;
  readonly clock: Clock;
  readonly completion: Completion;
}

/** How S3 completes multipart uploads. */
export interface Completion {
  /** Milliseconds. */
  readonly delay: number;
  readonly meanwhile: 'there' | 'gone';
}

export type Handler = (request: Request) => Answer | Promise<Answer>;

/** What a writer may say of an object so that every reader hears it. */
const KEPT = ['content-type', 'cache-control', 'content-disposition', 'content-encoding', 'content-language', 'expires'];
const SSE = 'x-amz-server-side-encryption';

export function keptHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = { 'content-type': 'binary/octet-stream' };
  for (const [name, value] of Object.entries(headers)) {
    if (KEPT.includes(name) || name.startsWith('x-amz-meta-')) { kept[name] = String(value); }
  }
  // How the request was framed is no property of the object.
  const encoding = kept['content-encoding']?.split(',').map(one => one.trim()).filter(one => one !== 'aws-chunked').join(',');
  if (encoding) { kept['content-encoding'] = encoding; } else { delete kept['content-encoding']; }
  return kept;
}

/** What a write asks for, else what the bucket does by default. */
export function wantedEncryption(headers: IncomingHttpHeaders, bucket: Bucket): Encryption {
  const algorithm = headers[SSE];
  const kmsKey = headers[`${SSE}-aws-kms-key-id`] as string | undefined;
  if (algorithm === undefined) { return bucket.encryption; }
  if (algorithm === 'AES256') { return { algorithm }; }
  if (algorithm !== 'aws:kms') { throw invalidArgument('The encryption method specified is not supported', SSE, String(algorithm)); }
  return kmsKey === undefined && bucket.encryption.algorithm === algorithm ? bucket.encryption : { algorithm, kmsKey };
}

export function encryptionHeaders({ algorithm, kmsKey }: Encryption): Record<string, string> {
  return { [SSE]: algorithm, ...kmsKey !== undefined && { [`${SSE}-aws-kms-key-id`]: kmsKey } };
}

/** The keys that a policy may ask about a write. */
export function writeContext(headers: IncomingHttpHeaders): Record<string, string | undefined> {
  const asked = (name: string) => headers[name] as string | undefined;
  return {
    's3:x-amz-server-side-encryption': asked(SSE),
    's3:x-amz-server-side-encryption-aws-kms-key-id': asked(`${SSE}-aws-kms-key-id`),
    's3:if-none-match': asked('if-none-match'),
    's3:if-match': asked('if-match'),
  };
}

export function versionHeader(bucket: Bucket, { versionId }: { versionId: string }): Record<string, string> {
  return bucket.versioning === undefined ? {} : { 'x-amz-version-id': versionId };
}

export function wantedVersion({ call }: Request): string | undefined {
  const versionId = call.query.get('versionId');
  if (versionId !== null && versionId !== 'null' && !/^[\w.]{32}$/.test(versionId)) {
    throw invalidArgument('Invalid version id specified', 'versionId', versionId);
  }
  return versionId ?? undefined;
}

/** The header of an object that is encrypted with a key of the client, who has to send that key with each reading call. */
export const SSE_C = 'x-amz-server-side-encryption-customer-algorithm';

/** The object that a reading call means; the caller must have been authorized for it already. */
export function wantedObject({ call, bucket, key, access }: Request, versionId: string | undefined): StoredObject {
  const version: Version | undefined = versionId === undefined ? bucket.latest(key) : bucket.find(key, versionId);
  if (version && !version.deleteMarker) {
    if (SSE_C in version.headers && !(SSE_C in call.headers)) {
      throw invalidRequest('The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.');
    }
    return version;
  }

  // Whoever may not list the bucket does not learn what is not there.
  access.require('s3:ListBucket', undefined, {});
  const marker = version ? { 'x-amz-delete-marker': 'true', ...versionHeader(bucket, version) } : {};
  if (versionId === undefined) { throw new S3Error('NoSuchKey', 404, 'The specified key does not exist.', { Key: key }, marker); }
  if (!version) { throw new S3Error('NoSuchVersion', 404, 'The specified version does not exist.', { Key: key, VersionId: versionId }); }
  throw new S3Error('MethodNotAllowed', 405, 'The specified method is not allowed against this resource.', { ResourceType: 'DeleteMarker' },
    { ...marker, allow: 'DELETE' });
}

const UNSUPPORTED = new RegExp('^x-amz-(tagging|website-redirect-location|copy-source|grant-|object-lock|write-offset-bytes|storage-class'
  + '|server-side-encryption-(customer-|context|bucket-key-enabled))');

/** Nothing that a caller asks of a write is silently dropped. */
export function refuseUnsupported(headers: IncomingHttpHeaders): void {
  const name = Object.keys(headers).find(one => UNSUPPORTED.test(one) && headers[one] !== 'STANDARD');
  if (name !== undefined) { throw notImplemented(`the header ${name}`); }
  const acl = headers['x-amz-acl'];
  if (acl !== undefined && acl !== 'bucket-owner-full-control') {
    throw new S3Error('AccessControlListNotSupported', 400, 'The bucket does not allow ACLs');
  }
}

export function integer(name: string, value: string | undefined | null, fallback: number, max = Number.MAX_SAFE_INTEGER): number {
  if (value === undefined || value === null) { return fallback; }
  if (!/^\d+$/.test(value)) { throw invalidArgument(`Provided ${name} not an integer or within integer range`, name, value); }
  return Math.min(Number(value), max);
}

export function ok(headers: Record<string, string> = {}, body?: string | Buffer): Answer {
  return { status: 200, headers: typeof body === 'string' ? { 'content-type': 'application/xml', ...headers } : headers, body };
}
