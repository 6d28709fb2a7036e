import { setTimeout as sleep } from 'node:timers/promises';

/** Says when the next block may be put, and learns from how the service took the others. */
export interface Pacer {
  /** Resolves when a put may be sent: called before every attempt. */
  acquire(): Promise<void>;
  /** The service refused a put because there were too many. */
  throttled(): void;
  succeeded(): void;
}

/** What was not used is kept for so long: the service's own buckets hold as much. */
const BURST_SECONDS = 1;
/** Puts that were under way already when the rate was halved are no news. */
const REACTION_MILLISECONDS = 500;
/** From nothing to its share. Slower, and capacity is wasted; faster, and more puts are refused: see the simulation. */
const CLIMB_SECONDS = 30;
/** Below this part of its share, and this rate, no worker falls: it would hear of free capacity too late, and not end in time. */
const LEAST_PART = 1 / 32;
const LEAST_RATE = 4;

/**
 * A token bucket whose rate follows what the service takes: halved when a put
 * is throttled, and climbing again with every one that succeeds, to at most
 * the worker's share of the budget.
 *
 * Workers know nothing of each other. Those of one import have shares that
 * add up to its budget; those of several, or another user of the account, meet at
 * the service: whoever sends more is refused more often, so they come to send the same.
 */
export class SharePacer implements Pacer {
  private rate: number;
  private readonly least: number;
  private tokens: number;
  private filled = Date.now();
  private halved = -Infinity;
  private readonly waiting: symbol[] = [];
  /** What is really sent may be less than the rate allows, by far; a second's count of it. */
  private sent = { since: Date.now(), count: 0, perSecond: Infinity };

  /** @param share Puts per second: the worker's part of the import's budget. */
  constructor(private readonly share: number) {
    this.rate = share;
    this.least = Math.min(share, Math.max(share * LEAST_PART, LEAST_RATE));
    this.tokens = share * BURST_SECONDS;
  }

  /** In the order of the calls. */
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
    // Divided by the rate, for there are as many successes in a second.
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
 * The pacer of this process for an import. The ranges that a process copies one
 * after the other have the same one: it knows what the service takes, and makes
 * up for the pause between them. Nothing is lost with it but that.
 */
export function pacerFor(snapshotId: string, share: number): Pacer {
  if (latest?.snapshotId !== snapshotId || latest.share !== share) { latest = { snapshotId, share, pacer: new SharePacer(share) }; }
  return latest.pacer;
}
