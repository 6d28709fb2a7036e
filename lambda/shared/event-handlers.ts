import { failedCallOf } from './answering/call';
import { CLEAN_UP_MILLISECONDS, createOrCleanUp, deleteCancelledCreation, removeFailedCreation, removeOwn } from './creation';
import { inOperation, type Operation } from './denials';
import { Directions, throwUnlessBack, TooEarly, type Direction } from './direction';
import { once } from './environment';
import { inOneSentence, OutOfReach, RefusedForNow, saidBy } from './errors';
import { identityOf } from './identity';
import { log } from './log';
import { refuseReservedTags } from './ownership';
import { LAST_CALL_MILLISECONDS, withinStep } from './patience';
import { replaceOrReturn } from './replacement';
import { beginOf, contextOf, type ActResult, type DirectedEvent, type EventHandlers, type PollResult, type ResourceEvent } from './resource-event';
import { UNDER_WAY, type Lifecycle } from './resource-lifecycle';
import { isPostponed, RETRY_POLICIES } from './retry';
import { STATUS_LAG_MILLISECONDS, type Stacks } from './stacks';
import { LONGEST_PAUSE_SECONDS, STEP_SECONDS } from '../../src/contract/answering';
import type { OwnerProperties } from '../../src/contract/ownership';

export interface HandlerOptions {
  readonly stacks: Pick<Stacks, 'status' | 'describe' | 'resource'>;
  /** See `Directions`. */
  readonly failures?: Pick<Stacks, 'hasFailedUpdate'>;
}

/**
 * How long the polls of a Delete repeat what the service refuses for now. EBS completes a snapshot that was sealed within minutes, and then
 * EC2 deletes it. One that was not sealed stays pending for an hour or for days, longer than CloudFormation waits: to wait for that would only
 * hold up a rollback.
 */
const REFUSED_MILLISECONDS = 5 * 60_000;

/**
 * How long after a Delete its cancelled creation may still make something: CloudFormation's statuses are up to a minute late, so that it
 * may begin until then; a step takes up to two minutes, and a request on its way some seconds.
 */
const LATE_CREATION_SECONDS = 60 + STEP_SECONDS + 30;
/** The same if CloudFormation returns no status: then a creation may begin for five minutes. */
const LATE_CREATION_SECONDS_WITHOUT_STATUS = 300 + STEP_SECONDS + 30;

/** The longest pause before a time that decides, in seconds. */
const LONGEST_CERTAIN_PAUSE = 10;
/** Seconds. All of EFS shares one rate limit: polls leave it to the calls that make something. */
const SHORTEST_BUSY_PAUSE = 5;

/** The lifecycles of a service by resource type, or functions that return the lifecycle for the properties of an event. */
export type Lifecycles<T extends string = string> = Readonly<Record<T, Lifecycle<any, object> | ((properties: any) => Lifecycle<any, object>)>>;

/** Returns the handlers of a service. */
export function handlersOf(lifecycles: Lifecycles, options: HandlerOptions): EventHandlers {
  const lifecycleOf = lookup(lifecycles);
  const directions = new Directions(options.stacks, options.failures);
  const directed = (event: ResourceEvent<any>, direction: Direction): DirectedEvent<any> =>
    ({ ...event, Direction: direction, certainDirection: () => directions.askAgain(event, beginOf(event)) });
  return {
    direction: event => withinStep(CLEAN_UP_MILLISECONDS, () => directions.ask(event, beginOf(event))),
    act: reporting('act', async event => {
      const begun = { ...event, Since: `${beginOf(event)}` };
      const Direction = event.Direction ?? await directions.ask(event, beginOf(begun));
      if (Direction === 'over') { throw new Error('CloudFormation does not wait for this resource any longer: it has gone back, or deletes the stack'); }
      const result = await inOperation(operationOf(begun, options), () => beginOrDefer(lifecycleOf(event), directed(begun, Direction), options));
      return { ...result, Since: begun.Since, Direction };
    }),
    poll: reporting('poll', unlessPostponed(async event => inOperation(operationOf(event, options), () =>
      continueOrPoll(lifecycleOf(event), directed(event, event.Direction ?? 'unknown'), options)))),
    // The execution waits no longer than the pause; then a poll comes without the token.
    leaveToken: (event, token) => withinStep(1000 * (STEP_SECONDS - LONGEST_PAUSE_SECONDS) - LAST_CALL_MILLISECONDS, () =>
      inOperation(operationOf(event, options), () => lifecycleOf(event).leaveToken!(event.PhysicalResourceId!, token))),
  };
}

