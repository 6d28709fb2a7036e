import { isRollbackDisabled, type OperationOptions } from './operation';
import type { Stack } from './stack';

/** The states from which a stack may be updated with and without a rollback. */
const SETTLED = ['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE'];
const PAUSED = ['CREATE_FAILED', 'UPDATE_FAILED'];

/** Returns whether the stack was left as an operation without rollback failed. */
export function isPaused({ status }: Stack): boolean {
  return PAUSED.includes(status);
}

export function refuseUpdate(stack: Stack, options: OperationOptions): void {
  const { id, status } = stack;
  if (!isPaused(stack)) {
    if (!SETTLED.includes(status)) { throw new Error(`Stack:${id} is in ${status} state and can not be updated.`); }
    return;
  }
  if (stack.express && !options.express) {
    throw new Error(`This stack is in a ${status} state from a previous operation that used EXPRESS deployment mode with disable-rollback. `
      + 'Follow-up operations must use the same DeploymentConfig (mode=EXPRESS) until the stack reaches a *_COMPLETE state');
  }
  if (!isRollbackDisabled(options)) {
    throw new Error(`This stack is currently in a non-terminal [${status}] state. To update the stack from this state, please use the `
      + 'disable-rollback parameter with update-stack API. To rollback to the last known good state, use the rollback-stack API');
  }
}

export function refuseRollback(stack: Stack): void {
  if (!isPaused(stack)) { throw new Error(`Stack:${stack.id} is in ${stack.status} state and can not be rolled back.`); }
  if (stack.express) {
    throw new Error('RollbackStack is not supported for stacks that were last updated using EXPRESS deployment mode and are in a failed state');
  }
}

export function refuseContinuing(stack: Stack, resourcesToSkip: readonly string[]): void {
  if (stack.status !== 'UPDATE_ROLLBACK_FAILED') {
    throw new Error(`Stack:${stack.id} is in ${stack.status} state and can not continue to be rolled back.`);
  }
  const wrong = resourcesToSkip.filter(id => stack.resources.get(id)?.status !== 'UPDATE_FAILED');
  if (wrong.length > 0) { throw new Error(`The following resources to skip are not in UPDATE_FAILED state: [${wrong.join(', ')}]`); }
}

export function refuseDeletion(stack: Stack, retain: readonly string[]): void {
  if (stack.inProgress) { throw new Error(`Stack:${stack.id} is in ${stack.status} state and can not be deleted by the player.`); }
  if (retain.length === 0) { return; }
  if (stack.status !== 'DELETE_FAILED') {
    throw new Error(`Invalid operation on stack ${stack.id}. When specifying RetainResources, the stack must be in the DELETE_FAILED state.`);
  }
}
