import type { EFSClient, Tag } from '@aws-sdk/client-efs';
import { Efs, resourceIdOf } from './efs';
import type { TagProperty } from '../../src/contract/ownership';
import type { TagSetAttributes, TagSetProperties } from '../../src/contract/tag-set';
import { isNamed } from '../shared/errors';
import { refuseReservedTags, tagChanges, valueOf } from '../shared/ownership';
import { boolean } from '../shared/property-values';
import { identityOf, type Found, type Lifecycle } from '../shared/resource-lifecycle';

export interface TagSetClients {
  readonly efs: EFSClient;
}

/**
 * Some tags of a file system or access point, whoever else has tags there. A
 * key is ours as long as it has our value; nothing else on a foreign thing
 * tells who set it.
 */
export const tagSet = (clients: TagSetClients): Lifecycle<TagSetProperties, TagSetAttributes> => {
  const efs = new Efs(clients.efs);

  async function present(resourceId: string): Promise<Tag[]> {
    const id = resourceIdOf(resourceId);
    const tags = await efs.tags(id);
    if (!tags) { throw new Error(`'${id.startsWith('fsap-') ? 'accessPoint' : 'fileSystem'}' is ${id}, which does not exist`); }
    return tags;
  }

  async function set(resourceId: string, tags: Tag[]): Promise<void> {
    try {
      await efs.tag(resourceIdOf(resourceId), tags);
    } catch (error) {
      (error as Error).message = `'tags' of ${resourceIdOf(resourceId)}: ${(error as Error).message}`;
      throw error;
    }
  }

  const life: Lifecycle<TagSetProperties, TagSetAttributes> = {
    identity: ['ResourceId'],
    physicalId: /^fs(ap)?-[0-9a-f]{8,40}\/.+$/,

    /** One call sets all of them, or none: so a Delete after a failure knows whether there is anything to remove. */
    async create(properties, { old }) {
      refuseReservedTags(properties.Tags);
      const { ResourceId, Address, Tags } = properties;
      const tags = await present(ResourceId);
      if (!old || !sameResource(properties, old)) { refuseForeign(properties, tags, Tags); }
      await set(ResourceId, tagChanges(tags, Tags).set);
      return { id: `${resourceIdOf(ResourceId)}/${Address}` };
    },

    /** All of it at once, and nothing in `ready`: no tag tells which request was the last one, and one that is asked for late must not undo a later one. */
    async update(_id, properties, old) {
      refuseReservedTags(properties.Tags);
      const { ResourceId, Tags } = properties;
      const formerly = sameResource(properties, old) ? old.Tags : [];
      const added = Tags.filter(({ Key }) => !formerly.some(tag => tag.Key === Key));
      const tags = await present(ResourceId);
      refuseForeign(properties, tags, added);
      const changes = tagChanges(tags, Tags, formerly);
      await set(ResourceId, changes.set);
      await efs.untag(resourceIdOf(ResourceId), changes.remove);
    },

    ready: async (_id, { ResourceId }) => ({ ResourceId: resourceIdOf(ResourceId) }),

    async delete(id, { Tags }) {
      const resource = id.slice(0, id.indexOf('/'));
      try {
        await efs.untag(resource, tagChanges(await efs.tags(resource), [], Tags).remove);
      } catch (error) {
        if (!isNamed(error, 'FileSystemNotFound', 'AccessPointNotFound')) { throw error; }
      }
    },

    /** They are gone at once; asking again could only find what somebody else has set since. */
    gone: async () => true,

    /** Only where all of them are in place: fewer were never set by us, or are somebody else's by now. */
    async find(candidates) {
      const found: Found[] = [];
      for (const candidate of candidates) {
        const tags = await efs.tags(resourceIdOf(candidate.ResourceId));
        if (!tags || !holdsAll(tags, candidate.Tags)) { continue; }
        found.push({
          id: `${resourceIdOf(candidate.ResourceId)}/${candidate.Address}`,
          identity: identityOf(life, candidate),
          requestId: undefined,
          state: 'usable',
          disposable: true,
        });
      }
      return found;
    },
  };
  return life;
};

function holdsAll(tags: readonly Tag[], wanted: readonly TagProperty[]): boolean {
  return wanted.length > 0 && wanted.every(({ Key, Value }) => valueOf(tags, Key) === Value);
}

function sameResource(one: TagSetProperties, other: TagSetProperties): boolean {
  return resourceIdOf(one.ResourceId) === resourceIdOf(other.ResourceId);
}

function refuseForeign({ ResourceId, Overwrite = false }: TagSetProperties, present: readonly Tag[], wanted: readonly TagProperty[]): void {
  if (boolean('overwrite', Overwrite)) { return; }
  const foreign = wanted.filter(({ Key, Value }) => (valueOf(present, Key) ?? Value) !== Value);
  if (foreign.length === 0) { return; }
  const list = foreign.map(({ Key, Value }) => `${Key}=${valueOf(present, Key)} (not ${Value})`).join(', ');
  throw new Error(`'tags' of ${resourceIdOf(ResourceId)} exist already with other values: ${list}; leave them out, or set 'overwrite'`);
}
