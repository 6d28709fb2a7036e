import { createHash } from 'node:crypto';
import type { Context } from './resource-lifecycle';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS, type OwnerProperties, type TagProperty } from '../../src/contract/ownership';

const OWNER_DIGEST_LENGTH = 16;

/** A tag on a resource, as EFS and EC2 give it. */
interface Tag { Key?: string; Value?: string }

/** Returns the tags that a resource carries from its creating call on. */
export function ownershipTags(properties: OwnerProperties, context: Context): { Key: string; Value: string }[] {
  return [
    { Key: OWNERSHIP_TAGS.stackId, Value: context.stackId },
    { Key: OWNERSHIP_TAGS.owner, Value: properties.Owner },
    { Key: OWNERSHIP_TAGS.logicalId, Value: context.logicalId },
    { Key: OWNERSHIP_TAGS.identity, Value: context.identity },
    { Key: OWNERSHIP_TAGS.requestId, Value: context.requestId },
  ];
}

/** Returns a short name of the resource for physical ids and tag keys on things that it shares with others. */
export function ownerDigest({ Owner }: OwnerProperties): string {
  return createHash('sha256').update(Owner).digest('hex').slice(0, OWNER_DIGEST_LENGTH);
}

export function valueOf(tags: readonly Tag[] | undefined, key: string): string | undefined {
  return tags?.find(tag => tag.Key === key)?.Value;
}

/** Returns whether this resource of this stack made or adopted it. */
export function belongsTo(tags: readonly Tag[] | undefined, context: Pick<Context, 'stackId' | 'logicalId'>): boolean {
  return valueOf(tags, OWNERSHIP_TAGS.stackId) === context.stackId && valueOf(tags, OWNERSHIP_TAGS.logicalId) === context.logicalId;
}

/**
 * Returns the tags to set and the keys to remove so that `actual` has `wanted` and nothing else of `formerly`. Other tags stay, and those of
 * this library always.
 */
export function tagChanges(actual: readonly Tag[] | undefined, wanted: readonly TagProperty[], formerly: readonly TagProperty[] = []) {
  return {
    set: wanted.filter(tag => valueOf(actual, tag.Key) !== tag.Value).map(({ Key, Value }) => ({ Key, Value })),
    remove: formerly
      .filter(old => !isReserved(old) && !wanted.some(tag => tag.Key === old.Key) && valueOf(actual, old.Key) === old.Value)
      .map(old => old.Key),
  };
}

/** Throws if a user's tags have a key that this library reserves for itself. */
export function refuseReservedTags(tags: readonly TagProperty[] = []): void {
  const reserved = tags.find(isReserved);
  if (reserved) { throw new Error(`'tags' must not have keys that begin with ${OWNERSHIP_TAG_PREFIX}, got ${reserved.Key}`); }
}

export function isReserved({ Key }: TagProperty): boolean {
  return Key.startsWith(OWNERSHIP_TAG_PREFIX);
}
