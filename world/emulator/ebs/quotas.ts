import type { Clock } from '../clock';
import { ServiceError } from '../service';

/** The service's default quotas: calls per second, but for the two that count snapshots. */
export const QUOTAS = {
  putPerAccount: 1000,
  putPerSnapshot: 1000,
  getPerAccount: 1000,
  getPerSnapshot: 1000,
  listSnapshotBlocks: 50,
  listChangedBlocks: 50,
  startSnapshot: 10,
  completeSnapshot: 10,
  pendingSnapshots: 100,
  snapshots: 100_000,
};

export type Quota = keyof typeof QUOTAS;

/** Refills steadily. */
class TokenBucket {
  private tokens: number;

  constructor(private readonly rate: number, private readonly depth: number, private time: number) {
    this.tokens = depth;
  }

  public take(now: number): boolean {
    this.tokens = Math.min(this.depth, this.tokens + (now - this.time) / 1000 * this.rate);
    this.time = now;
    if (this.tokens < 1) { return false; }
    this.tokens--;
    return true;
  }
}

/** Who may call how often; snapshots have buckets of their own, gone with them. */
export class Quotas {
  private readonly account = new Map<Quota, TokenBucket>();
  private readonly bySnapshot = new WeakMap<object, Map<Quota, TokenBucket>>();

  /** @param seconds Worth of each bucket. */
  constructor(private readonly clock: Clock, private readonly rates: Record<Quota, number>, private readonly seconds = 1) {}

  public limit(quota: Quota): number {
    return this.rates[quota];
  }

  /** A block call of the account, or of one snapshot. */
  public takeBlock(quota: Quota, snapshot?: object): void {
    if (this.take(quota, snapshot)) { return; }
    const [reason, what] = snapshot ? ['RESOURCE_LEVEL_THROTTLE', 'snapshot'] : ['ACCOUNT_THROTTLED', 'account'];
    throw new ServiceError('RequestThrottledException', 400, `The request rate of the ${what} is exceeded: ${quota}`, { Reason: reason });
  }

  /** Any other call, which only the account counts. */
  public takeCall(quota: Quota): void {
    if (!this.take(quota)) { throw new ServiceError('ThrottlingException', 400, `Rate exceeded: ${quota}`); }
  }

  private take(quota: Quota, snapshot?: object): boolean {
    const rate = this.rates[quota];
    if (rate === Infinity) { return true; }
    let buckets = this.account;
    if (snapshot) {
      buckets = this.bySnapshot.get(snapshot) ?? new Map();
      this.bySnapshot.set(snapshot, buckets);
    }
    if (!buckets.has(quota)) { buckets.set(quota, new TokenBucket(rate, Math.max(1, rate * this.seconds), this.clock.now())); }
    return buckets.get(quota)!.take(this.clock.now());
  }
}
