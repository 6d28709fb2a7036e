import { AsyncLocalStorage } from 'node:async_hooks';
import type { Choices } from './choices';

/** Time that passes only when nothing else is left to do. */
export class Time {
  public now = Date.UTC(2026, 10, 29, 12);
  private readonly plans: { readonly at: number; readonly run: () => void }[] = [];

  public after(seconds: number, run: () => void): void {
    const at = this.now + 1000 * seconds;
    const place = this.plans.findIndex(plan => plan.at > at);
    this.plans.splice(place < 0 ? this.plans.length : place, 0, { at, run });
  }

  /** Runs everything that is planned, and what that plans. */
  public async pass(eachMoment: () => void): Promise<void> {
    for (let plan = this.plans.shift(); plan !== undefined; plan = this.plans.shift()) {
      this.now = plan.at;
      plan.run();
      await new Promise(resolve => { setImmediate(resolve); });
      eachMoment();
    }
  }
}

/** How long Lambda lets the function run. */
const MOST_SECONDS = 120;
const CALL_SECONDS = 0.1;
/** How long a request may be on its way after its process died. */
const ON_ITS_WAY_SECONDS = 1.5;

export class Died extends Error {}

/** One invocation of the function. It may die at each call; then nothing that it awaits happens. */
export class Invocation {
  public alive = true;
  public readonly death: Promise<never>;
  private readonly end: number;
  private reject!: (error: Error) => void;

  constructor(public readonly time: Time, public readonly choices: Choices, public readonly name: string) {
    this.death = new Promise((_, reject) => { this.reject = reject; });
    this.death.catch(() => {});
    this.end = time.now + 1000 * MOST_SECONDS;
    time.after(MOST_SECONDS, () => this.die());
  }

  /** Returns what the work returns; throws `Died` if the process dies before. */
  public run<T>(work: () => Promise<T>): Promise<T> {
    const working = running.run(this, work);
    working.catch(() => {});
    return Promise.race([working, this.death]).finally(() => { this.alive = false; });
  }

  /** Returns when a request takes effect that would do so in so many seconds: it may outlive its process, but not by much. */
  public inTime(seconds: number): number {
    return Math.min(seconds, (this.end - this.time.now) / 1000 + ON_ITS_WAY_SECONDS);
  }

  public die(): void {
    this.alive = false;
    this.reject(new Died());
  }
}

const running = new AsyncLocalStorage<Invocation>();

/** The ways that a call may go. `effect` and `answer` in seconds; undefined: never. */
interface Fate { readonly name: string; readonly effect?: number; readonly answer?: number; readonly death?: number; readonly throws?: Error }

const ORDINARY: Fate = { name: 'ordinary', effect: CALL_SECONDS / 2, answer: CALL_SECONDS };
const FATES: readonly Fate[] = [
  ORDINARY,
  { name: 'takes effect late', effect: 100, answer: 100 },
  { name: 'takes effect after some seconds', effect: 5, answer: 5 },
  { name: 'returns late', effect: CALL_SECONDS / 2, answer: 100 },
  { name: 'the process dies before', death: 0 },
  { name: 'the process dies after', effect: CALL_SECONDS / 2, death: CALL_SECONDS },
];
export const ON_ITS_WAY: Fate = { name: 'the process dies while the request is on its way', effect: ON_ITS_WAY_SECONDS, death: CALL_SECONDS };
export const refused = (name: string, error: Error): Fate => ({ name, answer: CALL_SECONDS, throws: error });

/** Makes a call of the function to the outside. */
export function call<T>(what: string, effect: () => T, more: readonly Fate[] = []): Promise<T> {
  const invocation = running.getStore()!;
  const { time, choices } = invocation;
  return new Promise((resolve, reject) => {
    if (!invocation.alive) { return; }
    const fate = choices.pick(`${invocation.name} ${what}`, [...FATES, ...more], ({ name }) => name);
    let settle = () => fate.throws && reject(fate.throws);
    if (fate.effect !== undefined) {
      time.after(invocation.inTime(fate.effect), () => {
        // A request that has left the process takes effect, whatever happens to the process.
        try {
          const result = effect();
          settle = () => resolve(result);
        } catch (error) {
          settle = () => reject(error as Error);
        }
      });
    }
    if (fate.answer !== undefined) { time.after(fate.answer, () => { if (invocation.alive) { settle(); } }); }
    if (fate.death !== undefined) { time.after(fate.death, () => invocation.die()); }
  });
}

/** Takes the place of the pauses of the code. */
export function sleep(milliseconds: number): Promise<void> {
  const invocation = running.getStore()!;
  return new Promise(resolve => { invocation.time.after(milliseconds / 1000, () => { if (invocation.alive) { resolve(); } }); });
}
