import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { importClients } from './clients';
import { plan, type PlanServices } from './plan';
import { seal, type SealServices } from './seal';
import { settle, settleSoon } from './wait-completed';
import type { PlanResult, SettleResult, StepInput } from '../../../src/contract/transfer';
import { clientConfig } from '../../shared/client-config';
import { once } from '../../shared/environment';
import { LONG_PATIENCE_MILLISECONDS, withPatience } from '../../shared/patience';
import { worker } from '../../shared/worker';
import { refuseOtherExecution } from '../flow/execution-name';
import { BlockReader } from '../snapshot/block-reader';
import { BlockWriter } from '../snapshot/block-writer';
import { Snapshots } from '../snapshot/snapshots';

export interface StepServices extends PlanServices, SealServices {
  readonly snapshots: Snapshots;
}

const services = once((): StepServices => {
  const ebs = new EBSClient(clientConfig());
  return { ...importClients(), reader: new BlockReader(ebs), writer: new BlockWriter(ebs), snapshots: new Snapshots(new EC2Client(clientConfig())) };
});

export const handler = worker((input: StepInput) => step(services(), input));

/**
 * Runs one of the steps before and after the copying. One function runs all of them, because the process that planned a
 * small image is still there to seal it, so that no other process has to start. Tests take smaller ranges.
 */
export async function step(aws: StepServices, input: StepInput, smallRange?: number): Promise<PlanResult | SettleResult> {
  if ('plan' in input) {
    refuseOtherExecution(input.plan.snapshotId, input.execution);
    return withPatience(LONG_PATIENCE_MILLISECONDS, () => plan(aws, input.plan, smallRange));
  }
  if ('settle' in input) { return settle(aws.snapshots, input.settle); }
  await withPatience(LONG_PATIENCE_MILLISECONDS, () => seal(aws, input.seal));
  return settleSoon(aws.snapshots, input.seal);
}
