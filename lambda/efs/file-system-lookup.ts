import type { FileSystemDescription } from '@aws-sdk/client-efs';
import type { Efs } from './efs';
import type { TaggedFileSystems } from './file-system/tagged-file-systems';
import type { FileSystemLookupAttributes, FileSystemLookupProperties } from '../../src/contract/file-system-lookup';
import { OutOfReach } from '../shared/errors';
import { ownerDigest, valueOf } from '../shared/ownership';
import type { Created, Found, Lifecycle } from '../shared/resource-lifecycle';

export interface FileSystemLookupServices {
  readonly efs: Efs;
  readonly taggedFileSystems: TaggedFileSystems;
}

/** Finds a file system by its creation token or tags. Creates and deletes nothing. */
export class FileSystemLookupLifecycle implements Lifecycle<FileSystemLookupProperties, FileSystemLookupAttributes> {
  /** The physical id names the file system, so that a rollback knows the one before although it may be gone. There is nothing to delete. */
  public readonly identity = ['CreationToken', 'Tags'] as const;
  public readonly physicalId = /^lookup\/.+$/;

  constructor(private readonly services: FileSystemLookupServices) {}

  public async create(properties: FileSystemLookupProperties): Promise<Created> {
    return { id: `lookup/${ownerDigest(properties)}/${await this.lookUp(properties)}` };
  }

  public async ready(id: string): Promise<FileSystemLookupAttributes> {
    return this.withoutReach(id);
  }

  public withoutReach(id: string): FileSystemLookupAttributes {
    return { FileSystemId: id.slice(id.lastIndexOf('/') + 1) };
  }

  public async delete(): Promise<void> {}

  public async gone(): Promise<boolean> {
    return true;
  }

  public async find(): Promise<Found[]> {
    return [];
  }

  /** Returns the id of the only file system that matches. */
  private async lookUp(properties: FileSystemLookupProperties): Promise<string> {
    const all = await this.matching(properties);
    if (all.length === 1) { return all[0].FileSystemId!; }
    const ids = all.map(({ FileSystemId }) => FileSystemId!).sort().join(', ');
    throw new OutOfReach(all.length === 0
      ? `no file system has ${inWords(properties)}; tags that were set a moment ago may not be found yet`
      : `${all.length} file systems have ${inWords(properties)}: ${ids}; add tags that only one of them has`);
  }

  private async matching({ CreationToken: token, Tags: tags = [] }: FileSystemLookupProperties): Promise<FileSystemDescription[]> {
    const { efs, taggedFileSystems } = this.services;
    if (token === undefined) { return taggedFileSystems.having(Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]))); }
    const fileSystem = await efs.fileSystemWithToken(token);
    return fileSystem && fileSystem.LifeCycleState !== 'deleting' && tags.every(({ Key, Value }) => valueOf(fileSystem.Tags, Key) === Value)
      ? [fileSystem] : [];
  }
}

function inWords({ CreationToken: token, Tags: tags = [] }: FileSystemLookupProperties): string {
  return [
    ...token === undefined ? [] : [`the creation token '${token}'`],
    ...tags.length === 0 ? [] : [`the tags ${tags.map(({ Key, Value }) => `${Key}=${Value}`).join(', ')}`],
  ].join(' and ');
}
