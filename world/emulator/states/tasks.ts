import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock';
import { ServiceError } from '../service';
import type { Json } from './definition';

/** A task that waits until somebody returns its token. */
export class Task {
  public readonly token = randomBytes(96).toString('base64');
  /** The output of SendTaskSuccess, or the error of SendTaskFailure or of a missing heartbeat. */
  public readonly result: Promise<Json>;
  private settle!: { readonly resolve: (output: Json) => void; readonly reject: (error: Error) => void };
  private closed = false;
  private beating: AbortController | undefined;

  /** @param machineArn What IAM is asked about. @param isRunning Whether the execution has not ended. */
  constructor(
    public readonly machineArn: string, private readonly clock: Clock, private readonly isRunning: () => boolean,
    private readonly heartbeatSeconds: number | undefined,
  ) {
    this.result = new Promise((resolve, reject) => { this.settle = { resolve, reject }; });
    this.result.catch(() => {});
    this.beat();
  }

  public succeed(output: Json): void {
    this.end();
    this.settle.resolve(output);
  }

  public fail(error: Error): void {
    this.end();
    this.settle.reject(error);
  }

  /** Throws if the task has ended. */
  public heartbeat(): void {
    this.refuseEnded();
    this.beat();
  }

  /** Nobody waits for the token any longer. */
  public close(): void {
    this.closed = true;
    this.beating?.abort();
  }

  private end(): void {
    this.refuseEnded();
    this.close();
  }

  private refuseEnded(): void {
    if (!this.closed && this.isRunning()) { return; }
    throw new ServiceError('TaskTimedOut', 400, "Task Timed Out: 'Provided task does not exist anymore'");
  }

  private beat(): void {
    this.beating?.abort();
    if (this.heartbeatSeconds === undefined) { return; }
    this.beating = new AbortController();
    this.clock.sleep(1000 * this.heartbeatSeconds, this.beating.signal).then(() => {
      this.close();
      this.settle.reject(Object.assign(new Error('the task sent no heartbeat'), { name: 'States.Timeout' }));
    }, () => {});
  }
}

/** The tasks that wait, or have waited, by their tokens. */
export class Tasks {
  private readonly byToken = new Map<string, Task>();

  constructor(private readonly clock: Clock) {}

  public get tokens(): string[] {
    return [...this.byToken.keys()];
  }

  public open(machineArn: string, isRunning: () => boolean, heartbeatSeconds: number | undefined): Task {
    const task = new Task(machineArn, this.clock, isRunning, heartbeatSeconds);
    this.byToken.set(task.token, task);
    return task;
  }

  /** Throws if Step Functions never gave out the token. TaskDoesNotExist is for activities, which are not emulated. */
  public find(token: string): Task {
    const task = this.byToken.get(token);
    if (!task) { throw new ServiceError('InvalidToken', 400, "Invalid Token: 'Invalid token'"); }
    return task;
  }
}
