import { valueOf } from './ownership';
import { OWNERSHIP_TAGS, type TagProperty } from '../../src/contract/ownership';

/**
 * The values of the state tag. A resource without the tag was reported to CloudFormation as complete and is in use. Deleting
 * the resource ends every state; the comments name the other ends.
 *
 * No code enforces these transitions: each is made where the comment says.
 */
export const STATES = [
  /** Not yet reported as complete. Set by the creating call; removed when the resource is reported, or becomes `adopted` if another stack takes the file system over. */
  'creating',
  /**
   * A file system with data from before this operation of the stack: set by `Claims.claim`; removed by a change from RETAIN to DESTROY, and by the
   * release. An AMI that CloudFormation had retained when an update went back to it: set by `takeUp`, it stays.
   */
  'adopted',
  /** An adopted file system that is being given back. The end of that removes all tags of this library, or restores those from before. */
  'released',
  /** A replaced image that is kept, or the snapshot of one; a file system that this stack retained before, and whose adoption was rolled back. An image becomes `returned` if it becomes current again; a snapshot loses the tag. */
  'retained',
  /** An image that was retained and is current again, so that a rollback does not deregister it. Becomes `retained` if it is replaced once more. */
  'returned',
  /** A snapshot that was deleted while another was being made from it. The end of that one deletes it, or marks it `retained` if a kept image uses it. */
  'condemned',
  /** A snapshot whose deletion failed, because an import or an image of others uses it. A later deletion of this stack that finds it unused deletes it; an update back to it removes the tag. */
  'used',
] as const;

export type State = (typeof STATES)[number];

/** Returns the tag that records `state`. */
export function stateTag(state: State): TagProperty {
  return { Key: OWNERSHIP_TAGS.state, Value: state };
}

/** Returns the state that tags record; `unknown` for one that only a later release has, undefined if there is none. */
export function stateOf(tags: Parameters<typeof valueOf>[0]): State | 'unknown' | undefined {
  const value = valueOf(tags, OWNERSHIP_TAGS.state);
  return value === undefined || value === '' ? undefined : STATES.find(state => state === value) ?? 'unknown';
}

/** Whether a snapshot or an AMI was reported to CloudFormation as complete. Until then, nothing in the stack refers to it. */
export function isHandedOut({ tags }: { readonly tags: Parameters<typeof valueOf>[0] }): boolean {
  return stateOf(tags) !== 'creating';
}
