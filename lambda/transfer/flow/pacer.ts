import { setTimeout as sleep } from 'node:timers/promises';

/** Decides when the next request may be sent, from how the service answered the earlier ones. */
export interface Pacer {
  /** Resolves when a request may be sent. Called before every attempt. */
  acquire(): Promise<void>;
  /** Called when the service throttled a request. */
  throttled(): void;
  /** Called when a request succeeded. */
  succeeded(): void;
}

/** Tokens that are not used, as between two ranges, are kept for a second, as in the service's own buckets. A new pacer has none: all workers start at once. */
const BURST_SECONDS = 1;
/** Requests that were under way when the rate was halved do not halve it again. */
const REACTION_MILLISECONDS = 500;
/** Time in which the rate climbs from nothing to the share. A longer one wastes capacity, a shorter one causes more throttling; see the simulation. */
const CLIMB_SECONDS = 30;
/** Smallest rate, as a part of the share and in requests per second. Below it, a worker would notice free capacity too late to end in time. */
const LEAST_PART = 1 / 32;
const LEAST_RATE = 4;

/**
 * A token bucket whose rate follows what the service takes: it is halved when a request is throttled, and climbs with
 * every request that succeeds, to at most the worker's share of the budget.
 *
 * Workers do not communicate. The shares of one import's workers add up to its budget. Several imports, or other users of
 * the account, are balanced by the service: the one that sends more is throttled more often, so all come to send the same.
 */
export class SharePacer implements Pacer {
  private rate: number;
  private readonly least: number;
  private tokens = 0;
  private filled = Date.now();
  private halved = -Infinity;
  private readonly waiting: symbol[] = [];
  /** Requests sent in the last full second; often far fewer than `rate` allows. */
  private sent = { since: Date.now(), count: 0, perSecond: Infinity };

  /** @param share Requests per second: the worker's part of the budget. */
  constructor(private readonly share: number) {
    this.rate = share;
    this.least = Math.min(share, Math.max(share * LEAST_PART, LEAST_RATE));
  }

  /** Resolves in the order of the calls. */
  public async acquire(): Promise<void> {
    const me = Symbol('put');
    this.waiting.push(me);
    while (!(this.waiting[0] === me && this.take())) {
      const missing = 1 + this.waiting.indexOf(me) - this.refill();
      // Timers count whole milliseconds.
      await sleep(Math.max(1, Math.ceil(missing / this.rate * 1000)));
    }
    this.waiting.shift();
  }

  public throttled(): void {
    const now = Date.now();
    if (now - this.halved < REACTION_MILLISECONDS) { return; }
    this.halved = now;
    this.rate = Math.max(Math.min(this.rate, this.sent.perSecond) / 2, this.least);
    this.tokens = Math.min(this.refill(), 0);
  }

  public succeeded(): void {
    // Divided by the rate, because that is the number of successes in a second.
    this.rate = Math.min(this.share, this.rate + this.share / CLIMB_SECONDS / this.rate);
  }

  private refill(): number {
    const now = Date.now();
    this.tokens = Math.min(Math.max(1, this.rate * BURST_SECONDS), this.tokens + Math.max(0, now - this.filled) / 1000 * this.rate);
    this.filled = now;
    return this.tokens;
  }

  private take(): boolean {
    if (this.refill() < 1) { return false; }
    this.tokens--;
    this.count();
    return true;
  }

  private count(): void {
    const now = Date.now();
    const { since, count } = this.sent;
    if (now - since >= 1000) {
      this.sent = { since: now, count: 1, perSecond: (count + 1) / (now - since) * 1000 };
    } else {
      this.sent.count++;
    }
  }
}

let latest: { readonly snapshotId: string; readonly share: number; readonly pacer: Pacer } | undefined;

/**
 * Returns the pacer of this process for a snapshot. The ranges that a process copies one after the other share it, because
 * it has found the rate that the service takes. A new process only has to find it again.
 */
export function pacerFor(snapshotId: string, share: number): Pacer {
  if (latest?.snapshotId !== snapshotId || latest.share !== share) { latest = { snapshotId, share, pacer: new SharePacer(share) }; }
  return latest.pacer;
}
