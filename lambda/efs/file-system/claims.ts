import type { FileSystemDescription } from '@aws-sdk/client-efs';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS, REPLACED_TAG, type TagProperty } from '../../../src/contract/ownership';
import { belongsTo, ownershipTags, tagChanges, valueOf } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';
import type { Stacks } from '../../shared/stacks';
import { type State, stateOf, stateTag } from '../../shared/state-tag';
import type { Efs } from '../efs';

/** The tags that a release removes. The owner tag stays, so that the next deployment finds the data again. */
const RELEASED = [
  OWNERSHIP_TAGS.stackId, OWNERSHIP_TAGS.logicalId, OWNERSHIP_TAGS.identity, OWNERSHIP_TAGS.requestId, OWNERSHIP_TAGS.state, REPLACED_TAG,
];

/** The ownership tags of file systems: which resource of which stack a file system belongs to, and for which request. */
export class Claims {
  constructor(private readonly efs: Efs, private readonly stacks: Stacks) {}

  /** Writes the ownership tags of a resource, and so restores those that were removed by hand. */
  public async claim(fileSystem: FileSystemDescription, properties: FileSystemProperties, context: Context, state?: State): Promise<void> {
    const id = fileSystem.FileSystemId!;
    const replaced = replacedTags(context, id);
    if (replaced.length === 0 && valueOf(fileSystem.Tags, REPLACED_TAG) !== undefined) { await this.efs.untag(id, [REPLACED_TAG]); }
    const tags = [...ownershipTags(properties, context), ...replaced, ...state ? [stateTag(state)] : []];
    await this.efs.tag(id, tagChanges(fileSystem.Tags, tags).set);
  }

  public async release(fileSystemId: string): Promise<void> {
    await this.efs.untag(fileSystemId, RELEASED);
  }

  /** Removes the mark of a file system that was never reported as complete. */
  public async complete({ FileSystemId: id, Tags: tags }: FileSystemDescription): Promise<void> {
    if (stateOf(tags) === 'creating') { await this.efs.untag(id!, [OWNERSHIP_TAGS.state]); }
  }

  /**
   * Lets the stack own an adopted file system from now on, so that it is deleted with the stack: the user has changed its removal policy
   * from RETAIN to DESTROY, and the update is certainly not one that is rolled back or taken back.
   */
  public async endAdoption(
    fileSystem: FileSystemDescription, properties: FileSystemProperties, old: FileSystemProperties | undefined, context: Context,
  ): Promise<void> {
    if (stateOf(fileSystem.Tags) !== 'adopted' || old?.RemovalPolicy !== 'Retain' || properties.RemovalPolicy !== 'Delete') { return; }
    if (context.direction !== 'forward' || await context.certainDirection() !== 'forward') { return; }
    await this.efs.untag(fileSystem.FileSystemId!, [OWNERSHIP_TAGS.state]);
  }

  /** Whether the same construct made the file system: for an earlier stack that is deleted now, or under another logical id of this stack. */
  public async isOfSameConstruct(
    { Tags: tags }: FileSystemDescription, { Owner: owner }: FileSystemProperties, { stackId }: Context,
  ): Promise<boolean> {
    if (valueOf(tags, OWNERSHIP_TAGS.owner) !== owner) { return false; }
    const claimant = valueOf(tags, OWNERSHIP_TAGS.stackId);
    // It has no claimant if it was adopted and released.
    return claimant === undefined || claimant === stackId || this.stacks.isDeleted(claimant);
  }
}

/** Returns the tag that leads a rollback from a file system to the one that it replaces. `id`: absent if it is new. */
export function replacedTags({ physicalId }: Pick<Context, 'physicalId'>, id?: string): TagProperty[] {
  return physicalId === undefined || physicalId === id ? [] : [{ Key: REPLACED_TAG, Value: physicalId }];
}

/**
 * Throws unless the request is the latest one for the file system. CloudFormation polls an operation that it has cancelled until its time
 * is over, although a later operation is under way.
 */
export function refuseLate({ FileSystemId: id, Tags: tags }: FileSystemDescription, context: Context): void {
  if (!belongsTo(tags, context)) { throw new Error(`file system ${id} was released or taken over while it was being made ready`); }
  const latest = valueOf(tags, OWNERSHIP_TAGS.requestId);
  if (latest !== context.requestId) { throw new Error(`the request for file system ${id} was superseded by a later one (${latest})`); }
}
