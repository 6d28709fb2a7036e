import { setTimeout as sleep } from 'node:timers/promises';
import { endOfDenials, isDenial, sayHowLong } from './denials';
import { isNamed, nameOf, withCauses } from './errors';
import { log } from './log';
import { currentPatience } from './patience';

/** How long a call is repeated. */
export interface RetryPolicy {
  /** Time limit for errors that pass by themselves: throttling, server errors, broken connections. */
  readonly seconds: number;
  /** Time limit once an error matched by `retryIf` has occurred. @default - `seconds` */
  readonly retryIfSeconds?: number;
  /** Throws throttling at once, because the caller is a poll that is repeated anyway. */
  readonly throwThrottles?: boolean;
  /** Throws a denial at once, because the caller can do without the call. */
  readonly throwDenials?: boolean;
}

/** Every retry policy of this library. A call that names none has `CALL`. */
export const RETRY_POLICIES = {
  /** A call of a handler whose function has two minutes. */
  CALL: { seconds: 90 },
  /** The first call of a poll. All of EFS shares one rate limit, so the next poll is soon enough. */
  POLL: { seconds: 90, throwThrottles: true },
  /** Questions to CloudFormation, which are asked beside the work itself. */
  STACK_STATUS: { seconds: 30 },
  /** The question whether CloudFormation waits for a resource, which a step asks before it begins. */
  RESOURCE_STATUS: { seconds: 10, throwDenials: true },
  /** The calls that an answer to CloudFormation needs. */
  ANSWER: { seconds: 60 },
  /** After StartSnapshot, some hosts of EBS direct do not know the snapshot for up to two minutes, as its team says. */
  SNAPSHOT_VISIBILITY: { seconds: 150 },
  /** EC2 lists snapshots and tags late. */
  SNAPSHOT_LISTING: { seconds: 90, retryIfSeconds: 30 },
  /** EC2 lists a registered image late. */
  IMAGE_LISTING: { seconds: 90, retryIfSeconds: 60 },
  /** EC2 may list an image for some seconds after it was deregistered. */
  NAME_RELEASE: { seconds: 60, retryIfSeconds: 20 },
  /** EFS learns late from EC2 that a security group exists, or that a network interface is gone. */
  NETWORK_VISIBILITY: { seconds: 90, retryIfSeconds: 30 },
  /** EFS learns late from IAM that a role or user in a policy exists. */
  PRINCIPAL_VISIBILITY: { seconds: 90, retryIfSeconds: 60 },
  /** A streamed body may take minutes before it fails, and then has to be sent again. */
  STREAM: { seconds: 600 },
  /** A call that the caller can do without if the function may not make it. */
  OPTIONAL: { seconds: 90, throwDenials: true },
  /** All calls of an operation that are denied, from its beginning on: IAM applies a policy that was made just before it late. */
  DENIAL: { seconds: 60 },
  /** The same for a deletion, whose policy is older, unless the stack changes it in the same operation. */
  DENIED_DELETION: { seconds: 30 },
} as const satisfies Record<string, RetryPolicy>;

export interface RetryOptions {
  /** @default RETRY_POLICIES.CALL */
  readonly policy?: RetryPolicy;
  /** Matches further errors that pass by themselves. When time is up, the most frequent of them is thrown, not the latest. */
  readonly retryIf?: (error: unknown) => boolean;
  /** Matches further errors that pass once IAM has applied a change. They are repeated as denials are. */
  readonly deniedIf?: (error: unknown) => boolean;
  /** What is being tried, for the log. */
  readonly what?: string;
  /** Called before every pause; true ends the retries as if their time were over. */
  readonly giveUp?: () => boolean;
  /** Called with the error before every repetition. */
  readonly onRetry?: (error: unknown) => void;
}

const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 5_000;

/**
 * Calls `attempt` until it succeeds, fails for good, or the time of the policy is over; a denial, until the time of the operation for
 * denials is over. This is the only layer of retries: the SDK's own is switched off (`client-config.ts`), so one call is one request.
 * Pauses double, and vary at random by half.
 */
export async function retrying<T>(attempt: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { retryIf, deniedIf, what, giveUp, onRetry } = options;
  const policy: RetryPolicy = options.policy ?? RETRY_POLICIES.CALL;
  const begin = Date.now();
  const frequent = new ErrorCounts();
  let signedAgain = false;
  let deniedSince: number | undefined;
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!signedAgain && isRefusedSignature(error)) {
        signedAgain = true;
        onRetry?.(error);
        log({ event: 'sign again', what, error: nameOf(error) });
        continue;
      }
      const denied = isDenial(error) || deniedIf?.(error) === true;
      const passes = denied || passesByItself(error);
      if (!passes && retryIf?.(error) !== true) { throw error; }
      if (policy.throwThrottles && isThrottle(error)) { throw error; }
      if (policy.throwDenials && denied) { throw error; }
      if (!passes) { frequent.add(error); }
      deniedSince ??= denied ? Date.now() : undefined;
      const seconds = frequent.isEmpty ? policy.seconds : policy.retryIfSeconds ?? policy.seconds;
      const endOfPolicy = denied ? await endOfDenials() : begin + 1000 * seconds;
      const end = endOf(error, denied || isThrottle(error) || !passes, endOfPolicy);
      const pause = pauseAfter(tries);
      if (Date.now() + pause > end && end < endOfPolicy && Date.now() < begin + ENOUGH_MILLISECONDS) { postponed.add(error as object); }
      if (Date.now() + pause > end || giveUp?.()) {
        if (isPostponed(error)) { throw error; }
        throw denied ? sayHowLong(error, deniedSince!) : frequent.most ?? error;
      }
      onRetry?.(error);
      log({ event: 'retry', what, tries, error: nameOf(error) });
      await sleep(pause);
    }
  }
}

