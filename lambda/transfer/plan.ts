import type { BlockReader } from './block-reader';
import { blocksOf, diskSizeOf, rangesOf, type Plan } from './blocks';
import { planParent, shared } from './parent-blocks';
import type { Snapshots } from './snapshots';
import type { Source } from './source';
import type { TransferStore } from './store';
import { divide } from './workers';
import type { PlanResult, TransferInput } from '../../src/contract/transfer';
import { log } from '../shared/log';

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
  // Of what is converted or applied, the blocks tell nothing of the object's own checksum.
  const checksum = pinned.image || pinned.delta ? undefined : said;
  const imageBlocks = blocksOf(diskSizeOf(pinned));
  const { parent, end: blocks } = input.parent
    ? await planParent({ store, reader }, input.parent, imageBlocks)
    : { parent: undefined, end: imageBlocks };
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
  };
  // For nobody would remove what is saved after the import was cancelled.
  await snapshots.expect(snapshotId);
  await store.savePlan(snapshotId, made);
  log({ event: 'planned', snapshotId, blocks, ranges: rangesOf(made), workers, putsPerSecond, parent: parent?.snapshotId });
  return {
    snapshotId,
    workers,
    ranges: Array.from({ length: rangesOf(made) }, (_, n) => ({ n })),
    verify: verify !== undefined,
    increment: parent !== undefined,
  };
}
