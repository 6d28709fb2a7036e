import { constants, createZstdDecompress } from 'node:zlib';
import type { ByteInput } from './byte-input';
import { refuse } from './layout';
import { OUTPUT_BYTES, through } from './stream-decoder';
import { announcingChecksum, blockAt, BLOCK_HEADER, CHECKSUM, checksumBytes, frameHeader, refuseDictionary, skippableLength, type FrameHeader } from './zstd';
import type { FrameChecksums } from './zstd-seekable';

/** 128 MiB, as the command line tools have it: an image cannot make a worker use up its memory. */
const LARGEST_ZSTD_WINDOW_LOG = 27;
const LONGEST_HEADER = 18;

/** Each frame needs a decoder of its own, which takes about a millisecond. */
const MANY_FRAMES = 1_000;
const LEAST_BYTES_PER_FRAME = 64;

/**
 * Decompresses all frames, each with a decoder of its own, because Node's decoder ends without an error behind the first frame.
 *
 * @param checksums Checksums of frames that have none of their own.
 */
export async function* unzstd(input: ByteInput, checksums: FrameChecksums = () => undefined): AsyncGenerator<Buffer> {
  let [frames, content] = [0, 0];
  for (let start = await input.peek(LONGEST_HEADER); start.length > 0; start = await input.peek(LONGEST_HEADER)) {
    const skippable = skippableLength(start);
    if (skippable > 0) {
      await input.discard(skippable);
      continue;
    }
    frames++;
    if (frames > MANY_FRAMES && content < frames * LEAST_BYTES_PER_FRAME) {
      refuse(`is a zstd stream whose first ${frames - 1} frames hold only ${content} bytes; compress the disk again`);
    }
    for await (const piece of frame(input, headerOf(start, input.position), checksums(input.position))) {
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
  refuseDictionary(header);
  if (header.window > 2 ** LARGEST_ZSTD_WINDOW_LOG) {
    refuse(`is a zstd stream that needs ${header.window} bytes of memory; compress it again without --ultra and --long`);
  }
  return header;
}

async function* frame(input: ByteInput, header: FrameHeader, checksum: number | undefined): AsyncGenerator<Buffer> {
  const decoder = createZstdDecompress({ chunkSize: OUTPUT_BYTES, params: { [constants.ZSTD_d_windowLogMax]: LARGEST_ZSTD_WINDOW_LOG } });
  yield* through(decoder, bytesOf(input, header, checksum));
}

async function* bytesOf(input: ByteInput, { length, checksum: hasChecksum }: FrameHeader, checksum: number | undefined): AsyncGenerator<Buffer> {
  const lacksChecksum = !hasChecksum && checksum !== undefined;
  const start = await input.take(length);
  yield lacksChecksum ? announcingChecksum(start) : start;
  for (let hasMore = true; hasMore;) {
    const blocks = blocksIn(await input.piece());
    // The next block may be longer than the bytes at hand.
    const bytes = blocks.bytes || blockAt(await input.peek(BLOCK_HEADER), 0)?.bytes || BLOCK_HEADER;
    const taken = await input.take(bytes);
    hasMore = !(blocks.bytes > 0 ? blocks.last : blockAt(taken, 0)!.last);
    yield taken;
  }
  if (hasChecksum) { yield await input.take(CHECKSUM); }
  if (lacksChecksum) { yield checksumBytes(checksum); }
}

/** Returns the length of all whole blocks of a frame that are there, and whether the frame ends with them. */
function blocksIn(bytes: Buffer): { readonly bytes: number; readonly last: boolean } {
  for (let at = 0; ;) {
    const block = blockAt(bytes, at);
    if (!block || at + block.bytes > bytes.length) { return { bytes: at, last: false }; }
    at += block.bytes;
    if (block.last) { return { bytes: at, last: true }; }
  }
}
