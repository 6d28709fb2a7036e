import { blocksOf, rangesOf, type Plan } from './blocks';
import { once } from './environment';
import { diskSizeOf } from './open-disk';
import { s3Things } from './s3-things';
import type { Source } from './source';
import type { TransferStore } from './store';
import { divide } from './workers';
import type { PlanResult, TransferInput } from '../../src/contract/transfer';
import { log } from '../shared/log';

const services = once(() => s3Things());

export const handler = (input: TransferInput): Promise<PlanResult> => plan(services(), input);

/** Cuts the disk into ranges. Tests take smaller ones. */
export async function plan(
  { source, store }: { source: Source; store: TransferStore }, input: TransferInput, smallRange?: number,
): Promise<PlanResult> {
  const { snapshotId, zeroBlocks, verify, deadline } = input;
  await source.verify(input.source);
  const blocks = blocksOf(diskSizeOf(input.source));
  // A stream cannot be divided.
  const { workers, rangeBlocks, putsPerSecond } = divide(blocks, input, input.source.image?.stream ? blocks : smallRange);
  const made: Plan = { source: input.source, blocks, rangeBlocks, putsPerSecond, deadline, zeroBlocks, verify, owner: input.owner };
  await store.savePlan(snapshotId, made);
  log({ event: 'planned', snapshotId, blocks, ranges: rangesOf(made), workers, putsPerSecond });
  return { snapshotId, workers, ranges: Array.from({ length: rangesOf(made) }, (_, n) => ({ n })), verify: verify !== undefined };
}
