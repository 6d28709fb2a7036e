import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { log } from '../../shared/log';
import { valueOf } from '../../shared/ownership';
import type { TransferStore } from '../bucket/store';
import { parentOf, releaseParent } from '../parent/use';
import type { Snapshots } from '../snapshot/snapshots';

/**
 * Removes the leftovers of an import that failed: the snapshot, even if EBS completed it after all, and its objects in the
 * transfer bucket. A failed execution is final: CloudFormation never received the snapshot, whose content may be wrong.
 * Both polls and the rule on the end of executions call this, and it may be called any number of times.
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
