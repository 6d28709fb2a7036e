import { failedId, interruptedId } from './call';
import type { ExecutionState } from './execution-state';
import type { Answer } from './response';

/**
 * Returns the physical id with which a call fails: that of the thing, if there is one, so that CloudFormation deletes it. A replacement has
 * the id of the new thing as soon as it exists.
 */
function idOf({ event, begun }: ExecutionState, otherwise: string): string {
  const made = begun?.Deferred === undefined ? begun?.PhysicalResourceId : undefined;
  return made ?? event.PhysicalResourceId ?? otherwise;
}

/** Returns the state whose answer is this error. */
export function failed(state: ExecutionState, error: unknown): ExecutionState {
  return { ...state, next: 'answer', wait: 0, answer: { physicalId: idOf(state, failedId(state.call)), reason: (error as Error).message } };
}

/** Returns the answer that was decided, or the one for an execution whose steps failed for want of infrastructure. */
export function answerOf(state: ExecutionState): Answer {
  return state.answer ?? interrupted(state, reasonOf(state.failure));
}

/** Returns the answer for a call of which no step has returned an error: one may still be running. */
export function interrupted(state: ExecutionState, reason: string): Answer {
  return { physicalId: idOf(state, interruptedId(state.call)), reason };
}

/** Returns why a step failed again and again. The cause is what Lambda returned, as JSON, or the text of Step Functions. */
export function reasonOf({ Error: name = 'unknown error', Cause: cause = '' }: ExecutionState['failure'] = {}): string {
  let said: string | undefined;
  try {
    said = (JSON.parse(cause) as { errorMessage?: string }).errorMessage;
  } catch {
    said = cause;
  }
  return `the function of this resource failed again and again, at last with ${name}: ${said ?? cause}`;
}
