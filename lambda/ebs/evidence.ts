import { OWNERSHIP_TAGS, type TagProperty } from '../../src/contract/ownership';
import { valueOf } from '../shared/ownership';
import type { Context, Found } from '../shared/resource-lifecycle';
import type { CreationRecord } from '../transfer/bucket/creation-record';

/** A snapshot or an AMI that was found by its tags. */
interface Tagged {
  readonly id: string;
  readonly tags: readonly Partial<TagProperty>[];
}

/** Returns the record of what this call has made. */
export function recordOf(id: string, { stackId, logicalId, identity, requestId, deletionBegan }: Context): CreationRecord {
  return { id, stackId, logicalId, identity, call: requestId, sent: deletionBegan };
}

/** Whether a record says that this stack has made the thing for this resource. */
export function isProof(record: CreationRecord | undefined, { stackId, logicalId }: Pick<Context, 'stackId' | 'logicalId'>): record is CreationRecord {
  return record?.stackId === stackId && record.logicalId === logicalId;
}

/** Returns the identity and the call of a thing from its record; without one, from its tags, which prove nothing. */
export function evidenceOf(
  { id, tags }: Tagged, record: CreationRecord | undefined, context: Pick<Context, 'stackId' | 'logicalId'>,
): Pick<Found, 'id' | 'identity' | 'requestId' | 'sent' | 'isUnproven'> {
  if (isProof(record, context)) { return { id, identity: record.identity, requestId: record.call, sent: record.sent }; }
  return { id, identity: valueOf(tags, OWNERSHIP_TAGS.identity), requestId: valueOf(tags, OWNERSHIP_TAGS.requestId), isUnproven: true };
}
