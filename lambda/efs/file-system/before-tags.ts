import type { Tag } from '@aws-sdk/client-efs';
import { SETTINGS_TAG } from '../../../src/contract/claims';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS, type TagProperty } from '../../../src/contract/ownership';
import { log } from '../../shared/log';
import { valueOf } from '../../shared/ownership';

/** On an adopted file system until the next call of its resource: the stack that had it, and its state; `none` if no stack had it. */
export const BEFORE_TAG = `${OWNERSHIP_TAG_PREFIX}before`;
const OWNER = `${BEFORE_TAG}:owner`;
const LOGICAL_ID = `${BEFORE_TAG}:logical-id`;
const USER_TAG = `${BEFORE_TAG}:tag:`;
/** The value of the settings tag, if the adoption changes it. */
const DECLARED = `${BEFORE_TAG}:declared`;
/** The settings that the adoption overwrites, see `overwritten-settings.ts`. */
export const OVERWRITTEN_TAG = `${BEFORE_TAG}:settings`;

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
  /** Which settings its properties declared, if the adoption has changed that; empty if none. */
  readonly declared?: string;
}

/** The tags and settings that an adoption overwrites, and the number of tags for which the file system has room. */
interface Overwritten {
  readonly userTags?: readonly TagProperty[];
  /** The settings tag that the adoption writes. */
  readonly declared?: string;
  /** The record of settings. */
  readonly settings?: readonly TagProperty[];
  readonly room: number;
}

/** Returns the tags that record the tags and settings which an adoption overwrites. */
export function beforeTags(present: readonly Tag[] = [], { userTags = [], declared, settings = [], room }: Overwritten): TagProperty[] {
  const [stackId, owner, logicalId] = [OWNERSHIP_TAGS.stackId, OWNERSHIP_TAGS.owner, OWNERSHIP_TAGS.logicalId].map(key => valueOf(present, key));
  const state = valueOf(present, OWNERSHIP_TAGS.state);
  const own = stackId === undefined || owner === undefined || logicalId === undefined
    ? [NO_CLAIM_BEFORE]
    : [
      { Key: BEFORE_TAG, Value: [stackId, ...state === undefined ? [] : [state]].join(' ') },
      { Key: OWNER, Value: owner },
      ...owner.endsWith(`/${logicalId}`) ? [] : [{ Key: LOGICAL_ID, Value: logicalId }],
      ...valueOf(present, SETTINGS_TAG) === declared ? [] : [{ Key: DECLARED, Value: valueOf(present, SETTINGS_TAG) ?? '' }],
    ];
  const kept = [...own, ...settings];
  const overwritten = userTags.filter(({ Key }) => valueOf(present, Key) !== undefined)
    .map(({ Key }) => ({ Key: `${USER_TAG}${Key}`, Value: valueOf(present, Key)! }))
    .filter(({ Key }) => Key.length <= LONGEST_KEY);
  const fitting = overwritten.slice(0, Math.max(0, room - kept.length));
  if (fitting.length < overwritten.length) { log({ event: 'there is no room to keep all tags that the adoption overwrites' }); }
  return [...kept, ...fitting];
}

/** Returns what the file system carried before; undefined if that is not known any more. */
export function readBefore(tags: readonly Tag[] = []): Before | undefined {
  const value = valueOf(tags, BEFORE_TAG);
  const userTags = tags.filter(({ Key }) => Key!.startsWith(USER_TAG)).map(({ Key, Value }) => ({ Key: Key!.slice(USER_TAG.length), Value: Value! }));
  if (value === undefined) { return undefined; }
  const owner = valueOf(tags, OWNER);
  const [stackId, state] = value.split(' ');
  if (!stackId.startsWith('arn:') || owner === undefined) { return { userTags }; }
  const logicalId = valueOf(tags, LOGICAL_ID) ?? owner.slice(owner.lastIndexOf('/') + 1);
  const declared = valueOf(tags, DECLARED);
  return { claim: { stackId, owner, logicalId, ...state !== undefined && { state } }, userTags, ...declared !== undefined && { declared } };
}

/** Returns the keys of the tags that keep what an adoption overwrote. */
export function beforeKeys(tags: readonly Tag[] = []): string[] {
  return tags.map(({ Key }) => Key!).filter(key => key === BEFORE_TAG || key.startsWith(`${BEFORE_TAG}:`));
}

/** Returns whether the key is that of a tag which keeps a user's tag. */
export function isUserTagKey(key: string): boolean {
  return key.startsWith(USER_TAG);
}
