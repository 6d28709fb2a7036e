import type { Tag } from '@aws-sdk/client-efs';
import { MOST_TAGS_OF_SET } from '../../../src/contract/claims';
import type { TagProperty } from '../../../src/contract/ownership';
import type { TagSetAttributes, TagSetProperties } from '../../../src/contract/tag-set';
import { isCertainlyBack, throwUnlessBack } from '../../shared/direction';
import { isNamed } from '../../shared/errors';
import { log } from '../../shared/log';
import { isReserved, valueOf } from '../../shared/ownership';
import { boolean } from '../../shared/property-values';
import type { Context } from '../../shared/resource-lifecycle';
import { isNewer, isRetained, type Claim, type Claims, type NewerClaim } from '../claims/claim';
import type { ClaimServices } from '../claims/claimant';
import { ClaimedLifecycle, type Thing } from '../claims/claimed-lifecycle';
import { itemsDeclaredByProps } from '../claims/declared-settings';
import { agree, foundItems, foundText, hasSameKey, itemOf, itemsIn, wantedItems, type Item } from '../claims/items';
import { resourceIdOf } from '../efs';

export type TagSetServices = ClaimServices;

/** Some tags of a file system or access point that may have other tags, too. Two sets may have a key if they give it the same value. */
export class TagSetLifecycle extends ClaimedLifecycle<TagSetProperties, TagSetAttributes, Thing> {
  public readonly identity = ['ResourceId'] as const;
  public readonly physicalId = /^fs(ap)?-[0-9a-f]{8,40}\/.+$/;
  protected readonly kind = 'tags';
  protected readonly name = "'tags'";

  public userTags({ Tags }: TagSetProperties): TagSetProperties['Tags'] {
    return Tags;
  }

  protected thingOf({ ResourceId }: TagSetProperties): string {
    return resourceIdOf(ResourceId);
  }

  protected async read(id: string): Promise<Thing | undefined> {
    const tags = await this.efs.tags(id);
    return tags && { id, tags };
  }

  protected wants(_thing: Thing, { Tags }: TagSetProperties) {
    return { wanted: wantedItems(Tags), agree };
  }

  /** Removes the keys that the set gives up, because EFS counts them as long as they are there. */
  protected async prepare(
    { id, tags }: Thing, properties: TagSetProperties, old: TagSetProperties | undefined, claims: Claims, context: Context,
  ): Promise<string> {
    const { Tags: wanted } = properties;
    if (wanted.length > MOST_TAGS_OF_SET) {
      throw new Error(`'tags' must be at most ${MOST_TAGS_OF_SET} in one set, got ${wanted.length}: give the others to another TagSet`);
    }
    const own = claims.own && !isNewer(claims.own) ? claims.own : undefined;
    const ownItems = itemsIn(own?.wanted ?? wantedItems(old?.Tags ?? []));
    const foreign = foreignValues(properties, tags, claims.others, ownItems);
    if (foreign && !old) { throw foreign; }
    if (foreign) { await throwUnlessBack(context, foreign); }

    const givenUp = (old?.Tags ?? []).filter(({ Key }) => !wanted.some(tag => tag.Key === Key));
    const removed = setBy(ownItems, own, tags, claims.others).filter(key => givenUp.some(tag => tag.Key === key));
    const kept = tags.filter(({ Key }) => !removed.includes(Key!));
    this.refuseTooMany(kept.length + wanted.filter(({ Key }) => !hasKey(kept, Key)).length + (own ? 0 : 1), id);
    await this.efs.untag(id, removed);
    const set = isRetained(own, context.stackId) ? [] : ownItems;
    return foundText(wantedItems(wanted), [...own ? foundItems(own) : [], ...foundBy(wanted, kept, claims.others, set)]);
  }

  protected async stillFound({ tags }: Thing, _properties: TagSetProperties, own: Claim): Promise<string> {
    return foundText(own.wanted, foundItems(own).filter(item => tags.some(tag => itemOf(asTag(tag)) === item)));
  }

