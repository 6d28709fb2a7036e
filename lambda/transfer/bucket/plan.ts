import type { IntegrityOptions } from '../../../src/contract/integrity';
import type { PinnedSource } from '../../../src/contract/transfer';
import type { ImageChecksum } from '../blocks/image-checksum';
import { GIB } from '../blocks/sizes';
import type { Blocks } from '../blocks/unchanged-parts';

/** What an increment is made of; see `parent-blocks.ts`. */
export interface PlanParent {
  readonly snapshotId: string;
  /** How its digests are divided in the transfer bucket. Absent: they are read from the snapshot itself. */
  readonly recorded?: Pick<Plan, 'blocks' | 'rangeBlocks' | 'zeroBlocks'>;
  readonly read?: {
    /** Of its volume. */
    readonly blocks: number;
    /** Of each worker. */
    readonly perSecond: number;
  };
}

/** How a disk is cut into ranges; kept in the transfer bucket, for it may not fit into a state's input. */
export interface Plan extends IntegrityOptions {
  readonly source: PinnedSource;
  /** What S3 says of the whole object, if it says something that can be compared. */
  readonly checksum?: ImageChecksum;
  /** Blocks of the whole image; the last one may be filled up with zeros. Those that a parent has beyond it are counted too. */
  readonly blocks: number;
  /** Blocks of one range; the last range may have fewer. */
  readonly rangeBlocks: number;
  /** Puts per second of each worker. */
  readonly putsPerSecond: number;
  /** What the import is called in metrics. */
  readonly owner?: string;
  /** When the import is given up, in milliseconds since 1970. */
  readonly deadline?: number;
  /** Only what differs from it is put. */
  readonly parent?: PlanParent;
  /** Where the image is what the parent's was. */
  readonly unchanged?: readonly Blocks[];
}

/** Bytes of the disk that an image stands for; of a stream, at most. */
export function diskSizeOf({ size, image, delta }: PinnedSource): number {
  return delta ? delta.volumeSize * GIB : image?.diskSize ?? size;
}

export function rangesOf({ blocks, rangeBlocks }: Pick<Plan, 'blocks' | 'rangeBlocks'>): number {
  return Math.ceil(blocks / rangeBlocks);
}

/** Where range `n` lies. */
export function rangeOf({ blocks, rangeBlocks }: Pick<Plan, 'blocks' | 'rangeBlocks'>, n: number): { readonly first: number; readonly count: number } {
  const first = n * rangeBlocks;
  if (!(n >= 0 && first < blocks)) { throw new Error(`there is no range ${n} among ${blocks} blocks in ranges of ${rangeBlocks}`); }
  return { first, count: Math.min(rangeBlocks, blocks - first) };
}
