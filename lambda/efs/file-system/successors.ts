import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { rootOf } from './construct-names';
import { dataIn } from './deletion-blockers';
import { tokenOf } from './immutables';
import type { TaggedFileSystems } from './tagged-file-systems';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { belongsTo, valueOf } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';
import type { Stacks } from '../../shared/stacks';

export interface SuccessorServices {
  readonly stacks: Stacks;
  readonly taggedFileSystems: TaggedFileSystems;
}

/** How long ago an update may have begun, if CloudFormation does not say when. */
const LONGEST_UPDATE_MILLISECONDS = 24 * 3_600_000;

/**
 * Throws if a file system with data would be deleted because its construct seems to have another logical id, or to be in another nested stack, since
 * this update: then an empty one with the same properties was made there.
 */
export async function refuseIfRenamed(
  present: FileSystemDescription, properties: FileSystemProperties, context: Context, services: SuccessorServices,
): Promise<void> {
  if (dataIn(present) === 0 || !hasDerivedToken(properties)) { return; }
  const root = await services.stacks.root(context.stackId).catch(() => undefined);
  // No update follows the deletion of a stack, so this status is not from before.
  if (root !== undefined && root.status.startsWith('DELETE_')) { return; }
  // Any other status may be from before the operation, and the index of tags knows new things late. So this decides a minute after the event.
  if (await context.certainDirection() === 'back') { return; }
  const begun = root?.begun ?? context.deletionBegan - LONGEST_UPDATE_MILLISECONDS;
  const successor = (await alikeElsewhere(properties, context, services))
    .find(({ CreationTime: made }) => made!.getTime() >= begun && made! > present.CreationTime!);
  if (!successor) { return; }
  const place = placeOf(valueOf(present.Tags, OWNERSHIP_TAGS.owner) ?? properties.Owner);
  const id = present.FileSystemId;
  const bytes = dataIn(present);
  throw new Error(`file system ${id} was not deleted, because it holds data (${bytes} bytes), and this deployment has made `
    + `${successor.FileSystemId} with the same properties as ${valueOf(successor.Tags, OWNERSHIP_TAGS.logicalId)}: a construct that takes the place of another one names it by 'formerly', here ['${place}']; `
    + `to have the data there now, set 'adoptFileSystemId' to ${id} and 'allowReplacement'; otherwise delete the file system by hand`);
}

/** Logs which file systems with data the stack has under other logical ids, as one of them may be meant. */
export async function nameOthers(properties: FileSystemProperties, context: Context, services: SuccessorServices): Promise<void> {
  if (context.direction !== 'forward' || !hasDerivedToken(properties)) { return; }
  try {
    for (const other of await alikeElsewhere(properties, context, services)) {
      if (dataIn(other) === 0) { continue; }
      log({
        event: 'a new file system is made, although the stack has one with data under another logical id',
        id: other.FileSystemId,
        remedy: `if this construct takes the place of that one, set 'formerly' to ['${placeOf(valueOf(other.Tags, OWNERSHIP_TAGS.owner)!)}']`,
      });
    }
  } catch (error) {
    log({ event: 'could not look for other file systems of the stack', error: saidBy(error) });
  }
}

/**
 * Returns the other file systems of the stack, and of those that are nested in one root stack with it, that have the same immutable properties and
 * derived creation tokens.
 */
async function alikeElsewhere(properties: FileSystemProperties, context: Context, { taggedFileSystems }: SuccessorServices) {
  const isOfRoot = (owner: string | undefined) => owner !== undefined && rootOf(owner) === rootOf(properties.Owner);
  const all = await taggedFileSystems.having({ [OWNERSHIP_TAGS.identity]: context.identity }, tags => isOfRoot(valueOf(tags, OWNERSHIP_TAGS.owner)));
  return all.filter(({ CreationToken, Tags: tags }) =>
    !belongsTo(tags, context) && CreationToken === tokenOf({ ...properties, Owner: valueOf(tags, OWNERSHIP_TAGS.owner)! }));
}

function hasDerivedToken({ AdoptFileSystemId, CreationToken }: FileSystemProperties): boolean {
  return AdoptFileSystemId === undefined && CreationToken === undefined;
}

/** Returns the part of an owner that `formerly` takes. */
function placeOf(owner: string): string {
  return owner.slice(owner.indexOf('/') + 1);
}