  /** A rollback leaves the keys to which somebody else has given a value since. */
  protected async apply(
    { id, tags }: Thing, { Tags }: TagSetProperties, old: TagSetProperties | undefined, context: Context,
  ): Promise<boolean> {
    const wanted = Tags.filter(({ Key, Value }) => valueOf(tags, Key) !== Value);
    const changed = wanted.filter(({ Key }) => hasKey(tags, Key) && valueOf(tags, Key) !== valueOf(old?.Tags, Key));
    const left = changed.length > 0 && await isCertainlyBack(context) ? changed : [];
    try {
      await this.efs.tag(id, wanted.filter(tag => !left.includes(tag)).map(({ Key, Value }) => ({ Key, Value })));
    } catch (error) {
      (error as Error).message = `'tags' of ${id}: ${(error as Error).message}`;
      throw error;
    }
    return true;
  }

  protected async remove(
    { id, tags }: Thing, _properties: TagSetProperties, own: Claim, staying: readonly (Claim | NewerClaim)[],
  ): Promise<boolean> {
    const removed = setBy(itemsIn(own.wanted), own, tags, staying);
    log({ event: 'removing tags of a set', id, keys: removed });
    try {
      await this.efs.untag(id, removed);
    } catch (error) {
      if (!isNamed(error, 'FileSystemNotFound', 'AccessPointNotFound')) { throw error; }
    }
    return true;
  }

  protected attributes(id: string): TagSetAttributes {
    return { ResourceId: id };
  }
}

/** Returns the keys that still have the values of these items, were not found, and are in no other set, nor in the props of the file system. */
function setBy(items: readonly Item[], own: Claim | undefined, present: readonly Tag[], others: Claims['others']): string[] {
  if (others.some(isNewer)) { return []; }
  const kept = [...own ? foundItems(own) : [], ...itemsOfAll(others), ...itemsDeclaredByProps(present)];
  return present.map(asTag)
    .filter(tag => !isReserved(tag) && items.includes(itemOf(tag)) && !kept.includes(itemOf(tag)))
    .map(({ Key }) => Key);
}

/** Returns the items that a set finds: those in place that no other set has, or that it has as found. */
function foundBy(wanted: readonly TagProperty[], present: readonly Tag[], others: Claims['others'], ownItems: readonly Item[]): Item[] {
  const found = foundItemsOfAll(others);
  return wanted.filter(({ Key, Value }) => valueOf(present, Key) === Value).map(itemOf)
    .filter(item => !ownItems.some(own => hasSameKey(own, item)))
    .filter(item => found.includes(item) || !itemsOfAll(others).includes(item));
}

/**
 * Returns an error if a wanted key has another value, unless this set or another one has set it, or the user allows to overwrite it. A value
 * that another set has found, and not set, is somebody else's.
 */
function foreignValues(
  { ResourceId, Tags, Overwrite = false }: TagSetProperties, present: readonly Tag[], others: Claims['others'], ownItems: readonly Item[],
): Error | undefined {
  if (boolean('overwrite', Overwrite)) { return undefined; }
  const foundByOthers = foundItemsOfAll(others);
  const isFound = (tag: TagProperty) => foundByOthers.includes(itemOf({ ...tag, Value: valueOf(present, tag.Key)! }));
  const isSet = (items: readonly Item[], tag: TagProperty) => items.some(item => hasSameKey(item, itemOf(tag)));
  const foreign = Tags.filter(({ Key, Value }) => (valueOf(present, Key) ?? Value) !== Value)
    .filter(tag => !isSet(ownItems, tag) && (isFound(tag) || !isSet(itemsOfAll(others), tag)));
  if (foreign.length === 0) { return undefined; }
  const list = foreign.map(({ Key, Value }) => `${Key}=${valueOf(present, Key)} (not ${Value})`).join(', ');
  return new Error(`'tags' of ${resourceIdOf(ResourceId)} exist already with other values: ${list}; leave them out, or set 'overwrite'`);
}

function itemsOfAll(claims: Claims['others']): Item[] {
  return claims.flatMap(claim => isNewer(claim) ? [] : itemsIn(claim.wanted));
}

function foundItemsOfAll(claims: Claims['others']): Item[] {
  return claims.flatMap(claim => isNewer(claim) ? [] : foundItems(claim));
}

function hasKey(tags: readonly Tag[], key: string): boolean {
  return valueOf(tags, key) !== undefined;
}

function asTag({ Key, Value }: Tag): TagProperty {
  return { Key: Key!, Value: Value! };
}
