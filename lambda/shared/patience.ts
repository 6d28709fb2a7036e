import { AsyncLocalStorage } from 'node:async_hooks';
import { STEP_SECONDS } from '../../src/contract/answering';

/** The time of one invocation for repeating calls. */
export interface Patience {
  /** Milliseconds since 1970. */
  readonly end: number;
  /** The same for calls that were refused: they have done nothing. @default - `end` */
  readonly refusedEnd?: number;
  /** Whether all calls have to end by then. Otherwise the time only prolongs the repetition of throttled ones. */
  readonly limits: boolean;
}

/** For functions that have 15 minutes, and whose work only throttling may prolong. */
export const LONG_PATIENCE_MILLISECONDS = 12 * 60_000;

/** How long the last call of a step may take before it is given up: 5 seconds to connect and 20 for the answer, and some to spare. */
export const LAST_CALL_MILLISECONDS = 26_000;

const patience = new AsyncLocalStorage<Patience>();
/** When the last call of the current step may begin, in milliseconds since 1970. */
const step = new AsyncLocalStorage<number>();

/** Runs one step of a function that answers CloudFormation, or a part of the current one. */
export function inStep<T>(work: () => Promise<T>): Promise<T> {
  return step.getStore() === undefined ? step.run(Date.now() + 1000 * STEP_SECONDS - LAST_CALL_MILLISECONDS, work) : work();
}

/**
 * Runs `work` in the current step so that no call is repeated if less than `reserve` milliseconds were left for other calls of the step.
 * A call that was refused, and so has done nothing, leaves `refusedReserve`.
 */
export function withinStep<T>(reserve: number, work: () => Promise<T>, refusedReserve = reserve): Promise<T> {
  return inStep(() => {
    const end = step.getStore()!;
    return patience.run({ end: end - reserve, refusedEnd: end - refusedReserve, limits: true }, work);
  });
}

/** Runs `work` so that its throttled calls are repeated for that time at least, and all others as long as their policies say. */
export function withPatience<T>(milliseconds: number, work: () => Promise<T>): Promise<T> {
  return patience.run({ end: Date.now() + milliseconds, limits: false }, work);
}

/** undefined: the policies of the calls decide alone. */
export function currentPatience(): Patience | undefined {
  return patience.getStore();
}