/** When the repetitions end: the time of the invocation may prolong those of throttling, and limit all. */
function endOf(error: unknown, refused: boolean, endOfPolicy: number): number {
  const patience = currentPatience();
  if (!patience) { return endOfPolicy; }
  const { limits, refusedEnd = patience.end } = patience;
  const end = refused ? refusedEnd : patience.end;
  const wanted = isThrottle(error) ? Math.max(end, endOfPolicy) : endOfPolicy;
  return limits ? Math.min(end, wanted) : wanted;
}

/** Errors of calls that were not repeated for as long as their policy says, because the invocation had no more time. */
const postponed = new WeakSet<object>();
/** Time after which a call that fails has been repeated often enough to be believed. */
const ENOUGH_MILLISECONDS = 45_000;

/** Returns whether the next invocation should repeat the call: the service throttles, or there was no more time. */
export function isPostponed(error: unknown): boolean {
  return withCauses(error).some(each => postponed.has(each as object)) || (currentPatience() !== undefined && isThrottle(error));
}

/** Calls `find` until it finds something, because EC2 lists new things late. Returns nothing if it never does. */
export async function findLate<T>(find: () => Promise<T[]>, what: string): Promise<T[]> {
  const missing = new Error('nothing is listed');
  try {
    return await retrying(async () => {
      const found = await find();
      if (found.length === 0) { throw missing; }
      return found;
    }, { policy: RETRY_POLICIES.SNAPSHOT_LISTING, retryIf: error => error === missing, what });
  } catch (error) {
    if (error === missing) { return []; }
    throw error;
  }
}

function pauseAfter(tries: number): number {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(tries, 10)) * (0.5 + Math.random() / 2);
}

/** The errors of a call by name and reason: the most frequent one says more than the latest. */
class ErrorCounts {
  private readonly counts = new Map<string, { readonly count: number; readonly error: unknown }>();

  public add(error: unknown): void {
    const kind = `${nameOf(error)} ${(error as { Reason?: string }).Reason ?? ''}`;
    this.counts.set(kind, { count: (this.counts.get(kind)?.count ?? 0) + 1, error });
  }

  public get isEmpty(): boolean {
    return this.counts.size === 0;
  }

  /** undefined: there was none. */
  public get most(): unknown {
    return [...this.counts.values()].sort((a, b) => b.count - a.count)[0]?.error;
  }
}

const THROTTLES = [
  'ThrottlingException', 'Throttling', 'ThrottledException', 'RequestThrottled', 'RequestThrottledException', 'RequestLimitExceeded',
  'TooManyRequestsException', 'SlowDown', 'EC2ThrottledException', 'RequestThrottleException',
];
const REFUSED_SIGNATURES = ['InvalidSignatureException', 'SignatureDoesNotMatch', 'RequestExpired', 'RequestTimeTooSkewed', 'RequestInTheFuture'];
const BROKEN_CONNECTIONS = ['TimeoutError', 'AbortError', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'];

/** Whether the service asks to come back later: by the name of the error, or by the status alone, as S3 does in answers to HEAD. 429 has other meanings too. */
export function isThrottle(error: unknown): boolean {
  return isNamed(error, ...THROTTLES) || withCauses(error).some(each => statusOf(each) === 503);
}

/** Throttling, a fault of the service, or a connection that broke. */
export function passesByItself(error: unknown): boolean {
  return isThrottle(error) || withCauses(error).some(each => {
    const { code, message } = each as { code?: string; message?: string };
    return statusOf(each) >= 500
      || isNamed(each, ...BROKEN_CONNECTIONS)
      || (code !== undefined && BROKEN_CONNECTIONS.includes(code))
      || /socket hang up|Error: aborted/i.test(message ?? '');
  });
}

function statusOf(error: unknown): number {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 0;
}

/**
 * Returns whether a request was signed with a wrong time, or too long ago because it was held up. The SDK takes the service's time
 * from the answer, so one repetition is enough. Where the name says too little, as in answers to HEAD, the SDK's mark decides.
 */
function isRefusedSignature(error: unknown): boolean {
  const { clockSkewCorrected } = (error as { $metadata?: { clockSkewCorrected?: boolean } }).$metadata ?? {};
  return isNamed(error, ...REFUSED_SIGNATURES) || (isNamed(error, 'AuthFailure', 'Unknown') && clockSkewCorrected === true);
}
