/* eslint-disable no-bitwise */
import { DELTA_MAGIC } from '../../../src/contract/disk-image-format';
import { DIGEST_SIZE } from '../blocks/digests';
import { BLOCK_SIZE, blocksOf, GIB, MOST_GIB } from '../blocks/sizes';

/**
 * What changed between two snapshots; `docs/delta-format.md` describes it for
 * whoever else reads it. First the prelude: the header, and a table of all
 * blocks that changed. Then the new content of those that are not gone, in
 * the order of the table, each behind its SHA-256.
 */
export interface DeltaHeader {
  readonly blockSize: number;
  /** GiB, of the newer snapshot. */
  readonly volumeSize: number;
  /** What the delta is to be applied to. */
  readonly baseSnapshotId: string;
  /** What it leads to. */
  readonly snapshotId: string;
  /** Entries of the table. */
  readonly entries: number;
  /** Those of them that have a content. */
  readonly records: number;
}

/** The header is JSON behind the magic, filled up with spaces. */
export const DELTA_HEADER_SIZE = 4_096;
export const RECORD_SIZE = DIGEST_SIZE + BLOCK_SIZE;
const ENTRY_SIZE = 4;
/** Of an entry; the rest of it is the block's index: a volume of 64 TiB has 2^27 blocks. */
const GONE = 0x80000000;

/** Which blocks changed, in order: an entry each. */
export class DeltaTable {
  public static read(bytes: Buffer): DeltaTable {
    // A table may have 512 MiB, so it is copied only if its bytes are not aligned. Lambda's processors are little-endian.
    const count = Math.floor(bytes.length / ENTRY_SIZE);
    if (bytes.byteOffset % ENTRY_SIZE === 0) { return new DeltaTable(new Uint32Array(bytes.buffer, bytes.byteOffset, count)); }
    const entries = new Uint32Array(count);
    for (let i = 0; i < entries.length; i++) { entries[i] = bytes.readUInt32LE(i * ENTRY_SIZE); }
    return new DeltaTable(entries);
  }

  public static of(blocks: readonly { readonly index: number; readonly gone: boolean }[]): DeltaTable {
    const growing = DeltaTable.growing();
    blocks.forEach(growing.add);
    return growing.table();
  }

  /** Takes entries in order, and returns the table of all so far. One entry takes 4 bytes, because a volume may have millions. */
  public static growing(first: DeltaTable = new DeltaTable(new Uint32Array(0))) {
    let entries = first.entries;
    let { length } = entries;
    return {
      add: ({ index, gone }: { readonly index: number; readonly gone: boolean }) => {
        if (length === entries.length) {
          const larger = new Uint32Array(Math.max(1_024, 2 * length));
          larger.set(entries);
          entries = larger;
        }
        entries[length++] = (gone ? GONE | index : index) >>> 0;
      },
      table: () => new DeltaTable(entries.subarray(0, length)),
    };
  }

  private constructor(private readonly entries: Uint32Array) {}

  public get length(): number { return this.entries.length; }

  /** The number of blocks that have a content. */
  public get records(): number {
    let records = 0;
    for (const entry of this.entries) { if (entry < GONE) { records++; } }
    return records;
  }

  /** Indexes of the blocks that have a content, in the order of the records. */
  public written(): Uint32Array { return this.select(this.records, 0); }

  /** Indexes of the blocks that read as zeros from now on. */
  public gone(): Uint32Array { return this.select(this.length - this.records, GONE); }

  /** Unlike `TypedArray.filter`, which needs many times the memory of a large table. */
  private select(count: number, flag: number): Uint32Array {
    const indexes = new Uint32Array(count);
    let next = 0;
    for (const entry of this.entries) {
      if ((entry & GONE) >>> 0 === flag) { indexes[next++] = entry & ~GONE; }
    }
    return indexes;
  }

  public bytes(): Buffer {
    const bytes = Buffer.alloc(this.entries.length * ENTRY_SIZE);
    this.entries.forEach((entry, i) => bytes.writeUInt32LE(entry, i * ENTRY_SIZE));
    return bytes;
  }

  /** In ascending order, none twice, and none beyond the volume. */
  public isValid(volumeSize: number): boolean {
    const blocks = blocksOf(volumeSize * GIB);
    return this.entries.every((entry, i) => {
      const index = entry & ~GONE;
      return index < blocks && (i === 0 || index > (this.entries[i - 1] & ~GONE));
    });
  }
}

/** How a delta begins. */
export function deltaPrelude(header: Omit<DeltaHeader, 'blockSize' | 'entries' | 'records'>, table: DeltaTable): Buffer {
  const whole: DeltaHeader = { blockSize: BLOCK_SIZE, ...header, entries: table.length, records: table.records };
  return Buffer.concat([Buffer.from((DELTA_MAGIC + JSON.stringify(whole)).padEnd(DELTA_HEADER_SIZE)), table.bytes()]);
}

/** The header, from a delta's first 4096 bytes. Throws if it is none, or of an object of another size. */
export function readDeltaHeader(bytes: Buffer, name: string, size: number): DeltaHeader {
  const text = bytes.subarray(0, DELTA_HEADER_SIZE).toString();
  if (bytes.length < DELTA_HEADER_SIZE || !text.startsWith(DELTA_MAGIC)) { throw new Error(`${name} is no delta of this library`); }
  const header = parsed(text.slice(DELTA_MAGIC.length), name);
  const { blockSize, volumeSize, entries, records } = header;
  const isCount = (value: number, most: number) => Number.isInteger(value) && value >= 0 && value <= most;
  if (blockSize !== BLOCK_SIZE || !isCount(volumeSize, MOST_GIB) || !isCount(entries, blocksOf(volumeSize * GIB)) || !isCount(records, entries)) {
    throw new Error(`${name} is a damaged delta: its header says ${JSON.stringify(header)}`);
  }
  const expected = recordOffset(header, records);
  if (size !== expected) { throw new Error(`${name} is a damaged delta: it has ${size} bytes where its header wants ${expected}`); }
  return header;
}

/** Where the table lies, and where record `n`: its digest first, then the block. */
export function tableRange({ entries }: Pick<DeltaHeader, 'entries'>): { readonly offset: number; readonly length: number } {
  return { offset: DELTA_HEADER_SIZE, length: entries * ENTRY_SIZE };
}

export function recordOffset(header: Pick<DeltaHeader, 'entries'>, n: number): number {
  const { offset, length } = tableRange(header);
  return offset + length + n * RECORD_SIZE;
}

/** The table, from its range of the file. */
export function readDeltaTable(bytes: Buffer, header: Pick<DeltaHeader, 'entries' | 'records' | 'volumeSize'>, name: string): DeltaTable {
  const table = DeltaTable.read(bytes);
  if (table.length !== header.entries || table.records !== header.records || !table.isValid(header.volumeSize)) {
    throw new Error(`${name} is a damaged delta: its table does not match its header`);
  }
  return table;
}

function parsed(json: string, name: string): DeltaHeader {
  try {
    return JSON.parse(json) as DeltaHeader;
  } catch {
    throw new Error(`${name} is a damaged delta: its header cannot be read`);
  }
}
