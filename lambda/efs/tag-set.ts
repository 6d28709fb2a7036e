import type { Tag } from '@aws-sdk/client-efs';
import { resourceIdOf, type Efs } from './efs';
import type { TagProperty } from '../../src/contract/ownership';
import type { TagSetAttributes, TagSetProperties } from '../../src/contract/tag-set';
import { throwUnlessBack } from '../shared/direction';
import { isNamed, OutOfReach } from '../shared/errors';
import { identityOf } from '../shared/identity';
import { ownerDigest, tagChanges, valueOf } from '../shared/ownership';
import { boolean } from '../shared/property-values';
import type { Context, CreateContext, Created, Found, Lifecycle } from '../shared/resource-lifecycle';

export interface TagSetServices {
  readonly efs: Efs;
}

/**
 * Some tags of a file system or access point that may have other tags, too. A key is ours as long as it has our value: EFS does not
 * record who set a tag.
 */
export class TagSetLifecycle implements Lifecycle<TagSetProperties, TagSetAttributes> {
  public readonly identity = ['ResourceId'] as const;
  public readonly physicalId = /^fs(ap)?-[0-9a-f]{8,40}\/.+$/;
  private readonly efs: Efs;

  constructor({ efs }: TagSetServices) {
    this.efs = efs;
  }

  public userTags({ Tags }: TagSetProperties): TagSetProperties['Tags'] {
    return Tags;
  }

  /** Sets all tags by one call, or none, so that a Delete after a failure can tell whether there is anything to remove. */
  public async create(properties: TagSetProperties, { old }: CreateContext<TagSetProperties>): Promise<Created> {
    const { ResourceId, Tags } = properties;
    const present = await this.existingTags(ResourceId);
    const foreign = foreignValues(properties, present, Tags);
    if (foreign.length > 0 && !(old && isSameResource(properties, old))) { throw foreignError(properties, present, foreign); }
    await this.set(ResourceId, tagChanges(present, Tags).set);
    return { id: `${resourceIdOf(ResourceId)}/${ownerDigest(properties)}` };
  }

  /**
   * Changes all tags here, and none in `ready`: no tag records which request was the latest, and a late poll of an earlier request must
   * not undo a later one.
   */
  public async update(_id: string, properties: TagSetProperties, old: TagSetProperties, context: Context): Promise<void> {
    const { ResourceId, Tags } = properties;
    const formerly = isSameResource(properties, old) ? old.Tags : [];
    const added = Tags.filter(({ Key }) => !formerly.some(tag => tag.Key === Key));
    const present = await this.existingTags(ResourceId);
    const foreign = foreignValues(properties, present, added);
    // A rollback leaves what somebody else has set meanwhile.
    if (foreign.length > 0) { await throwUnlessBack(context, foreignError(properties, present, foreign)); }
    const changes = tagChanges(present, Tags.filter(tag => !foreign.includes(tag)), formerly);
    // Removes first, because a file system has at most 50 tags at any moment.
    await this.efs.untag(resourceIdOf(ResourceId), changes.remove);
    await this.set(ResourceId, changes.set);
  }

  public async ready(_id: string, { ResourceId }: TagSetProperties): Promise<TagSetAttributes> {
    return { ResourceId: resourceIdOf(ResourceId) };
  }

  public withoutReach(id: string): TagSetAttributes {
    return { ResourceId: id.slice(0, id.indexOf('/')) };
  }

  /** Removes the keys that still have our values. */
  public async delete(id: string, { Tags }: TagSetProperties): Promise<void> {
    const resourceId = id.slice(0, id.indexOf('/'));
    try {
      await this.efs.untag(resourceId, tagChanges(await this.efs.tags(resourceId), [], Tags).remove);
    } catch (error) {
      if (!isNamed(error, 'FileSystemNotFound', 'AccessPointNotFound')) { throw error; }
    }
  }

  /** EFS removes tags at once. Another look could only find tags that somebody else has set since. */
  public async gone(): Promise<boolean> {
    return true;
  }

  /** Finds a set only if all its tags are in place: one call sets all, so fewer are not this resource's, or not its alone. */
  public async find(candidates: readonly TagSetProperties[]): Promise<Found[]> {
    const found: Found[] = [];
    for (const candidate of candidates) {
      const tags = await this.efs.tags(resourceIdOf(candidate.ResourceId));
      if (!tags || !hasAll(tags, candidate.Tags)) { continue; }
      found.push({
        id: `${resourceIdOf(candidate.ResourceId)}/${ownerDigest(candidate)}`,
        identity: identityOf(this, candidate),
        requestId: undefined,
        state: 'usable',
        holdsNoData: true,
      });
    }
    return found;
  }

  private async existingTags(resourceId: string): Promise<Tag[]> {
    const id = resourceIdOf(resourceId);
    const tags = await this.efs.tags(id);
    if (!tags) { throw new OutOfReach(`'${id.startsWith('fsap-') ? 'accessPoint' : 'fileSystem'}' is ${id}, which does not exist`); }
    return tags;
  }

  private async set(resourceId: string, tags: Tag[]): Promise<void> {
    const id = resourceIdOf(resourceId);
    try {
      await this.efs.tag(id, tags);
    } catch (error) {
      (error as Error).message = `'tags' of ${id}: ${(error as Error).message}`;
      throw error;
    }
  }
}

function hasAll(tags: readonly Tag[], wanted: readonly TagProperty[]): boolean {
  return wanted.length > 0 && wanted.every(({ Key, Value }) => valueOf(tags, Key) === Value);
}

function isSameResource(one: TagSetProperties, other: TagSetProperties): boolean {
  return resourceIdOf(one.ResourceId) === resourceIdOf(other.ResourceId);
}

/** Returns the wanted tags whose keys have another value already, unless the user allows to overwrite it. */
function foreignValues({ Overwrite = false }: TagSetProperties, present: readonly Tag[], wanted: readonly TagProperty[]): readonly TagProperty[] {
  return boolean('overwrite', Overwrite) ? [] : wanted.filter(({ Key, Value }) => (valueOf(present, Key) ?? Value) !== Value);
}

function foreignError({ ResourceId }: TagSetProperties, present: readonly Tag[], foreign: readonly TagProperty[]): Error {
  const list = foreign.map(({ Key, Value }) => `${Key}=${valueOf(present, Key)} (not ${Value})`).join(', ');
  return new Error(`'tags' of ${resourceIdOf(ResourceId)} exist already with other values: ${list}; leave them out, or set 'overwrite'`);
}
