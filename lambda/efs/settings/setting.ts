import type { EFSClient, FileSystemDescription } from '@aws-sdk/client-efs';
import type { SettingAttributes, SettingProperties } from '../../../src/contract/configuration';
import { isNamed } from '../../shared/errors';
import { identityOf, type Context, type Found, type Lifecycle } from '../../shared/resource-lifecycle';
import { resourceIdOf, type Efs } from '../efs';

export interface SettingClients {
  readonly efs: EFSClient;
  /** EFS of another Region, where replications lead to. */
  readonly efsIn: (region: string) => EFSClient;
}

/** One setting of a file system: its policy, say. */
export interface Setting<P> {
  /** Checks what can be refused at once; makes what only a creating call makes. `old`: what is updated, on the same file system. */
  begin(fileSystem: FileSystemDescription, properties: P, old: P | undefined): Promise<void>;
  /** Brings it into force; false: ask again. */
  apply(fileSystem: FileSystemDescription, properties: P, old: P | undefined): Promise<boolean>;
  /** Whether it is in force as these properties say. Nothing else tells on a foreign file system who set it. */
  isOurs(fileSystem: FileSystemDescription, properties: P): Promise<boolean>;
  /** Takes it away; called only where it is ours. */
  remove(fileSystem: FileSystemDescription, properties: P): Promise<void>;
}

/**
 * A setting as a resource of its own, for a file system whoever made that. Its
 * physical id names the file system and the construct, so that another file
 * system is a replacement. What somebody else has set since is left as it is.
 */
export function settingOf<P extends SettingProperties>(efs: Efs, setting: Setting<P>): Lifecycle<P, SettingAttributes> {
  async function present({ FileSystemId: fileSystemId }: P): Promise<FileSystemDescription> {
    const id = resourceIdOf(fileSystemId);
    const fileSystem = await efs.fileSystem(id);
    if (!fileSystem || fileSystem.LifeCycleState === 'deleting') { throw new Error(`'fileSystem' is ${id}, which does not exist`); }
    return fileSystem;
  }

  /** The file system, if it has the setting as these properties say. */
  async function withOurs(fileSystemId: string, properties: P): Promise<FileSystemDescription | undefined> {
    const fileSystem = await efs.fileSystem(fileSystemId);
    if (!fileSystem || fileSystem.LifeCycleState === 'deleting') { return undefined; }
    try {
      return await setting.isOurs(fileSystem, properties) ? fileSystem : undefined;
    } catch (error) {
      if (isNamed(error, 'FileSystemNotFound')) { return undefined; }
      throw error;
    }
  }

  const life: Lifecycle<P, SettingAttributes> = {
    identity: ['FileSystemId'],
    physicalId: /^fs-[0-9a-f]{8,40}\/.+$/,

    async create(properties) {
      const fileSystem = await present(properties);
      await setting.begin(fileSystem, properties, undefined);
      return { id: `${fileSystem.FileSystemId}/${properties.Address}` };
    },

    async update(_id, properties, old) {
      await setting.begin(await present(properties), properties, sameFileSystem(properties, old));
    },

    async ready(_id, properties, { old }) {
      const fileSystem = await present(properties);
      switch (fileSystem.LifeCycleState) {
        case 'creating': case 'updating': return undefined;
        case 'available': break;
        default: throw new Error(`'fileSystem' is ${fileSystem.FileSystemId}, which is in state ${fileSystem.LifeCycleState}`);
      }
      try {
        if (!await setting.apply(fileSystem, properties, old && sameFileSystem(properties, old))) { return undefined; }
      } catch (error) {
        // Somebody else changes it right now.
        if (isNamed(error, 'IncorrectFileSystemLifeCycleState')) { return undefined; }
        throw error;
      }
      return { FileSystemId: fileSystem.FileSystemId! };
    },

    async delete(id, properties) {
      const fileSystem = await withOurs(idIn(id), properties);
      if (!fileSystem) { return; }
      try {
        await setting.remove(fileSystem, properties);
      } catch (error) {
        if (!isNamed(error, 'FileSystemNotFound', 'IncorrectFileSystemLifeCycleState')) { throw error; }
      }
    },

    gone: async (id, properties) => await withOurs(idIn(id), properties) === undefined,

    async find(candidates, { requestId }: Context) {
      const found: Found[] = [];
      for (const candidate of candidates) {
        const fileSystemId = resourceIdOf(candidate.FileSystemId);
        if (!await withOurs(fileSystemId, candidate)) { continue; }
        found.push({ id: `${fileSystemId}/${candidate.Address}`, identity: identityOf(life, candidate), requestId, state: 'usable' });
      }
      return found;
    },
  };
  return life;
}

function idIn(physicalId: string): string {
  return physicalId.slice(0, physicalId.indexOf('/'));
}

function sameFileSystem<P extends SettingProperties>(properties: P, old: P): P | undefined {
  return resourceIdOf(properties.FileSystemId) === resourceIdOf(old.FileSystemId) ? old : undefined;
}
