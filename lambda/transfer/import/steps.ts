import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { SFNClient } from '@aws-sdk/client-sfn';
import { importClients } from './clients';
import { plan, type PlanServices } from './plan';
import { seal, type SealServices } from './seal';
import { batchesOf, GETS_AT_ONCE, isFewToRead, verify, type VerifyServices } from './verify';
import { settle, settleSoon } from './wait-completed';
import type { VerifyResult } from '../../../src/contract/integrity';
import type { PlanResult, SettleResult, SnapshotInput, StepInput } from '../../../src/contract/transfer';
import { clientConfig } from '../../shared/client-config';
import { once } from '../../shared/environment';
import { LONG_PATIENCE_MILLISECONDS, withPatience } from '../../shared/patience';
import { worker } from '../../shared/worker';
import { wakeEarly, type WakeServices } from '../bucket/wake';
import { refuseOtherExecution } from '../flow/execution-name';
import type { Deadline } from '../flow/shift';
import { BlockReader } from '../snapshot/block-reader';
import { BlockWriter } from '../snapshot/block-writer';
import { Snapshots } from '../snapshot/snapshots';

export interface StepServices extends PlanServices, SealServices, VerifyServices, WakeServices {
  readonly snapshots: Snapshots;
}

const services = once((): StepServices => {
  const ebs = new EBSClient(clientConfig({ connections: GETS_AT_ONCE }));
  return {
    ...importClients(),
    reader: new BlockReader(ebs),
    writer: new BlockWriter(ebs),
    snapshots: new Snapshots(new EC2Client(clientConfig())),
    sfn: new SFNClient(clientConfig()),
  };
});

export const handler = worker((input: StepInput, context: Deadline) => step(services(), input, context));

/**
 * Runs one of the steps before and after the copying. One function runs all of them, because the process that planned a
 * small image is still there to seal it and to read it back, so that no other process has to start. Tests take smaller ranges.
 */
export async function step(
  aws: StepServices, input: StepInput, deadline: Deadline, smallRange?: number,
): Promise<PlanResult | SettleResult | VerifyResult> {
  if ('plan' in input) {
    refuseOtherExecution(input.plan.snapshotId, input.execution);
    return withPatience(LONG_PATIENCE_MILLISECONDS, () => plan(aws, input.plan, smallRange));
  }
  if ('verify' in input) { return verify(aws, input.verify, deadline); }
  if ('settle' in input) { return readBack(aws, input.settle, await settle(aws.snapshots, input.settle), deadline); }
  // This step was answered before, but Step Functions has not learned of it.
  if (await aws.store.isFinished(input.seal.snapshotId)) { return { completed: true, verify: false, seconds: 0 }; }
  await withPatience(LONG_PATIENCE_MILLISECONDS, () => seal(aws, input.seal));
  return readBack(aws, input.seal, await settleSoon(aws.snapshots, input.seal), deadline);
}

/** Reads back what is few, once EBS has completed the snapshot. Leaves the rest to batches. */
async function readBack(aws: StepServices, { snapshotId }: SnapshotInput, settled: SettleResult, deadline: Deadline): Promise<SettleResult> {
  if (!settled.completed) { return settled; }
  const made = await aws.store.plan(snapshotId);
  if (made.verify && !(isFewToRead(made) && (await verify(aws, { snapshotId, n: 0, from: 0 }, deadline)).done)) {
    return { ...settled, verify: true, batches: Array.from({ length: batchesOf(made) }, (_, n) => ({ n })) };
  }
  // The parent of an increment is released first.
  if (!made.parent) { await wakeEarly(aws, snapshotId); }
  return settled;
}
