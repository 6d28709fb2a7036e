import { OWNERSHIP_TAGS, PARENT_TAG } from '../../../src/contract/ownership';
import { log } from '../../shared/log';
import { valueOf } from '../../shared/ownership';
import { stateOf, stateTag } from '../../shared/state-tag';
import type { TransferStore } from '../bucket/store';
import { SnapshotInUse, type Snapshot, type Snapshots } from '../snapshot/snapshots';

/*
 * A snapshot is in use while another one that was started from it is pending.
 * Whoever wants to delete it meanwhile condemns it by a tag; whoever ends the
 * use looks for the tag. Both look again after they acted, so it does not matter who comes first.
 */

interface UseServices {
  readonly snapshots: Snapshots;
  readonly store: TransferStore;
}

export function isCondemned({ tags }: Snapshot): boolean {
  return stateOf(tags) === 'condemned';
}

/** The id of the snapshot that one was started from. */
export function parentOf({ tags }: Snapshot): string | undefined {
  return valueOf(tags, PARENT_TAG);
}

/** The snapshots that are being made from a parent, but for one that does not count any more. */
export async function usersOf(snapshots: Snapshots, parentId: string, ended?: string): Promise<Snapshot[]> {
  const children = await snapshots.findTagged({ [PARENT_TAG]: parentId });
  return children.filter(({ id, state }) => state === 'pending' && id !== ended);
}

/** Whether it stays because it is in use; then it is removed when that ends, with its manifest. */
export async function condemnIfUsed({ snapshots }: Pick<UseServices, 'snapshots'>, parent: Snapshot): Promise<boolean> {
  const users = await usersOf(snapshots, parent.id);
  if (users.length === 0) { return false; }
  const stackOf = ({ tags }: Snapshot) => valueOf(tags, OWNERSHIP_TAGS.stackId);
  // Another stack's functions may not delete it: whoever asked has to ask again.
  if (users.some(user => stackOf(user) !== stackOf(parent))) { return true; }
  if (!isCondemned(parent)) { await snapshots.tag(parent.id, [stateTag('condemned')]); }
  log({ event: 'a parent in use is deleted later', snapshotId: parent.id, users: users.map(({ id }) => id) });
  // A user that ended just before the tag was there has not seen it.
  return (await usersOf(snapshots, parent.id)).length > 0;
}

/**
 * Removes a parent that was deleted while `child` was made from it, unless others still are. Harmless at any time, and for any id.
 * What EC2 refuses for an image's sake is returned: the end of `child` must not depend on it, and the parent stays condemned.
 */
export async function releaseParent(
  { snapshots, store }: UseServices, parentId: string | undefined, child: string,
): Promise<SnapshotInUse | undefined> {
  const parent = parentId === undefined ? undefined : await snapshots.find(parentId);
  if (!parent || !isCondemned(parent)) { return undefined; }
  if ((await usersOf(snapshots, parent.id, child)).length > 0) { return undefined; }
  // The snapshot last: as long as it is there, this can be repeated.
  await store.remove(parent.id);
  try {
    await snapshots.delete(parent.id);
  } catch (error) {
    if (!(error instanceof SnapshotInUse)) { throw error; }
    log({ event: 'left a parent to an image that uses it', snapshotId: parent.id, child, error: error.message });
    return error;
  }
  log({ event: 'removed a parent that was deleted while it was in use', snapshotId: parent.id, child });
  return undefined;
}
