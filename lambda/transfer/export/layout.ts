import type { ExportInput } from '../../../src/contract/export';
import { BLOCK_SIZE, blocksOf, GIB } from '../blocks/sizes';
import { GETS_PER_SECOND, GOOD_RANGE_BLOCKS, MOST_RANGES, mostWorkers } from '../flow/division';
import { RECORD_SIZE } from '../formats/delta';
import { MOST_VHD_GIB } from '../formats/vhd-footer';

/** Limits of S3 for one object: 48.8 TiB in all. */
const MOST_PARTS = 10_000;
export const MOST_PART_BYTES = 5 * GIB;
export const MOST_EXPORT_GIB = MOST_PARTS * MOST_PART_BYTES / GIB;

/** 32 MiB: a part that has to be repeated costs some seconds. S3 takes no part below 5 MiB except the last one. */
const GOOD_PART_BLOCKS = 64;

/** How an export is divided. The transfer bucket holds it. */
export interface ExportPlan extends Pick<ExportInput, 'snapshotId' | 'sinceId' | 'format' | 'volumeSize' | 'bucket' | 'bucketOwner' | 'key' | 'uploadId' | 'owner' | 'deadline'> {
  /** Blocks that the object holds: all of the volume, those that the snapshot has, or those that changed. */
  readonly blocks: number;
  /** Blocks of the volume, if the object does not have all of them. */
  readonly volumeBlocks?: number;
  /** Blocks of a part; the last part may have fewer. */
  readonly partBlocks: number;
  /** Parts of a range. */
  readonly rangeParts: number;
  /** Bytes before the first block, in a delta or a qcow2 image. */
  readonly preludeSize: number;
  /** Bytes behind the last block, in a VHD. */
  readonly footerSize?: number;
  /** Number of ranges that are copied at once. */
  readonly workers: number;
  /** Gets per second for each worker. */
  readonly getsPerSecond: number;
}

/** The division that tests use, which export few blocks in many parts. */
export interface SmallExport {
  readonly partBlocks: number;
  readonly rangeParts: number;
}

export function layOut(blocks: number, { maxGetsPerSecond = GETS_PER_SECOND, maxConcurrency }: Pick<ExportInput, 'maxGetsPerSecond' | 'maxConcurrency'>, small?: SmallExport) {
  const partBlocks = small?.partBlocks ?? Math.max(GOOD_PART_BLOCKS, Math.ceil(blocks / MOST_PARTS));
  const parts = partsOf({ blocks, partBlocks });
  const rangeParts = small?.rangeParts ?? Math.max(Math.ceil(GOOD_RANGE_BLOCKS / partBlocks), Math.ceil(parts / MOST_RANGES));
  const workers = Math.min(mostWorkers({ maxPutsPerSecond: maxGetsPerSecond, maxConcurrency }), Math.ceil(parts / rangeParts));
  return { blocks, partBlocks, rangeParts, workers, getsPerSecond: maxGetsPerSecond / workers };
}

/** Returns the number of parts: at least one, because an object without blocks still has its prelude. */
export function partsOf({ blocks, partBlocks }: Pick<ExportPlan, 'blocks' | 'partBlocks'>): number {
  return Math.max(1, Math.ceil(blocks / partBlocks));
}

export function exportRangesOf(plan: Pick<ExportPlan, 'blocks' | 'partBlocks' | 'rangeParts'>): number {
  return Math.ceil(partsOf(plan) / plan.rangeParts);
}

/** Returns the numbers of a range's parts. S3 counts them from 1. */
export function partsOfRange(plan: ExportPlan, n: number): number[] {
  const first = n * plan.rangeParts;
  const count = Math.min(plan.rangeParts, partsOf(plan) - first);
  if (!(n >= 0 && count > 0)) { throw new Error(`there is no range ${n} among ${partsOf(plan)} parts in ranges of ${plan.rangeParts}`); }
  return Array.from({ length: count }, (_, i) => first + i + 1);
}

/** Returns the run of the object's blocks that lies in a part. */
export function blocksOfPart({ blocks, partBlocks }: Pick<ExportPlan, 'blocks' | 'partBlocks'>, part: number): { readonly first: number; readonly count: number } {
  const first = (part - 1) * partBlocks;
  return { first, count: Math.min(partBlocks, blocks - first) };
}

/** Returns the size of a part in bytes. */
export function sizeOfPart(plan: ExportPlan, part: number): number {
  const around = (part === 1 ? plan.preludeSize : 0) + (part === partsOf(plan) ? plan.footerSize ?? 0 : 0);
  return around + blocksOfPart(plan, part).count * recordSize(plan);
}

export function sizeOfObject(plan: Pick<ExportPlan, 'blocks' | 'preludeSize' | 'footerSize' | 'sinceId'>): number {
  return plan.preludeSize + plan.blocks * recordSize(plan) + (plan.footerSize ?? 0);
}

function recordSize({ sinceId }: Pick<ExportPlan, 'sinceId'>): number {
  return sinceId === undefined ? BLOCK_SIZE : RECORD_SIZE;
}

/** Throws if the volume is too large for an object of S3, or for a VHD. */
export function refuseTooLarge(snapshotId: string, volumeSize: number, format: ExportInput['format']): void {
  if (format === 'VHD' && volumeSize > MOST_VHD_GIB) {
    throw new Error(`snapshot ${snapshotId} is of a volume of ${volumeSize} GiB, but a VHD has at most ${MOST_VHD_GIB} GiB; export it as qcow2 or raw`);
  }
  if (volumeSize <= MOST_EXPORT_GIB) { return; }
  throw new Error(`snapshot ${snapshotId} is of a volume of ${volumeSize} GiB (${blocksOf(volumeSize * GIB)} blocks), but an object in S3 has at most `
    + `${MOST_PARTS} parts of ${MOST_PART_BYTES / GIB} GiB, which is ${MOST_EXPORT_GIB} GiB`);
}
