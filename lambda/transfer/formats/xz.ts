import { crc32 } from 'node:zlib';
import { damaged, Extents, MOST_DISK_BYTES, refuse, type ChunkDecoder, type DiskLayout, type Extent, type ImageFile } from './layout';
import { decompressed } from './streams';
import { Tables } from './tables';

/**
 * The framing of xz (https://tukaani.org/xz/xz-file-format.txt): streams of blocks,
 * each with an index at its end. So the size is known exactly, and each block can be decompressed alone.
 */

const FORMAT = 'xz';
const HEADER = 12;
const FOOTER = 12;
const HEADER_MAGIC = Buffer.from('\xfd7zXZ\0', 'latin1');
/** A worker keeps a few whole blocks in memory. `xz -T0` makes 24 MiB of them. */
const LARGEST_BLOCK = 32 * 1024 * 1024;
/** Headers, padding and checksums of a block. */
const LARGEST_BLOCK_OVERHEAD = 64 * 1024;
/** 2 TiB in blocks of 24 MiB; and at most 30 MB in memory. */
const LONGEST_INDEX = 512 * 1024;
const MOST_STREAMS = 1_000;
/** Number of the kind of checksum. */
const SHA_256 = 10;
const NO_END = 'is an xz file that does not end as xz does: its end is missing, or something else is behind it, which is not supported; was it uploaded completely? '
  + 'If xz -t accepts it up to there, decompress it first with: xz -dc';

export interface XzFraming {
  /** Bytes of all that is compressed. */
  readonly size: number;
  /** If they are small enough to be read each by itself. */
  readonly layout?: DiskLayout;
}

/** A block alone, without the stream around it. */
interface BlockFraming {
  /** Number of the kind of checksum. */
  readonly check: number;
  /** Bytes in the file without the padding that fills the block up to a multiple of four. */
  readonly unpadded: number;
}

interface Block extends BlockFraming {
  /** Position in the file. */
  readonly file: number;
  /** Bytes of the content. */
  readonly length: number;
}

/** Reads the indexes, from the last one to the first. undefined: they are too large for that. */
export async function xzFraming(file: ImageFile): Promise<XzFraming | undefined> {
  const tables = new Tables(FORMAT, file);
  const streams: Block[][] = [];
  for (let end = file.size; end > 0;) {
    if (end < HEADER + FOOTER || end % 4 !== 0) { refuse(NO_END); }
    // Between streams, and behind the last one, there may be zeros.
    if ((await tables.bytes('the end', end - 4, 4)).readUInt32LE() === 0) { end -= 4; continue; }
    if (streams.length === MOST_STREAMS) { return undefined; }
    const footer = await tables.bytes('the footer', end - FOOTER, FOOTER);
    if (footer.toString('latin1', 10) !== 'YZ' || crc32(footer.subarray(4, 10)) !== footer.readUInt32LE(0)) { refuse(NO_END); }
    const length = (footer.readUInt32LE(4) + 1) * 4;
    if (length > LONGEST_INDEX) { return undefined; }
    if (end - FOOTER - length < HEADER) { damaged(FORMAT, 'its index is longer than the file'); }
    if ((footer[9] & 0x0f) === SHA_256) {
      refuse('is an xz file with checksums of SHA-256, which are not supported; compress it again, with: xz -dc … | xz -T0 --check=crc64');
    }
    const index = await tables.bytes('the index', end - FOOTER - length, length);
    const blocks = blocksOf(index, end - FOOTER - length, footer[9] & 0x0f);
    streams.unshift(blocks);
    end = (blocks[0]?.file ?? end - FOOTER - length) - HEADER;
    const header = await tables.bytes('the header', end, HEADER);
    if (!header.subarray(0, 6).equals(HEADER_MAGIC) || header[7] !== footer[9]) { damaged(FORMAT, 'its index and its start do not fit together'); }
  }
  const blocks = streams.flat();
  const size = blocks.reduce((total, block) => total + block.length, 0);
  if (size > MOST_DISK_BYTES) { damaged(FORMAT, `it claims to be a disk of ${size} bytes`); }
  return { size, ...(blocks.length > 1 && blocks.every(({ length }) => length <= LARGEST_BLOCK) && { layout: new XzBlocks(file, blocks, size) }) };
}

