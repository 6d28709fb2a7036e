import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { log } from '../../shared/log';
import { valueOf } from '../../shared/ownership';
import { isHandedOut } from '../../shared/state-tag';
import type { TransferStore } from '../bucket/store';
import { parentOf, releaseParent } from '../parent/use';
import type { Snapshot, Snapshots } from '../snapshot/snapshots';

/**
 * Removes the leftovers of an import that failed: the snapshot, even if EBS completed it after all, and its objects in the
 * transfer bucket. A failed execution is final: CloudFormation never received the snapshot, whose content may be wrong. One that is complete and
 * was handed out stays, whatever an execution says of itself.
 * Both polls and the rule on the end of executions call this, and it may be called any number of times.
 */
export async function removeLeftovers(
  { snapshots, store }: { snapshots: Snapshots; store: TransferStore }, snapshotId: string, options?: { readonly keepFailure: boolean },
): Promise<void> {
  const snapshot = await snapshots.find(snapshotId);
  // EC2 may list a young snapshot without its tags.
  if (snapshot && valueOf(snapshot.tags, OWNERSHIP_TAGS.stackId) === undefined && await store.creation(snapshotId) === undefined) {
    return log({ event: 'left a snapshot alone that is not ours', snapshotId });
  }
  if (snapshot && await isCompleteAndHandedOut(snapshot, store)) { return log({ event: 'left a snapshot that is complete and in use', snapshotId }); }
  if (snapshot) {
    await releaseParent({ snapshots, store }, parentOf(snapshot), snapshotId);
    await snapshots.delete(snapshotId);
    log({ event: 'removed the snapshot of a failed import', snapshotId });
  }
  await store.remove(snapshotId, options);
}

/**
 * Whether CloudFormation received the snapshot, and it is complete. Only a worker that found a wrong block, and wrote that into the transfer bucket,
 * makes it a leftover: with `waitForCompletion: false`, it is read back after that.
 */
export async function isCompleteAndHandedOut(snapshot: Snapshot, store: Pick<TransferStore, 'failure'>): Promise<boolean> {
  return snapshot.state === 'completed' && isHandedOut(snapshot) && await store.failure(snapshot.id) === undefined;
}
