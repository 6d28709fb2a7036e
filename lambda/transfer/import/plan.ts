import type { PlanResult, TransferInput } from '../../../src/contract/transfer';
import { log } from '../../shared/log';
import { blocksOf } from '../blocks/sizes';
import { unchangedBlocks, type Blocks, type ImagePart } from '../blocks/unchanged-parts';
import { type Plan, diskSizeOf, rangesOf } from '../bucket/plan';
import type { TransferStore } from '../bucket/store';
import { divide } from '../flow/division';
import { mayBeKnown } from '../image/known-digests';
import type { Source } from '../image/object';
import { planParent, shared } from '../parent/digests';
import type { BlockReader } from '../snapshot/block-reader';
import type { Snapshots } from '../snapshot/snapshots';

export interface PlanServices {
  readonly source: Source;
  readonly store: TransferStore;
  readonly reader: BlockReader;
  readonly snapshots: Snapshots;
}

/** Cuts the disk into ranges. Tests take smaller ones. */
export async function plan({ source, store, reader, snapshots }: PlanServices, input: TransferInput, smallRange?: number): Promise<PlanResult> {
  const { snapshotId, zeroBlocks, verify, deadline } = input;
  const { source: pinned } = input;
  const said = await source.verify(pinned);
  const imageBlocks = blocksOf(diskSizeOf(pinned));
  const parts = mayBeKnown(pinned) && !pinned.manifest ? await source.parts(pinned) : undefined;
  // For the next increment: by then, the object may be gone.
  if (parts) { await store.saveImageParts(snapshotId, parts); }
  const { parent, end: blocks } = input.parent
    ? await planParent({ store, reader }, input.parent, imageBlocks)
    : { parent: undefined, end: imageBlocks };
  const unchanged = parent?.recorded ? await unchangedSince(store, parent.snapshotId, parts) : [];
  // Of what is converted or applied, or not read as a whole, the blocks tell nothing of the object's own checksum.
  const checksum = pinned.image || pinned.delta || (parent && pinned.manifest) || unchanged.length > 0 ? undefined : said;
  // A stream cannot be divided.
  const { workers, rangeBlocks, putsPerSecond } = divide(blocks, input, pinned.image?.stream ? blocks : smallRange);
  const made: Plan = {
    source: pinned,
    checksum,
    blocks,
    rangeBlocks,
    putsPerSecond,
    deadline,
    zeroBlocks,
    verify,
    owner: input.owner,
    parent: parent && shared(parent, workers),
    ...(unchanged.length > 0 && { unchanged }),
  };
  // For nobody would remove what is saved after the import was cancelled.
  await snapshots.expect(snapshotId, 'its import was being planned');
  await store.savePlan(snapshotId, made);
  log({ event: 'planned', snapshotId, blocks, ranges: rangesOf(made), workers, putsPerSecond, parent: parent?.snapshotId, unchanged: sum(unchanged) });
  return {
    snapshotId,
    workers,
    ranges: Array.from({ length: rangesOf(made) }, (_, n) => ({ n })),
    verify: verify !== undefined,
    increment: parent !== undefined,
  };
}

/** None, if nobody knows. */
async function unchangedSince(store: TransferStore, parentId: string, parts: readonly ImagePart[] | undefined): Promise<Blocks[]> {
  const before = parts && await store.imageParts(parentId);
  return before ? unchangedBlocks(before, parts) : [];
}

function sum(blocks: readonly Blocks[]): number {
  return blocks.reduce((all, [from, to]) => all + to - from, 0);
}
