import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { logicalIdsOf, ownersOfConstruct } from './construct-names';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { OWNERSHIP_TAGS, RETAINED_TAG } from '../../../src/contract/ownership';
import { saidBy } from '../../shared/errors';
import { valueOf } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';
import type { Membership, Stacks } from '../../shared/stacks';
import type { Efs } from '../efs';

/**
 * Returns a sentence for each stack that could delete the file system or one of its mount targets later.
 *
 * CloudFormation removes resources that are no longer in a template at the end of an update. So while a stack migrates, it still has the
 * old resources when the new one is created; a tag on the file system marks a stack that retains them.
 */
export async function ownersOf(
  fileSystem: FileSystemDescription, properties: FileSystemProperties, { efs, stacks, context }: { efs: Efs; stacks: Stacks; context: Context },
): Promise<string[]> {
  const id = fileSystem.FileSystemId!;
  const retaining = valueOf(fileSystem.Tags, RETAINED_TAG);
  const logicalIds = logicalIdsOf(properties, context);
  const willRetain = ({ stackId, type, logicalId }: Membership) =>
    // Resources that this one takes the place of do not delete a file system whose tags name this one.
    (type.startsWith('Custom::') && logicalIds.includes(logicalId) && (stackId === context.stackId || logicalId !== context.logicalId))
    || (stackId === retaining && type.startsWith('AWS::EFS::'));

  const sentences: string[] = [];
  const targets = (await efs.mountTargets(id)).map(({ MountTargetId }) => MountTargetId!);
  for (const physicalId of [id, ...targets]) {
    for (const owner of (await stacks.resources(physicalId)).filter(membership => !willRetain(membership))) {
      sentences.push(`${physicalId === id ? 'it' : `its mount target ${physicalId}`} still belongs to stack ${owner.stackId} (${owner.logicalId}): `
        + remedy(owner, context));
    }
  }
  return sentences;
}

/** Returns a sentence about the resource whose claim the tags record, if CloudFormation lists it with the file system, or as being created. */
export async function standingClaim(
  { FileSystemId: id, Tags: tags }: FileSystemDescription, properties: FileSystemProperties,
  { stacks, context }: { stacks: Stacks; context: Context },
): Promise<string | undefined> {
  const [stackId, logicalId, owner] = [OWNERSHIP_TAGS.stackId, OWNERSHIP_TAGS.logicalId, OWNERSHIP_TAGS.owner].map(key => valueOf(tags, key));
  if (stackId === undefined || logicalId === undefined) { return undefined; }
  const isOfConstruct = ownersOfConstruct(properties).includes(owner ?? '') && logicalIdsOf(properties, context).includes(logicalId);
  // A former logical id is still listed until the end of the deployment that hands the file system over.
  if (isOfConstruct && (stackId === context.stackId || owner !== properties.Owner)) { return undefined; }
  const claim = `its tags say that it belongs to stack ${stackId} (${logicalId})`;
  try {
    const [held] = await stacks.listed(stackId, logicalId);
    if (held === undefined || /^DELETE_|_FAILED$/.test(held.status) || (held.physicalId ?? id) !== id) { return undefined; }
  } catch (error) {
    return `${claim}, and CloudFormation does not say whether that still has it (${saidBy(error)}): if it has not, remove the tag ${OWNERSHIP_TAGS.stackId}`;
  }
  return `${claim}: ${remedy({ stackId, logicalId, type: 'Custom::FileSystem' }, context)}`;
}

function remedy({ stackId, logicalId, type }: Membership, context: Context): string {
  if (type.startsWith('AWS::EFS::')) { return 'deploy it once with FileSystem.retainForMigration, and only then without it'; }
  return 'retain it there, and remove it from that stack first'
    + (stackId === context.stackId ? `; if this construct takes the place of that one, add '${logicalId}' to 'formerly'` : '');
}
