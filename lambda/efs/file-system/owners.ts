import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { RETAINED_TAG } from '../../../src/contract/ownership';
import { valueOf } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';
import type { Membership, Stacks } from '../../shared/stacks';
import type { Efs } from '../efs';

/**
 * Which stacks would delete the file system or its mount targets one day, one
 * sentence each; asked before anything of them is touched.
 *
 * CloudFormation removes what is no longer in a template at the end of an
 * update, so a stack that migrates still has the old resources when the new
 * one is made. By its tag it says that it retains them.
 */
export async function ownersOf(
  fileSystem: FileSystemDescription, { efs, stacks, context }: { efs: Efs; stacks: Stacks; context: Context },
): Promise<string[]> {
  const id = fileSystem.FileSystemId!;
  const retaining = valueOf(fileSystem.Tags, RETAINED_TAG);
  const letsGo = ({ stackId, type }: Membership) =>
    // Another resource of this library leaves alone what is no longer its own.
    (stackId === context.stackId && type.startsWith('Custom::')) || (stackId === retaining && type.startsWith('AWS::EFS::'));

  const sentences: string[] = [];
  const targets = (await efs.mountTargets(id)).map(({ MountTargetId }) => MountTargetId!);
  for (const thing of [id, ...targets]) {
    for (const owner of (await stacks.resources(thing)).filter(membership => !letsGo(membership))) {
      const remedy = owner.type.startsWith('AWS::EFS::')
        ? 'deploy it once with FileSystem.retainForMigration, and only then without it'
        : 'retain it there, and remove it from that stack first';
      sentences.push(`${thing === id ? 'it' : `its mount target ${thing}`} still belongs to stack ${owner.stackId} (${owner.logicalId}): ${remedy}`);
    }
  }
  return sentences;
}
