import { EC2Client } from '@aws-sdk/client-ec2';
import { once } from './environment';
import { removeLeftovers } from './leftovers';
import { reportOutcome, type ExecutionEnded } from './outcome';
import { s3Things } from './s3-things';
import { Snapshots } from './snapshots';
import type { SnapshotInput, TransferInput } from '../../src/contract/transfer';
import { clientConfig } from '../shared/client-config';

const services = once(() => ({ snapshots: new Snapshots(new EC2Client(clientConfig())), store: s3Things().store }));

export const handler = (input: ExecutionEnded | SnapshotInput): Promise<void> => cleanUp(services(), input);

/** isComplete, which comes later, still has to learn why it failed; it, or Delete, removes that too. */
export async function cleanUp(aws: Parameters<typeof removeLeftovers>[0], input: ExecutionEnded | SnapshotInput): Promise<void> {
  if ('detail' in input) {
    reportOutcome(input);
    if (input.detail.status === 'SUCCEEDED') { return; }
  }
  await removeLeftovers(aws, snapshotIdOf(input), { keepFailure: true });
}

function snapshotIdOf(input: ExecutionEnded | SnapshotInput): string {
  return 'detail' in input ? (JSON.parse(input.detail.input) as TransferInput).snapshotId : input.snapshotId;
}
