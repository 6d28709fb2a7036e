/** Turns of the event loop in which an answer has been read, and the next request accepted on a connection of its own. */
const SETTLE_TURNS = 20;

/**
 * The time of a test: it stands still while anything works, and jumps to the
 * next awaited moment as soon as everything sleeps. So an hour of waiting
 * takes milliseconds, and always the same number of polls.
 *
 * Work announces itself by `work()`: the HTTP server does for every request it
 * holds, the function runner for every function that is not itself asleep.
 */
export class Clock {
  private time: number;
  private working = 0;
  private sleepers: { readonly due: number; readonly order: number; readonly wake: () => void; readonly patient?: boolean }[] = [];
  private order = 0;
  private jumpScheduled = false;

  /** @param settleMilliseconds Real time for an answer that was just sent to arrive; 0 where nothing is sent. */
  constructor(start: number = Date.UTC(2026, 10, 1, 12, 0, 0), private readonly settleMilliseconds = 2) {
    this.time = start;
  }

  /** Milliseconds since 1970, as `Date.now()` gives them. */
  public now(): number {
    return this.time;
  }

  /** Resolves when the clock has moved on by that much; rejects as an `AbortSignal` does. */
  public sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) { return reject(signal.reason as Error); }
      const sleeper = { due: this.time + Math.max(0, milliseconds), order: this.order++, wake: resolve };
      signal?.addEventListener('abort', () => {
        this.sleepers = this.sleepers.filter(other => other !== sleeper);
        reject(signal.reason as Error);
      }, { once: true });
      this.sleepers.push(sleeper);
      this.jumpWhenIdle();
    });
  }

  /** Calls back when the time gets there, but does not make it go by: that takes somebody who sleeps. Returns what calls it off. */
  public wakeAt(moment: number, wake: () => void): () => void {
    const sleeper = { due: moment, order: this.order++, wake, patient: true };
    this.sleepers.push(sleeper);
    return () => { this.sleepers = this.sleepers.filter(other => other !== sleeper); };
  }

  /** Something works from now on, so time stands still, until the returned function is called. */
  public work(): () => void {
    this.working++;
    let done = false;
    return () => {
      if (done) { return; }
      done = true;
      this.working--;
      this.jumpWhenIdle();
    };
  }

  /** Moves on by that much at once, waking whoever is due. */
  public advance(milliseconds: number): void {
    this.jumpTo(this.time + milliseconds);
  }

  private get awaited(): boolean {
    return this.sleepers.some(({ patient }) => !patient);
  }

  private jumpTo(moment: number): void {
    this.time = Math.max(this.time, moment);
    const due = this.sleepers.filter(sleeper => sleeper.due <= this.time).sort((a, b) => a.due - b.due || a.order - b.order);
    this.sleepers = this.sleepers.filter(sleeper => sleeper.due > this.time);
    due.forEach(sleeper => sleeper.wake());
  }

  /**
   * An answer that was just sent still has to reach its receiver: a moment for the socket, and turns of the event loop, because on a busy
   * machine the moment may pass without one.
   */
  private jumpWhenIdle(): void {
    if (this.jumpScheduled || this.working > 0 || !this.awaited) { return; }
    this.jumpScheduled = true;
    const { settleMilliseconds } = this;
    if (settleMilliseconds > 0) { setTimeout(() => this.jumpAfter(SETTLE_TURNS), settleMilliseconds); } else { this.jumpAfter(2); }
  }

  private jumpAfter(turns: number): void {
    if (turns > 0 && this.working === 0) {
      setImmediate(() => this.jumpAfter(turns - 1));
      return;
    }
    this.jumpScheduled = false;
    if (this.working > 0 || !this.awaited) { return; }
    this.jumpTo(Math.min(...this.sleepers.map(sleeper => sleeper.due)));
    this.jumpWhenIdle();
  }
}
