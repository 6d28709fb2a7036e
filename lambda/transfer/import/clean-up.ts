import { EC2Client } from '@aws-sdk/client-ec2';
import { SFNClient } from '@aws-sdk/client-sfn';
import { importClients } from './clients';
import { removeLeftovers } from './leftovers';
import { reportOutcome } from './outcome-metrics';
import type { ExecutionEnded, ReleaseInput, SnapshotInput, TransferInput } from '../../../src/contract/transfer';
import { clientConfig } from '../../shared/client-config';
import { once } from '../../shared/environment';
import { RefusedForNow, saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { LONG_PATIENCE_MILLISECONDS, withPatience } from '../../shared/patience';
import { worker } from '../../shared/worker';
import { cleanUpAndWake } from '../bucket/wake';
import { isNamedAfter } from '../flow/execution-name';
import { parentOf, releaseParent } from '../parent/use';
import { Snapshots } from '../snapshot/snapshots';

const services = once(() => ({
  snapshots: new Snapshots(new EC2Client(clientConfig())), store: importClients().store, sfn: new SFNClient(clientConfig()),
}));

type Input = ExecutionEnded | SnapshotInput | ReleaseInput;

export const handler = worker((input: Input) => {
  const clean = () => cleanUp(services(), input);
  if (!('detail' in input)) { return clean(); }
  const { snapshotId: id } = JSON.parse(input.detail.input) as TransferInput;
  return cleanUpAndWake(services(), { id, succeeded: input.detail.status === 'SUCCEEDED' }, clean);
});

/** Cleans up after an execution. Keeps the reason for a failure, which the next poll reports; that or Delete removes it. */
export function cleanUp(aws: Parameters<typeof removeLeftovers>[0], input: Input): Promise<void> {
  return withPatience(LONG_PATIENCE_MILLISECONDS, () => cleanUpAfter(aws, input));
}

async function cleanUpAfter(aws: Parameters<typeof removeLeftovers>[0], input: Input): Promise<void> {
  if ('releaseParentOf' in input) { return release(aws, input.releaseParentOf); }
  if (!('detail' in input)) { return remove(aws, input.snapshotId); }

  const { snapshotId, parent } = JSON.parse(input.detail.input) as TransferInput;
  if (!isNamedAfter(snapshotId, input.detail.name)) { return log({ event: 'ignored an execution that was not started for its snapshot', snapshotId }); }
  reportOutcome(input);
  if (input.detail.status !== 'SUCCEEDED') { await remove(aws, snapshotId); }
  // Release the parent here too, because a snapshot that is gone does not name it.
  await releaseParent(aws, parent?.snapshotId, snapshotId);
}

/** Removes the leftovers. If the snapshot cannot be deleted yet, says so in one line of the log; Lambda repeats the function because this throws. */
async function remove(aws: Parameters<typeof removeLeftovers>[0], snapshotId: string): Promise<void> {
  try {
    await removeLeftovers(aws, snapshotId, { keepFailure: true });
  } catch (error) {
    if (error instanceof RefusedForNow) { log({ event: 'could not clean up', snapshotId, error: error.message }); }
    throw error;
  }
}

/** Releases the parent in the last state of an execution. Never throws, because the snapshot is complete, and the event that follows repeats this. */
async function release(aws: Parameters<typeof removeLeftovers>[0], snapshotId: string): Promise<void> {
  try {
    const snapshot = await aws.snapshots.find(snapshotId);
    await releaseParent(aws, snapshot && parentOf(snapshot), snapshotId);
  } catch (error) {
    log({ event: 'could not release the parent', snapshotId, error: saidBy(error) });
  }
}
