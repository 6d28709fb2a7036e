import { ServiceError } from '../service';

/** What new accounts have until they ask for more. */
export const NEW_ACCOUNT_CONCURRENCY = 10;
const DEFAULT_CONCURRENCY = 1_000;

/** Executions at once: those of a function with a reserve count against that, all others against what the account has beside the reserves. */
export class Concurrency {
  /** The most that ran at once against the account's limit. */
  public peak = 0;
  /** Invocations that were refused by the account's limit. */
  public refused = 0;
  private running = 0;

  /** @param reserved Sum of the reserves of all functions. */
  constructor(private readonly reserved: () => number, private readonly limit: number = DEFAULT_CONCURRENCY) {}

  /** Takes a place, and returns what gives it back; throws if there is none. */
  public take(): () => void {
    if (this.running >= this.limit - this.reserved()) {
      this.refused++;
      throw tooManyRequests('ConcurrentInvocationLimitExceeded');
    }
    this.peak = Math.max(this.peak, ++this.running);
    return () => { this.running--; };
  }
}

export function tooManyRequests(Reason: string): ServiceError {
  return new ServiceError('TooManyRequestsException', 429, 'Rate Exceeded.', { Reason });
}
