import { setTimeout as sleep } from 'node:timers/promises';
import { isNamed, nameOf } from './errors';
import { log } from './log';

export interface RetryOptions {
  /** Further errors that pass by themselves, beside throttling, server errors and broken connections. */
  readonly also?: (error: unknown) => boolean;
  /** Give up when this much time has passed. @default 90 seconds: `onEvent` has two minutes */
  readonly seconds?: number;
  /** Throttling is not waited out but thrown, by a poll that will be repeated anyway. */
  readonly hasty?: boolean;
  /** For the errors of `also`, of which the most frequent is told in the end, whatever comes last. @default - as `seconds` */
  readonly alsoSeconds?: number;
  /** What is being tried, for the log. */
  readonly what?: string;
  /** Asked before every pause: true ends the retries, as if their time were over. */
  readonly giveUp?: () => boolean;
  /** Told what failed before every repetition. */
  readonly onRetry?: (error: unknown) => void;
}

const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 5_000;

/**
 * The only layer of retries: the SDK's own is switched off (`client-config.ts`),
 * so that one call is one request. Pauses double, with full jitter.
 */
export async function retrying<T>(
  attempt: () => Promise<T>, { also, seconds = 90, alsoSeconds = seconds, hasty, what, giveUp, onRetry }: RetryOptions = {},
): Promise<T> {
  const begin = Date.now();
  const telling = new Map<string, { readonly count: number; readonly error: unknown }>();
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const passes = passesByItself(error);
      const known = !passes && also?.(error) === true;
      if (known) { telling.set(kindOf(error), { count: (telling.get(kindOf(error))?.count ?? 0) + 1, error }); }
      const end = begin + (telling.size === 0 ? seconds : alsoSeconds) * 1000;
      const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(tries, 10)) * (0.5 + Math.random() / 2);
      if ((!passes && !known) || (hasty && isThrottle(error))) { throw error; }
      if (Date.now() + pause > end || giveUp?.()) { throw [...telling.values()].sort((a, b) => b.count - a.count)[0]?.error ?? error; }
      onRetry?.(error);
      log({ event: 'retry', what, tries, error: nameOf(error) });
      await sleep(pause);
    }
  }
}

function kindOf(error: unknown): string {
  return `${nameOf(error)} ${(error as { Reason?: string }).Reason ?? ''}`;
}

const THROTTLES = [
  'ThrottlingException', 'Throttling', 'ThrottledException', 'RequestThrottled', 'RequestThrottledException', 'RequestLimitExceeded',
  'TooManyRequestsException', 'SlowDown', 'EC2ThrottledException', 'RequestThrottleException',
];
const BROKEN_CONNECTIONS = ['TimeoutError', 'AbortError', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'];

export function isThrottle(error: unknown): boolean {
  return isNamed(error, ...THROTTLES);
}

/** Throttling, a fault of the service, or a connection that broke. */
export function passesByItself(error: unknown): boolean {
  const { code, $metadata, message } = error as { code?: string; $metadata?: { httpStatusCode?: number }; message?: string };
  return isThrottle(error)
    || ($metadata?.httpStatusCode ?? 0) >= 500
    || isNamed(error, ...BROKEN_CONNECTIONS)
    || (code !== undefined && BROKEN_CONNECTIONS.includes(code))
    || /socket hang up|Error: aborted/i.test(message ?? '');
}
