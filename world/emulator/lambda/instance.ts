import { fork, type ChildProcess } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '../clock';
import { BOOTSTRAP, runtimeBinary } from './runtime';

export interface InvocationRequest {
  readonly requestId: string;
  /** JSON. */
  readonly event: string;
  /** What the handler's context says, besides the remaining time. */
  readonly context: Record<string, string>;
  readonly timeoutSeconds: number;
  /** Services, by what requests are signed for, to which no connection comes about. */
  readonly unreachable: readonly string[];
}

/** How an invocation ended, as JSON. */
export type Outcome = { readonly payload: string } | { readonly error: string };

type FromChild =
  | { type: 'sleep'; id: number; milliseconds: number }
  | { type: 'cancel'; id: number }
  | { type: 'quiet'; seen: number }
  | { type: 'done'; payload?: string; error?: string }
  | { type: 'fatal'; error: string };

export interface InstanceOptions {
  readonly clock: Clock;
  readonly cwd: string;
  readonly env: Record<string, string>;
  readonly handler: string;
  readonly memorySize: number;
  readonly log: (line: string) => void;
  readonly ended: () => void;
}

/** What runs a function's invocations, one at a time. */
export interface FunctionProcess {
  /** Takes no further invocation. */
  readonly retired: boolean;
  readonly busy: boolean;
  readonly waiting: boolean;
  claim(): void;
  run(request: InvocationRequest): Promise<Outcome>;
  waitForInvocation(): () => void;
  waitForNetwork(): () => void;
  retire(): void;
  kill(): void;
  end(): Promise<void>;
}

/**
 * One process that runs a function's invocations, one at a time.
 *
 * Time stands still while it computes. It may move on while the handler
 * sleeps or waits for the network and nothing else goes on in the process, and
 * while it waits for a function that it has invoked.
 */
export class Instance implements FunctionProcess {
  /** Takes no further invocation: ended, or of an old version of the function. */
  public retired = false;
  private readonly clock: Clock;
  private readonly child: ChildProcess;
  private current: { readonly request: InvocationRequest; readonly settle: (outcome: Outcome) => void; openStreams: number } | undefined;
  private outcome: Outcome | undefined;
  private readonly sleeps = new Map<number, AbortController>();
  private quiet = false;
  private sequence = 0;
  private waitingFor = 0;
  private carried = 0;
  private release: (() => void) | undefined;
  private closed = false;
  private claimed = false;

