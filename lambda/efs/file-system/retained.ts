import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { isCertainlyBack } from '../../shared/direction';
import { valueOf } from '../../shared/ownership';
import type { Context } from '../../shared/resource-lifecycle';
import { stateOf } from '../../shared/state-tag';

// A file system of this resource that CloudFormation once retained holds data from before the operation in hand. If the operation takes it
// up again, it is marked as adopted, so that a rollback only releases it.

/**
 * For an Update that comes back to an earlier file system: whether CloudFormation retained it when it was replaced. Not in a rollback,
 * which comes back to the file system that was in use.
 */
export async function isTakenUpAgain(
  { FileSystemId: id, Tags: tags }: FileSystemDescription, context: Context,
): Promise<boolean> {
  if (![undefined, 'retained'].includes(stateOf(tags))) { return false; }
  if (valueOf(tags, OWNERSHIP_TAGS.requestId) === context.requestId) { return false; }
  // CloudFormation still has it: a replacement failed without a rollback, and is taken back.
  if (context.physicalId === id) { return false; }
  // If CloudFormation does not answer, mark it: one that is only released in the end is better than one that is lost.
  return !await isCertainlyBack(context);
}
