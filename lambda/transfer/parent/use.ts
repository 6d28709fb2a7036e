import { OWNERSHIP_TAGS, PARENT_TAG } from '../../../src/contract/ownership';
import { log } from '../../shared/log';
import { valueOf } from '../../shared/ownership';
import { stateOf, stateTag } from '../../shared/state-tag';
import type { CreationRecord, LeftState } from '../bucket/creation-record';
import type { TransferStore } from '../bucket/store';
import { SnapshotInUse, type Snapshot, type Snapshots } from '../snapshot/snapshots';

/*
 * A snapshot is in use while another one that was started from it is pending. A Delete in that time only condemns it by a
 * tag, and the end of the use looks for that tag. Both look again after they acted, so their order does not matter.
 */

interface UseServices {
  readonly snapshots: Snapshots;
  readonly store: TransferStore;
  /** Where the function may ask for them. */
  readonly executions?: { find(id: string): Promise<{ readonly status: string } | undefined> };
}

export function isCondemned({ tags }: Snapshot): boolean {
  return stateOf(tags) === 'condemned';
}

/**
 * Marks a snapshot of this stack that CloudFormation has deleted, but that is still used; undefined: it is a resource again. The tag leads to
 * it, and the record proves that a handler has marked it.
 */
export async function markLeft(
  { snapshots, store }: { snapshots: Snapshots; store: TransferStore }, { id, tags }: Pick<Snapshot, 'id' | 'tags'>, state: LeftState | undefined,
): Promise<void> {
  const { state: before, ...record } = await store.creation(id) ?? recordFrom(id, tags);
  if (before !== state) { await store.saveCreation({ ...record, ...(state && { state }) }); }
  if (state !== undefined && stateOf(tags) !== state) { await snapshots.tag(id, [stateTag(state)]); }
}

/** The record of a snapshot that has none, because somebody has emptied the bucket. The caller has its id from CloudFormation. */
function recordFrom(id: string, tags: Snapshot['tags']): CreationRecord {
  const of = (key: string) => valueOf(tags, key) ?? '';
  return {
    id,
    stackId: of(OWNERSHIP_TAGS.stackId),
    logicalId: of(OWNERSHIP_TAGS.logicalId),
    identity: of(OWNERSHIP_TAGS.identity),
    call: of(OWNERSHIP_TAGS.requestId),
    sent: 0,
  };
}

/** Returns the id of the snapshot from which this one was started. */
export function parentOf({ tags }: Snapshot): string | undefined {
  return valueOf(tags, PARENT_TAG);
}

/** Returns the pending snapshots that were started from a parent and whose import has not failed, except `ended`. */
export async function usersOf({ snapshots, executions }: Omit<UseServices, 'store'>, parentId: string, ended?: string): Promise<Snapshot[]> {
  const children = await snapshots.findTagged({ [PARENT_TAG]: parentId });
  const pending = children.filter(({ id, state }) => state === 'pending' && id !== ended);
  // EC2 may refuse to delete the snapshot of a failed import while it is pending. Its clean-up is over, so it would never release the parent.
  const states = await Promise.all(pending.map(({ id }) => executions?.find(id)));
  return pending.filter((_, i) => states[i]?.status !== 'FAILED');
}

/** Condemns a snapshot that is in use. Returns whether it stays; then it is removed when the use ends, with its manifest. */
export async function condemnIfUsed(aws: UseServices, parent: Snapshot): Promise<boolean> {
  const users = await usersOf(aws, parent.id);
  if (users.length === 0) { return false; }
  const stackOf = ({ tags }: Snapshot) => valueOf(tags, OWNERSHIP_TAGS.stackId);
  // The functions of another stack may not delete it, so the Delete has to be repeated by its own.
  if (users.some(user => stackOf(user) !== stackOf(parent))) { return true; }
  await markLeft(aws, parent, 'condemned');
  log({ event: 'a parent in use is deleted later', snapshotId: parent.id, users: users.map(({ id }) => id) });
  // A use that ended just before the tag was written did not see it.
  return (await usersOf(aws, parent.id)).length > 0;
}

/**
 * Removes a parent that was condemned while `child` was made from it, unless it has other users. Harmless at any time and for any id.
 * Returns the error if an image uses the parent, because the end of `child` must not depend on it; the parent stays condemned.
 */
export async function releaseParent(aws: UseServices, parentId: string | undefined, child: string): Promise<SnapshotInUse | undefined> {
  const { snapshots, store } = aws;
  const parent = parentId === undefined ? undefined : await snapshots.find(parentId);
  if (!parent || !isCondemned(parent) || (await store.creation(parent.id))?.state !== 'condemned') { return undefined; }
  if ((await usersOf(aws, parent.id, child)).length > 0) { return undefined; }
  // The record goes last, because this can be repeated as long as it is there.
  await store.remove(parent.id, { keepRecord: true });
  try {
    await snapshots.delete(parent.id);
    await store.remove(parent.id);
  } catch (error) {
    if (!(error instanceof SnapshotInUse)) { throw error; }
    log({ event: 'left a parent to an image that uses it', snapshotId: parent.id, child, error: error.message });
    return error;
  }
  log({ event: 'removed a parent that was deleted while it was in use', snapshotId: parent.id, child });
  return undefined;
}