  constructor(private readonly options: InstanceOptions) {
    this.clock = options.clock;
    this.child = fork(BOOTSTRAP, [options.handler], {
      cwd: options.cwd,
      env: options.env as NodeJS.ProcessEnv,
      execPath: runtimeBinary(),
      execArgv: [`--max-old-space-size=${options.memorySize}`],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child.on('message', message => this.receive(message as FromChild));
    this.child.on('error', error => options.log(`the process could not be started or reached: ${error.message}`));
    this.child.on('close', (code, signal) => this.onClose(code, signal));
    this.readLines(this.child.stdout!);
    this.readLines(this.child.stderr!);
  }

  public get busy(): boolean {
    return this.claimed || this.current !== undefined;
  }

  /** It is to run an invocation soon. */
  public claim(): void {
    this.claimed = true;
  }

  /** Waits for a function it has invoked, so that another process may run in its place. */
  public get waiting(): boolean {
    return this.waitingFor > 0;
  }

  public async run(request: InvocationRequest): Promise<Outcome> {
    this.claimed = false;
    if (this.closed) { return failure(request.requestId, 'Runtime.ExitError', 'Runtime exited without providing a reason'); }
    const watchdog = new AbortController();
    const outcome = new Promise<Outcome>(resolve => this.current = { request, settle: resolve, openStreams: 2 });
    this.updateHold();
    const deadline = this.clock.now() + request.timeoutSeconds * 1000;
    this.clock.sleep(request.timeoutSeconds * 1000, watchdog.signal).then(() => {
      this.fail('Sandbox.Timedout', `Task timed out after ${request.timeoutSeconds.toFixed(2)} seconds`);
    }, () => {});
    this.tell({ type: 'invoke', event: request.event, context: request.context, unreachable: request.unreachable, deadline });
    try {
      return await outcome;
    } finally {
      watchdog.abort();
    }
  }

  /** While the returned function has not been called, the handler just waits for another function. */
  public waitForInvocation(): () => void {
    this.waitingFor++;
    this.updateHold();
    return () => {
      this.waitingFor--;
      this.updateHold();
      this.tell({ type: 'time' });
    };
  }

  /** Until the returned function is called, one request of the handler is under way in the network. */
  public waitForNetwork(): () => void {
    this.tell({ type: 'carried', requests: ++this.carried });
    return () => this.tell({ type: 'carried', requests: --this.carried });
  }

  /** No further invocation; the process ends as soon as the current one has. */
  public retire(): void {
    this.retired = true;
    if (!this.busy) { this.kill(); }
  }

  public kill(): void {
    this.retired = true;
    this.child.kill('SIGKILL');
  }

  /** Resolves when the process is gone. */
  public async end(): Promise<void> {
    const gone = this.closed ? undefined : new Promise(resolve => this.child.once('close', resolve));
    this.kill();
    await gone;
  }

  private tell(message: object): void {
    this.quiet = false;
    this.updateHold();
    if (!this.child.connected) { return; }
    // An error means that the process is ending, which 'close' reports.
    this.child.send({ ...message, now: this.clock.now(), sequence: ++this.sequence }, () => {});
  }

  private receive(message: FromChild): void {
    switch (message.type) {
      case 'sleep': {
        const controller = new AbortController();
        this.sleeps.set(message.id, controller);
        this.clock.sleep(message.milliseconds, controller.signal).then(() => this.wake(message.id), () => {});
        break;
      }
      case 'cancel':
        this.sleeps.get(message.id)?.abort();
        this.sleeps.delete(message.id);
        this.quiet = false;
        break;
      case 'quiet':
        // Said before it had read the last message, it says nothing.
        this.quiet = message.seen === this.sequence;
        break;
      case 'done':
        this.outcome = message.error === undefined ? { payload: message.payload! } : { error: message.error };
        this.settleIfRead();
        break;
      case 'fatal':
        this.retired = true;
        this.outcome = { error: message.error };
        break;
    }
    this.updateHold();
  }

  private wake(id: number): void {
    this.sleeps.delete(id);
    this.tell({ type: 'wake', id });
  }

  /** An invocation has ended when its answer and all it printed have arrived. */
  private settleIfRead(): void {
    if (this.outcome && this.current?.openStreams === 0) { this.settle(this.outcome); }
  }

  private settle(outcome: Outcome): void {
    const current = this.current;
    this.current = undefined;
    this.outcome = undefined;
    current?.settle(outcome);
    if (this.retired) { this.kill(); }
    this.updateHold();
  }

  private fail(errorType: string, errorMessage: string): void {
    if (!this.current) { return; }
    const { requestId } = this.current.request;
    this.kill();
    this.settle(failure(requestId, errorType, errorMessage));
  }

  private onClose(code: number | null, signal: string | null): void {
    this.closed = true;
    this.retired = true;
    this.sleeps.forEach(controller => controller.abort());
    this.sleeps.clear();
    if (this.outcome) { this.settle(this.outcome); }
    this.fail('Runtime.ExitError', signal ? `Runtime exited with error: signal: ${signal === 'SIGKILL' ? 'killed' : signal}`
      : code ? `Runtime exited with error: exit status ${code}` : 'Runtime exited without providing a reason');
    this.updateHold();
    this.options.ended();
  }

  private updateHold(): void {
    const computes = this.current !== undefined && this.waitingFor === 0 && !(this.sleeps.size + this.carried > 0 && this.quiet);
    if (computes) {
      this.release ??= this.clock.work();
    } else {
      this.release?.();
      this.release = undefined;
    }
  }

  private readLines(stream: NodeJS.ReadableStream): void {
    const decoder = new StringDecoder('utf8');
    let rest = '';
    stream.on('data', (chunk: Buffer) => {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const [text, endOfInvocation] = line.split('\u0000', 2);
        if (text !== '' || endOfInvocation === undefined) { this.options.log(text); }
        if (endOfInvocation !== undefined && endOfInvocation === this.current?.request.requestId) {
          this.current.openStreams--;
          this.settleIfRead();
        }
      }
    });
    stream.on('end', () => { if (rest !== '') { this.options.log(rest); } });
  }
}

function failure(requestId: string, errorType: string, errorMessage: string): Outcome {
  return { error: JSON.stringify({ errorType, errorMessage: `RequestId: ${requestId} Error: ${errorMessage}` }) };
}
