import { saidBy } from './errors';
import { log } from './log';
import { beginOf, type ResourceEvent } from './resource-event';
import type { Found, Lifecycle } from './resource-lifecycle';
import { isOfOperation } from './retained';
import { STATUS_LAG_MILLISECONDS, type Stacks } from './stacks';

/** What CloudFormation says of the operation and of the resource. */
export type OperationSource = Pick<Stacks, 'describe' | 'resource'>;

/** When the operation of the stack began, and the thing that the stack lists for the resource. */
interface Operation {
  /** Milliseconds since 1970; undefined while CloudFormation may still describe the operation before. */
  readonly begun: number | undefined;
  readonly listed: string | undefined;
}

/**
 * Returns what a creation has made that CloudFormation cancelled. The Delete has an id that CloudFormation invented, and another request, so the
 * creation is known by its time alone: between the beginning of the stack's operation and the Delete. Such a Delete may be delivered hours late,
 * when the resource has been created anew: the thing that the stack lists is the new one, and stays. A thing that has only tags must have been made in
 * that time, too.
 */
export async function madeByCancelled(
  { allowsRetainedSiblings }: Pick<Lifecycle<never, object>, 'allowsRetainedSiblings'>,
  things: readonly Found[], event: ResourceEvent<unknown>, stacks: OperationSource,
): Promise<Found[]> {
  const operation = await operationOf(event, stacks);
  return things.filter(thing => {
    const { id, state, sent, made = sent, isUnproven } = thing;
    if (id === operation?.listed) { return false; }
    // Its creation may have gone on while the Delete was waiting for that.
    if (isUnproven) { return isOwnLeftover(thing, operation?.begun) && made! < Number(event.LateCreationUntil); }
    if (sent !== undefined && sent > beginOf(event)) { return false; }
    // The answer of a creation may have come too late. Its thing is marked as complete then. CloudFormation has retained what is older.
    const inOperation = made === undefined ? !allowsRetainedSiblings : operation?.begun !== undefined && isOfOperation(made, operation.begun);
    return state === 'unfinished' || inOperation;
  });
}

/**
 * Whether something that a call has made in the operation, and not finished, is of this resource, although only its tags say so. Whoever may tag
 * can plant or copy those, so it must be of no use to anybody. An older thing is not of the operation.
 */
export function isOwnLeftover({ state, made, isRemovable }: Found, begun: number | undefined): boolean {
  return state === 'unfinished' && isRemovable === true && made !== undefined && begun !== undefined && isOfOperation(made, begun);
}

/** Returns undefined if CloudFormation does not say it. */
async function operationOf(event: ResourceEvent<unknown>, stacks: OperationSource): Promise<Operation | undefined> {
  const { StackId, LogicalResourceId } = event;
  try {
    const [stack, resource] = await Promise.all([stacks.describe(StackId), stacks.resource(StackId, LogicalResourceId)]);
    const isOld = Date.now() < beginOf(event) + STATUS_LAG_MILLISECONDS;
    return stack?.begun === undefined ? undefined : { begun: isOld ? undefined : stack.begun, listed: resource?.physicalId };
  } catch (error) {
    log({ event: 'could not ask for the operation of the stack', StackId, LogicalResourceId, error: saidBy(error) });
    return undefined;
  }
}
