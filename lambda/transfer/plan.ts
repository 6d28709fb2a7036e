import { blocksOf, rangesOf, type Plan } from './blocks';
import type { Source } from './source';
import type { TransferStore } from './store';
import { divide } from './workers';
import type { PlanResult, TransferInput } from '../../src/contract/transfer';
import { log } from '../shared/log';

/** Cuts the disk into ranges. Tests take smaller ones. */
export async function plan(
  { source, store }: { source: Source; store: TransferStore }, input: TransferInput, smallRange?: number,
): Promise<PlanResult> {
  const { snapshotId, zeroBlocks, verify, deadline } = input;
  const checksum = await source.verify(input.source);
  const blocks = blocksOf(input.source.size);
  const { workers, rangeBlocks, putsPerSecond } = divide(blocks, input, smallRange);
  const made: Plan = { source: input.source, checksum, blocks, rangeBlocks, putsPerSecond, deadline, zeroBlocks, verify, owner: input.owner };
  await store.savePlan(snapshotId, made);
  log({ event: 'planned', snapshotId, blocks, ranges: rangesOf(made), workers, putsPerSecond });
  return { snapshotId, workers, ranges: Array.from({ length: rangesOf(made) }, (_, n) => ({ n })), verify: verify !== undefined };
}
