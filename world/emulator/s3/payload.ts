import { createHash } from 'crypto';
import type { IncomingHttpHeaders } from 'http';
import type { Call } from '../service';
import { fromAwsChunked } from './aws-chunked';
import { ALGORITHMS, checksum, headerOf, type Algorithm, type Checksum } from './checksums';
import { invalidRequest, notImplemented, S3Error } from './errors';

/** A request's content, after everything that its headers and trailers claim of it was found true. */
export interface Payload {
  readonly bytes: Buffer;
  /** The claimed checksum; absent if the client sent none. */
  readonly checksum?: Checksum;
  /** Whether the client gave S3 anything to check the content by. */
  readonly guarded: boolean;
}

export function payload({ headers, body }: Call): Payload {
  const sha256 = String(headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD');
  const { bytes, trailers } = sha256.startsWith('STREAMING-') ? fromAwsChunked(body, headers) : { bytes: body, trailers: {} };
  if (/^[0-9a-f]{64}$/.test(sha256) && createHash('sha256').update(bytes).digest('hex') !== sha256) {
    throw new S3Error('XAmzContentSHA256Mismatch', 400, "The provided 'x-amz-content-sha256' header does not match what was computed.");
  }

  const md5 = headers['content-md5'] as string | undefined;
  if (md5 !== undefined) {
    if (Buffer.from(md5, 'base64').length !== 16) { throw new S3Error('InvalidDigest', 400, 'The Content-MD5 you specified was invalid.'); }
    if (createHash('md5').update(bytes).digest('base64') !== md5) {
      throw new S3Error('BadDigest', 400, 'The Content-MD5 you specified did not match what we received.');
    }
  }

  const verified = verify({ ...headers, ...trailers }, bytes);
  if (headers['x-amz-sdk-checksum-algorithm'] !== undefined && !verified) {
    throw invalidRequest('x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.');
  }
  return { bytes, checksum: verified, guarded: verified !== undefined || md5 !== undefined };
}

/** The checksum that headers claim for a whole object, not looked at any further. */
export function claimed(headers: IncomingHttpHeaders): { algorithm: Algorithm; value: string } | undefined {
  const names = Object.keys(headers).filter(name => name.startsWith('x-amz-checksum-') && !/-(mode|algorithm|type)$/.test(name));
  if (names.length > 1) { throw invalidRequest('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.'); }
  if (names.length === 0) { return undefined; }
  const algorithm = ALGORITHMS.find(one => headerOf(one) === names[0]);
  if (!algorithm) { throw notImplemented(names[0]); }
  return { algorithm, value: String(headers[names[0]]) };
}

function verify(headers: IncomingHttpHeaders, bytes: Buffer): Checksum | undefined {
  const claim = claimed(headers);
  if (!claim) { return undefined; }
  const actual = checksum(claim.algorithm, [bytes]);
  if (actual.value.length !== claim.value.length) { throw invalidRequest(`Value for ${headerOf(claim.algorithm)} header is invalid.`); }
  if (actual.value !== claim.value) {
    throw new S3Error('BadDigest', 400, `The ${claim.algorithm} you specified did not match the calculated checksum.`);
  }
  return actual;
}
