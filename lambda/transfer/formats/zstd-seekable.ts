import { zstdDecoder } from './codecs';
import { damaged, Extents, MOST_DISK_BYTES, outside, type DiskLayout, type Extent, type ImageFile } from './layout';
import { Tables } from './tables';

/**
 * zstd in many frames, with a table of them at the end ("Zstandard Seekable
 * Format" 0.1.0, as t2sz, zstd's own `seekable_format` and others write it): each frame can be decompressed alone.
 */

const FORMAT = 'seekable zstd';
const FOOTER = 9;
const MAGIC = 0x8f92_eab1;
const SKIPPABLE = 0x184d_2a5e;
const SKIPPABLE_HEADER = 8;
/** A worker keeps a few whole frames in memory. Larger ones are read as a stream. */
const LARGEST_FRAME = 16 * 1024 * 1024;
/** 2 TiB in frames of 1 MiB, and 34 MB in memory. */
const MOST_FRAMES = 2 ** 21;
const ENTRIES_AT_ONCE = 65_536;

interface SeekTable {
  /** Where each frame begins on the disk; and, last, where the last one ends. */
  readonly at: Float64Array;
  /** The same, in the file. */
  readonly offsets: Float64Array;
  readonly checksums: Uint32Array | undefined;
  readonly hasLargeFrames: boolean;
}

/** undefined: it has no such table, or too large frames, and is but a stream. */
export async function openSeekableZstd(file: ImageFile): Promise<DiskLayout | undefined> {
  const table = await readTable(file);
  return table && !table.hasLargeFrames ? new SeekableZstd(file, table) : undefined;
}

/** Returns the checksum that the table has of the content of the frame at a byte of the file. undefined: the table has none. */
export type FrameChecksums = (position: number) => number | undefined;

/** undefined: the file has no table with checksums. */
export async function frameChecksums(file: ImageFile): Promise<FrameChecksums | undefined> {
  const { offsets, checksums } = await readTable(file) ?? {};
  if (!offsets || !checksums) { return undefined; }
  let next = 0;
  return position => {
    while (next < checksums.length && offsets[next] < position) { next++; }
    return offsets[next] === position ? checksums[next] : undefined;
  };
}

async function readTable(file: ImageFile): Promise<SeekTable | undefined> {
  const tables = new Tables(FORMAT, file);
  if (file.size < FOOTER + SKIPPABLE_HEADER) { return undefined; }
  const footer = await tables.bytes('the seek table', file.size - FOOTER, FOOTER);
  if (footer.readUInt32LE(5) !== MAGIC) { return undefined; }
  const count = footer.readUInt32LE(0);
  const hasChecksums = (footer[4] & 0x80) !== 0;
  const entryBytes = hasChecksums ? 12 : 8;
  if (count > MOST_FRAMES) { return undefined; }
  const tableBytes = count * entryBytes + FOOTER;
  const start = file.size - tableBytes - SKIPPABLE_HEADER;
  if (start < 0) { outside(FORMAT, 'the seek table', start, file.size); }
  const header = await tables.bytes('the seek table', start, SKIPPABLE_HEADER);
  if (header.readUInt32LE(0) !== SKIPPABLE || header.readUInt32LE(4) !== tableBytes) { damaged(FORMAT, 'its seek table does not begin where its end says'); }

  let hasLargeFrames = false;
  const [at, offsets] = [new Float64Array(count + 1), new Float64Array(count + 1)];
  const checksums = hasChecksums ? new Uint32Array(count) : undefined;
  for (let first = 0; first < count; first += ENTRIES_AT_ONCE) {
    const entries = Math.min(ENTRIES_AT_ONCE, count - first);
    const bytes = await tables.bytes('the seek table', start + SKIPPABLE_HEADER + first * entryBytes, entries * entryBytes);
    for (let i = 0; i < entries; i++) {
      const [compressed, content] = [bytes.readUInt32LE(i * entryBytes), bytes.readUInt32LE(i * entryBytes + 4)];
      if (content > LARGEST_FRAME || compressed > LARGEST_FRAME * 2) { hasLargeFrames = true; }
      offsets[first + i + 1] = offsets[first + i] + compressed;
      at[first + i + 1] = at[first + i] + content;
      if (checksums) { checksums[first + i] = bytes.readUInt32LE(i * entryBytes + 8); }
    }
  }
  if (offsets[count] !== start) { damaged(FORMAT, `its frames have ${start} bytes, but its seek table says ${offsets[count]}`); }
  if (at[count] === 0 || at[count] > MOST_DISK_BYTES) { damaged(FORMAT, `it claims to be a disk of ${at[count]} bytes`); }
  return { at, offsets, checksums, hasLargeFrames };
}

class SeekableZstd implements DiskLayout {
  public readonly format = FORMAT;
  public readonly size: number;

  constructor(private readonly file: ImageFile, private readonly table: SeekTable) {
    this.size = table.at[table.at.length - 1];
  }

  public async extents(from: number, to: number): Promise<Extent[]> {
    const { at, offsets, checksums } = this.table;
    const extents = new Extents(FORMAT, this.file.size, from, to);
    for (let i = this.frameAt(from); i < at.length - 1 && at[i] < to; i++) {
      // Frames may be empty.
      if (at[i + 1] === at[i]) { continue; }
      extents.chunk(at[i], at[i + 1] - at[i], offsets[i], offsets[i + 1] - offsets[i], zstdDecoder(FORMAT, checksums?.[i]));
    }
    return extents.all;
  }

  /** The first frame that ends after a position. */
  private frameAt(position: number): number {
    const { at } = this.table;
    let [low, high] = [0, at.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at[middle + 1] > position) { high = middle; } else { low = middle + 1; }
    }
    return low;
  }
}
