import type { Call } from './call';
import type { CloudFormationEvent } from './cloudformation-event';
import type { Answer } from './response';
import type { WaiterState } from '../../../src/contract/answering';
import type { ActResult } from '../resource-event';

/** The state of the execution that does one call: all that its steps pass on to each other. */
export interface ExecutionState extends WaiterState {
  /** Executions outlive the code that began them, because an update of the stack may replace it. */
  readonly version: 1;
  readonly event: CloudFormationEvent;
  readonly call: Call;
  /** The result of the first step. */
  readonly begun?: ActResult;
  readonly answer?: Answer;
}

/** Returns the state in which an execution begins. */
export function initialState(event: CloudFormationEvent, call: Call): ExecutionState {
  return { version: 1, event, call, next: 'act', wait: 0 };
}

/** Returns the state whose answer is a success. */
export function succeeded(state: ExecutionState, physicalId: string, attributes: object | undefined): ExecutionState {
  return { ...state, next: 'answer', wait: 0, answer: { physicalId, attributes } };
}
