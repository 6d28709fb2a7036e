/** Faults between a client and a service that a test injects. */
export type Fault =
  /** The service refuses, with this error. */
  | { readonly kind: 'error'; readonly code: string; readonly status: number; readonly message: string; readonly members?: Record<string, string> }
  /** The connection breaks before the service has acted. */
  | { readonly kind: 'reset' }
  /** The service acts, and then the connection breaks: the answer is lost. */
  | { readonly kind: 'lost-answer' }
  /** The service acts, but of its answer's body only the first half arrives. */
  | { readonly kind: 'truncate' }
  /** The service never answers. */
  | { readonly kind: 'stall' }
  /** The process of the calling function is killed before the service acts, or after that and before the answer arrives. */
  | { readonly kind: 'kill'; readonly when: 'before' | 'after' };

export const THROTTLE: Fault = { kind: 'error', code: 'ThrottlingException', status: 400, message: 'Rate exceeded' };
export const BROKEN: Fault = { kind: 'error', code: 'InternalServerError', status: 500, message: 'internal error' };
export const KILLED_BEFORE: Fault = { kind: 'kill', when: 'before' };
export const KILLED_AFTER: Fault = { kind: 'kill', when: 'after' };
/** S3's refusal at CloudFormation's ResponseURLs, whose operation is `response:Put`. */
export const RESPONSE_HOST_BUSY: Fault = { kind: 'error', code: 'SlowDown', status: 503, message: 'Please reduce your request rate.' };

/** Returns the fault of a call, or undefined if nothing goes wrong. */
export type Chooser = (operation: string) => Fault | undefined;

interface Plan {
  readonly name: string;
  readonly matches: (operation: string) => boolean;
  readonly skip: number;
  /** Infinity for a fault that lasts. */
  readonly times: number;
  readonly byChance: boolean;
  readonly when: () => boolean;
  readonly effect: () => Fault | undefined;
  seen: number;
  fired: number;
}

/**
 * The faults that a test has planned for calls of services. A test whose fault never happens has tested nothing, so `clear`
 * throws, also when the server closes. Campaigns, in which chance decides what happens, say `byChance`.
 */
export class Faults {
  private plans: Plan[] = [];
  private chooser: { readonly choose: Chooser; readonly byChance: boolean; fired: number } | undefined;

  /** Makes the next `times` calls of an operation (`ebs:PutSnapshotBlock`) fail, after `skip` calls that succeed. */
  public inject(operation: string, fault: Fault, { times = 1, skip = 0, byChance = false } = {}): void {
    this.plan(operation, { skip, times, byChance, effect: () => fault });
  }

  /** Makes all calls of these operations fail as long as `lasts` returns true, as a service does that throttles for minutes. */
  public persist(operations: RegExp, fault: Fault, lasts: () => boolean): void {
    this.plan(operations, { times: Infinity, when: lasts, effect: () => fault });
  }

  /** Runs an action just before the service handles the next `times` calls of an operation for which `when` holds. */
  public before(operation: string, action: () => void, { times = 1, when = (): boolean => true } = {}): void {
    this.plan(operation, { times, when, effect: () => void action() });
  }

  /** Lets a function decide for every call that no plan is for, from a seed for example. */
  public choose(choose: Chooser, { byChance = false } = {}): void {
    this.chooser = { choose, byChance, fired: 0 };
  }

  /** Forgets all plans. Throws if one of them has not come true. */
  public clear(): void {
    const missed = this.missed();
    this.plans = [];
    this.chooser = undefined;
    if (missed.length > 0) { throw new Error(`faults that a test planned, and that did not happen: ${missed.join('; ')}`); }
  }

  /** Returns what happens to this call, and counts it. */
  public next(operation: string): Fault | undefined {
    for (const plan of this.plans) {
      if (!plan.matches(operation) || plan.fired === plan.times || !plan.when() || plan.seen++ < plan.skip) { continue; }
      plan.fired++;
      const fault = plan.effect();
      if (fault) { return fault; }
    }
    const fault = this.chooser?.choose(operation);
    if (fault) { this.chooser!.fired++; }
    return fault;
  }

  private plan(operation: string | RegExp, details: Pick<Plan, 'times' | 'effect'> & Partial<Plan>): void {
    const matches = (called: string) => typeof operation === 'string' ? operation === called : operation.test(called);
    this.plans.push({ skip: 0, byChance: false, when: () => true, ...details, name: String(operation), matches, seen: 0, fired: 0 });
  }

  /** A fault that lasts has to happen once, any other as often as planned. */
  private missed(): string[] {
    const missed = this.plans.filter(({ byChance, fired, times }) => !byChance && fired < (times === Infinity ? 1 : times))
      .map(({ name, fired, times, skip, seen }) =>
        `${name}, ${fired} of ${times} times${skip > 0 ? ` after ${skip} calls` : ''} (${seen} calls seen)`);
    const { byChance, fired, choose } = this.chooser ?? { byChance: true, fired: 0 };
    return byChance || fired > 0 ? missed : [...missed, `none of those that this function chooses: ${choose}`];
  }
}
