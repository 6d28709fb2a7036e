import type { EFSClient, FileSystemDescription } from '@aws-sdk/client-efs';
import type { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { Efs } from './efs';
import { TaggedFileSystems } from './file-system/tagged-file-systems';
import type { FileSystemLookupAttributes, FileSystemLookupProperties } from '../../src/contract/file-system-lookup';
import { valueOf } from '../shared/ownership';
import type { Lifecycle } from '../shared/resource-lifecycle';

export interface FileSystemLookupClients {
  readonly efs: EFSClient;
  readonly tagging: ResourceGroupsTaggingAPIClient;
}

/** Finds a file system, and makes nothing. */
export const fileSystemLookup = (clients: FileSystemLookupClients): Lifecycle<FileSystemLookupProperties, FileSystemLookupAttributes> => {
  const efs = new Efs(clients.efs);
  const tagged = new TaggedFileSystems(clients.tagging, efs);

  async function found({ CreationToken: token, Tags: tags = [] }: FileSystemLookupProperties): Promise<FileSystemDescription[]> {
    if (token === undefined) { return tagged.having(Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]))); }
    const fileSystem = await efs.fileSystemWithToken(token);
    return fileSystem && fileSystem.LifeCycleState !== 'deleting' && tags.every(({ Key, Value }) => valueOf(fileSystem.Tags, Key) === Value)
      ? [fileSystem] : [];
  }

  return {
    // The answer may change, but there is nothing to replace.
    identity: [],
    physicalId: /^lookup\/.+$/,
    create: async ({ Address }) => ({ id: `lookup/${Address}` }),

    async ready(_id, properties) {
      const all = await found(properties);
      if (all.length === 1) { return { FileSystemId: all[0].FileSystemId! }; }
      const ids = all.map(({ FileSystemId }) => FileSystemId!).sort().join(', ');
      throw new Error(all.length === 0
        ? `no file system has ${inWords(properties)}; tags that were set a moment ago may not be found yet`
        : `${all.length} file systems have ${inWords(properties)}: ${ids}; say more of the one that is meant`);
    },

    delete: async () => {},
    gone: async () => true,
    find: async () => [],
  };
};

function inWords({ CreationToken: token, Tags: tags = [] }: FileSystemLookupProperties): string {
  return [
    ...token === undefined ? [] : [`the creation token '${token}'`],
    ...tags.length === 0 ? [] : [`the tags ${tags.map(({ Key, Value }) => `${Key}=${Value}`).join(', ')}`],
  ].join(' and ');
}
