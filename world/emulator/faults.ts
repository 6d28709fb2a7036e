/** What can go wrong between a client and a service, on purpose. */
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
  | { readonly kind: 'stall' };

export const THROTTLE: Fault = { kind: 'error', code: 'ThrottlingException', status: 400, message: 'Rate exceeded' };
export const BROKEN: Fault = { kind: 'error', code: 'InternalServerError', status: 500, message: 'internal error' };

/** Faults that wait for the calls they are meant for. */
export class Faults {
  private plans: { readonly operation: string; readonly fault: Fault; skip: number; left: number }[] = [];
  private chooser: ((operation: string) => Fault | undefined) | undefined;

  /** The next `times` calls of an operation (`ebs:PutSnapshotBlock`) fail so, after `skip` that succeed. */
  public inject(operation: string, fault: Fault, { times = 1, skip = 0 } = {}): void {
    this.plans.push({ operation, fault, skip, left: times });
  }

  /** Lets a function decide for every call, from a seed for example. */
  public choose(chooser: (operation: string) => Fault | undefined): void {
    this.chooser = chooser;
  }

  public clear(): void {
    this.plans = [];
    this.chooser = undefined;
  }

  /** What shall happen to this call; consumes it. */
  public next(operation: string): Fault | undefined {
    for (const plan of this.plans) {
      if (plan.operation !== operation || plan.left === 0) { continue; }
      if (plan.skip > 0) { plan.skip--; continue; }
      plan.left--;
      return plan.fault;
    }
    return this.chooser?.(operation);
  }
}
