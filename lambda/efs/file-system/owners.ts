import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { RETAINED_TAG } from '../../../src/contract/ownership';
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
  fileSystem: FileSystemDescription, { efs, stacks, context }: { efs: Efs; stacks: Stacks; context: Context },
): Promise<string[]> {
  const id = fileSystem.FileSystemId!;
  const retaining = valueOf(fileSystem.Tags, RETAINED_TAG);
  const willRetain = ({ stackId, type }: Membership) =>
    // Other resources of this library do not delete a file system whose tags name another resource.
    (stackId === context.stackId && type.startsWith('Custom::')) || (stackId === retaining && type.startsWith('AWS::EFS::'));

  const sentences: string[] = [];
  const targets = (await efs.mountTargets(id)).map(({ MountTargetId }) => MountTargetId!);
  for (const physicalId of [id, ...targets]) {
    for (const owner of (await stacks.resources(physicalId)).filter(membership => !willRetain(membership))) {
      const remedy = owner.type.startsWith('AWS::EFS::')
        ? 'deploy it once with FileSystem.retainForMigration, and only then without it'
        : 'retain it there, and remove it from that stack first';
      sentences.push(`${physicalId === id ? 'it' : `its mount target ${physicalId}`} still belongs to stack ${owner.stackId} (${owner.logicalId}): ${remedy}`);
    }
  }
  return sentences;
}
