import { constants, createZstdDecompress } from 'node:zlib';
import type { ByteInput } from './byte-input';
import { refuse } from './layout';
import { OUTPUT_BYTES, through } from './stream-decoder';
import { frameHeader, skippableLength, type FrameHeader } from './zstd';

/** 128 MiB, as the command line tools have it: an image cannot make a worker use up its memory. */
const LARGEST_ZSTD_WINDOW_LOG = 27;
const LONGEST_HEADER = 18;
/** Blocks are handed to the decoder in pieces of about this size, because each piece takes time of its own. */
const PIECE_BYTES = 128 * 1024;

/** Each frame needs a decoder of its own, which takes about a millisecond. */
const MANY_FRAMES = 1_000;
const LEAST_BYTES_PER_FRAME = 64;

/** Decompresses all frames, each with a decoder of its own, because Node's decoder ends without an error behind the first frame. */
export async function* unzstd(input: ByteInput): AsyncGenerator<Buffer> {
  let [frames, content] = [0, 0];
  for (let start = await input.peek(LONGEST_HEADER); start.length > 0; start = await input.peek(LONGEST_HEADER)) {
    const skippable = skippableLength(start);
    if (skippable > 0) {
      await input.skip(skippable);
      continue;
    }
    frames++;
    if (frames > MANY_FRAMES && content < frames * LEAST_BYTES_PER_FRAME) {
      refuse(`is a zstd stream whose first ${frames - 1} frames hold only ${content} bytes; compress the disk again`);
    }
    for await (const piece of frame(input, headerOf(start, input.position))) {
      content += piece.length;
      yield piece;
    }
  }
}

function headerOf(start: Buffer, position: number): FrameHeader {
  const header = frameHeader(start);
  if (!header) {
    return refuse(`is a zstd stream with something at byte ${position} that is no zstd frame, which is not supported; was it uploaded completely? `
      + 'If the disk ends there, decompress it first with: zstd -d');
  }
  if (header.window > 2 ** LARGEST_ZSTD_WINDOW_LOG) {
    refuse(`is a zstd stream that needs ${header.window} bytes of memory; compress it again without --ultra and --long`);
  }
  return header;
}

async function* frame(input: ByteInput, header: FrameHeader): AsyncGenerator<Buffer> {
  const decoder = createZstdDecompress({ chunkSize: OUTPUT_BYTES, params: { [constants.ZSTD_d_windowLogMax]: LARGEST_ZSTD_WINDOW_LOG } });
  yield* through(decoder, bytesOf(input, header));
}

async function* bytesOf(input: ByteInput, { length, checksum }: FrameHeader): AsyncGenerator<Buffer> {
  let parts = [await input.take(length)];
  let size = length;
  for (let last = false; !last;) {
    const head = await input.take(3);
    const block = head.readUIntLE(0, 3);
    last = block % 2 === 1;
    // The second type is one byte, repeated.
    const content = await input.take((block >> 1) % 4 === 1 ? 1 : block >> 3);
    parts.push(head, content);
    size += head.length + content.length;
    if (last && checksum) { parts.push(await input.take(4)); }
    if (last || size >= PIECE_BYTES) {
      yield Buffer.concat(parts);
      [parts, size] = [[], 0];
    }
  }
}
