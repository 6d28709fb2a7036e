import { setTimeout as sleep } from 'node:timers/promises';
import { CreateFileSystemCommand, type FileSystemDescription, type PerformanceMode } from '@aws-sdk/client-efs';
import type { Efs } from '../efs';
import { differences, replacingChanges, tokenOf, type Immutables } from './immutables';
import { ownersOf } from './owners';
import type { TaggedFileSystems } from './tagged-file-systems';
import { throughputOf } from './throughput';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { isNamed } from '../../shared/errors';
import { log } from '../../shared/log';
import { belongsTo, ownershipTags, tagChanges, valueOf } from '../../shared/ownership';
import { boolean } from '../../shared/property-values';
import type { Context, CreateContext } from '../../shared/resource-lifecycle';
import type { Stacks } from '../../shared/stacks';
import { type State, stateOf, stateTag } from '../../shared/state-tag';

/** A deletion that began just before takes seconds; `onEvent` has two minutes. */
const WAIT_FOR_DELETION = 60_000;
const PAUSE = 3_000;

export interface Creation {
  readonly properties: FileSystemProperties;
  readonly wanted: Immutables;
  readonly context: CreateContext<FileSystemProperties>;
}

/** How a file system comes to be this resource's: by being made, or because it is there already. */
export class Creator {
  constructor(private readonly efs: Efs, private readonly stacks: Stacks, private readonly tagged: TaggedFileSystems) {}

  /** The id of the file system with the creation token: a new one, our own from an attempt before, or one that was retained. */
  public async create(creation: Creation): Promise<string> {
    const { properties, context } = creation;
    await this.refuseReplacement(creation, () => this.efs.fileSystemWithToken(tokenOf(properties)));
    // A derived token changes with every immutable property; a replacement wants just that.
    if (properties.CreationToken === undefined && context.old === undefined && properties.Adopt !== 'NEVER') { await this.refuseStranded(creation); }

    const token = tokenOf(properties);
    const end = Date.now() + WAIT_FOR_DELETION;
    for (;;) {
      try {
        return await this.createNew(creation, token);
      } catch (error) {
        // Not always somebody else's: the answer to our own call may have been lost.
        if (!isNamed(error, 'FileSystemAlreadyExists')) { throw error; }
      }
      const existing = await this.efs.fileSystemWithToken(token);
      if (existing && existing.LifeCycleState !== 'deleting') { return this.take(existing, creation); }
      if (Date.now() > end) {
        throw new Error(`the creation token '${token}' still belongs to file system ${existing?.FileSystemId}, `
          + 'which is being deleted: deploy again when it is gone, or choose another \'creationToken\'');
      }
      await sleep(PAUSE);
    }
  }

  /** The file system that the user names, whoever made it, unless it is still in use by a stack. */
  public async adopt(creation: Creation): Promise<string> {
    const { properties: { AdoptFileSystemId: id }, wanted, context } = creation;
    const existing = await this.efs.fileSystem(id!);
    if (!existing || existing.LifeCycleState === 'deleting') {
      throw new Error(`'adoptFileSystemId' is ${id}, but there is no such file system`);
    }
    await this.refuseReplacement(creation, async () => existing);
    const different = differences(existing, wanted);
    if (different.length > 0) {
      throw new Error(`'adoptFileSystemId' is ${id}, but its ${different.join(', its ')}: set the properties as they are`);
    }
    const own = belongsTo(existing.Tags, context);
    if (!own) {
      const [owner] = await ownersOf(existing, { efs: this.efs, stacks: this.stacks, context });
      if (owner !== undefined) { throw new Error(`'adoptFileSystemId' is ${id}, but ${owner}`); }
    }
    return this.adopted(existing, creation, own);
  }

  /** Makes it this resource's; also what was lost by hand comes back. */
  public async claim(fileSystem: FileSystemDescription, properties: FileSystemProperties, context: Context, state?: State): Promise<void> {
    const tags = ownershipTags(properties, context);
    if (state) { tags.push(stateTag(state)); }
    await this.efs.tag(fileSystem.FileSystemId!, tagChanges(fileSystem.Tags, tags).set);
  }

  private async createNew({ properties, wanted, context }: Creation, token: string): Promise<string> {
    const { FileSystemId } = await this.efs.call('CreateFileSystem', client => client.send(new CreateFileSystemCommand({
      CreationToken: token,
      Encrypted: wanted.encrypted,
      KmsKeyId: wanted.kmsKey,
      PerformanceMode: wanted.performanceMode as PerformanceMode,
      AvailabilityZoneName: wanted.availabilityZoneName,
      ...throughputOf(properties),
      Tags: [
        ...(properties.FileSystemTags ?? []).map(({ Key, Value }) => ({ Key, Value })),
        ...ownershipTags(properties, context),
        stateTag('creating'),
      ],
    })));
    return FileSystemId!;
  }

