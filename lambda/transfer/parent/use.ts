import { OWNERSHIP_TAGS, PARENT_TAG } from '../../../src/contract/ownership';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { valueOf } from '../../shared/ownership';
import type { Stacks } from '../../shared/stacks';
import { stateOf, stateTag } from '../../shared/state-tag';
import type { CreationRecord, LeftState } from '../bucket/creation-record';
import type { TransferStore } from '../bucket/store';
import { SnapshotInUse, type Snapshot, type Snapshots } from '../snapshot/snapshots';

/*
 * A snapshot is in use while another one that was started from it is pending. A Delete in that time only condemns it by a
 * tag, and the end of the use looks for that tag. Both look again after they acted, so their order does not matter.
 * The functions of another stack may not delete it, so a Delete that meets an import of another stack fails and names it.
 */

interface UseServices {
  readonly snapshots: Snapshots;
  readonly store: TransferStore;
  /** Absent where the function may not ask for them. */
  readonly executions?: { find(id: string): Promise<{ readonly status: string } | undefined> };
  /** Absent where the function may not ask for stacks. */
  readonly stacks?: Pick<Stacks, 'resource'>;
}

/** The error for a snapshot that is not deleted while another stack imports a snapshot with it as the parent. */
export class ParentInUse extends Error {
  constructor(parentId: string, user: Snapshot) {
    super(`snapshot ${parentId} cannot be deleted while ${stackOf(user) ?? 'somebody else'} imports ${user.id} with it as the parent; `
      + 'delete it again when that import has ended');
  }
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

/** Returns the pending snapshots that are being imported with this parent, except `ended`. */
export async function usersOf(aws: UseServices, parent: Snapshot, ended?: string): Promise<Snapshot[]> {
  const children = await aws.snapshots.findTagged({ [PARENT_TAG]: parent.id });
  const pending = children.filter(({ id, state }) => state === 'pending' && id !== ended);
  const imported = await Promise.all(pending.map(child => (stackOf(child) === stackOf(parent) ? isImport(aws, child) : isImportOfOther(aws, child))));
  return pending.filter((_, i) => imported[i]);
}

/**
 * Condemns a snapshot that is in use. Returns whether it stays; then it is removed when the use ends, with its manifest. Throws
 * `ParentInUse` if another stack uses it; then the snapshot is marked, so that a later deletion of this stack removes it.
 */
export async function condemnIfUsed(aws: UseServices, parent: Snapshot): Promise<boolean> {
  const users = await usersOf(aws, parent);
  if (users.length === 0) { return false; }
  const other = users.find(user => stackOf(user) !== stackOf(parent));
  if (other) {
    await markLeft(aws, parent, 'used');
    throw new ParentInUse(parent.id, other);
  }
  await markLeft(aws, parent, 'condemned');
  log({ event: 'a parent in use is deleted later', snapshotId: parent.id, users: users.map(({ id }) => id) });
  // A use that ended just before the tag was written did not see it.
  return (await usersOf(aws, parent)).length > 0;
}

function stackOf({ tags }: Snapshot): string | undefined {
  return valueOf(tags, OWNERSHIP_TAGS.stackId);
}

/** Whether a pending snapshot with the tags of this stack is being imported. Tags prove nothing, but the record does, which a step writes when it has started the snapshot. */
async function isImport({ store, executions }: UseServices, { id }: Snapshot): Promise<boolean> {
  // EC2 may refuse to delete the snapshot of a failed import while it is pending. Its clean-up is over, so it would never release the parent.
  if ((await executions?.find(id))?.status === 'FAILED') { return false; }
  return await store.creation(id) !== undefined;
}

/** Whether CloudFormation has a pending snapshot as a resource of the stack that its tags name, or is working on that resource. */
async function isImportOfOther({ stacks }: UseServices, child: Snapshot): Promise<boolean> {
  const [stackId, logicalId] = [stackOf(child), valueOf(child.tags, OWNERSHIP_TAGS.logicalId)];
  if (stackId === undefined || logicalId === undefined) { return false; }
  try {
    const resource = stacks && await stacks.resource(stackId, logicalId);
    return !stacks || resource !== undefined && (resource.physicalId === child.id || resource.status.endsWith('_IN_PROGRESS'));
  } catch (error) {
    log({ event: 'could not ask for the stack of an import', snapshotId: child.id, stackId, error: saidBy(error) });
    return true;
  }
}

/**
 * Removes a parent that was condemned while `child` was made from it, unless it has other users. Harmless at any time and for any id.
 * Returns the error if an image uses the parent, because the end of `child` must not depend on it; the parent stays condemned.
 */
export async function releaseParent(aws: UseServices, parentId: string | undefined, child: string): Promise<SnapshotInUse | undefined> {
  const { snapshots, store } = aws;
  if (parentId === undefined || (await store.creation(parentId))?.state !== 'condemned') { return undefined; }
  const parent = await snapshots.find(parentId);
  if (!parent) {
    // A step that died after it had deleted the snapshot left the record.
    await store.remove(parentId);
    return undefined;
  }
  if (!isCondemned(parent)) { return undefined; }
  if ((await usersOf(aws, parent, child)).length > 0) { return undefined; }
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
