import { setTimeout as sleep } from 'node:timers/promises';
import type { SettleInput, SettleResult, SnapshotInput } from '../../../src/contract/transfer';
import { isThrottle } from '../../shared/retry';
import { notCompleted, type Snapshot, type Snapshots } from '../snapshot/snapshots';

/** EBS completes small snapshots within seconds, so waiting here for up to 30 seconds is faster than polling from the state machine, and costs no more. */
const PATIENCE_MILLISECONDS = 30_000;
/** Most snapshots are completed after some seconds. */
const [FIRST_INTERVAL_MILLISECONDS, INTERVAL_MILLISECONDS] = [500, 1_000];
const FIRST_MILLISECONDS = 10_000;
const FIRST_WAIT_SECONDS = 5;
/**
 * Each wait of the state machine is longer than the one before. The history of an execution may have 25,000 events, and a poll makes nine:
 * by this, 830 polls are four days, the longest that a transfer may take. A wait is 3 % of the time since the first after
 * 50 minutes, and less later.
 */
const LONGER_SECONDS = 1;

/**
 * Returns whether EBS has completed the snapshot, and how long to wait if not, or if EC2 is throttling. Throws if the snapshot
 * was deleted or EBS could not complete it.
 */
export async function settle(all: Snapshots, { snapshotId, seconds }: SettleInput): Promise<SettleResult> {
  const notYet = { completed: false, verify: false, seconds: seconds === undefined ? FIRST_WAIT_SECONDS : seconds + LONGER_SECONDS };
  let snapshot: Snapshot | undefined;
  try {
    snapshot = await all.find(snapshotId);
  } catch (error) {
    if (!isThrottle(error)) { throw error; }
    return notYet;
  }
  if (!snapshot) { throw new Error(`snapshot ${snapshotId} was deleted while EBS completed it`); }
  if (snapshot.state === 'error') { throw new Error(notCompleted(snapshot)); }
  return { ...notYet, completed: snapshot.state === 'completed' };
}

/** Does the same, but waits for a while until EBS has completed the snapshot. */
export async function settleSoon(all: Snapshots, input: SnapshotInput): Promise<SettleResult> {
  const began = Date.now();
  for (;;) {
    const result = await settle(all, input);
    const passed = Date.now() - began;
    if (result.completed || passed >= PATIENCE_MILLISECONDS) { return result; }
    await sleep(passed < FIRST_MILLISECONDS ? FIRST_INTERVAL_MILLISECONDS : INTERVAL_MILLISECONDS);
  }
}
