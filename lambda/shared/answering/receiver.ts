import { DescribeExecutionCommand, StartExecutionCommand, type SFNClient } from '@aws-sdk/client-sfn';
import { callOf, executionName } from './call';
import type { CloudFormationEvent } from './cloudformation-event';
import { initialState, type ExecutionState } from './execution-state';
import { interrupted, reasonOf } from './outcome';
import { bodyOf, type Answer, type Put } from './response';
import type { CheckWay } from './way-to-response';
import { inOperation } from '../denials';
import { isNamed, saidBy } from '../errors';
import { log } from '../log';
import { withinStep } from '../patience';
import { RETRY_POLICIES, retrying } from '../retry';

/** Time of a step that remains for an answer, whatever came before. */
const ANSWER_MILLISECONDS = 30_000;

/** The end of an execution, as EventBridge sends it. */
export interface ExecutionEnd {
  readonly 'detail-type': string;
  readonly 'detail': { readonly executionArn: string; readonly status: string };
}

/** Where calls are done, and whose. */
export interface Place {
  readonly waiterArn: string;
  readonly stackId: string;
}

/**
 * Receives what CloudFormation sends, and starts the execution that does it: nothing else happens in the invocation, because Lambda may
 * deliver the event twice, late, or again after the process died.
 */
export class Receiver {
  /** @param checkWay In a VPC: checks the way that the answer takes. */
  constructor(
    private readonly client: Pick<SFNClient, 'send'>, private readonly place: Place, private readonly put: Put, private readonly checkWay?: CheckWay,
  ) {}

  /** Starts the execution of the call. If that is not possible, answers with the reason. */
  public async receive(event: CloudFormationEvent): Promise<void> {
    const { RequestType, LogicalResourceId, StackId } = event;
    if (StackId !== this.place.stackId) { return log({ event: 'refused a call for another stack', StackId, LogicalResourceId }); }
    const call = callOf(event, Date.now());
    const state = initialState(event, call);
    const name = executionName(event, call);
    log({ event: 'received', RequestType, LogicalResourceId, execution: name });
    const checked = this.checkWay?.(event.ResponseURL);
    const error = await patiently(() => this.start(name, state));
    if (error !== undefined) {
      await this.send(state, interrupted(state, `the state machine of this resource could not be started: ${saidBy(error)}`));
    }
    // Otherwise the process would be frozen before the check has ended.
    await checked;
  }

  /** Answers for an execution that ended without an answer: somebody stopped it, or it took too long. Never throws. */
  public async answerFor({ detail: { executionArn, status } }: ExecutionEnd): Promise<void> {
    try {
      const { input, error, cause, stateMachineArn } = await patiently(() => this.describe(executionArn));
      if (stateMachineArn !== this.place.waiterArn) { return log({ event: 'ignored an execution of another state machine', executionArn }); }
      const state = JSON.parse(input!) as ExecutionState;
      const reason = error === undefined ? `execution ${executionArn} ended with status ${status}` : reasonOf({ Error: error, Cause: cause });
      await this.send(state, interrupted(state, reason));
    } catch (error) {
      log({ event: 'could not answer for an execution', executionArn, error: saidBy(error) });
    }
  }

  /** Returns why the execution does not exist, or undefined if it does. */
  private async start(name: string, state: ExecutionState): Promise<unknown> {
    const input = JSON.stringify(state);
    const command = () => new StartExecutionCommand({ stateMachineArn: this.place.waiterArn, name, input });
    try {
      await retrying(() => this.client.send(command()), { what: 'StartExecution', policy: RETRY_POLICIES.ANSWER });
      return undefined;
    } catch (error) {
      return isNamed(error, 'ExecutionAlreadyExists') || await this.exists(name) ? undefined : error;
    }
  }

  private async exists(name: string): Promise<boolean> {
    const executionArn = `${this.place.waiterArn.replace(':stateMachine:', ':execution:')}:${name}`;
    return this.describe(executionArn).then(() => true, error => {
      log({ event: 'the execution is not there', executionArn, error: saidBy(error) });
      return false;
    });
  }

  private describe(executionArn: string) {
    return retrying(() => this.client.send(new DescribeExecutionCommand({ executionArn })), { what: 'DescribeExecution', policy: RETRY_POLICIES.ANSWER });
  }

  private async send({ event }: ExecutionState, answer: Answer): Promise<void> {
    const body = bodyOf(event, answer);
    const { RequestType, LogicalResourceId } = event;
    log({ event: 'answer', RequestType, LogicalResourceId, ...answer });
    const put = () => retrying(() => this.put(event.ResponseURL, body), { what: 'answer', policy: RETRY_POLICIES.ANSWER, retryIf: () => true });
    await withinStep(0, put);
  }
}

/** Leaves time of the step to send an answer. Repeats denials too: the role may be as young as the resource. */
function patiently<T>(work: () => Promise<T>): Promise<T> {
  const operation = { began: Date.now(), secondsForDenials: async () => RETRY_POLICIES.ANSWER.seconds };
  return withinStep(ANSWER_MILLISECONDS, () => inOperation(operation, work));
}
