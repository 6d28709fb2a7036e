import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock';
import type { Way } from '../ec2/routing';
import { arn } from '../environment';
import type { Principal } from '../iam';
import type { Latency } from '../latency';
import type { EmulatorServer } from '../server';
import { tooManyRequests } from './concurrency';
import { Instance, type FunctionProcess, type InstanceOptions, type Outcome } from './instance';
import { FunctionNetwork, type FunctionNetworkOptions } from './network';
import { checkEnvironment, LOG_STREAM, processEnvironment, type FunctionSettings } from './runtime';

export interface FunctionProps {
  readonly functionName: string;
  /** `index.onEvent`: file and export. */
  readonly handler: string;
  readonly codeDirectory: string;
  readonly environment?: Record<string, string>;
  /** @default 3 */
  readonly timeoutSeconds?: number;
  /** @default 128 */
  readonly memorySize?: number;
  /** Whom the function acts as. */
  readonly role: Principal;
  /** Invocations at once; more are refused. */
  readonly reservedConcurrentExecutions?: number;
  /** How it comes to an AWS service, if it does, and by which endpoint. @default - to all, as outside of a VPC */
  readonly wayTo?: (service: string) => Way | undefined;
  /** Gets every line that the function prints. */
  readonly logSink?: (line: string) => void;
}

/** The limits of asynchronous invocations, as PutFunctionEventInvokeConfig sets them. */
export interface EventInvokeConfig {
  /** The time for which Lambda keeps an event, from 60 seconds to 6 hours. @default 21,600 */
  readonly maximumEventAgeSeconds?: number;
  /** The times that Lambda repeats an invocation that failed, from 0 to 2. @default 2 */
  readonly maximumRetryAttempts?: number;
}

/** How long invocations take beside what the handler does, in emulated milliseconds. */
export interface Durations {
  /** From nothing to a process that waits for events. @default 0 */
  readonly coldStart?: number;
  /** From the invocation to the handler. @default 0 */
  readonly invocation?: number;
}

/** What a function needs of its surroundings. */
export interface Host {
  readonly clock: Clock;
  readonly server: EmulatorServer;
  readonly durations: Durations;
  readonly latency: Latency;
  /** The network of each process. */
  readonly network?: FunctionNetworkOptions;
  readonly startProcess?: (options: InstanceOptions, server: EmulatorServer) => FunctionProcess;
  /** Whether one more process may start; makes room for it if it can. */
  admits(): boolean;
  /** Resolves when that may have changed. */
  change(): Promise<void>;
  /** Takes a place among the account's executions, and returns what gives it back; throws if there is none. */
  takePlace(): () => void;
  started(instance: FunctionProcess, accessKeyId: string): void;
  ended(instance: FunctionProcess, accessKeyId: string): void;
}

/** A function, and the processes that are warm for it. */
export class EmulatedFunction {
  public readonly arn: string;
  public readonly lines: string[] = [];
  public invocations = 0;
  public eventInvokeConfig: EventInvokeConfig = {};
  private readonly instances = new Set<FunctionProcess>();
  private running = 0;

  constructor(public props: FunctionProps, private readonly host: Host) {
    checkEnvironment(props.environment ?? {});
    this.arn = arn('lambda', `function:${props.functionName}`);
  }

  /** Later invocations see the change; one that runs ends as it began. */
  public update(changes: Partial<FunctionProps>): void {
    checkEnvironment(changes.environment ?? {});
    this.props = { ...this.props, ...changes };
    this.retire();
  }

  public async run(event: string): Promise<Outcome & { requestId: string }> {
    const leave = this.takePlace();
    this.running++;
    this.invocations++;
    try {
      const requestId = randomUUID();
      const outcome = await (await this.claimInstance()).run({
        requestId,
        event,
        timeoutSeconds: this.timeoutSeconds,
        unreachable: this.host.server.serviceNames.filter(service => this.props.wayTo && !this.props.wayTo(service)),
        context: {
          awsRequestId: requestId,
          functionName: this.props.functionName,
          functionVersion: '$LATEST',
          invokedFunctionArn: this.arn,
          memoryLimitInMB: String(this.settings.memorySize),
          logGroupName: `/aws/lambda/${this.props.functionName}`,
          logStreamName: LOG_STREAM,
        },
      });
      return { ...outcome, requestId };
    } finally {
      this.running--;
      leave();
    }
  }

  /** Ends the processes that run an invocation right now; says how many. */
  public kill(): number {
    const busy = [...this.instances].filter(instance => instance.busy);
    busy.forEach(instance => instance.kill());
    return busy.length;
  }

  /** Ends the free processes at once, the others after their invocation. */
  public retire(): void {
    this.instances.forEach(instance => instance.retire());
  }

  public get timeoutSeconds(): number {
    return this.props.timeoutSeconds ?? 3;
  }

  public get settings(): FunctionSettings {
    const { functionName, codeDirectory, handler, environment = {}, memorySize = 128 } = this.props;
    return { functionName, codeDirectory, handler, environment, memorySize };
  }

  private takePlace(): () => void {
    const reserve = this.props.reservedConcurrentExecutions;
    if (reserve === undefined) { return this.host.takePlace(); }
    if (this.running >= reserve) { throw tooManyRequests('ReservedFunctionConcurrentInvocationLimitExceeded'); }
    return () => {};
  }

  /** Returns a process that is claimed for one invocation, after the time that Lambda takes to get there. */
  private async claimInstance(): Promise<FunctionProcess> {
    const { coldStart = 0, invocation = 0 } = this.host.durations;
    let instance = this.warm();
    let pause = invocation;
    while (!instance) {
      if (this.host.admits()) {
        instance = this.start();
        pause += coldStart;
      } else {
        await this.host.change();
        instance = this.warm();
      }
    }
    instance.claim();
    const cold = pause > invocation;
    const began = this.host.clock.now();
    if (pause > 0) { await this.host.clock.sleep(pause); }
    this.host.latency.note({ kind: 'start', name: this.props.functionName, cold, began });
    return instance;
  }

  private warm(): FunctionProcess | undefined {
    return [...this.instances].find(instance => !instance.busy && !instance.retired);
  }

  private start(): FunctionProcess {
    const { clock, server } = this.host;
    const { settings } = this;
    const credentials = server.issue(this.props.role, {
      endpointPolicy: service => this.props.wayTo?.(service)?.policy,
      network: this.host.network && new FunctionNetwork(clock, this.host.network, {
        waits: () => instance.waitForNetwork(),
        carried: began => this.host.latency.note({ kind: 'network', name: this.props.functionName, by: this.props.functionName, began }),
      }),
      functionName: this.props.functionName,
      waits: () => instance.waitForNetwork(),
      kill: () => instance.kill(),
    });
    const { startProcess = options => new Instance(options) } = this.host;
    const instance: FunctionProcess = startProcess({
      clock,
      cwd: settings.codeDirectory,
      handler: settings.handler,
      memorySize: settings.memorySize,
      env: processEnvironment(settings, credentials, server.url),
      log: line => this.log(line),
      ended: () => {
        this.instances.delete(instance);
        this.host.ended(instance, credentials.accessKeyId);
      },
    }, server);
    this.instances.add(instance);
    this.host.started(instance, credentials.accessKeyId);
    return instance;
  }

  private log(line: string): void {
    this.lines.push(line);
    this.props.logSink?.(line);
    if (process.env.EMULATOR_LOGS) { process.stderr.write(`[${this.props.functionName}] ${line}\n`); }
  }
}
