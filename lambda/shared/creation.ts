import { failedCallOf } from './answering/call';
import { madeByCancelled, type OperationSource } from './cancelled-creation';
import { TooEarly } from './direction';
import { RefusedForNow, saidBy } from './errors';
import { log } from './log';
import { withinStep } from './patience';
import { contextOf, type ActResult, type DirectedEvent } from './resource-event';
import type { Context, Found, Lifecycle } from './resource-lifecycle';
import { findLate, isPostponed, isThrottle, passesByItself } from './retry';
import type { OwnerProperties } from '../../src/contract/ownership';

/** Time of a step for cleaning up after a failed creation. The rest of the step counts if it is longer, because IAM may deny calls for a while. */
export const CLEAN_UP_MILLISECONDS = 15_000;

/**
 * Creates the resource. If that fails, removes what was created all the same, and throws the error. Removes nothing if the
 * creation was throttled and is repeated, because the repetition finds what this one made.
 */
export async function createOrCleanUp<P extends OwnerProperties>(lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>): Promise<ActResult> {
  const context = contextOf(lifecycle, event);
  try {
    const old = event.RequestType === 'Update' ? event.OldResourceProperties : undefined;
    const { id, memo } = await lifecycle.create(event.ResourceProperties, { ...context, ...(old && { old, oldId: event.PhysicalResourceId }) });
    return { PhysicalResourceId: id, ...(memo !== undefined && { Memo: memo }) };
  } catch (error) {
    if (error instanceof TooEarly || (lifecycle.isRepeatable && isPostponed(error))) { throw error; }
    // The call may have succeeded although its answer was lost, and CloudFormation sends no Delete for a resource without an id.
    await withinStep(0, () => removeUnfinished(lifecycle, event, context, error)).catch(failure => {
      log({ event: 'could not clean up', error: String(failure) });
      if (failure instanceof RefusedForNow) {
        throw new Error(`${saidBy(error)}; and then cleaning up failed: ${saidBy(failure)}`, { cause: error });
      }
    });
    throw error;
  }
}

async function removeUnfinished<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, { ResourceProperties: properties }: DirectedEvent<P>, context: Context, cause: unknown,
): Promise<void> {
  const find = async () => {
    const existing = await lifecycle.find([properties], context);
    // CloudFormation has given up the earlier creations, so nothing but this waits for what they have made.
    const earlier = existing.filter(({ state, isUnproven, sent = 0 }) => state === 'unfinished' && !isUnproven && sent <= context.deletionBegan);
    return [...new Set([...unfinishedOf(context.requestId, existing), ...earlier])];
  };
  // If an answer was lost just now, something may exist that EC2 does not list yet. A throttled call has made nothing.
  const answerWasLost = passesByItself(cause) && !isThrottle(cause);
  await deleteEach(await (answerWasLost ? findLate(find, 'find what a failed creation made') : find()), async id => {
    await lifecycle.delete(id, properties, context);
    // Some resources take two calls to delete, and there will be no further poll to make the second.
    if (!await lifecycle.gone(id, properties, context).catch(() => false)) { await lifecycle.delete(id, properties, context); }
  });
}

/**
 * Returns what one call has made and not finished. Where only tags say so, a thing must be of no use to anybody: nobody knew the id of the call
 * before it, and copied tags come only from things that are complete.
 */
function unfinishedOf(call: string, things: readonly Found[]): Found[] {
  const made = things.filter(({ state, requestId }) => state === 'unfinished' && requestId === call);
  const proven = made.filter(({ isUnproven }) => !isUnproven);
  return proven.length > 0 ? proven : made.filter(({ isRemovable }) => isRemovable);
}

/** Deletes all things, also if the service refuses one of them for now; then throws that refusal. */
async function deleteEach(things: readonly Found[], deleteOne: (id: string) => Promise<void>): Promise<void> {
  let refusal: RefusedForNow | undefined;
  for (const { id } of things) {
    await deleteOne(id).catch(error => {
      if (!(error instanceof RefusedForNow)) { throw error; }
      refusal ??= error;
    });
  }
  if (refusal) { throw refusal; }
}

async function neverHandedOut<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, things: readonly Found[], event: DirectedEvent<P>,
): Promise<Found[]> {
  const made: Found[] = [];
  for (const thing of things) {
    if (!await lifecycle.wasHandedOut?.(thing.id, event.ResourceProperties, contextOf(lifecycle, event))) { made.push(thing); }
  }
  return made;
}

/** Deletes what this very request has made so far. Returns whether there was nothing to delete. */
export async function removeOwn<P extends OwnerProperties>(lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>): Promise<boolean> {
  const context = contextOf(lifecycle, event);
  const existing = await lifecycle.find([event.ResourceProperties], context);
  const own = lifecycle.wasHandedOut
    ? await neverHandedOut(lifecycle, existing.filter(({ requestId }) => requestId === event.RequestId), event)
    : unfinishedOf(event.RequestId, existing);
  await deleteEach(own, id => lifecycle.delete(id, event.ResourceProperties, context));
  return own.length === 0;
}

/** Deletes what a creation made that failed before it knew the id: the physical id names its call. Returns whether there was nothing to delete. */
export function removeFailedCreation<P extends OwnerProperties>(lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>): Promise<boolean> {
  return removeOwn(lifecycle, { ...event, RequestId: failedCallOf(event.PhysicalResourceId!)! });
}

/**
 * Deletes what a creation has made that CloudFormation cancelled, before or while its function ran. Returns whether there
 * was nothing to delete. The thing that CloudFormation has as the resource now stays, because another creation has made it.
 */
export async function deleteCancelledCreation<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, stacks: OperationSource,
): Promise<boolean> {
  const context = contextOf(lifecycle, event);
  const existing = await lifecycle.find([event.ResourceProperties], context);
  const made = existing.length === 0 ? [] : await neverHandedOut(lifecycle, await madeByCancelled(lifecycle, existing, event, stacks), event);
  await deleteEach(made, id => {
    log({ event: 'removing what a cancelled creation made', id });
    return lifecycle.delete(id, event.ResourceProperties, context);
  });
  return made.length === 0;
}
