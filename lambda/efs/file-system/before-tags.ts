import type { Tag } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS, type TagProperty } from '../../../src/contract/ownership';
import { log } from '../../shared/log';
import { valueOf } from '../../shared/ownership';

/** On an adopted file system until the next call of its resource: the stack that had it, and its state; `none` if no stack had it. */
export const BEFORE_TAG = `${OWNERSHIP_TAG_PREFIX}before`;
const OWNER = `${BEFORE_TAG}:owner`;
const LOGICAL_ID = `${BEFORE_TAG}:logical-id`;
const USER_TAG = `${BEFORE_TAG}:tag:`;

const LONGEST_KEY = 128;
const NONE = 'none';
/** No resource had it before, or the one that had it does not get it back. */
export const NO_CLAIM_BEFORE: TagProperty = { Key: BEFORE_TAG, Value: NONE };

/** What a file system carried before its adoption. */
export interface Before {
  /** The resource that had it. */
  readonly claim?: { readonly stackId: string; readonly owner: string; readonly logicalId: string; readonly state?: string };
  /** Its tags with keys that the properties set, as far as there was room to keep them. */
  readonly userTags: readonly TagProperty[];
}

/** Returns the tags that keep what an adoption overwrites. `room`: how many tags the file system can take. */
export function beforeTags(present: readonly Tag[] = [], userTags: readonly TagProperty[] = [], room: number): TagProperty[] {
  const [stackId, owner, logicalId] = [OWNERSHIP_TAGS.stackId, OWNERSHIP_TAGS.owner, OWNERSHIP_TAGS.logicalId].map(key => valueOf(present, key));
  const state = valueOf(present, OWNERSHIP_TAGS.state);
  const own = stackId === undefined || owner === undefined || logicalId === undefined
    ? [NO_CLAIM_BEFORE]
    : [
      { Key: BEFORE_TAG, Value: [stackId, ...state === undefined ? [] : [state]].join(' ') },
      { Key: OWNER, Value: owner },
      ...owner.endsWith(`/${logicalId}`) ? [] : [{ Key: LOGICAL_ID, Value: logicalId }],
    ];
  const overwritten = userTags.filter(({ Key }) => valueOf(present, Key) !== undefined)
    .map(({ Key }) => ({ Key: `${USER_TAG}${Key}`, Value: valueOf(present, Key)! }))
    .filter(({ Key }) => Key.length <= LONGEST_KEY);
  const kept = overwritten.slice(0, Math.max(0, room - own.length));
  if (kept.length < overwritten.length) { log({ event: 'there is no room to keep all tags that the adoption overwrites' }); }
  return [...own, ...kept];
}

/** Returns what the file system carried before; undefined if that is not known any more. */
export function readBefore(tags: readonly Tag[] = []): Before | undefined {
  const value = valueOf(tags, BEFORE_TAG);
  const userTags = tags.filter(({ Key }) => Key!.startsWith(USER_TAG)).map(({ Key, Value }) => ({ Key: Key!.slice(USER_TAG.length), Value: Value! }));
  if (value === undefined) { return undefined; }
  const owner = valueOf(tags, OWNER);
  if (value === NONE || owner === undefined) { return { userTags }; }
  const [stackId, state] = value.split(' ');
  const logicalId = valueOf(tags, LOGICAL_ID) ?? owner.slice(owner.lastIndexOf('/') + 1);
  return { claim: { stackId, owner, logicalId, ...state !== undefined && { state } }, userTags };
}

/** Returns the keys of the tags that keep what an adoption overwrote. */
export function beforeKeys(tags: readonly Tag[] = []): string[] {
  return tags.map(({ Key }) => Key!).filter(key => key === BEFORE_TAG || key.startsWith(`${BEFORE_TAG}:`));
}

/** Returns whether the key is that of a tag which keeps a user's tag. */
export function isUserTagKey(key: string): boolean {
  return key.startsWith(USER_TAG);
}
