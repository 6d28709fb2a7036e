import { planOf, rangesOf } from './blocks';
import { once } from './environment';
import { s3Things } from './s3-things';
import type { Source } from './source';
import type { TransferStore } from './store';
import type { PlanResult, TransferInput } from '../../src/contract/transfer';
import { log } from '../shared/log';

const services = once(() => s3Things());

export const handler = (input: TransferInput): Promise<PlanResult> => plan(services(), input);

/** Cuts the disk into ranges. Tests take smaller ones. */
export async function plan(
  { source, store }: { source: Source; store: TransferStore }, input: TransferInput, leastRangeBlocks?: number,
): Promise<PlanResult> {
  const { snapshotId } = input;
  await source.verify(input.source);
  const made = planOf(input.source, leastRangeBlocks);
  await store.savePlan(snapshotId, made);
  log({ event: 'planned', snapshotId, blocks: made.blocks, ranges: rangesOf(made) });
  return { snapshotId, ranges: Array.from({ length: rangesOf(made) }, (_, n) => ({ n })) };
}
