import { createHash } from 'node:crypto';
import type { FileSystemDescription, Tag } from '@aws-sdk/client-efs';
import { NewerRecord, readText, textOf, type SetRecord } from './record-text';
import { OWNERSHIP_TAG_PREFIX } from '../../../src/contract/ownership';
import { valueOf } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';

/** The record of another set on the same file system. */
export interface OtherRecord extends SetRecord {
  /** The key of its tag. */
  readonly tagKey: string;
  /** A later release wrote it, so that any mount target may be that set's. */
  readonly mayHoldAll?: boolean;
}

const DIGEST_LENGTH = 6;

/** In place of the digest of a stack: the stack is gone, and has left the mount targets. */
export const NO_STACK = '-';

/** Returns the key of the tag. `key`: digest of the owner of the set, which CloudFormation keeps: the names of its root stack and resource. */
export function recordKey(key: string): string {
  return `${OWNERSHIP_TAG_PREFIX}mount-targets:${key}`;
}

export function readRecord({ Tags: tags }: FileSystemDescription, key: string): SetRecord | undefined {
  const value = valueOf(tags, recordKey(key));
  return value === undefined ? undefined : readText(value, recordKey(key));
}

/** Returns the tag for a record. */
export function recordTag(key: string, record: SetRecord): Tag {
  return { Key: recordKey(key), Value: textOf(record) };
}

/** Returns the records of all sets on the file system except one. */
export function otherRecords({ Tags: tags = [] }: FileSystemDescription, key: string): OtherRecord[] {
  return tags.filter(({ Key }) => Key!.startsWith(recordKey('')) && Key !== recordKey(key)).flatMap(({ Key, Value }) => {
    try {
      const record = readText(Value!, Key!);
      return record ? [{ ...record, tagKey: Key! }] : [];
    } catch (error) {
      if (!(error instanceof NewerRecord)) { throw error; }
      return [{ tagKey: Key!, mayHoldAll: true, state: 'ready', stack: NO_STACK, call: '', sent: 0, subnetIds: [] }];
    }
  });
}

/** Returns the sets that hold a mount target in the subnet: those that are being deleted hold none. */
export function holdersOf(subnetId: string, others: readonly OtherRecord[]): OtherRecord[] {
  return others.filter(({ state, subnetIds, mayHoldAll }) => mayHoldAll || (state !== 'deleting' && subnetIds.includes(subnetId)));
}

/** Returns the record if it is of the set of this stack. The logical id is part of the key. */
export function ownRecord(record: SetRecord | undefined, context: Pick<Context, 'stackId'>): SetRecord | undefined {
  return record?.stack === stackDigest(context) ? record : undefined;
}

/**
 * Returns the record if the call of `context` is the latest one of its set. Throws otherwise: the polls and retries of an earlier
 * call must not undo what a later one did.
 */
export function currentRecord(record: SetRecord | undefined, id: string, context: Context): SetRecord {
  if (!record || !ownRecord(record, context)) { throw new Error(`the set of mount targets ${id} was deleted while it was being made ready`); }
  if (record.state === 'deleting') { throw new Error(`the set of mount targets ${id} is being deleted`); }
  if (record.call !== callDigest(context)) { throw new Error(`the request for the set of mount targets ${id} was superseded by a later one`); }
  return record;
}

/** Returns whether a call that CloudFormation sent later than that of `context` has changed the set. */
export function isSuperseded({ sent }: SetRecord, context: Context): boolean {
  return sent > sentOf(context);
}

/** Returns the subnets whose mount targets go because all their sets are being deleted. */
export function subnetsOfLeavingSets(fileSystem: FileSystemDescription): string[] {
  const all = otherRecords(fileSystem, '');
  return all.filter(({ state }) => state === 'deleting').flatMap(({ subnetIds }) => subnetIds).filter(id => holdersOf(id, all).length === 0);
}

export function stackDigest({ stackId }: Pick<Context, 'stackId'>): string {
  return digest(stackId);
}

export function callDigest({ requestId }: Pick<Context, 'requestId'>): string {
  return digest(requestId);
}

/** Returns when CloudFormation sent the call of `context`, in milliseconds since 1970. URLs of responses are dated in seconds. */
export function sentOf({ deletionBegan }: Pick<Context, 'deletionBegan'>): number {
  return 1000 * Math.floor(deletionBegan / 1000);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, DIGEST_LENGTH);
}
