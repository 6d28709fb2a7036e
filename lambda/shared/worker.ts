import { inOperation } from './denials';
import { RETRY_POLICIES } from './retry';

/**
 * Wraps the handler of a function that a state machine or a rule invokes, so that it repeats calls that are denied in its first minute:
 * its role may have a policy that is as young as the resource.
 */
export function worker<A extends unknown[], R>(handler: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
  return (...args) => inOperation({ began: Date.now(), secondsForDenials: async () => RETRY_POLICIES.DENIAL.seconds }, () => handler(...args));
}
