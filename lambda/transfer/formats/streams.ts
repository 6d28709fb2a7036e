import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { XzReadableStream } from 'xz-decompress';
import { refuse } from './layout';
import { frameHeader, skippableLength } from './zstd';

export type StreamFormat = 'GZIP' | 'ZSTD' | 'XZ';

/** As in a sentence. */
export const STREAM_NAMES: Record<StreamFormat, string> = { GZIP: 'gzip', ZSTD: 'zstd', XZ: 'xz' };

const OUTPUT_BYTES = 1024 * 1024;
/** 128 MiB, as the command line tools have it: an image cannot make a worker use up its memory. */
const LARGEST_ZSTD_WINDOW_LOG = 27;
const LONGEST_ZSTD_HEADER = 18;

/** What a stream holds, piece by piece. Throws if it is damaged, or cut off. */
export async function* decompressed(format: StreamFormat, compressed: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  let own = true;
  const source = (async function* () {
    // What goes wrong in here is no fault of the stream.
    try { yield* compressed; } catch (error) { own = false; throw error; }
  })();
  try {
    switch (format) {
      case 'GZIP': return yield* through(createGunzip({ chunkSize: OUTPUT_BYTES }), source);
      case 'ZSTD': return yield* zstd(source);
      case 'XZ': return yield* xz(source);
    }
  } catch (error) {
    const { message, code } = error as { message: string; code?: string };
    if (!own || (format !== 'XZ' && code === undefined)) { throw error; }
    return refuse(`is a damaged ${STREAM_NAMES[format]} stream: ${format === 'XZ' ? xzError(message) : message}`);
  }
}

async function* through(decoder: Transform, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const done = pipeline(Readable.from(source, { objectMode: true }), decoder);
  // Told below; here too it must not be unhandled.
  done.catch(() => {});
  try {
    for await (const piece of decoder) { yield piece as Buffer; }
    await done;
  } finally {
    decoder.destroy();
  }
}

/** Node's decoder stops, without a word, at the end of the first frame: so each one gets its own. */
async function* zstd(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const bytes = new Bytes(source);
  for (let start = await bytes.peek(LONGEST_ZSTD_HEADER); start.length > 0; start = await bytes.peek(LONGEST_ZSTD_HEADER)) {
    let skipped = skippableLength(start);
    if (skipped > 0) {
      for (; skipped > 0;) { skipped -= (await bytes.take(Math.min(skipped, OUTPUT_BYTES))).length; }
      continue;
    }
    const header = frameHeader(start);
    if (!header) { throw Object.assign(new Error('what follows a frame is none'), { code: 'ZSTD' }); }
    if (header.window > 2 ** LARGEST_ZSTD_WINDOW_LOG) {
      refuse(`is a zstd stream that needs ${header.window} bytes of memory; compress it again without --ultra and --long`);
    }
    const decoder = createZstdDecompress({ chunkSize: OUTPUT_BYTES, params: { [constants.ZSTD_d_windowLogMax]: LARGEST_ZSTD_WINDOW_LOG } });
    yield* through(decoder, frame(bytes, header.length, header.checksum));
  }
}

async function* frame(bytes: Bytes, headerLength: number, checksum: boolean): AsyncGenerator<Buffer> {
  yield await bytes.take(headerLength);
  for (;;) {
    const head = await bytes.take(3);
    const block = head.readUIntLE(0, 3);
    yield head;
    const length = ((block >> 1) & 3) === 1 ? 1 : block >> 3;
    if (length > 0) { yield await bytes.take(length); }
    if (block & 1) { break; }
  }
  if (checksum) { yield await bytes.take(4); }
}

/** Takes exact numbers of bytes from pieces of any length. */
class Bytes {
  private readonly pieces: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.pieces = source[Symbol.asyncIterator]();
  }

  /** Fewer, if the end comes before. */
  public async peek(length: number): Promise<Buffer> {
    while (this.rest.length < length) {
      const { value, done } = await this.pieces.next();
      if (done) { break; }
      this.rest = this.rest.length === 0 ? value as Buffer : Buffer.concat([this.rest, value as Buffer]);
    }
    return this.rest.subarray(0, length);
  }

  public async take(length: number): Promise<Buffer> {
    const taken = await this.peek(length);
    if (taken.length < length) { throw Object.assign(new Error('unexpected end of file'), { code: 'Z_BUF_ERROR' }); }
    this.rest = this.rest.subarray(length);
    return taken;
  }
}

async function* xz(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // Not Readable.toWeb: what that has read ahead ends the process if the stream is left before its end.
  const decoded = new XzReadableStream(ReadableStream.from(source) as ConstructorParameters<typeof XzReadableStream>[0]).getReader();
  try {
    for (;;) {
      const { done, value } = await decoded.read();
      if (done) { return; }
      // Its memory is the decoder's, which goes on writing to it.
      yield Buffer.from(value as Uint8Array);
    }
  } finally {
    // It fails where the decoder has come to the end by itself.
    await decoded.cancel().catch(() => {});
  }
}

/** As xz_embedded numbers them. */
function xzError(message: string): string {
  switch (/error code (\d+)/.exec(message)?.[1]) {
    case '3': case '4': return 'it needs too much memory; compress it with a dictionary of at most 64 MiB';
    case '6': return 'it has options that are not supported; compress it with CRC32 or CRC64, and LZMA2 alone';
    case '7': return 'its content does not have the checksum that it should have';
    case '8': return 'unexpected end of file, or something that is no xz behind it';
    default: return message;
  }
}
