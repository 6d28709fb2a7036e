import { OWNERSHIP_TAGS, type TagProperty } from '../../src/contract/ownership';
import { saidBy } from '../shared/errors';
import { log } from '../shared/log';
import { valueOf } from '../shared/ownership';
import type { Context, Found } from '../shared/resource-lifecycle';
import { isPostponed } from '../shared/retry';
import type { CreationRecord } from '../transfer/bucket/creation-record';
import type { TransferStore } from '../transfer/bucket/store';

/** A snapshot or an AMI that was found by its tags. */
interface Tagged {
  readonly id: string;
  readonly tags: readonly Partial<TagProperty>[];
  readonly made: number;
}

/** Returns the record of what this call has made. */
export function recordOf(id: string, { stackId, logicalId, identity, requestId, deletionBegan }: Context): CreationRecord {
  return { id, stackId, logicalId, identity, call: requestId, sent: deletionBegan };
}

/** Writes the record of a thing that was just made. If that fails for good, removes the thing by its id, because EC2 may not list it yet. */
export async function recordOrRemove(store: Pick<TransferStore, 'saveCreation'>, record: CreationRecord, remove: () => Promise<void>): Promise<void> {
  try {
    await store.saveCreation(record);
  } catch (error) {
    // The step is repeated, and finds the thing.
    if (isPostponed(error)) { throw error; }
    await remove().catch(failure => log({ event: 'could not remove what could not be recorded', id: record.id, error: saidBy(failure) }));
    throw error;
  }
}

/** Whether a record says that this stack has made the thing for this resource. */
export function isProof(record: CreationRecord | undefined, { stackId, logicalId }: Pick<Context, 'stackId' | 'logicalId'>): record is CreationRecord {
  return record?.stackId === stackId && record.logicalId === logicalId;
}

/** Returns the identity and the call of a thing from its record; without one, from its tags, which prove nothing. */
export function evidenceOf(
  { id, tags, made }: Tagged, record: CreationRecord | undefined, context: Pick<Context, 'stackId' | 'logicalId'>,
): Pick<Found, 'id' | 'identity' | 'requestId' | 'sent' | 'made' | 'isUnproven'> {
  if (isProof(record, context)) { return { id, identity: record.identity, requestId: record.call, sent: record.sent }; }
  return { id, made, identity: valueOf(tags, OWNERSHIP_TAGS.identity), requestId: valueOf(tags, OWNERSHIP_TAGS.requestId), isUnproven: true };
}
