import { valueOf } from './ownership';
import { OWNERSHIP_TAGS, type TagProperty } from '../../src/contract/ownership';

/**
 * The states that the state tag records, and what ends each. A thing without the tag was made by its resource, was
 * reported to CloudFormation as complete, and is in use.
 */
export const STATES = {
  /** It was never reported as complete. Set by the creating call; ends when it is reported (no tag). */
  creating: ['none'],
  /** A file system that existed before its stack. Set by the adoption; ends when the user lets the stack own it (no tag). */
  adopted: ['none'],
  /** A machine image, or its snapshot, that was replaced but is kept. Ends when a rollback takes it up again. */
  retained: ['returned'],
  /** A machine image that was retained and is current again. Ends when it is replaced once more. */
  returned: ['retained'],
  /** A snapshot that was deleted while it was the parent of a snapshot in the making. Ends with that snapshot, which deletes it. */
  condemned: [],
} as const;

export type State = keyof typeof STATES;

/** The tag that records `state`. */
export function stateTag(state: State): TagProperty {
  return { Key: OWNERSHIP_TAGS.state, Value: state };
}

/** The state that tags record; undefined if there is none, or one that this release does not know. */
export function stateOf(tags: Parameters<typeof valueOf>[0]): State | undefined {
  const value = valueOf(tags, OWNERSHIP_TAGS.state);
  return value !== undefined && Object.hasOwn(STATES, value) ? value as State : undefined;
}
