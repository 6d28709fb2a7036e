/** Zstandard's framing (RFC 8878): what can be known of it without decompressing. */

import { refuse } from './layout';

export const ZSTD_MAGIC = 0xfd2f_b528;
/** Position of the byte that describes the header. */
const DESCRIPTOR = 4;
const HAS_CHECKSUM = 4;
/** Length of the checksum at the end of a frame. */
export const CHECKSUM = 4;
export const BLOCK_HEADER = 3;
const isSkippable = (magic: number) => (magic & 0xffff_fff0) >>> 0 === 0x184d_2a50;

export interface FrameHeader {
  /** Bytes before the first block. */
  readonly length: number;
  /** Of what is compressed, if the frame tells. */
  readonly contentSize?: number;
  /** What the decoder must keep in memory. */
  readonly window: number;
  readonly checksum: boolean;
  /** Whether it can only be decompressed with a dictionary that is in another file. */
  readonly dictionary: boolean;
}

/** undefined: that is no frame, or not enough of one. */
export function frameHeader(bytes: Buffer): FrameHeader | undefined {
  if (bytes.length < 6 || bytes.readUInt32LE(0) !== ZSTD_MAGIC) { return undefined; }
  const descriptor = bytes[DESCRIPTOR];
  const single = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3];
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6];
  const sizeAt = 5 + (single ? 0 : 1) + dictionaryBytes;
  const length = sizeAt + sizeBytes;
  if (bytes.length < length) { return undefined; }
  const contentSize = sizeBytes === 0 ? undefined : sizeIn(bytes, sizeAt, sizeBytes);
  const windowBase = 2 ** (10 + (bytes[5] >> 3));
  return {
    length,
    ...(contentSize !== undefined && { contentSize }),
    window: single ? contentSize! : windowBase + windowBase / 8 * (bytes[5] & 7),
    checksum: (descriptor & HAS_CHECKSUM) !== 0,
    dictionary: dictionaryBytes > 0 && bytes.subarray(sizeAt - dictionaryBytes, sizeAt).some(byte => byte !== 0),
  };
}

/** Throws if the frame needs a dictionary. */
export function refuseDictionary({ dictionary }: FrameHeader): void {
  if (dictionary) { refuse('is compressed by zstd with a dictionary, which is not supported; decompress it first, with: zstd -d -D, and compress it without one'); }
}

function sizeIn(bytes: Buffer, at: number, length: number): number {
  switch (length) {
    case 1: return bytes[at];
    case 2: return bytes.readUInt16LE(at) + 256;
    case 4: return bytes.readUInt32LE(at);
    default: return bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
  }
}

/** All bytes of the frame with which `bytes` begins; undefined if it is none, or does not end in them. */
export function frameLength(bytes: Buffer): number | undefined {
  const header = frameHeader(bytes);
  if (!header) { return undefined; }
  for (let at = header.length; ;) {
    const block = blockAt(bytes, at);
    if (!block) { return undefined; }
    at += block.bytes;
    if (block.last) {
      at += header.checksum ? CHECKSUM : 0;
      return at <= bytes.length ? at : undefined;
    }
  }
}

/** Returns the length of the block at a position, with its header, and whether it is the last one of its frame. undefined: not even its header is there. */
export function blockAt(bytes: Buffer, at: number): { readonly bytes: number; readonly last: boolean } | undefined {
  if (at + BLOCK_HEADER > bytes.length) { return undefined; }
  const block = bytes.readUIntLE(at, BLOCK_HEADER);
  // A block of the second type is one byte, repeated.
  return { bytes: BLOCK_HEADER + ((block >> 1) % 4 === 1 ? 1 : block >> 3), last: block % 2 === 1 };
}

/** Returns a whole frame with this checksum of its content, which a decoder compares: the lowest 32 bits of the XXH64. */
export function withChecksum(frame: Buffer, checksum: number): Buffer {
  const { checksum: hasOne } = frameHeader(frame)!;
  return Buffer.concat([announcingChecksum(hasOne ? frame.subarray(0, -CHECKSUM) : frame), checksumBytes(checksum)]);
}

/** Returns the start of a frame, changed so that a decoder expects a checksum at its end. */
export function announcingChecksum(start: Buffer): Buffer {
  const made = Buffer.from(start);
  made[DESCRIPTOR] |= HAS_CHECKSUM;
  return made;
}

/** Returns a checksum as the end of a frame has it. */
export function checksumBytes(checksum: number): Buffer {
  const bytes = Buffer.alloc(CHECKSUM);
  bytes.writeUInt32LE(checksum);
  return bytes;
}

/** Frames that hold no content, such as a seek table; 0: there is none. */
export function skippableLength(bytes: Buffer): number {
  return bytes.length >= 8 && isSkippable(bytes.readUInt32LE(0)) ? 8 + bytes.readUInt32LE(4) : 0;
}
