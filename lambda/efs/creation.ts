import { setTimeout as sleep } from 'node:timers/promises';
import { CreateFileSystemCommand, type FileSystemDescription, type PerformanceMode } from '@aws-sdk/client-efs';
import type { Efs } from './efs';
import { differences, tokenOf, type Immutables } from './immutables';
import type { Stacks } from './stacks';
import { throughputOf } from './throughput';
import type { FileSystemProperties } from '../../src/contract/file-system';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import { isNamed } from '../shared/errors';
import type { Context, CreateContext } from '../shared/lifecycle';
import { log } from '../shared/log';
import { belongsTo, ownershipTags, tagChanges, valueOf } from '../shared/ownership';

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
  constructor(private readonly efs: Efs, private readonly stacks: Stacks) {}

  /** The id of the file system with the creation token: a new one, our own from an attempt before, or one that was retained. */
  public async create(creation: Creation): Promise<string> {
    const { properties, context } = creation;
    // A derived token changes with every immutable property; a replacement wants just that.
    if (properties.CreationToken === undefined && context.old === undefined) { await this.refuseStranded(creation); }

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

  /** Makes it this resource's; also what was lost by hand comes back. */
  public async claim(fileSystem: FileSystemDescription, properties: FileSystemProperties, context: Context, state?: 'adopted'): Promise<void> {
    const tags = ownershipTags(properties, context);
    if (state) { tags.push({ Key: OWNERSHIP_TAGS.state, Value: state }); }
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
        { Key: OWNERSHIP_TAGS.state, Value: 'creating' },
      ],
    })));
    return FileSystemId!;
  }

  private async take(existing: FileSystemDescription, { properties, wanted, context }: Creation): Promise<string> {
    const id = existing.FileSystemId!;
    const own = belongsTo(existing.Tags, context);
    if (!own && !await this.isFromHere(existing, properties, context)) { throw this.foreign(existing, properties); }

    const different = differences(existing, wanted);
    if (different.length > 0) {
      throw new Error(`file system ${id} has the creation token '${existing.CreationToken}' already, but its ${different.join(', its ')}: `
        + 'choose another \'creationToken\' for a new file system, or set the properties as they are');
    }
    const adopted = !own || this.wasRetained(existing, context);
    if (adopted) { log({ event: 'file system adopted', id, from: valueOf(existing.Tags, OWNERSHIP_TAGS.stackId) }); }
    await this.claim(existing, properties, context, adopted ? 'adopted' : undefined);
    return id;
  }

  /** In use before this request: the resource was taken out of the stack, which retained the file system, and is put in again. */
  private wasRetained({ Tags: tags }: FileSystemDescription, { requestId }: Context): boolean {
    return valueOf(tags, OWNERSHIP_TAGS.state) !== 'creating' && valueOf(tags, OWNERSHIP_TAGS.requestId) !== requestId;
  }

  /** Made by this construct: in an earlier life of its stack, or under another logical id in this one. */
  private async isFromHere({ Tags: tags }: FileSystemDescription, { Owner: owner }: FileSystemProperties, { stackId }: Context): Promise<boolean> {
    if (valueOf(tags, OWNERSHIP_TAGS.owner) !== owner) { return false; }
    const maker = valueOf(tags, OWNERSHIP_TAGS.stackId);
    // Without one it was adopted and released since.
    return maker === undefined || maker === stackId || this.stacks.isDeleted(maker);
  }

  private foreign({ FileSystemId: id, CreationToken: token, Tags: tags }: FileSystemDescription, { Owner: owner }: FileSystemProperties): Error {
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
    const all = await this.efs.fileSystems();
    if (all.some(({ CreationToken }) => CreationToken === token)) { return; }
    for (const retained of all) {
      const maker = valueOf(retained.Tags, OWNERSHIP_TAGS.stackId);
      if (maker === context.stackId || retained.LifeCycleState === 'deleting' || !await this.isFromHere(retained, properties, context)) { continue; }
      const different = differences(retained, wanted);
      throw new Error(`file system ${retained.FileSystemId} was retained by an earlier deployment of ${properties.Owner}, but `
        + (different.length > 0
          ? `its ${different.join(', its ')}: to use it, set the properties as they are and 'creationToken' to '${retained.CreationToken}'; `
          : `under another creation token: to use it, set 'creationToken' to '${retained.CreationToken}'; `)
        + 'for a new, empty one choose a \'creationToken\' of your own');
    }
  }
}