/** Returns a function that finds the lifecycle of an event. It refuses an event that would set tags of this library. */
function lookup(lifecycles: Lifecycles): (event: ResourceEvent<any>) => Lifecycle<any, object> {
  return ({ RequestType, ResourceType, ResourceProperties }) => {
    if (!Object.hasOwn(lifecycles, ResourceType)) {
      throw new Error(`unknown resource type ${ResourceType}; this handler supports ${Object.keys(lifecycles).join(', ')}`);
    }
    const made = lifecycles[ResourceType];
    const lifecycle = typeof made === 'function' ? made(ResourceProperties) : made;
    if (RequestType !== 'Delete') { refuseReservedTags(lifecycle.userTags?.(ResourceProperties)); }
    return lifecycle;
  };
}

/** Leaves what the services throttle, or what takes too long, to the polls. */
async function beginOrDefer<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, options: HandlerOptions,
): Promise<ActResult> {
  if (!lifecycle.isRepeatable) {
    return begin(lifecycle, event, options).catch(error => {
      // An update has something that it changes, so nothing is made twice if the whole step is repeated.
      throw event.RequestType === 'Update' && isPostponed(error) ? new TooEarly(error) : error;
    });
  }
  try {
    return await begin(lifecycle, event, options);
  } catch (error) {
    if (!isPostponed(error)) { throw error; }
    log({ event: 'the service is busy: poll begins', error: (error as Error).message });
    return { PhysicalResourceId: event.PhysicalResourceId ?? event.RequestId, Deferred: 'true' };
  }
}

/** Continues the operation. One that was deferred begins anew in every poll, and finds what the polls before have made. */
async function continueOrPoll<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, options: HandlerOptions,
): Promise<PollResult> {
  if (event.Deferred === undefined) { return poll(lifecycle, event, options); }
  const { PhysicalResourceId, ...operation } = event;
  const original = event.RequestType === 'Create' ? operation : event;
  const direction = await new Directions(options.stacks, options.failures).ask(event, beginOf(event));
  if (event.Direction !== 'back' && (direction === 'back' || direction === 'over')) {
    await removeOwn(lifecycle, original);
    throw new Error('CloudFormation cancelled the operation while it was waiting for services that throttled it');
  }
  const begun = await begin(lifecycle, original, options);
  const result = await poll(lifecycle, { ...original, ...begun }, options);
  return result.IsComplete ? { ...result, PhysicalResourceId: begun.PhysicalResourceId } : { IsComplete: false };
}

function begin<P extends OwnerProperties>(lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, options: HandlerOptions): Promise<ActResult> {
  const work = () => beginNow(lifecycle, event, options);
  // If no answer comes to the last call, the clean-up waits until EC2 lists what it may have made.
  if (lifecycle.isRepeatable) { return withinStep(LAST_CALL_MILLISECONDS + CLEAN_UP_MILLISECONDS, work, CLEAN_UP_MILLISECONDS); }
  // Throttling would fail the operation.
  return withinStep(CLEAN_UP_MILLISECONDS, work, 0);
}

async function beginNow<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, options: HandlerOptions,
): Promise<ActResult> {
  switch (event.RequestType) {
    case 'Create': return createOrCleanUp(lifecycle, event);
    case 'Update': return updateOrLeave(lifecycle, event, options);
    case 'Delete': return beginDeletion(lifecycle, event, options);
  }
}

/** Updates a resource. A rollback leaves a resource that is out of reach as it is. */
async function updateOrLeave<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, options: HandlerOptions,
): Promise<ActResult> {
  try {
    return await updateOrReplace(lifecycle, event, options);
  } catch (error) {
    await throwUnlessLeft(lifecycle, event, error);
    return { PhysicalResourceId: event.PhysicalResourceId!, IsLeft: 'true' };
  }
}

