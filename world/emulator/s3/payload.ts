import { createHash } from 'crypto';
import type { IncomingHttpHeaders } from 'http';
import type { Call } from '../service';
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
  const { bytes, trailers } = sha256.startsWith('STREAMING-') ? decode(body, headers) : { bytes: body, trailers: {} };
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

/** Undoes aws-chunked: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n` …, `0\r\n`, trailers, an empty line. */
function decode(body: Buffer, headers: IncomingHttpHeaders): { bytes: Buffer; trailers: Record<string, string> } {
  const parts: Buffer[] = [];
  let position = 0;
  const line = () => {
    const end = body.indexOf('\r\n', position);
    if (end < 0) { throw incomplete(); }
    const read = body.toString('latin1', position, end);
    position = end + 2;
    return read;
  };
  for (;;) {
    const size = parseInt(line(), 16);
    if (Number.isNaN(size)) { throw incomplete(); }
    if (size === 0) { break; }
    parts.push(body.subarray(position, position + size));
    position += size;
    if (line() !== '') { throw incomplete(); }
  }

  const trailers: Record<string, string> = {};
  while (position < body.length) {
    const trailer = line();
    const colon = trailer.indexOf(':');
    if (colon > 0) { trailers[trailer.slice(0, colon).trim().toLowerCase()] = trailer.slice(colon + 1).trim(); }
  }
  const announced = String(headers['x-amz-trailer'] ?? '').split(',').map(name => name.trim().toLowerCase()).filter(Boolean);
  if (announced.some(name => trailers[name] === undefined)) {
    throw new S3Error('MalformedTrailerError', 400,
      'The request contained trailing data that was not well-formed or did not conform to our published schema.');
  }

  const bytes = Buffer.concat(parts);
  if (String(bytes.length) !== headers['x-amz-decoded-content-length']) { throw incomplete(); }
  return { bytes, trailers };
}

function incomplete(): S3Error {
  return new S3Error('IncompleteBody', 400, 'The request body terminated unexpectedly');
}
