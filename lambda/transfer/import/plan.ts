import type { PlanResult, TransferInput } from '../../../src/contract/transfer';
import { log } from '../../shared/log';
import { RETRY_POLICIES } from '../../shared/retry';
import { blocksOf } from '../blocks/sizes';
import { unchangedBlocks, type Blocks, type ImagePart } from '../blocks/unchanged-parts';
import { type Plan, diskSizeOf, HASH_ITEM, rangesOf } from '../bucket/plan';
import type { TransferStore } from '../bucket/store';
import { divide } from '../flow/division';
import { mayBeKnown } from '../image/known-digests';
import type { Source } from '../image/object';
import { planParent, shareReads } from '../parent/digests';
import type { BlockReader } from '../snapshot/block-reader';
import type { Snapshots } from '../snapshot/snapshots';

export interface PlanServices {
  readonly source: Source;
  readonly store: TransferStore;
  readonly reader: BlockReader;
  readonly snapshots: Snapshots;
}

/** Divides the disk into ranges. @param smallRange Blocks of a range, for tests. */
export async function plan(aws: PlanServices, input: TransferInput, smallRange?: number): Promise<PlanResult> {
  const { store, snapshots } = aws;
  const { snapshotId, background = false } = input;
  // The execution of a snapshot is forgotten 90 days after its end, and its name may be taken again.
  if (await store.manifest(snapshotId)) { throw new Error(`snapshot ${snapshotId} was sealed before; nothing is done`); }
  // The creation starts the transfer just after the snapshot. A plan that fails sooner than EC2 lists that would leave it: the clean-up finds nothing.
  const [listed, planned] = await Promise.allSettled([
    snapshots.expect(snapshotId, 'its import was being planned', RETRY_POLICIES.SNAPSHOT_VISIBILITY), makePlan(aws, input, smallRange),
  ]);
  if (listed.status === 'rejected') { throw listed.reason; }
  if (planned.status === 'rejected') { throw planned.reason; }
  const { plan: made, workers, parts } = planned.value;
  // Stop if the import was cancelled, because nothing would clean up what is saved after that.
  await snapshots.expect(snapshotId, 'its import was being planned');
  // Kept for the next increment, because the object may be gone by then.
  if (parts) { await store.saveImageParts(snapshotId, parts); }
  await store.savePlan(snapshotId, made);
  const { blocks, putsPerSecond, parent, unchanged = [] } = made;
  log({ event: 'planned', snapshotId, blocks, ranges: rangesOf(made), workers, putsPerSecond, parent: parent?.snapshotId, unchanged: sum(unchanged) });
  const ranges = Array.from({ length: rangesOf(made) }, (_, n) => ({ n }));
  // One worker more reads the object from its start to its end. It begins first, because it may take the longest.
  const hashes = made.source.pin?.computed === true;
  return {
    snapshotId,
    workers: hashes ? workers + 1 : workers,
    ranges: hashes ? [{ n: HASH_ITEM }, ...ranges] : ranges,
    background,
    increment: parent !== undefined,
  };
}

async function makePlan(
  { source, store, reader }: PlanServices, input: TransferInput, smallRange?: number,
): Promise<{ readonly plan: Plan; readonly workers: number; readonly parts?: ImagePart[] }> {
  const { zeroBlocks, verify, deadline, owner, source: pinned } = input;
  const objectChecksum = await source.verify(pinned);
  const imageBlocks = blocksOf(diskSizeOf(pinned));
  const parts = mayBeKnown(pinned) && !pinned.manifest ? await source.parts(pinned) : undefined;
  const { parent, end: blocks } = input.parent
    ? await planParent({ store, reader }, input.parent, imageBlocks)
    : { parent: undefined, end: imageBlocks };
  const unchanged = parent?.recorded ? await unchangedSince(store, parent.snapshotId, parts) : [];
  // S3's checksum covers the bytes of the object, so it can be compared only if the whole object is read and not converted.
  const isReadWhole = !pinned.image && !pinned.delta && !(parent && pinned.manifest) && unchanged.length === 0;
  const isReadInOrder = pinned.image?.stream !== undefined && (!pinned.image.member || pinned.image.member.isInStream === true);
  // A stream cannot be divided.
  const { workers, rangeBlocks, putsPerSecond } = divide(blocks, input, pinned.image?.stream ? blocks : smallRange);
  return {
    workers,
    parts,
    plan: {
      source: pinned,
      checksum: isReadWhole ? objectChecksum : undefined,
      streamChecksum: isReadInOrder ? objectChecksum : undefined,
      blocks,
      rangeBlocks,
      putsPerSecond,
      deadline,
      zeroBlocks,
      verify,
      owner,
      parent: parent && shareReads(parent, workers),
      ...(unchanged.length > 0 && { unchanged }),
    },
  };
}

/** Returns the blocks of the image that did not change since the parent; none if S3 does not prove it. */
async function unchangedSince(store: TransferStore, parentId: string, parts: readonly ImagePart[] | undefined): Promise<Blocks[]> {
  const before = parts && await store.imageParts(parentId);
  return before ? unchangedBlocks(before, parts) : [];
}

function sum(blocks: readonly Blocks[]): number {
  return blocks.reduce((all, [from, to]) => all + to - from, 0);
}