async function throwUnlessLeft<P extends OwnerProperties>(lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, error: unknown): Promise<void> {
  const mayBeLeft = event.RequestType === 'Update' && event.ReplacedId === undefined && lifecycle.withoutReach !== undefined;
  if (!mayBeLeft || !(error instanceof OutOfReach)) { throw error; }
  await throwUnlessBack(contextOf(lifecycle, event), error);
}

async function updateOrReplace<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, { stacks }: HandlerOptions,
): Promise<ActResult> {
  const id = event.PhysicalResourceId!;
  const old = event.OldResourceProperties ?? event.ResourceProperties;
  if (identityOf(lifecycle, event.ResourceProperties) !== identityOf(lifecycle, old)) {
    const result = await replaceOrReturn(lifecycle, event, stacks);
    return result.PhysicalResourceId === id ? result : { ...result, ReplacedId: id };
  }
  await lifecycle.update?.(id, event.ResourceProperties, old, contextOf(lifecycle, event));
  return { PhysicalResourceId: id };
}

async function beginDeletion<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, { stacks }: HandlerOptions,
): Promise<ActResult> {
  const id = event.PhysicalResourceId!;
  if (lifecycle.physicalId.test(id)) {
    await unlessBusy(event, () => lifecycle.delete(id, event.ResourceProperties, contextOf(lifecycle, event)));
    return { PhysicalResourceId: id };
  }
  if (failedCallOf(id) !== undefined) {
    await unlessBusy(event, () => removeFailedCreation(lifecycle, event));
    return { PhysicalResourceId: id };
  }
  const seconds = await stacks.status(event.StackId).then(() => LATE_CREATION_SECONDS, () => LATE_CREATION_SECONDS_WITHOUT_STATUS);
  const LateCreationUntil = `${beginOf(event) + 1000 * seconds}`;
  await unlessBusy(event, () => deleteCancelledCreation(lifecycle, { ...event, LateCreationUntil }, stacks));
  return { PhysicalResourceId: id, LateCreationUntil };
}

async function poll<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, options: HandlerOptions,
): Promise<PollResult> {
  if (event.RequestType === 'Delete') { return continueDeletion(lifecycle, event, options); }
  const attributes = await readyOrLeft(lifecycle, event);
  if (attributes === UNDER_WAY) { return { IsComplete: false, IsUnderWay: true }; }
  return attributes ? { IsComplete: true, Data: attributes } : { IsComplete: false };
}

async function readyOrLeft<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>,
): Promise<object | typeof UNDER_WAY | undefined> {
  const { PhysicalResourceId: id, ResourceProperties: properties, OldResourceProperties: old, Memo: memo, ReplacedId: replacedId } = event;
  const context = contextOf(lifecycle, event);
  if (event.IsLeft !== undefined) { return lifecycle.withoutReach!(id!, properties, context); }
  try {
    return await lifecycle.ready(id!, properties, { ...context, memo, old, replacedId });
  } catch (error) {
    await throwUnlessLeft(lifecycle, event, error);
    return lifecycle.withoutReach!(id!, properties, context);
  }
}

/** Makes the next step of a deletion, unless it is complete, and looks at once whether that was the last one. */
async function continueDeletion<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, { stacks }: HandlerOptions,
): Promise<PollResult> {
  if (event.LateCreationUntil !== undefined) {
    // Decide this first: a creation may end while the search is running.
    const remaining = (Number(event.LateCreationUntil) - Date.now()) / 1000;
    const isGone = await deleteCancelledCreation(lifecycle, event, stacks);
    return remaining > 0 ? { IsComplete: false, Pause: Math.ceil(Math.min(LONGEST_CERTAIN_PAUSE, remaining)) } : { IsComplete: isGone };
  }
  const id = event.PhysicalResourceId!;
  if (failedCallOf(id) !== undefined) { return { IsComplete: await removeFailedCreation(lifecycle, event) }; }
  const gone = () => lifecycle.gone(id, event.ResourceProperties, contextOf(lifecycle, event));
  const isGone = await gone();
  if (isGone !== false) { return { IsComplete: isGone === true }; }
  await lifecycle.delete(id, event.ResourceProperties, contextOf(lifecycle, event));
  return { IsComplete: await gone() === true };
}

