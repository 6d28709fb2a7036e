import type { BlockReader } from './block-reader';
import { blocksOf, diskSizeOf, rangesOf, type Plan } from './blocks';
import { planParent, shared } from './parent-blocks';
import type { Source } from './source';
import type { TransferStore } from './store';
import { divide } from './workers';
import type { PlanResult, TransferInput } from '../../src/contract/transfer';
import { log } from '../shared/log';

export interface PlanServices {
  readonly source: Source;
  readonly store: TransferStore;
  readonly reader: BlockReader;
}

/** Cuts the disk into ranges. Tests take smaller ones. */
export async function plan({ source, store, reader }: PlanServices, input: TransferInput, smallRange?: number): Promise<PlanResult> {
  const { snapshotId, zeroBlocks, verify, deadline } = input;
  const checksum = await source.verify(input.source);
  const imageBlocks = blocksOf(diskSizeOf(input.source));
  const { parent, end: blocks } = input.parent ? await planParent({ store, reader }, input.parent, imageBlocks) : { parent: undefined, end: imageBlocks };
  const { workers, rangeBlocks, putsPerSecond } = divide(blocks, input, smallRange);
  const made: Plan = {
    source: input.source, checksum, blocks, rangeBlocks, putsPerSecond, deadline, zeroBlocks, verify, owner: input.owner,
    parent: parent && shared(parent, workers),
  };
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
