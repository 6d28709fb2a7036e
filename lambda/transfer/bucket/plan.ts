import type { IntegrityOptions } from '../../../src/contract/integrity';
import type { PinnedSource } from '../../../src/contract/transfer';
import type { ImageChecksum } from '../blocks/image-checksum';
import { GIB } from '../blocks/sizes';
import type { Blocks } from '../blocks/unchanged-parts';

/** The item of the Map over the ranges that computes the SHA-256 of the whole object, beside the copying of the ranges. */
export const HASH_ITEM = -1;

/** The parent of an increment; see `parent/digests.ts`. */
export interface PlanParent {
  readonly snapshotId: string;
  /** How the digests of the parent are divided in the transfer bucket. Absent if they are read from the snapshot itself. */
  readonly recorded?: Pick<Plan, 'blocks' | 'rangeBlocks' | 'zeroBlocks'>;
  /** How the parent's blocks are read, if they are not recorded. */
  readonly read?: {
    /** Blocks of the parent's volume. */
    readonly blocks: number;
    /** Reads per second for each worker. */
    readonly perSecond: number;
  };
}

/** How a disk is divided into ranges. Kept in the transfer bucket, because it may not fit into the input of a state. */
export interface Plan extends IntegrityOptions {
  readonly source: PinnedSource;
  /** S3's checksum of the whole object, if it can be compared with the blocks. */
  readonly checksum?: ImageChecksum;
  /** S3's checksum of a compressed object that one worker reads from its start to its end. */
  readonly streamChecksum?: ImageChecksum;
  /** Blocks of the whole image, or up to the end of a parent that is larger. The last block may be filled up with zeros. */
  readonly blocks: number;
  /** Blocks of one range; the last range may have fewer. */
  readonly rangeBlocks: number;
  /** Puts per second for each worker. */
  readonly putsPerSecond: number;
  /** Name of the import in metrics. */
  readonly owner?: string;
  /** Time at which the import is given up, in milliseconds since 1970. */
  readonly deadline?: number;
  /** Snapshot that has all blocks that are not put. */
  readonly parent?: PlanParent;
  /** Blocks that S3 proves to be the same as in the parent's image. */
  readonly unchanged?: readonly Blocks[];
}

/** Returns the bytes of the disk in an image; of a stream, the largest possible size. */
export function diskSizeOf({ size, image, delta }: PinnedSource): number {
  return delta ? delta.volumeSize * GIB : image?.diskSize ?? size;
}

/** Returns the number of ranges. */
export function rangesOf({ blocks, rangeBlocks }: Pick<Plan, 'blocks' | 'rangeBlocks'>): number {
  return Math.ceil(blocks / rangeBlocks);
}

/** Returns the first block of range `n` and the number of its blocks. */
export function rangeOf({ blocks, rangeBlocks }: Pick<Plan, 'blocks' | 'rangeBlocks'>, n: number): { readonly first: number; readonly count: number } {
  const first = n * rangeBlocks;
  if (!(n >= 0 && first < blocks)) { throw new Error(`there is no range ${n} among ${blocks} blocks in ranges of ${rangeBlocks}`); }
  return { first, count: Math.min(rangeBlocks, blocks - first) };
}
