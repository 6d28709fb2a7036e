import { ReadableStream } from 'node:stream/web';
import { XzReadableStream } from 'xz-decompress';
import { ByteInput } from './byte-input';
import { inflateRaw } from './deflate-stream';
import { gunzip } from './gzip-stream';
import { ImageRefusal, refuse } from './layout';
import type { FrameChecksums } from './zstd-seekable';
import { unzstd } from './zstd-stream';

/** `DEFLATE` is in ZIP archives only. */
export type StreamFormat = 'GZIP' | 'ZSTD' | 'XZ' | 'DEFLATE';

/** As in a sentence. */
export const STREAM_NAMES: Record<StreamFormat, string> = { GZIP: 'gzip', ZSTD: 'zstd', XZ: 'xz', DEFLATE: 'deflate' };

/**
 * Decompresses a stream piece by piece. Throws if it is damaged or cut off, or if something is behind its end.
 *
 * @param checksums Checksums of zstd's frames, from a table.
 */
export async function* decompressed(
  format: StreamFormat, compressed: AsyncIterable<Buffer> | Iterable<Buffer>, checksums?: FrameChecksums,
): AsyncGenerator<Buffer> {
  let own = true;
  const source = (async function* () {
    // A failed read is no fault of the stream.
    try { yield* compressed; } catch (error) { own = false; throw error; }
  })();
  const input = new ByteInput(STREAM_NAMES[format], source);
  try {
    switch (format) {
      case 'GZIP': return yield* content(input, gunzip(input));
      case 'ZSTD': return yield* content(input, unzstd(input, checksums));
      case 'DEFLATE': return yield* content(input, inflateRaw(input));
      case 'XZ': return yield* xz(source);
    }
  } catch (error) {
    if (error instanceof ImageRefusal) { throw error; }
    const { message, code } = error as { message: string; code?: string };
    if (!own || (format !== 'XZ' && code === undefined)) { throw error; }
    if (format === 'XZ') { refuseXz(message); }
    return refuse(`is a damaged ${STREAM_NAMES[format]} stream: ${message}`);
  }
}

/** Leaves out empty pieces. */
async function* content(input: ByteInput, pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    if (piece.length === 0) { continue; }
    input.foundContent();
    yield piece;
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

/** Explains the errors of xz_embedded, by their numbers. */
function refuseXz(message: string): void {
  switch (/error code (\d+)/.exec(message)?.[1]) {
    case '3': case '4': return refuse('is an xz stream that needs too much memory; compress it again with a dictionary of at most 64 MiB');
    case '6': return refuse('is an xz stream with a filter or a kind of checksum that is not supported; compress it again with LZMA2 alone, with: xz -dc … | xz -T0 --check=crc64');
    case '7': return refuse('is a damaged xz stream: its content does not have the checksum that it should have');
    case '8': return refuse('is a damaged xz stream: unexpected end of file, or something that is no xz behind it');
  }
}
