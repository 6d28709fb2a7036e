import { saidBy } from '../../shared/errors';

/** The part of Lambda's context that workers use. */
export interface Deadline {
  getRemainingTimeInMillis(): number;
}

/** A request may take 20 seconds to time out, and the progress has to be saved afterwards. */
const RESERVE_MILLISECONDS = 60_000;
/** The shortest shift whose transient errors are final if it got nothing done: a service that fails for so long does not recover in time. */
const LONG_SHIFT_MILLISECONDS = 10 * 60_000;

/** Returns the milliseconds that an invocation has for repeating calls: a shift gives up earlier. */
export function timeOf(deadline: Deadline): number {
  return deadline.getRemainingTimeInMillis() - RESERVE_MILLISECONDS / 2;
}

export interface ShiftOptions {
  /** Time that is kept for the end of the invocation. @default 60_000 */
  readonly reserveMilliseconds?: number;
}

/**
 * The time of one worker, which ends with the first failure or shortly before Lambda ends the invocation. Transient errors
 * that occur when time is nearly up are dropped: the next invocation repeats the work.
 */
export class Shift {
  private failure: { readonly error: unknown } | undefined;
  private dropped: { readonly error: unknown } | undefined;
  private readonly reserve: number;
  private readonly milliseconds: number;

  /** @param isTransient Whether the work that failed with this error may succeed when it is repeated. */
  constructor(
    private readonly deadline: Deadline, private readonly isTransient: (error: unknown) => boolean,
    { reserveMilliseconds = RESERVE_MILLISECONDS }: ShiftOptions = {},
  ) {
    this.reserve = reserveMilliseconds;
    this.milliseconds = deadline.getRemainingTimeInMillis() - reserveMilliseconds;
  }

  public get isOutOfTime(): boolean {
    return this.deadline.getRemainingTimeInMillis() < this.reserve;
  }

  public get hasFailed(): boolean {
    return this.failure !== undefined;
  }

  /** Whether to begin nothing new and to repeat no request. A property, so that it can be passed to clients. */
  public readonly giveUp = (): boolean => this.hasFailed || this.isOutOfTime;

  /** Runs `task` and keeps its error for `throwFailure`. Returns undefined if it failed. */
  public async attempt<T>(task: () => Promise<T>): Promise<T | undefined> {
    try {
      return await task();
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  /**
   * Calls `work` for each item in order, with at most `lanes` calls at once, until there is a failure or no time.
   * The first `always` items are begun even without time, so that every invocation makes progress.
   */
  public async forEach<T>(
    items: Iterable<T>, lanes: number, work: (item: T, lane: number) => Promise<void>, { always = 0 }: { readonly always?: number } = {},
  ): Promise<void> {
    const left = items[Symbol.iterator]();
    let begun = 0;
    await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
      while (!this.hasFailed && (begun < always || !this.isOutOfTime)) {
        const next = left.next();
        if (next.done) { return; }
        begun++;
        await this.attempt(() => work(next.value, lane));
      }
    }));
  }

  /** Throws the first error that was not dropped, if there is one. */
  public throwFailure(): void {
    if (this.failure) { throw this.failure.error; }
  }

  /**
   * Throws `what`, with the last error that was dropped, if the shift was a long one. To be called if it got nothing done: the next
   * invocation would hardly do better, and the reason would be lost.
   */
  public throwDropped(what: string): void {
    if (!this.dropped || this.milliseconds < LONG_SHIFT_MILLISECONDS) { return; }
    const { error } = this.dropped;
    throw new Error(`${what} in ${Math.round(this.milliseconds / 60_000)} minutes: ${saidBy(error)}`, { cause: error });
  }

  private fail(error: unknown): void {
    // A transient error is left to the next invocation if time is nearly up.
    if (this.isOutOfTime && this.isTransient(error)) {
      this.dropped = { error };
      return;
    }
    this.failure ??= { error };
  }
}
