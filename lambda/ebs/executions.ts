import { DescribeExecutionCommand, StartExecutionCommand, StopExecutionCommand, type SFNClient } from '@aws-sdk/client-sfn';
import type { ExportInput } from '../../src/contract/export';
import type { TransferInput } from '../../src/contract/transfer';
import { isNamed, saidBy } from '../shared/errors';
import { log } from '../shared/log';
import { retrying } from '../shared/retry';

export type ExecutionState =
  | { readonly status: 'RUNNING' | 'SUCCEEDED' }
  /** `reason`: the failed function's own sentence, unless it was one of the Distributed Map's, which hides it. */
  | { readonly status: 'FAILED'; readonly reason: string };

/** The transfers: at most one per snapshot or export, named after it. */
export class Executions {
  constructor(private readonly sfn: SFNClient, private readonly stateMachineArn: string) {}

  /** Does nothing if it was started before, even if it has ended since. */
  public async start(input: TransferInput | ExportInput): Promise<void> {
    const name = 'exportId' in input ? input.exportId : input.snapshotId;
    try {
      await this.call('StartExecution', () => this.sfn.send(new StartExecutionCommand({
        stateMachineArn: this.stateMachineArn, name, input: JSON.stringify(input),
      })));
    } catch (error) {
      if (!isNamed(error, 'ExecutionAlreadyExists')) { throw error; }
    }
  }

  /** undefined: it was never started, or is forgotten, as any is 90 days after its end. */
  public async find(snapshotId: string): Promise<ExecutionState | undefined> {
    const ended = await this.describe(this.arnOf(snapshotId));
    switch (ended?.status) {
      case undefined: return undefined;
      case 'SUCCEEDED': return { status: 'SUCCEEDED' };
      case 'FAILED': return { status: 'FAILED', reason: sentenceOf(ended) };
      case 'TIMED_OUT': return { status: 'FAILED', reason: 'the transfer did not end in time' };
      case 'ABORTED': return { status: 'FAILED', reason: 'the transfer was stopped' };
      default: return { status: 'RUNNING' };
    }
  }

  public async stop(snapshotId: string): Promise<void> {
    const execution = await this.describe(this.arnOf(snapshotId));
    if (execution?.status !== 'RUNNING') { return; }
    await this.call('StopExecution', () => this.sfn.send(new StopExecutionCommand({
      executionArn: this.arnOf(snapshotId), error: 'Deleted', cause: 'it is being deleted',
    })));
    log({ event: 'stopped the transfer', snapshotId });
  }

  private async describe(executionArn: string) {
    try {
      return await this.call('DescribeExecution', () => this.sfn.send(new DescribeExecutionCommand({ executionArn })));
    } catch (error) {
      if (isNamed(error, 'ExecutionDoesNotExist')) { return undefined; }
      throw error;
    }
  }

  private arnOf(snapshotId: string): string {
    return `${this.stateMachineArn.replace(':stateMachine:', ':execution:')}:${snapshotId}`;
  }

  private call<T>(action: string, request: () => Promise<T>): Promise<T> {
    return retrying(request, { what: action }).catch(error => {
      if (isNamed(error, 'ExecutionAlreadyExists', 'ExecutionDoesNotExist')) { throw error; }
      throw new Error(`states:${action} failed: ${saidBy(error)}`);
    });
  }
}

/** The cause of a failed function is its error, as JSON. */
function sentenceOf({ error, cause }: { readonly error?: string; readonly cause?: string }): string {
  try {
    const { errorMessage } = JSON.parse(cause ?? '') as { errorMessage?: string };
    if (errorMessage) { return errorMessage; }
  } catch {
    // Not the error of a function.
  }
  if (error === 'States.ExceedToleratedFailureThreshold') {
    // A Distributed Map hides why; a worker that could not even write to the transfer bucket has left no reason there.
    return 'a part of the image could not be transferred, and the worker could not write the reason into the transfer bucket: '
      + 'may it, and its key, be used? The logs of the functions whose names contain Transfer say more';
  }
  return [error, cause].filter(Boolean).join(': ') || 'the transfer failed';
}