/** The operation of an event, in which calls are repeated that are denied. The deletion of a stack begins before any policy goes. */
function operationOf(event: ResourceEvent<unknown>, { stacks }: HandlerOptions): Operation {
  const ask = once(async () => {
    if (event.RequestType !== 'Delete') { return RETRY_POLICIES.DENIAL.seconds; }
    const status = await stacks.status(event.StackId).catch(() => undefined);
    return status === 'DELETE_IN_PROGRESS' ? 0 : RETRY_POLICIES.DENIED_DELETION.seconds;
  });
  return { began: beginOf(event), secondsForDenials: ask };
}

/** Leaves a step of a deletion to the polls if the service is throttling, or refuses it for now. */
async function unlessBusy(event: ResourceEvent<unknown>, step: () => Promise<unknown>): Promise<void> {
  await step().catch(error => {
    if (!isLeftToPolls(error, event)) { throw error; }
    log({ event: 'the service is busy', error: (error as Error).message });
  });
}

/** Returns whether the next poll repeats a step that failed. */
function isLeftToPolls(error: unknown, event: ResourceEvent<unknown>): boolean {
  const isRefused = event.RequestType === 'Delete' && error instanceof RefusedForNow;
  return isPostponed(error) || error instanceof TooEarly || (isRefused && Date.now() < beginOf(event) + REFUSED_MILLISECONDS);
}

/** Wraps a poll so that it is merely incomplete if the next one continues: the service throttles or refuses for now, or there was no more time. */
function unlessPostponed<P>(handler: (event: DirectedEvent<P>) => Promise<PollResult>): (event: DirectedEvent<P>) => Promise<PollResult> {
  return async event => {
    try {
      return await handler(event);
    } catch (error) {
      if (!isLeftToPolls(error, event)) { throw error; }
      log({ event: 'the service is busy', error: (error as Error).message });
      return { IsComplete: false, Pause: pauseAfter(error, event) };
    }
  };
}

/** Returns the seconds for which the next poll would find the same, or burden a service that is busy; undefined if there is no such time. */
function pauseAfter(error: unknown, event: ResourceEvent<unknown>): number | undefined {
  if (error instanceof RefusedForNow) { return undefined; }
  const remaining = (beginOf(event) + STATUS_LAG_MILLISECONDS - Date.now()) / 1000;
  if (error instanceof TooEarly && remaining > 0) { return Math.ceil(Math.min(LONGEST_CERTAIN_PAUSE, remaining)); }
  // By chance, because others wait for the same service.
  return SHORTEST_BUSY_PAUSE + Math.floor(Math.random() * SHORTEST_BUSY_PAUSE);
}

/** Wraps a handler so that its result or error is logged, and that CloudFormation shows an error as one sentence. */
function reporting<P, R>(step: string, handler: (event: DirectedEvent<P>) => Promise<R>): (event: DirectedEvent<P>) => Promise<R> {
  return async event => {
    const { RequestType, LogicalResourceId, PhysicalResourceId } = event;
    try {
      const result = await withinStep(CLEAN_UP_MILLISECONDS, () => handler(event));
      log({ event: step, RequestType, LogicalResourceId, PhysicalResourceId, result });
      return result;
    } catch (error) {
      if (error instanceof TooEarly) { throw error; }
      log({ event: `${step} failed`, RequestType, LogicalResourceId, PhysicalResourceId, error: String((error as Error).stack) });
      // Name the resource in the error, because it stays behind and has to be deleted by hand.
      const isUnnamed = RequestType === 'Delete' && PhysicalResourceId !== undefined && !(error as Error).message.includes(PhysicalResourceId);
      throw inOneSentence(isUnnamed ? new Error(`${PhysicalResourceId} cannot be deleted: ${saidBy(error)}`) : error);
    }
  };
}
