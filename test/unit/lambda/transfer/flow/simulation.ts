import { BLOCK_SIZE } from '../../../../../lambda/transfer/blocks/sizes';
import { rangeOf, rangesOf } from '../../../../../lambda/transfer/bucket/plan';
import { divide } from '../../../../../lambda/transfer/flow/division';
import { SharePacer } from '../../../../../lambda/transfer/flow/pacer';
import type { Clock } from '../../../../../world/emulator/clock';
import { Quotas, QUOTAS } from '../../../../../world/emulator/ebs/quotas';
import { virtualTime } from '../../../../../world/emulator/lambda/in-process-clock';

const LANES = 32;

/** As `Clock`, but for a million sleeps: it asks nobody whether something works, since nothing here waits for anything but time. */
export class Simulation {
  private time = Date.UTC(2026, 10, 1);
  private order = 0;
  private readonly sleepers: { readonly due: number; readonly order: number; readonly wake: () => void }[] = [];

  public now(): number {
    return this.time;
  }

  public sleep(milliseconds: number): Promise<void> {
    return new Promise(wake => this.push({ due: this.time + milliseconds, order: this.order++, wake }));
  }

  /** Until the work is done; `Date` and the timers of `timers/promises` are the simulation's meanwhile. */
  public async run(work: () => Promise<unknown>): Promise<void> {
    // Whole milliseconds, as the real ones.
    const restore = virtualTime.install({ now: () => Math.floor(this.time), sleep: ms => this.sleep(Math.trunc(ms)) }, globalThis);
    try {
      let failure: { readonly error: unknown } | undefined;
      let done = false;
      work().catch(error => { failure = { error }; }).finally(() => { done = true; });
      for (await consequences(); !done; await consequences()) {
        const next = this.pop();
        if (!next) { throw new Error('everything waits, but not for time'); }
        this.time = next.due;
        next.wake();
      }
      if (failure) { throw failure.error; }
    } finally {
      restore();
    }
  }

  /** A binary heap. */
  private push(sleeper: typeof this.sleepers[number]): void {
    const heap = this.sleepers;
    let i = heap.push(sleeper) - 1;
    for (let parent = parentOf(i); i > 0 && before(heap[i], heap[parent]); parent = parentOf(i)) {
      [heap[i], heap[parent]] = [heap[parent], heap[i]];
      i = parent;
    }
  }

  private pop(): typeof this.sleepers[number] | undefined {
    const heap = this.sleepers;
    const top = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || !last) { return top; }
    heap[0] = last;
    for (let i = 0; ;) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      let least = i;
      if (left < heap.length && before(heap[left], heap[least])) { least = left; }
      if (right < heap.length && before(heap[right], heap[least])) { least = right; }
      if (least === i) { return top; }
      [heap[i], heap[least]] = [heap[least], heap[i]];
      i = least;
    }
  }
}

/** All that one event leads to before it waits for time again: ticks come after every promise that is settled. */
function consequences(): Promise<void> {
  return new Promise(resolve => process.nextTick(resolve));
}

function parentOf(i: number): number {
  return Math.floor((i - 1) / 2);
}

function before(a: { due: number; order: number }, b: { due: number; order: number }): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

/** Numbers from 0 to 1, the same for the same seed. */
export function seeded(seed: number): () => number {
  // Park and Miller's generator.
  const modulus = 2 ** 31 - 1;
  let state = seed * 7919;
  return () => {
    state = state * 48_271 % modulus;
    return state / modulus;
  };
}

/** The service as far as rates go: the emulator's own buckets, one second's worth each, of the account and of every snapshot. */
export class Service {
  private readonly quotas: Quotas;

  constructor(private readonly simulation: Simulation, private readonly random: () => number) {
    this.quotas = new Quotas({ now: () => simulation.now() } as Clock, QUOTAS);
  }

  /** Whether it was taken: decided when the put arrives, known when the answer does. About 100 ms, sometimes much more. */
  public async put(snapshot?: object): Promise<boolean> {
    const normal = Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
    const latency = 95 * Math.exp(0.35 * normal);
    await this.simulation.sleep(latency / 2);
    const taken = this.take(snapshot);
    await this.simulation.sleep(latency / 2);
    return taken;
  }

  private take(snapshot: object | undefined): boolean {
    try {
      if (snapshot) { this.quotas.takeBlock('putPerSnapshot', snapshot); }
      this.quotas.takeBlock('putPerAccount');
      return true;
    } catch {
      return false;
    }
  }
}

/** One import: the plan's workers and ranges, and in every worker the real pacer. */
export class SimulatedImport {
  public rejected = 0;
  /** When each put was taken. */
  public readonly taken: number[] = [];
  private readonly division: ReturnType<typeof divide>;
  private readonly snapshot = {};

  constructor(
    private readonly simulation: Simulation, private readonly service: Service, private readonly random: () => number,
    private readonly blocks: number, private readonly workerBytesPerSecond: number,
  ) {
    this.division = divide(blocks, {});
  }

  public get workers(): number {
    return this.division.workers;
  }

  /** From the first put that was taken to the last one, in seconds. */
  public get seconds(): number {
    return (this.taken.at(-1)! - this.taken[0]) / 1000;
  }

  public takenBetween(from: number, to: number): number {
    return this.taken.filter(time => time >= from && time < to).length;
  }

  public async run(): Promise<void> {
    const ranges = Array.from({ length: rangesOf({ ...this.division, blocks: this.blocks }) }, (_, n) => n);
    await Promise.all(Array.from({ length: this.division.workers }, async () => {
      await this.simulation.sleep(500 + 700 * this.random());
      const pacer = new SharePacer(this.division.putsPerSecond);
      const link = { free: 0 };
      while (ranges.length > 0) { await this.copyRange(ranges.shift()!, pacer, link); }
    }));
  }

  private async copyRange(n: number, pacer: SharePacer, link: { free: number }): Promise<void> {
    // Step Functions invokes the next child, which reads plan and progress, and waits for the first bytes.
    await this.simulation.sleep(200 + 200 * this.random());
    let { count } = rangeOf({ ...this.division, blocks: this.blocks }, n);
    await Promise.all(Array.from({ length: LANES }, async () => {
      while (count-- > 0) { await this.put(pacer, link); }
    }));
  }

  private async put(pacer: SharePacer, link: { free: number }): Promise<void> {
    for (let tries = 1; ; tries++) {
      await pacer.acquire();
      link.free = Math.max(link.free, this.simulation.now()) + BLOCK_SIZE / this.workerBytesPerSecond * 1000;
      await this.simulation.sleep(link.free - this.simulation.now());
      if (await this.service.put(this.snapshot)) {
        pacer.succeeded();
        this.taken.push(this.simulation.now());
        return;
      }
      pacer.throttled();
      this.rejected++;
      await this.simulation.sleep(200 * 2 ** tries * (0.5 + this.random() / 2));
    }
  }
}
