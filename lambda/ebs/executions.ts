import {
  DescribeExecutionCommand, StartExecutionCommand, StopExecutionCommand, type DescribeExecutionCommandOutput, type SFNClient,
} from '@aws-sdk/client-sfn';
import type { ExportInput } from '../../src/contract/export';
import type { TransferInput } from '../../src/contract/transfer';
import { isNamed, saidBy } from '../shared/errors';
import { log } from '../shared/log';
import { RETRY_POLICIES, retrying, type RetryPolicy } from '../shared/retry';

export type ExecutionState =
  | { readonly status: 'RUNNING' | 'SUCCEEDED' }
  /** `reason`: the message of the error that the failed function threw. A Distributed Map hides those of its functions. */
  | { readonly status: 'FAILED'; readonly reason: string };

/** The executions of one state machine: at most one for each snapshot or export, named after its id. */
export class Executions {
  constructor(private readonly sfn: SFNClient, private readonly stateMachineArn: string) {}

  /** Starts the execution. Does nothing if it was started before, even if it has ended since. */
  public async start(input: TransferInput | ExportInput, policy?: RetryPolicy): Promise<void> {
    const name = 'exportId' in input ? input.exportId : input.snapshotId;
    try {
      await this.call('StartExecution', () => this.sfn.send(new StartExecutionCommand({
        stateMachineArn: this.stateMachineArn, name, input: JSON.stringify(input),
      })), policy);
    } catch (error) {
      if (!isNamed(error, 'ExecutionAlreadyExists')) { throw error; }
    }
  }

  /** The same in a creation, which must not fail when its thing is already there: if this cannot start the execution, the next poll does. */
  public async startEarly(input: TransferInput | ExportInput): Promise<void> {
    await this.start(input, RETRY_POLICIES.OPTIONAL).catch(error => log({ event: 'left the start of the execution to the next poll', error: saidBy(error) }));
  }

  /** undefined: it was never started, or it ended more than 90 days ago. */
  public async find(id: string): Promise<ExecutionState | undefined> {
    const execution = await this.describe(this.arnOf(id));
    return execution && executionState(execution);
  }

  /** Stops the execution if it is running. */
  public async stop(id: string): Promise<void> {
    const execution = await this.describe(this.arnOf(id));
    if (execution?.status !== 'RUNNING') { return; }
    await this.call('StopExecution', () => this.sfn.send(new StopExecutionCommand({
      executionArn: this.arnOf(id), error: 'Deleted', cause: 'it is being deleted',
    })));
    log({ event: 'stopped the transfer', snapshotId: id });
  }

  private async describe(executionArn: string) {
    try {
      return await this.call('DescribeExecution', () => this.sfn.send(new DescribeExecutionCommand({ executionArn })));
    } catch (error) {
      if (isNamed(error, 'ExecutionDoesNotExist')) { return undefined; }
      throw error;
    }
  }

  private arnOf(id: string): string {
    return `${this.stateMachineArn.replace(':stateMachine:', ':execution:')}:${id}`;
  }

  private call<T>(action: string, request: () => Promise<T>, policy?: RetryPolicy): Promise<T> {
    return retrying(request, { what: action, policy }).catch(error => {
      if (isNamed(error, 'ExecutionAlreadyExists', 'ExecutionDoesNotExist')) { throw error; }
      throw new Error(`states:${action} failed: ${saidBy(error)}`, { cause: error });
    });
  }
}

type Description = Pick<DescribeExecutionCommandOutput, 'status' | 'error' | 'cause'>;

export function executionState({ status, error, cause }: Description): ExecutionState {
  switch (status) {
    case 'SUCCEEDED': return { status: 'SUCCEEDED' };
    case 'FAILED': return { status: 'FAILED', reason: reasonOf(error, cause) };
    case 'TIMED_OUT': return { status: 'FAILED', reason: 'the transfer did not end in time' };
    case 'ABORTED': return { status: 'FAILED', reason: 'the transfer was stopped' };
    default: return { status: 'RUNNING' };
  }
}

const NO_CONCURRENCY = 'Lambda had no free concurrency for the functions of the transfer';

/** If a function failed, `cause` is its error as JSON. */
function reasonOf(error: string | undefined, cause: string | undefined): string {
  try {
    const { errorMessage } = JSON.parse(cause ?? '') as { errorMessage?: string };
    if (errorMessage) { return errorMessage; }
  } catch {
    // The cause is not the error of a function.
  }
  if (error === 'Lambda.TooManyRequestsException') { return `${NO_CONCURRENCY} for hours`; }
  if (error === 'States.ExceedToleratedFailureThreshold') {
    // The workers write their reasons into the transfer bucket. There is none if a worker could not even do that.
    return 'a part of the image could not be transferred, and no worker wrote the reason into the transfer bucket: Lambda did not run one, '
      + 'or killed each, or the bucket or its key may not be used. The logs of the functions whose names contain Transfer say more';
  }
  return [error, cause].filter(Boolean).join(': ') || 'the transfer failed';
}
