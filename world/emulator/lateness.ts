import { createHash } from 'node:crypto';

/** The longest delays after which the world sees a change, in seconds. 0 switches one off. */
export interface LatenessOptions {
  /** Policies of roles, roles as principals, and the trust of roles. @default 20 */
  readonly iam?: number;
  /** New snapshots and their tags in listings of EC2. @default 10 */
  readonly snapshotListing?: number;
  /** New AMIs and their tags in listings of EC2. @default 10 */
  readonly imageListing?: number;
  /** The status of a stack and its resources in DescribeStacks and DescribeStackResources. @default 0 */
  readonly stackStatus?: number;
}

const DEFAULTS: Required<LatenessOptions> = { iam: 20, snapshotListing: 10, imageListing: 10, stackStatus: 0 };

/**
 * Delays of what AWS propagates with time. A delay depends on the seed, on the thing that changed, and on how often that changed before,
 * never on the order in which parallel work happens to run. So a seed plays the same delays again.
 */
export class Lateness {
  private readonly changes = new Map<string, number>();
  private readonly suspended = new Set<keyof LatenessOptions>();
  private fixed: { readonly kind: keyof LatenessOptions; readonly things: RegExp; readonly milliseconds: number }[] = [];
  private readonly longest: Required<LatenessOptions>;

  constructor(private readonly seed: number, options: LatenessOptions = {}) {
    this.longest = { ...DEFAULTS, ...options };
  }

  /** Lets changes of a kind be seen at once, as if they had been made long before, until the returned function is called. */
  public suspend(kind: keyof LatenessOptions): () => void {
    this.suspended.add(kind);
    return () => { this.suspended.delete(kind); };
  }

  /**
   * Gives all changes of a kind the same delay if the thing matches, until the returned function is called. The things of `stackStatus`
   * are `<stack id>` and `<stack id>/<logical id>`.
   */
  public fix(kind: keyof LatenessOptions, things: RegExp, seconds: number): () => void {
    const entry = { kind, things, milliseconds: seconds * 1000 };
    this.fixed.push(entry);
    return () => { this.fixed = this.fixed.filter(other => other !== entry); };
  }

  /** Returns the milliseconds after which this change of the thing is seen. */
  public delay(kind: keyof LatenessOptions, thing: string): number {
    const key = `${kind}/${thing}`;
    const change = this.changes.get(key) ?? 0;
    this.changes.set(key, change + 1);
    if (this.suspended.has(kind)) { return 0; }
    const fixed = this.fixed.find(one => one.kind === kind && one.things.test(thing));
    if (fixed) { return fixed.milliseconds; }
    const digest = createHash('sha256').update(`${this.seed}/${key}/${change}`).digest();
    return Math.round(digest.readUInt32BE() / 0xffff_ffff * this.longest[kind] * 1000);
  }
}
