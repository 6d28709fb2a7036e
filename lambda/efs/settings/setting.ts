import type { FileSystemDescription, Tag } from '@aws-sdk/client-efs';
import type { SettingAttributes, SettingProperties } from '../../../src/contract/configuration';
import { isNamed, OutOfReach } from '../../shared/errors';
import { log } from '../../shared/log';
import { ownerDigest } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';
import { claimsIn, isNewer, isRetained, NOTHING, type Claim, type Claims, type NewerClaim } from '../claims/claim';
import type { ClaimServices } from '../claims/claimant';
import { ClaimedLifecycle } from '../claims/claimed-lifecycle';
import { isDeclaredByProps } from '../claims/declared-settings';
import { foundBy } from '../claims/transitions';
import { resourceIdOf } from '../efs';

export type SettingServices = ClaimServices;

/** The value that is in force: the wanted one, another one, or none. */
export type InForce = 'wanted' | 'other' | 'none';

/** The file system of a setting. */
export interface SetFileSystem {
  readonly id: string;
  readonly tags: readonly Tag[];
  readonly description: FileSystemDescription;
}

/** One setting of a file system, for instance its policy. */
export abstract class SettingLifecycle<P extends SettingProperties> extends ClaimedLifecycle<P, SettingAttributes, SetFileSystem> {
  public readonly identity = ['FileSystemId'] as const;
  public readonly physicalId = /^fs-[0-9a-f]{8,40}\/.+$/;

  /** Returns a digest of the wanted value, the same for all its spellings. */
  protected abstract digest(fileSystem: FileSystemDescription, properties: P): string;

  /** Returns whether the wanted value is in force, or another one. */
  protected abstract inForce(fileSystem: FileSystemDescription, properties: P): Promise<InForce>;

  /** Throws if a value that is in force without any claim must not be replaced. */
  protected abstract refuseForeign(fileSystem: FileSystemDescription, properties: P): Promise<void>;

  /** Brings the setting into force. Returns false if it is not in force yet. `old`: the properties before an update on the same file system. */
  protected abstract put(fileSystem: FileSystemDescription, properties: P, old: P | undefined): Promise<boolean>;

  /** Removes the setting. Called only while it is ours. */
  protected abstract unset(fileSystem: FileSystemDescription, properties: P): Promise<void>;

  /** Whether the setting in force is the one that this resource has set. */
  protected async isOurs(fileSystem: FileSystemDescription, properties: P): Promise<boolean> {
    return await this.inForce(fileSystem, properties) === 'wanted';
  }

  protected thingOf({ FileSystemId }: P): string {
    return resourceIdOf(FileSystemId);
  }

  protected async read(id: string): Promise<SetFileSystem | undefined> {
    const description = await this.efs.fileSystem(id);
    return description && description.LifeCycleState !== 'deleting' ? { id, tags: description.Tags ?? [], description } : undefined;
  }

  protected override isAvailable({ id, description: { LifeCycleState: state } }: SetFileSystem): boolean {
    if (state === 'creating' || state === 'updating') { return false; }
    if (state !== 'available') { throw new OutOfReach(`'fileSystem' is ${id}, which is in state ${state}`); }
    return true;
  }

  protected wants({ description }: SetFileSystem, properties: P) {
    return { wanted: this.digest(description, properties) };
  }

  protected async prepare(
    { id, tags, description }: SetFileSystem, properties: P, old: P | undefined, { own, others }: Claims, { stackId }: Context,
  ): Promise<string> {
    if (!own) { this.refuseTooMany(tags.length + 1, id); }
    // Somebody has removed the claim; the value is ours all the same.
    if (!own && old) { return NOTHING; }
    const present = await this.inForce(description, properties);
    // A value that another claimant has found, and not set, is somebody else's.
    const isForeign = others.length === 0 || others.some(other => !isNewer(other) && other.found === other.wanted);
    if (!own && isForeign && present === 'other') { await this.refuseForeign(description, properties); }
    // Another claimant may have set the value after the claims were read, so they are read again.
    const now = own ? tags : (await this.existing(properties)).tags;
    const claims = claimsIn(now, id, this.kind, ownerDigest(properties));
    const counted = isRetained(claims.own, stackId) ? { ...claims, own: undefined } : claims;
    return foundBy(this.digest(description, properties), counted, present === 'wanted');
  }

  protected async stillFound({ description }: SetFileSystem, properties: P, { found, wanted }: Claim): Promise<string> {
    return found === wanted && await this.inForce(description, properties) !== 'wanted' ? NOTHING : found;
  }

  protected async apply({ description }: SetFileSystem, properties: P, old: P | undefined): Promise<boolean> {
    try {
      return await this.put(description, properties, old);
    } catch (error) {
      // Another change of the file system is under way.
      if (isNamed(error, 'IncorrectFileSystemLifeCycleState')) { return false; }
      throw error;
    }
  }

  protected async remove(
    { id, description }: SetFileSystem, properties: P, own: Claim, staying: readonly (Claim | NewerClaim)[],
  ): Promise<boolean> {
    const wasFound = own.found === own.wanted;
    const isDeclared = isDeclaredByProps(description.Tags ?? [], this.kind);
    if (staying.length > 0 || wasFound || isDeclared) {
      log({ event: `${this.name} stays`, id, claimants: staying.length, wasFound, isDeclared });
      return true;
    }
    try {
      if (!await this.isOurs(description, properties)) { return true; }
      await this.unset(description, properties);
      return !await this.isOurs(description, properties);
    } catch (error) {
      if (isNamed(error, 'FileSystemNotFound')) { return true; }
      if (isNamed(error, 'IncorrectFileSystemLifeCycleState')) { return false; }
      throw error;
    }
  }

  protected attributes(id: string): SettingAttributes {
    return { FileSystemId: id };
  }
}
