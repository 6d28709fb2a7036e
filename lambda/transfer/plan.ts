import { EBSClient } from '@aws-sdk/client-ebs';
import { BlockReader } from './block-reader';
import { blocksOf, rangesOf, type Plan } from './blocks';
import { once } from './environment';
import { planParent, shared } from './parent-blocks';
import { s3Things } from './s3-things';
import type { Source } from './source';
import type { TransferStore } from './store';
import { divide } from './workers';
import type { PlanResult, TransferInput } from '../../src/contract/transfer';
import { clientConfig } from '../shared/client-config';
import { log } from '../shared/log';

export interface PlanServices {
  readonly source: Source;
  readonly store: TransferStore;
  readonly reader: BlockReader;
}

const services = once((): PlanServices => ({ ...s3Things(), reader: new BlockReader(new EBSClient(clientConfig())) }));

export const handler = (input: TransferInput): Promise<PlanResult> => plan(services(), input);

/** Cuts the disk into ranges. Tests take smaller ones. */
export async function plan({ source, store, reader }: PlanServices, input: TransferInput, smallRange?: number): Promise<PlanResult> {
  const { snapshotId, zeroBlocks, verify, deadline } = input;
  await source.verify(input.source);
  const imageBlocks = blocksOf(input.source.size);
  const { parent, end: blocks } = input.parent
    ? await planParent({ store, reader }, input.parent, imageBlocks)
    : { parent: undefined, end: imageBlocks };
  const { workers, rangeBlocks, putsPerSecond } = divide(blocks, input, smallRange);
  const made: Plan = {
    source: input.source, blocks, rangeBlocks, putsPerSecond, deadline, zeroBlocks, verify, owner: input.owner,
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
