import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { log } from '../../shared/log';
import { valueOf } from '../../shared/ownership';
import type { TransferStore } from '../bucket/store';
import { parentOf, releaseParent } from '../parent/use';
import type { Snapshots } from '../snapshot/snapshots';

/**
 * Removes what an import that failed left behind: the snapshot, even if EBS
 * completed it after all, and its objects in the transfer bucket. A failed
 * execution is final: CloudFormation was never given that snapshot, and what
 * it holds may not be what was written. Whoever notices the failure calls
 * this, as often as it likes: isComplete, or the rule on the execution's end.
 */
export async function removeLeftovers(
  { snapshots, store }: { snapshots: Snapshots; store: TransferStore }, snapshotId: string, options?: { readonly keepFailure: boolean },
): Promise<void> {
  const snapshot = await snapshots.find(snapshotId);
  if (snapshot && valueOf(snapshot.tags, OWNERSHIP_TAGS.stackId) === undefined) {
    return log({ event: 'left a snapshot alone that is not ours', snapshotId });
  }
  if (snapshot) {
    await releaseParent({ snapshots, store }, parentOf(snapshot), snapshotId);
    await snapshots.delete(snapshotId);
    log({ event: 'removed the snapshot of a failed import', snapshotId });
  }
  await store.remove(snapshotId, options);
}
