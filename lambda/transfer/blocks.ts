import type { PinnedSource } from '../../src/contract/transfer';

/** The only size of a block that the EBS direct APIs know. */
export const BLOCK_SIZE = 512 * 1024;
export const GIB = 1024 ** 3;
/** The largest volume that there is. */
export const MOST_GIB = 65_536;

/** So many ranges fit into the Distributed Map's input. */
const MOST_RANGES = 1_000;
/** A worker's start costs more than the copying of fewer blocks than these. */
const LEAST_RANGE_BLOCKS = GIB / BLOCK_SIZE;

/** How a disk is cut into ranges; kept in the transfer bucket, for it may not fit into a state's input. */
export interface Plan {
  readonly source: PinnedSource;
  /** Blocks of the whole image; the last one may be filled up with zeros. */
  readonly blocks: number;
  /** Blocks of one range; the last range may have fewer. */
  readonly rangeBlocks: number;
}

export function blocksOf(size: number): number {
  return Math.ceil(size / BLOCK_SIZE);
}

export function planOf(source: PinnedSource, leastRangeBlocks = LEAST_RANGE_BLOCKS): Plan {
  const blocks = blocksOf(source.size);
  return { source, blocks, rangeBlocks: Math.max(leastRangeBlocks, Math.ceil(blocks / MOST_RANGES)) };
}

export function rangesOf({ blocks, rangeBlocks }: Plan): number {
  return Math.ceil(blocks / rangeBlocks);
}

/** Where range `n` lies. */
export function rangeOf({ blocks, rangeBlocks }: Plan, n: number): { readonly first: number; readonly count: number } {
  const first = n * rangeBlocks;
  if (!(n >= 0 && first < blocks)) { throw new Error(`there is no range ${n} among ${blocks} blocks in ranges of ${rangeBlocks}`); }
  return { first, count: Math.min(rangeBlocks, blocks - first) };
}
