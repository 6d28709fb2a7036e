/** Environment variables of the function that answers CloudFormation. */
export const ANSWERING_ENVIRONMENT = {
  /** ARN of the state machine that calls the function again. */
  waiter: 'WAITER_ARN',
  /** Id (ARN) of the stack. Calls for other stacks are refused. */
  stackId: 'STACK_ID',
  /** Id of the VPC in which the function runs, if it runs in one. */
  vpcId: 'VPC_ID',
} as const;

/** How long one step may take: the timeout of the function. */
export const STEP_SECONDS = 120;

/** How long CloudFormation waits for an answer; the longest that it allows. */
export const SERVICE_TIMEOUT_SECONDS = 3_600;

/** The longest pause before a poll, also before one that a token was to bring about. */
export const LONGEST_PAUSE_SECONDS = 20;

/**
 * The step that an execution of the waiter calls next. `await`: a poll, as soon as a transfer returns the token that this step leaves for it.
 * `answer` is the last one.
 */
export type Next = 'act' | 'poll' | 'await' | 'answer';

/** The members of an execution's state that the waiter reads; the function returns the state anew at the end of each step. */
export interface WaiterState {
  readonly event: { readonly ResourceProperties: { readonly ServiceToken: string } };
  readonly next: Next;
  /** Seconds before the next step. */
  readonly wait: number;
  /** The error of Step Functions, if steps failed more often than it repeats them. */
  readonly failure?: { readonly Error?: string; readonly Cause?: string };
}

/** The payload that the waiter sends to the function for each step. */
export interface StepRequest<S extends WaiterState> {
  readonly state: S;
  /** Ends the wait of the execution, in the step `await`. It must not get into logs or errors. */
  readonly token?: string;
}
