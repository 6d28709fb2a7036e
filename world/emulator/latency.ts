import type { Clock } from './clock';

/** Milliseconds that the parts of AWS take on the way of an operation, beside the network and the starts of functions. All are 0 by default. */
export interface LatencyOptions {
  /** From the last byte of a function's request to the first byte of the answer, by operation: `ebs:PutSnapshotBlock`, say. */
  readonly call?: (operation: string) => number;
  /** Time of an asynchronous invocation in Lambda's queue. */
  readonly queue?: number;
  /** Time of EventBridge to deliver an event to a target. */
  readonly eventDelivery?: number;
  /** Time of Step Functions to enter a state, at first or again by its Retry. */
  readonly transition?: number;
  /** Time of Step Functions to start a Distributed Map. */
  readonly mapRun?: number;
  /** Time of Step Functions to start a child of a Distributed Map. */
  readonly mapChild?: number;
  /** Time of CloudFormation from the status of a custom resource to the event for its function. */
  readonly request?: number;
  /** Time of CloudFormation from the answer of a custom resource to its status. */
  readonly response?: number;
}

/** `start`: of a function for one invocation. `network`: bytes on their way to or from a function. */
export type ActivityKind = keyof LatencyOptions | 'start' | 'network';

/** Something that took time. Computing takes none. */
export interface Activity {
  readonly kind: ActivityKind;
  /** Operation, state, function or logical id. */
  readonly name: string;
  /** The function that made the call, or the state machine of the state. */
  readonly by?: string;
  /** Of a start: no process was there. */
  readonly cold?: boolean;
  /** Milliseconds since 1970. */
  readonly began: number;
  readonly ended: number;
}

/** Lets the time go by that AWS takes, and tells a listener about it. */
export class Latency {
  /** Gets everything that took time, at its end. */
  public listener: ((activity: Activity) => void) | undefined;

  constructor(private readonly clock: Clock, private readonly options: LatencyOptions = {}) {}

  /** Returns the milliseconds that something takes. Where they are 0, callers await nothing, so that the order of events stays the same. */
  public of(kind: keyof LatencyOptions, name: string): number {
    const { [kind]: given = 0 } = this.options;
    return typeof given === 'function' ? given(name) : given;
  }

  /** Resolves when the time has gone by that something takes. */
  public async pass(kind: keyof LatencyOptions, name: string, by?: string): Promise<void> {
    const began = this.clock.now();
    await this.clock.sleep(this.of(kind, name));
    this.note({ kind, name, by, began });
  }

  /** Tells the listener about something that ends now. */
  public note(activity: Omit<Activity, 'ended'>): void {
    this.listener?.({ ...activity, ended: this.clock.now() });
  }
}
