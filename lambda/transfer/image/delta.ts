import { nameOfImage, type Source } from './object';
import type { SnapshotImportProperties } from '../../../src/contract/snapshot-import';
import type { PinnedSource } from '../../../src/contract/transfer';
import { DIGEST_SIZE, digestOf } from '../blocks/digests';
import { BLOCK_SIZE } from '../blocks/sizes';
import { DELTA_HEADER_SIZE, DeltaTable, readDeltaHeader, readDeltaTable, RECORD_SIZE, recordOffset, tableRange } from '../formats/delta';

/** Reads the header of a delta. Throws unless the delta is applied to the snapshot from which it was made. */
export async function pinDelta(
  source: Source, object: PinnedSource, { ParentSnapshotId }: Pick<SnapshotImportProperties, 'ParentSnapshotId'>,
): Promise<PinnedSource> {
  const name = nameOfImage(object).replace('image', 'delta');
  if (object.size < DELTA_HEADER_SIZE) { throw new Error(`${name} is no delta of this library`); }
  const start = Buffer.alloc(DELTA_HEADER_SIZE);
  await source.read(object, 0, start);
  const { baseSnapshotId, volumeSize, entries, records } = readDeltaHeader(start, name, object.size);
  if (ParentSnapshotId !== baseSnapshotId) {
    throw new Error(`${name} is what changed since snapshot ${baseSnapshotId}, and can be applied to nothing else, but parent is ${ParentSnapshotId ?? 'not given'}`);
  }
  return { ...object, delta: { volumeSize, entries, records } };
}

/** Reads the blocks of a delta by their index. */
export class DeltaReading {
  /** Reads the table of a delta. Returns undefined if the object is no delta. */
  public static async open(source: Source, pinned: PinnedSource): Promise<DeltaReading | undefined> {
    if (!pinned.delta) { return undefined; }
    const { offset, length } = tableRange(pinned.delta);
    const bytes = Buffer.alloc(length);
    if (length > 0) { await source.read(pinned, offset, bytes); }
    return new DeltaReading(source, pinned, readDeltaTable(bytes, pinned.delta, nameOfImage(pinned)));
  }

  private readonly written: Uint32Array;
  private readonly gone: Uint32Array;

  private constructor(private readonly source: Source, private readonly pinned: PinnedSource, table: DeltaTable) {
    this.written = table.written();
    this.gone = table.gone();
  }

  /** Reads the block at an index into a buffer that has room for a record. Returns undefined if the delta does not have it. */
  public async read(index: number, buffer: Buffer, giveUp: () => boolean): Promise<Buffer | undefined> {
    const record = find(this.written, index);
    if (record === undefined) { return find(this.gone, index) === undefined ? undefined : buffer.subarray(0, BLOCK_SIZE).fill(0); }
    const bytes = buffer.subarray(0, RECORD_SIZE);
    await this.source.read(this.pinned, recordOffset(this.pinned.delta!, record), bytes, giveUp);
    const block = bytes.subarray(DIGEST_SIZE);
    if (!digestOf(block).equals(bytes.subarray(0, DIGEST_SIZE))) { throw new Error(`block ${index} of ${nameOfImage(this.pinned)} is damaged: its SHA-256 is not what the delta says`); }
    return block;
  }
}

/** Returns the position of a number among sorted ones; undefined if it is not there. */
function find(sorted: Uint32Array, wanted: number): number | undefined {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (sorted[middle] < wanted) { low = middle + 1; } else { high = middle; }
  }
  return sorted[low] === wanted ? low : undefined;
}
