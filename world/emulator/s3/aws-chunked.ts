import type { IncomingHttpHeaders } from 'http';
import { headerOf, ALGORITHMS } from './checksums';
import { invalidRequest, S3Error } from './errors';

/** Every chunk but the last has at least so many bytes. */
const SMALLEST_CHUNK = 8_192;
const MALFORMED = 'The request contained trailing data that was not well-formed or did not conform to our published schema.';

/** Returns the content of an aws-chunked body: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n` …, `0\r\n`, trailers, an empty line. */
export function fromAwsChunked(body: Buffer, headers: IncomingHttpHeaders): { bytes: Buffer; trailers: Record<string, string> } {
  const length = headers['x-amz-decoded-content-length'];
  if (!/^\d+$/.test(String(length))) { throw new S3Error('MissingContentLength', 411, 'You must provide the Content-Length HTTP header.'); }

  const lines = new Lines(body);
  const bytes = Buffer.concat([...chunks(lines)]);
  if (bytes.length !== Number(length)) {
    throw new S3Error('IncompleteBody', 400, 'You did not provide the number of bytes specified by the Content-Length HTTP header');
  }
  const trailers = trailersOf(lines);
  checkTrailers(trailers, headers);
  return { bytes, trailers };
}

class Lines {
  private position = 0;

  constructor(private readonly body: Buffer) {}

  public get atEnd(): boolean {
    return this.position >= this.body.length;
  }

  public next(): string {
    const end = this.body.indexOf('\r\n', this.position);
    if (end < 0) { throw incomplete(); }
    const line = this.body.toString('latin1', this.position, end);
    this.position = end + 2;
    return line;
  }

  public take(size: number): Buffer {
    this.position += size;
    return this.body.subarray(this.position - size, this.position);
  }
}

function* chunks(lines: Lines): Generator<Buffer> {
  let previous = Infinity;
  for (let number = 1; ; number++) {
    const size = parseInt(/^[0-9a-f]+(?=;|$)/i.exec(lines.next())?.[0] ?? '', 16);
    if (Number.isNaN(size)) { throw incomplete(); }
    if (size === 0) { return; }
    if (previous < SMALLEST_CHUNK) {
      throw new S3Error('InvalidChunkSizeError', 403, 'Only the last chunk is allowed to have a size less than 8192 bytes',
        { Chunk: String(number), BadChunkSize: String(previous) });
    }
    previous = size;
    yield lines.take(size);
    if (lines.next() !== '') { throw incomplete(); }
  }
}

function trailersOf(lines: Lines): Record<string, string> {
  const trailers: Record<string, string> = {};
  while (!lines.atEnd) {
    const [name, ...value] = lines.next().split(':');
    if (name === '') { continue; }
    if (value.length !== 1) { throw malformed(); }
    trailers[name.trim().toLowerCase()] = value[0].trim();
  }
  return trailers;
}

/** Refuses trailers that the headers do not announce, and announced ones that do not come. */
function checkTrailers(trailers: Record<string, string>, headers: IncomingHttpHeaders): void {
  const announced = String(headers['x-amz-trailer'] ?? '').split(',').map(name => name.trim().toLowerCase()).filter(Boolean);
  const allowed = [...ALGORITHMS.map(headerOf), 'x-amz-trailer-signature'];
  if (announced.some(name => !allowed.includes(name))) { throw invalidRequest('The value specified in the x-amz-trailer header is not supported'); }
  const come = Object.keys(trailers).filter(name => name !== 'x-amz-trailer-signature');
  const wantsOne = String(headers['x-amz-content-sha256']).endsWith('-TRAILER');
  if (wantsOne && announced.length === 0 || come.sort().join() !== announced.sort().join()) { throw malformed(); }
}

function malformed(): S3Error {
  return new S3Error('MalformedTrailerError', 400, MALFORMED);
}

function incomplete(): S3Error {
  return new S3Error('IncompleteBody', 400, 'The request body terminated unexpectedly');
}
