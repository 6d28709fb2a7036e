import type { Awaited } from './awaited';
import { succeeded, type ExecutionState } from './execution-state';
import { answerOf, failed } from './outcome';
import { bodyOf, type Put } from './response';
import { LONGEST_PAUSE_SECONDS } from '../../../src/contract/answering';
import { TooEarly } from '../direction';
import { log } from '../log';
import type { EventHandlers, ResourceEvent } from '../resource-event';

/** Pauses between polls, in seconds, until so many seconds after the call was sent. They keep an hour below 2,500 history events. */
const PAUSES = [
  { until: 15, pause: 1 }, { until: 135, pause: 2 }, { until: 600, pause: 10 }, { until: Infinity, pause: LONGEST_PAUSE_SECONDS },
] as const;
/** The same while statuses of CloudFormation may be from before the event. */
const STATUS_PAUSE = 5;

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
    try {
      return state.next === 'act' ? await this.act(state) : await this.poll(state);
    } catch (error) {
      const isRepeated = error instanceof TooEarly && Date.now() < state.call.deadline;
      return isRepeated ? { ...state, wait: STATUS_PAUSE } : failed(state, error);
    }
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

  private async act(state: ExecutionState): Promise<ExecutionState> {
    switch (await this.awaited.ask(state.event, state.call)) {
      case 'no': throw new Error('CloudFormation does not wait for this resource: it cancelled the operation before the function ran');
      case 'not yet': return { ...state, wait: STATUS_PAUSE };
    }
    return { ...state, next: 'poll', wait: 0, begun: await this.handlers.act(resourceEvent(state)) };
  }

  private async poll(state: ExecutionState): Promise<ExecutionState> {
    const { IsComplete, IsUnderWay, PhysicalResourceId = state.begun!.PhysicalResourceId, Data } = await this.handlers.poll({
      ...resourceEvent(state), ...state.begun,
    });
    if (IsComplete) { return succeeded(state, PhysicalResourceId, Data); }
    if (Date.now() > state.call.deadline) { throw new Error(`${PhysicalResourceId} is not ready, and CloudFormation waits no longer`); }
    return { ...state, next: IsUnderWay ? 'await' : 'poll', wait: pauseAt((Date.now() - state.call.sent) / 1000) };
  }
}

/** Returns the event as lifecycles get it: its request is the call, and it does not contain the response URL. */
function resourceEvent({ event: { ResponseURL, ...event }, call }: ExecutionState): ResourceEvent<any> {
  return { ...event, RequestId: call.id, Since: `${call.sent}` };
}

function pauseAt(seconds: number): number {
  return PAUSES.find(({ until }) => seconds < until)!.pause;
}

