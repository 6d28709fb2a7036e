import type { FileSystemDescription } from '@aws-sdk/client-efs';
import type { SettingAttributes, SettingProperties } from '../../../src/contract/configuration';
import { isNamed, OutOfReach } from '../../shared/errors';
import { identityOf } from '../../shared/identity';
import { ownerDigest } from '../../shared/ownership';
import type { Context, Created, Found, Lifecycle, ReadyContext } from '../../shared/resource-lifecycle';
import { resourceIdOf, type Efs } from '../efs';

export interface SettingServices {
  readonly efs: Efs;
}

/**
 * One setting of a file system, for instance its policy, as a resource of its own. It does not matter who made the file system. The
 * physical id names the file system and the construct, so that another file system means a replacement. A value that somebody else
 * has set since is left as it is.
 */
export abstract class SettingLifecycle<P extends SettingProperties> implements Lifecycle<P, SettingAttributes> {
  public readonly identity = ['FileSystemId'] as const;
  public readonly physicalId = /^fs-[0-9a-f]{8,40}\/.+$/;

  constructor(protected readonly efs: Efs) {}

  public async create(properties: P): Promise<Created> {
    const fileSystem = await this.existing(properties);
    await this.begin(fileSystem, properties, undefined);
    return { id: `${fileSystem.FileSystemId}/${ownerDigest(properties)}` };
  }

  public async update(_id: string, properties: P, old: P): Promise<void> {
    await this.begin(await this.existing(properties), properties, ofSameFileSystem(properties, old));
  }

  public async ready(_id: string, properties: P, { old }: ReadyContext<P>): Promise<SettingAttributes | undefined> {
    const fileSystem = await this.existing(properties);
    if (!isAvailable(fileSystem)) { return undefined; }
    try {
      if (!await this.apply(fileSystem, properties, old && ofSameFileSystem(properties, old))) { return undefined; }
    } catch (error) {
      // Another change of the file system is under way.
      if (isNamed(error, 'IncorrectFileSystemLifeCycleState')) { return undefined; }
      throw error;
    }
    return { FileSystemId: fileSystem.FileSystemId! };
  }

  public withoutReach(id: string): SettingAttributes {
    return { FileSystemId: fileSystemIdIn(id) };
  }

  public async delete(id: string, properties: P): Promise<void> {
    const fileSystem = await this.withSetting(fileSystemIdIn(id), properties);
    if (!fileSystem) { return; }
    try {
      await this.remove(fileSystem, properties);
    } catch (error) {
      if (!isNamed(error, 'FileSystemNotFound', 'IncorrectFileSystemLifeCycleState')) { throw error; }
    }
  }

  public async gone(id: string, properties: P): Promise<boolean> {
    return await this.withSetting(fileSystemIdIn(id), properties) === undefined;
  }

  public async find(candidates: readonly P[], { requestId }: Context): Promise<Found[]> {
    const found: Found[] = [];
    for (const candidate of candidates) {
      const fileSystemId = resourceIdOf(candidate.FileSystemId);
      if (!await this.withSetting(fileSystemId, candidate)) { continue; }
      found.push({ id: `${fileSystemId}/${ownerDigest(candidate)}`, identity: identityOf(this, candidate), requestId, state: 'usable' });
    }
    return found;
  }

  /**
   * Throws what can be refused at once, and makes what only a creation makes. `old`: the properties before an update on the same file
   * system.
   */
  protected async begin(_fileSystem: FileSystemDescription, _properties: P, _old: P | undefined): Promise<void> {}

  /** Brings the setting into force. Returns false if it is not in force yet. */
  protected abstract apply(fileSystem: FileSystemDescription, properties: P, old: P | undefined): Promise<boolean>;

  /** Whether the setting in force is the one in these properties. A foreign file system has no other record of who set it. */
  protected abstract isOurs(fileSystem: FileSystemDescription, properties: P): Promise<boolean>;

  /** Removes the setting. Called only while it is ours. */
  protected abstract remove(fileSystem: FileSystemDescription, properties: P): Promise<void>;

  private async existing({ FileSystemId }: P): Promise<FileSystemDescription> {
    const id = resourceIdOf(FileSystemId);
    const fileSystem = await this.efs.fileSystem(id);
    if (!fileSystem || fileSystem.LifeCycleState === 'deleting') { throw new OutOfReach(`'fileSystem' is ${id}, which does not exist`); }
    return fileSystem;
  }

  /** Returns the file system if it has the setting of these properties. */
  private async withSetting(fileSystemId: string, properties: P): Promise<FileSystemDescription | undefined> {
    const fileSystem = await this.efs.fileSystem(fileSystemId);
    if (!fileSystem || fileSystem.LifeCycleState === 'deleting') { return undefined; }
    try {
      return await this.isOurs(fileSystem, properties) ? fileSystem : undefined;
    } catch (error) {
      if (isNamed(error, 'FileSystemNotFound')) { return undefined; }
      throw error;
    }
  }
}

/** Throws if the file system will not become available. */
function isAvailable({ FileSystemId: id, LifeCycleState: state }: FileSystemDescription): boolean {
  if (state === 'creating' || state === 'updating') { return false; }
  if (state !== 'available') { throw new OutOfReach(`'fileSystem' is ${id}, which is in state ${state}`); }
  return true;
}

function fileSystemIdIn(physicalId: string): string {
  return physicalId.slice(0, physicalId.indexOf('/'));
}

/** Returns the old properties if they are of the same file system. */
function ofSameFileSystem<P extends SettingProperties>(properties: P, old: P): P | undefined {
  return resourceIdOf(properties.FileSystemId) === resourceIdOf(old.FileSystemId) ? old : undefined;
}
