import { isOwnLeftover } from './cancelled-creation';
import { createOrCleanUp } from './creation';
import { saidBy } from './errors';
import { log } from './log';
import { contextOf, type ActResult, type DirectedEvent, type ResourceEvent } from './resource-event';
import type { Found, Lifecycle } from './resource-lifecycle';
import { beginningOf } from './retained';
import { isPostponed } from './retry';
import type { Stacks } from './stacks';
import type { OwnerProperties } from '../../src/contract/ownership';

/**
 * Handles an update to another identity, which is either a change by the user
 * or the rollback of one; the event does not say which. The wanted resource may
 * therefore exist already, beside what a failed change left unfinished. Removes
 * the leftovers, then returns to the existing resource or creates one.
 */
export async function replaceOrReturn<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, stacks: Pick<Stacks, 'describe'>,
): Promise<ActResult> {
  const context = contextOf(lifecycle, event);
  const old = event.OldResourceProperties ?? event.ResourceProperties;
  const existing = await lifecycle.find([event.ResourceProperties, old], context);
  const matching = existing.filter(thing => thing.identity === context.identity && thing.state === 'usable');
  // The current resource comes before earlier ones that were retained.
  const wanted = matching.find(({ id }) => id === event.PhysicalResourceId)
    ?? await firstHandedOut(lifecycle, event, await earlierOnes(lifecycle, event, existing, matching))
    ?? await currentIfSame(lifecycle, event);

  const proven = await withoutForeign(existing, event, stacks);
  for (const leftover of leftoversIn(proven, wanted, event)) {
    log({ event: 'removing what a failed change left', id: leftover.id });
    // A failure here must not fail the rollback: CloudFormation may have removed the policy that allowed the deletion already.
    const of = contextOf(lifecycle, event, old);
    // Some resources take two calls to delete.
    await lifecycle.delete(leftover.id, old, of).then(() => lifecycle.gone(leftover.id, old, of)).catch(failure => {
      if (isPostponed(failure)) { throw failure; }
      log({ event: 'could not clean up', error: String(failure) });
    });
  }
  if (!wanted) { return createOrCleanUp(lifecycle, event); }
  await takeUpAgain(lifecycle, wanted, event);
  await lifecycle.update?.(wanted.id, event.ResourceProperties, old, context);
  return { PhysicalResourceId: wanted.id };
}

async function takeUpAgain<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, { id, requestId }: Pick<Found, 'id' | 'requestId'>, event: DirectedEvent<P>,
): Promise<void> {
  const isEarlier = id !== event.PhysicalResourceId && requestId !== event.RequestId;
  if (lifecycle.takeUp && isEarlier && await event.certainDirection() !== 'back') { await lifecycle.takeUp(id); }
}

/** Returns the first of the things that was the resource earlier. */
async function firstHandedOut<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, things: readonly Found[],
): Promise<Found | undefined> {
  const context = contextOf(lifecycle, event);
  for (const thing of things) {
    const isOfThisCall = thing.requestId === event.RequestId;
    if (!lifecycle.wasHandedOut || isOfThisCall || await lifecycle.wasHandedOut(thing.id, event.ResourceProperties, context)) { return thing; }
    log({ event: 'not taken for the resource, because CloudFormation does not list it', id: thing.id });
  }
  return undefined;
}

/** Returns the resource that CloudFormation has, if the properties only name it in another way. */
async function currentIfSame<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: ResourceEvent<P>,
): Promise<Pick<Found, 'id' | 'requestId'> | undefined> {
  const { PhysicalResourceId: id, ResourceProperties: properties, OldResourceProperties: old = properties } = event;
  try {
    return await lifecycle.isSame?.(id!, properties, old) ? { id: id!, requestId: undefined } : undefined;
  } catch (error) {
    if (isPostponed(error)) { throw error; }
    log({ event: 'could not compare the resource with its properties', id, error: saidBy(error) });
    return undefined;
  }
}

/**
 * Returns the earlier resources to go back to, if they have the content that a new one would have; otherwise in a rollback only, or where no direction
 * is known, if the current one was never complete, so that it must have been a replacement that failed.
 */
async function earlierOnes<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, existing: readonly Found[], matching: readonly Found[],
): Promise<Found[]> {
  const proven = matching.filter(({ isUnproven }) => !isUnproven);
  if (proven.length === 0 || !lifecycle.hasFixedContent || lifecycle.hasFixedContent(event.ResourceProperties)) { return proven; }
  const replacementFailed = !existing.some(({ id, state }) => id === event.PhysicalResourceId && state === 'usable');
  // A status from before the operation may be that of a rollback.
  const direction = await event.certainDirection();
  return direction === 'back' || (direction === 'unknown' && replacementFailed) ? proven : [];
}

/** Leaves out what has only the tags of the resource, unless it can only be what a step of this operation made and did not record. */
async function withoutForeign(existing: readonly Found[], { StackId }: ResourceEvent<unknown>, stacks: Pick<Stacks, 'describe'>): Promise<Found[]> {
  const unproven = existing.filter(({ isUnproven }) => isUnproven);
  if (unproven.length === 0) { return [...existing]; }
  const begun = await beginningOf(StackId, stacks);
  const foreign = unproven.filter(thing => !isOwnLeftover(thing, begun));
  for (const { id } of foreign) { log({ event: 'left a thing alone that has only the tags of the resource', id }); }
  return existing.filter(thing => !foreign.includes(thing));
}

/** Returns the resources that a failed change has left, and that no other event will delete. */
function leftoversIn(existing: readonly Found[], wanted: Pick<Found, 'id'> | undefined, event: ResourceEvent<unknown>): Found[] {
  // CloudFormation still has the id of the wanted resource, so it never learned of the replacement and will not delete it.
  const wasNeverReplaced = wanted?.id === event.PhysicalResourceId;
  return existing
    .filter(thing => thing.id !== wanted?.id && (thing.state === 'unfinished' || (thing.holdsNoData && wasNeverReplaced)))
    // A repeated delivery of the event finds what the first one made.
    .filter(thing => thing.requestId !== event.RequestId);
}