  private async take(existing: FileSystemDescription, { properties, wanted, context }: Creation): Promise<string> {
    const id = existing.FileSystemId!;
    const own = belongsTo(existing.Tags, context);
    if (!own && !await this.mayAdopt(existing, properties, context)) { throw this.foreign(existing, properties); }

    const different = differences(existing, wanted);
    if (different.length > 0) {
      throw new Error(`file system ${id} has the creation token '${existing.CreationToken}' already, but its ${different.join(', its ')}: `
        + 'choose another \'creationToken\' for a new file system, or set the properties as they are');
    }
    return this.adopted(existing, { properties, wanted, context }, own);
  }

  private async adopted(existing: FileSystemDescription, { properties, context }: Creation, own: boolean): Promise<string> {
    const id = existing.FileSystemId!;
    if (!own) { log({ event: 'file system adopted', id, from: valueOf(existing.Tags, OWNERSHIP_TAGS.stackId) }); }
    await this.claim(existing, properties, context, own && !wasRetained(existing, context) ? undefined : 'adopted');
    return id;
  }

  private async mayAdopt(existing: FileSystemDescription, properties: FileSystemProperties, context: Context): Promise<boolean> {
    switch (properties.Adopt ?? 'OWNED') {
      case 'ALWAYS': return true;
      case 'OWNED': return this.isFromHere(existing, properties, context);
      default: return false;
    }
  }

  /**
   * Nobody loses sight of data by a change that looks harmless. On the way
   * back from a failed operation whatever is wanted is made: a rollback that
   * fails leaves the stack stuck.
   */
  private async refuseReplacement({ properties, context }: Creation, find: () => Promise<FileSystemDescription | undefined>): Promise<void> {
    if (context.old === undefined || boolean('allowReplacement', properties.AllowReplacement ?? false)) { return; }
    // Another name of what it has already: of its key, or of its creation token.
    if (belongsTo((await find())?.Tags, context)) { return; }
    if (await this.stacks.isRollingBack(context.stackId, true)) { return; }
    const other = properties.AdoptFileSystemId === undefined ? 'a new, empty one' : properties.AdoptFileSystemId;
    throw new Error(`the file system would be replaced by ${other}, for ${replacingChanges(properties, context.old).join(', ')} cannot change in place: `
      + "leave the properties as they were, or set 'allowReplacement'");
  }

  /** Made by this construct: in an earlier life of its stack, or under another logical id in this one. */
  private async isFromHere({ Tags: tags }: FileSystemDescription, { Owner: owner }: FileSystemProperties, { stackId }: Context): Promise<boolean> {
    if (valueOf(tags, OWNERSHIP_TAGS.owner) !== owner) { return false; }
    const maker = valueOf(tags, OWNERSHIP_TAGS.stackId);
    // Without one it was adopted and released since.
    return maker === undefined || maker === stackId || this.stacks.isDeleted(maker);
  }

  private foreign(existing: FileSystemDescription, { Owner: owner, Adopt }: FileSystemProperties): Error {
    const { FileSystemId: id, CreationToken: token, Tags: tags } = existing;
    if (Adopt === 'NEVER') {
      return new Error(`file system ${id} has the creation token '${token}' already, and 'adopt' is NEVER: `
        + "choose another 'creationToken', or another 'adopt'");
    }
    const maker = valueOf(tags, OWNERSHIP_TAGS.stackId);
    const whose = maker === undefined ? `was not made by ${owner}` : `belongs to stack ${maker}`;
    return new Error(`file system ${id} has the creation token '${token}' already, and ${whose}: choose another 'creationToken', `
      + 'or delete that file system, or use it by FileSystem.fromFileSystemAttributes');
  }

  /**
   * Never a new, empty file system without a word where a retained one with
   * the data is waiting, which the derived token cannot find since an
   * immutable property changed: the key of a stack deployed anew, say.
   */
  private async refuseStranded({ properties, wanted, context }: Creation): Promise<void> {
    const token = tokenOf(properties);
    if (await this.efs.fileSystemWithToken(token)) { return; }
    for (const retained of await this.tagged.having({ [OWNERSHIP_TAGS.owner]: properties.Owner })) {
      const maker = valueOf(retained.Tags, OWNERSHIP_TAGS.stackId);
      if (maker === context.stackId || !await this.isFromHere(retained, properties, context)) { continue; }
      const different = differences(retained, wanted);
      throw new Error(`file system ${retained.FileSystemId} was retained by an earlier deployment of ${properties.Owner}, but `
        + (different.length > 0
          ? `its ${different.join(', its ')}: to use it, set the properties as they are and 'creationToken' to '${retained.CreationToken}'; `
          : `under another creation token: to use it, set 'creationToken' to '${retained.CreationToken}'; `)
        + 'for a new, empty one choose a \'creationToken\' of your own');
    }
  }
}

/**
 * Whether CloudFormation retained it when this very resource was removed or
 * replaced: its data are older than the operation in hand, whose rollback must not delete it.
 */
function wasRetained({ FileSystemId: id, CreationToken: token, Tags: tags }: FileSystemDescription, { old, requestId }: Creation['context']): boolean {
  const begunHere = stateOf(tags) === 'creating' || valueOf(tags, OWNERSHIP_TAGS.requestId) === requestId;
  const inUse = old !== undefined && (old.AdoptFileSystemId === id || tokenOf(old) === token);
  return !begunHere && !inUse;
}
