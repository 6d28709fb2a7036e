import type { Executions } from './executions';
import { OWNERSHIP_TAGS, type TagProperty } from '../../src/contract/ownership';
import { saidBy } from '../shared/errors';
import { valueOf } from '../shared/ownership';
import { isPostponed } from '../shared/retry';
import type { TransferStore } from '../transfer/bucket/store';

/** How long EC2 may not list a snapshot or an AMI whose id it has returned. */
const VISIBLE_AFTER_MILLISECONDS = 150_000;
/** How long filters of EC2 may not find a new snapshot or AMI. */
const LISTED_AFTER_MILLISECONDS = 30_000;

/** A snapshot or an AMI. */
interface Tagged {
  readonly tags: readonly Partial<TagProperty>[];
}

export function isOfStack(stackId: string, { tags }: Tagged): boolean {
  return valueOf(tags, OWNERSHIP_TAGS.stackId) === stackId;
}

/** Returns why a handler of this stack must not change a thing that its event names. */
export function notOfStack(thing: string, { tags }: Tagged): string {
  const other = valueOf(tags, OWNERSHIP_TAGS.stackId);
  const why = other === undefined ? `has no tag ${OWNERSHIP_TAGS.stackId}` : `belongs to stack ${other}`;
  return `${thing} ${why}, so it is left as it is`;
}

/** Whether EC2 may not list a thing yet that was begun at `begun`, in milliseconds since 1970; undefined: by an earlier request. */
export function mayBeInvisible(begun: number | undefined): boolean {
  return begun !== undefined && Date.now() < begun + VISIBLE_AFTER_MILLISECONDS;
}

/** Whether EC2 may list a thing without its tags yet. A thing with the tag of another stack has its tags. */
export function mayLackTags({ tags }: Tagged, begun: number | undefined): boolean {
  return valueOf(tags, OWNERSHIP_TAGS.stackId) === undefined && mayBeInvisible(begun);
}

/** Whether filters of EC2 find everything by now that was made before `since`, in milliseconds since 1970. */
export function isAllListed(since: number): boolean {
  return Date.now() >= since + LISTED_AFTER_MILLISECONDS;
}

/**
 * Leaves a token for the rule on the end of executions to return. Returns false if the execution of the transfer has ended: looks for
 * that after the token is there, so that either this or the rule's function finds the other.
 */
export async function leaveToken(
  { executions, store }: { executions: Executions; store: TransferStore }, id: string, token: string,
): Promise<boolean> {
  await store.saveToken(id, token);
  const execution = await executions.find(id);
  if (execution === undefined || execution.status === 'RUNNING') { return true; }
  await store.removeToken(id);
  return false;
}

/**
 * Throws `reason` after `cleanUp`, so that nothing of a failed transfer stays. If the clean-up fails too, the error says so;
 * if it is throttled, that is thrown instead, because the next poll repeats all of it.
 */
export async function failAfter(cleanUp: () => Promise<void>, reason: string): Promise<never> {
  try {
    await cleanUp();
  } catch (error) {
    if (isPostponed(error)) { throw error; }
    throw new Error(`${reason}; and then cleaning up failed: ${saidBy(error)}`);
  }
  throw new Error(reason);
}
