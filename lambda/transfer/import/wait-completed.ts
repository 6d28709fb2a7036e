import { setTimeout as sleep } from 'node:timers/promises';
import type { SettleResult, SnapshotInput } from '../../../src/contract/transfer';
import { notCompleted, type Snapshots } from '../snapshot/snapshots';

/** EBS completes small snapshots within seconds: so long, waiting here is quicker than by the state machine, and as cheap. */
const PATIENCE_MILLISECONDS = 30_000;
const INTERVAL_MILLISECONDS = 1_000;

/** Whether EBS has completed the snapshot. */
export async function settle(all: Snapshots, { snapshotId }: SnapshotInput): Promise<SettleResult> {
  const snapshot = await all.find(snapshotId);
  if (!snapshot) { throw new Error(`snapshot ${snapshotId} was deleted while EBS completed it`); }
  if (snapshot.state === 'error') { throw new Error(notCompleted(snapshot)); }
  return { completed: snapshot.state === 'completed' };
}

/** The same, with some patience. */
export async function settleSoon(all: Snapshots, input: SnapshotInput): Promise<SettleResult> {
  const end = Date.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    const result = await settle(all, input);
    if (result.completed || Date.now() >= end) { return result; }
    await sleep(INTERVAL_MILLISECONDS);
  }
}