/** `end`: where the index begins, and so the last block ends. */
function blocksOf(index: Buffer, end: number, check: number): Block[] {
  if (index[0] !== 0 || crc32(index.subarray(0, -4)) !== index.readUInt32LE(index.length - 4)) { damaged(FORMAT, 'its index has not the checksum that it should have'); }
  let at = 1;
  const number = (): number => {
    let value = 0;
    for (let factor = 1; at < index.length - 4; factor *= 128) {
      const byte = index[at++];
      value += (byte & 0x7f) * factor;
      if (value > MOST_DISK_BYTES) { damaged(FORMAT, `its index has a number of ${value}`); }
      if (byte < 0x80) { return value; }
    }
    return damaged(FORMAT, 'its index is cut off');
  };
  const count = number();
  if (count > index.length) { damaged(FORMAT, `its index claims to have ${count} blocks`); }
  const sizes = Array.from({ length: count }, () => ({ unpadded: number(), length: number() }));
  let file = end - sizes.reduce((total, { unpadded }) => total + padded(unpadded), 0);
  if (file < HEADER) { damaged(FORMAT, 'its blocks are longer than the file'); }
  return sizes.map(({ unpadded, length }) => {
    // LZMA2 stores what does not compress, with three bytes for 64 KiB.
    if (unpadded > length + length / 16 + LARGEST_BLOCK_OVERHEAD) { damaged(FORMAT, `its index claims to have a block of ${unpadded} bytes for ${length} bytes of content`); }
    const block = { file, length, check, unpadded };
    file += padded(unpadded);
    return block;
  });
}

const padded = (length: number) => Math.ceil(length / 4) * 4;

class XzBlocks implements DiskLayout {
  public readonly format = FORMAT;
  /** Where on the disk each block begins. */
  private readonly at: number[] = [];

  constructor(private readonly file: ImageFile, private readonly blocks: readonly Block[], public readonly size: number) {
    let at = 0;
    for (const { length } of blocks) {
      this.at.push(at);
      at += length;
    }
  }

  public async extents(from: number, to: number): Promise<Extent[]> {
    const extents = new Extents(FORMAT, this.file.size, from, to);
    this.blocks.forEach(({ file, length, check, unpadded }, i) => {
      const at = this.at[i];
      if (length > 0 && at < to && at + length > from) { extents.chunk(at, length, file, padded(unpadded), blockDecoder({ check, unpadded })); }
    });
    return extents.all;
  }
}

/** Decompresses a block as a stream of its own, because the decoder takes streams only. */
function blockDecoder(block: BlockFraming): ChunkDecoder {
  return async (bytes, { length }) => {
    const pieces: Buffer[] = [];
    let total = 0;
    for await (const piece of decompressed('XZ', [streamOfBlock(bytes, length, block)])) {
      pieces.push(piece);
      total += piece.length;
      if (total > length) { throw Object.assign(new Error('it is longer than its index says'), { code: 'ERR_BUFFER_TOO_LARGE' }); }
    }
    return Buffer.concat(pieces);
  };
}

/** Returns a stream that consists of one block. */
export function streamOfBlock(block: Buffer, length: number, { check, unpadded }: BlockFraming): Buffer {
  const flags = Buffer.from([0, check]);
  const records = Buffer.from([0, 1, ...vli(unpadded), ...vli(length)]);
  const index = Buffer.concat([records, Buffer.alloc(padded(records.length) - records.length)]);
  const backward = Buffer.concat([u32((index.length + 4) / 4 - 1), flags]);
  return Buffer.concat([
    HEADER_MAGIC, flags, u32(crc32(flags)),
    block,
    index, u32(crc32(index)),
    u32(crc32(backward)), backward, Buffer.from('YZ'),
  ]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function vli(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) { bytes.push(value % 128 + 128); }
  return [...bytes, value];
}
