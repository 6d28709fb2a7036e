import { setTimeout as sleep } from 'node:timers/promises';
import type { Awaited } from './awaited';
import { succeeded, type ExecutionState } from './execution-state';
import { answerOf, failed } from './outcome';
import { bodyOf, type Put } from './response';
import { LONGEST_PAUSE_SECONDS, STEP_SECONDS } from '../../../src/contract/answering';
import { outcomeOf } from '../at-once';
import { TooEarly } from '../direction';
import { log } from '../log';
import type { EventHandlers, ResourceEvent } from '../resource-event';

/**
 * Until so many seconds after the call was sent, a step polls again itself, as most things are ready by then. After that, the state machine
 * waits between polls, so that no function runs for it.
 */
const POLLING_SECONDS = 15;
/** The pauses between those polls: a part of the time since the call was sent. */
const POLLING = { share: 0.1, least: 0.5, most: 1.5 };
/** The same for the state machine. The end of short operations is noticed soon, and long ones cost little. */
const PAUSES = { share: 0.02, least: 1, most: LONGEST_PAUSE_SECONDS };
/** The same while statuses of CloudFormation may be from before the event. */
const STATUS_PAUSES = { share: 0.1, least: 1, most: 5 };
/** A beginning that took so long is not followed by a poll in its step, so that the poll has enough time. */
const LONGEST_BEGINNING_MILLISECONDS = 1000 * STEP_SECONDS / 4;

/** The steps of an execution. They return what they decide, failures too; what they throw, Step Functions repeats. */
export class Steps {
  /** @param returnToken Ends the wait of an execution. */
  constructor(
    private readonly handlers: EventHandlers,
    private readonly awaited: Pick<Awaited, 'ask'>,
    private readonly put: Put,
    private readonly returnToken: (token: string) => Promise<void>,
  ) {}

  /** Runs the step that is next. Returns the state that it leads to. */
  public async run(state: ExecutionState): Promise<ExecutionState> {
    return state.next === 'act' ? this.actAndPoll(state) : decided(state, () => this.pollFor(state));
  }

  /** Leaves a token with the work that the last poll found under way. If that has ended since, returns the token, so that no wake-up is lost. */
  public async await(state: ExecutionState, token: string): Promise<void> {
    const isLeft = await this.handlers.leaveToken({ ...resourceEvent(state), ...state.begun }, token);
    if (!isLeft) { await this.returnToken(token); }
  }

  /** Sends the answer, at least once, and always the same one. */
  public async answer(state: ExecutionState): Promise<void> {
    const answer = answerOf(state);
    const { RequestType, LogicalResourceId } = state.event;
    log({ event: 'answer', RequestType, LogicalResourceId, ...answer });
    await this.put(state.event.ResponseURL, bodyOf(state.event, answer));
  }

  /**
   * Begins, and polls at once if nothing new was made: what is done then needs no second step. Of something new, the state machine gets to know
   * the id first, because a step that dies here begins again.
   */
  private async actAndPoll(state: ExecutionState): Promise<ExecutionState> {
    const start = Date.now();
    const acted = await decided(state, () => this.act(state));
    const { Deferred, PhysicalResourceId } = acted.begun ?? {};
    const isPolled = acted.next === 'poll' && Deferred === undefined && PhysicalResourceId === state.event.PhysicalResourceId
      && Date.now() < start + LONGEST_BEGINNING_MILLISECONDS;
    return isPolled ? decided(acted, () => this.poll(acted)) : acted;
  }

  private async act(state: ExecutionState): Promise<ExecutionState> {
    const event = resourceEvent(state);
    const [counts, direction] = await Promise.allSettled([this.awaited.ask(state.event, state.call), this.handlers.direction(event)]);
    switch (outcomeOf(counts)) {
      case 'no': throw new Error('CloudFormation does not wait for this resource: it cancelled the operation before the function ran');
      case 'not yet': throw new TooEarly();
    }
    return { ...state, next: 'poll', wait: 0, begun: await this.handlers.act({ ...event, Direction: outcomeOf(direction) }) };
  }

  /** Polls until the call is done, or the state machine has to wait. */
  private async pollFor(state: ExecutionState): Promise<ExecutionState> {
    for (;;) {
      const polled = await this.poll(state);
      const seconds = secondsSince(state);
      if (polled.next !== 'poll' || polled.wait > PAUSES.least || seconds >= POLLING_SECONDS) { return polled; }
      await sleep(1000 * pauseAfter(seconds, POLLING));
    }
  }

  private async poll(state: ExecutionState): Promise<ExecutionState> {
    const { IsComplete, IsUnderWay, Pause = 0, PhysicalResourceId = state.begun!.PhysicalResourceId, Data } = await this.handlers.poll({
      ...resourceEvent(state), ...state.begun,
    });
    if (IsComplete) { return succeeded(state, PhysicalResourceId, Data); }
    if (Date.now() > state.call.deadline) { throw new Error(`${PhysicalResourceId} is not ready, and CloudFormation waits no longer`); }
    return { ...state, next: IsUnderWay ? 'await' : 'poll', wait: Math.max(Pause, Math.floor(pauseAfter(secondsSince(state), PAUSES))) };
  }
}

/** Returns the state that a step leads to; if it throws, the one whose answer is the error, or that repeats a step which is too early. */
async function decided(state: ExecutionState, step: () => Promise<ExecutionState>): Promise<ExecutionState> {
  try {
    return await step();
  } catch (error) {
    const isRepeated = error instanceof TooEarly && Date.now() < state.call.deadline;
    return isRepeated ? { ...state, wait: Math.floor(pauseAfter(secondsSince(state), STATUS_PAUSES)) } : failed(state, error);
  }
}

/** Returns the event as lifecycles get it: its request is the call, and it does not contain the response URL. */
function resourceEvent({ event: { ResponseURL, ...event }, call }: ExecutionState): ResourceEvent<any> {
  return { ...event, RequestId: call.id, Since: `${call.sent}` };
}

function secondsSince({ call }: ExecutionState): number {
  return (Date.now() - call.sent) / 1000;
}

/** In seconds. The state machine takes whole ones only. */
function pauseAfter(seconds: number, { share, least, most }: typeof PAUSES): number {
  return Math.min(most, Math.max(least, share * seconds));
}
