/** One rule by which a state machine repeats a task that failed. */
export interface Retrier {
  /** Names of errors, as Step Functions has them. */
  readonly errors: readonly string[];
  /** Seconds before the first repetition; each further one waits twice as long. */
  readonly intervalSeconds: number;
  /** @default - no limit */
  readonly maxDelaySeconds?: number;
  readonly maxAttempts: number;
  /** Whether each pause is chosen at random between nothing and the whole. */
  readonly jitter?: boolean;
}

/** Lambda failed, or the process of the function did. An error that the function throws is final, because the function repeats its own calls. */
export const LAMBDA_FAILED: Retrier = {
  errors: [
    'Lambda.ServiceException',
    // Also if the role of the state machine may not invoke the function, because IAM applies its policy late.
    'Lambda.AWSLambdaException',
    'Lambda.AccessDeniedException',
    'Lambda.SdkClientException',
    'Lambda.ClientExecutionTimeoutException',
    'Lambda.Unknown',
    // A process that was killed, for want of memory say.
    'Runtime.ExitError',
    'Sandbox.Timedout',
  ],
  intervalSeconds: 2,
  maxAttempts: 6,
};

/**
 * Lambda has no free concurrency. New accounts have ten executions for everything, and another import may hold them for hours. The pauses
 * differ at random, otherwise all workers that were refused at once would ask at once again. 2,000 pauses take more than 16 hours and
 * 6,000 of the 25,000 events that the history of an execution may have; the deadline of the transfer ends most of them before.
 */
export const NO_CONCURRENCY: Retrier = {
  errors: ['Lambda.TooManyRequestsException'],
  intervalSeconds: 2,
  maxDelaySeconds: 60,
  maxAttempts: 2_000,
  jitter: true,
};

/** The errors of tasks that a state machine repeats. */
export const RETRIERS: readonly Retrier[] = [LAMBDA_FAILED, NO_CONCURRENCY];

/** The state machine may not run its Distributed Map: that right is a policy made after it, which IAM applies late. */
export const MAP_DENIED: Retrier = { errors: ['States.Permissions'], intervalSeconds: 2, maxAttempts: 5 };
