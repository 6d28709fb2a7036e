import { AsyncLocalStorage } from 'node:async_hooks';

/** The time of one invocation for repeating calls. */
export interface Patience {
  /** Milliseconds since 1970. */
  readonly end: number;
  /** Whether all calls have to end by then. Otherwise the time only prolongs the repetition of throttled ones. */
  readonly limits: boolean;
}

/** For functions that have 15 minutes, and whose work only throttling may prolong. */
export const LONG_PATIENCE_MILLISECONDS = 12 * 60_000;

const patience = new AsyncLocalStorage<Patience>();

/** Runs `work` so that its throttled calls are repeated for that time at least, and all others as long as their policies say. */
export function withPatience<T>(milliseconds: number, work: () => Promise<T>): Promise<T> {
  return patience.run({ end: Date.now() + milliseconds, limits: false }, work);
}

/** Runs `work` so that no call is repeated after that time: throttled ones until then, all others as long as their policies say. */
export function withinTime<T>(milliseconds: number, work: () => Promise<T>): Promise<T> {
  return patience.run({ end: Date.now() + milliseconds, limits: true }, work);
}

/** undefined: the policies of the calls decide alone. */
export function currentPatience(): Patience | undefined {
  return patience.getStore();
}
