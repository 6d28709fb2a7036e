import type { Clock } from '../emulator/clock';

/** A value of which services see each change after a delay, and in the order in which it changed. */
export class Late<T> {
  private readonly changes: { readonly from: number; readonly value: T }[];

  /** `delay`: the milliseconds until the next change is seen. */
  constructor(private readonly clock: Clock, initial: T, private readonly delay: () => number) {
    this.changes = [{ from: -Infinity, value: initial }];
  }

  public set(value: T): void {
    this.changes.push({ from: Math.max(this.clock.now() + this.delay(), this.changes.at(-1)!.from), value });
  }

  /** The value that was set last. */
  public get latest(): T {
    return this.changes.at(-1)!.value;
  }

  /** The value that services see at this moment. */
  public get seen(): T {
    return this.changes.findLast(({ from }) => from <= this.clock.now())!.value;
  }

  /** The moment from which services see the next change; undefined if they see the latest value already. */
  public get nextChange(): number | undefined {
    return this.changes.find(({ from }) => from > this.clock.now())?.from;
  }
}

/** Thrown if a service refuses something only until it sees a change of IAM. CloudFormation repeats what it was doing then. */
export class NotYet extends Error {
  /** `until`: when the service sees the next change. */
  constructor(message: string, public readonly until: number) {
    super(message);
  }
}
