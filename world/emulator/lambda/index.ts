import type { Clock } from '../clock';
import { arn } from '../environment';
import type { Principal } from '../iam';
import { Latency } from '../latency';
import type { EmulatorServer } from '../server';
import { AccessDenied, ServiceError, type Answer, type Call, type Service } from '../service';
import { Concurrency } from './concurrency';
import { EmulatedFunction, type Durations, type EventInvokeConfig, type FunctionProps } from './function';
import type { FunctionProcess, InstanceOptions } from './instance';
import type { FunctionNetworkOptions } from './network';

export type { EventInvokeConfig, FunctionProps } from './function';

export interface InvocationResult {
  readonly payload: unknown;
  /** Set if the function failed; the payload is then `{ errorType, errorMessage, trace }`. */
  readonly functionError?: 'Handled' | 'Unhandled';
  readonly executedVersion: string;
  readonly requestId: string;
}

export interface LambdaOptions extends Durations {
  /** Processes at a time, without those that wait for a function they have invoked. @default 32 */
  readonly maxProcesses?: number;
  /** Executions at once in the account; more are refused. @default 1,000 */
  readonly concurrency?: number;
  /** The network of each process. @default - it carries everything at once */
  readonly network?: FunctionNetworkOptions;
  /** Starts a process of a function, for simulations. @default - a process of Node.js */
  readonly startProcess?: (options: InstanceOptions, server: EmulatorServer) => FunctionProcess;
}

const MAX_SYNCHRONOUS_BYTES = 6 * 1024 * 1024;
const MAX_EVENT_BYTES = 1024 * 1024;
/** An asynchronous invocation that fails is tried again after one minute, and after two more. */
const EVENT_RETRY_SECONDS = [60, 120];
const EVENT_AGE_SECONDS = { min: 60, max: 6 * 3600 };
const EVENT_RETRIES = { min: 0, max: EVENT_RETRY_SECONDS.length };

/** Lambda: functions as separate processes on the runtime's Node.js, kept warm, in the test's time. */
export class Lambda implements Service {
  public readonly signingName = 'lambda';
  private readonly functions = new Map<string, EmulatedFunction>();
  private readonly instances = new Map<FunctionProcess, string>();
  private readonly byAccessKey = new Map<string, FunctionProcess>();
  private readonly queue: (() => void)[] = [];
  private readonly closing = new AbortController();
  public readonly concurrency: Concurrency;

  constructor(
    private readonly clock: Clock, private readonly server: EmulatorServer, private readonly options: LambdaOptions = {},
    private readonly latency = new Latency(clock),
  ) {
    const reserved = () => [...this.functions.values()].reduce((sum, { props }) => sum + (props.reservedConcurrentExecutions ?? 0), 0);
    this.concurrency = new Concurrency(reserved, options.concurrency);
  }

  public create(props: FunctionProps): string {
    if (this.functions.has(props.functionName)) {
      throw new ServiceError('ResourceConflictException', 409, `Function already exist: ${props.functionName}`);
    }
    const created = new EmulatedFunction(props, {
      clock: this.clock,
      server: this.server,
      durations: this.options,
      latency: this.latency,
      network: this.options.network,
      startProcess: this.options.startProcess,
      takePlace: () => this.concurrency.take(),
      admits: () => this.admits(),
      change: () => new Promise(resolve => this.queue.push(resolve)),
      started: (instance, accessKeyId) => {
        this.instances.set(instance, accessKeyId);
        this.byAccessKey.set(accessKeyId, instance);
      },
      ended: (instance, accessKeyId) => {
        this.instances.delete(instance);
        this.byAccessKey.delete(accessKeyId);
        this.admitNext();
      },
    });
    this.functions.set(props.functionName, created);
    return created.arn;
  }

  /** Takes effect from the next invocation on. */
  public update(nameOrArn: string, changes: Partial<Omit<FunctionProps, 'functionName'>>): void {
    this.find(nameOrArn).update(changes);
  }

  /** What runs at this moment runs to its end. */
  public delete(nameOrArn: string): void {
    const deleted = this.find(nameOrArn);
    this.functions.delete(deleted.props.functionName);
    deleted.retire();
  }

  /** Invokes and waits for the answer; throws `ServiceError` if Lambda refuses. */
  public async invoke(nameOrArn: string, payload: unknown = {}): Promise<InvocationResult> {
    const invoked = this.find(nameOrArn);
    const event = JSON.stringify(payload);
    if (Buffer.byteLength(event) > MAX_SYNCHRONOUS_BYTES) { throw tooLarge(Buffer.byteLength(event), MAX_SYNCHRONOUS_BYTES); }
    const outcome = await invoked.run(event);
    this.admitNext();

    const answer = { executedVersion: '$LATEST', requestId: outcome.requestId };
    if ('error' in outcome) { return { ...answer, functionError: 'Unhandled', payload: JSON.parse(outcome.error) }; }
    if (Buffer.byteLength(outcome.payload) > MAX_SYNCHRONOUS_BYTES) {
      const errorMessage = `Response payload size exceeded maximum allowed payload size (${MAX_SYNCHRONOUS_BYTES} bytes).`;
      return { ...answer, functionError: 'Unhandled', payload: { errorType: 'Function.ResponseSizeTooLarge', errorMessage } };
    }
    return { ...answer, payload: JSON.parse(outcome.payload) };
  }

  /** Sets the limits of a function's asynchronous invocations, or with `undefined` returns to Lambda's own. */
  public configureEvents(nameOrArn: string, config: EventInvokeConfig = {}): void {
    checkRange('maximumEventAgeInSeconds', config.maximumEventAgeSeconds, EVENT_AGE_SECONDS);
    checkRange('maximumRetryAttempts', config.maximumRetryAttempts, EVENT_RETRIES);
    this.find(nameOrArn).eventInvokeConfig = config;
  }

  /**
   * Invokes asynchronously, as CloudFormation and EventBridge do. Repeats what fails twice, and throttling and faults of Lambda for six
   * hours, unless the function has other limits.
   */
  public async enqueue(nameOrArn: string, payload: unknown = {}): Promise<void> {
    const received = this.clock.now();
    if (this.latency.of('queue', nameOrArn) > 0) { await this.latency.pass('queue', nameOrArn); }
    let failures = 0;
    for (let attempt = 0; ; attempt++) {
      let pause: number;
      try {
        const { functionError } = await this.invoke(nameOrArn, payload);
        if (!functionError || failures >= this.eventLimits(nameOrArn).retries) { return; }
        pause = EVENT_RETRY_SECONDS[failures++];
      } catch (error) {
        if (!(error instanceof ServiceError) || (error.status !== 429 && error.status < 500)) { return; }
        pause = Math.min(2 ** attempt, 300);
      }
      if (this.clock.now() + pause * 1000 > received + this.eventLimits(nameOrArn).ageSeconds * 1000) { return; }
      try {
        await this.clock.sleep(pause * 1000, this.closing.signal);
      } catch {
        return;
      }
    }
  }

  /** The lines that the function has printed so far. */
  public logs(nameOrArn: string): string[] {
    return [...this.find(nameOrArn).lines];
  }

  /** How often the function has been started. */
  public invocations(nameOrArn: string): number {
    return this.find(nameOrArn).invocations;
  }

  /** Kills the processes that run an invocation of this function right now; says how many. */
  public kill(nameOrArn: string): number {
    return this.find(nameOrArn).kill();
  }

  /** Throws `AccessDenied` unless the principal may invoke. */
  public authorizeInvoke(principal: Principal, nameOrArn: string): void {
    const resource = functionArn(nameOrArn);
    if (!principal.allows('lambda:InvokeFunction', resource, { 'aws:SecureTransport': 'true', 'aws:PrincipalArn': principal.arn })) {
      throw new AccessDenied(principal.arn, 'lambda:InvokeFunction', resource);
    }
  }

  public processes(): number {
    return this.instances.size;
  }

  /** Ends every process. */
  public async close(): Promise<void> {
    this.closing.abort();
    await Promise.all([...this.instances.keys()].map(instance => instance.end()));
  }

  public operation(call: Call): string {
    return route(call)?.operation ?? 'Unknown';
  }

  public async handle(call: Call): Promise<Answer> {
    const { operation, name } = route(call) ?? {};
    if (!operation || !name) { throw new ServiceError('UnknownOperationException', 404, `the emulated Lambda does not know ${call.method} ${call.path}`); }
    const qualifier = call.query.get('Qualifier');
    const resource = functionArn(qualifier === null ? name : `${name}:${qualifier}`);
    switch (operation) {
      case 'Invoke':
        call.authorize('lambda:InvokeFunction', resource);
        return this.answerInvoke(call, resource);
      case 'GetFunctionConfiguration':
        call.authorize('lambda:GetFunctionConfiguration', resource);
        return json(200, this.configuration(this.find(resource)));
      default:
        call.authorize('lambda:GetFunction', resource);
        return json(200, { Configuration: this.configuration(this.find(resource)), Code: { RepositoryType: 'S3' }, Tags: {} });
    }
  }

  public refuse(error: ServiceError): Answer {
    const message = error.code === 'TooManyRequestsException' ? { message: error.message } : { Message: error.message };
    return json(error.status, { Type: error.status < 500 ? 'User' : 'Service', ...message, ...error.members }, { 'x-amzn-errortype': error.code });
  }

  private async answerInvoke(call: Call, resource: string): Promise<Answer> {
    const text = call.body.toString() || '{}';
    let payload: unknown;
    try {
      payload = JSON.parse(text);
    } catch (error) {
      throw new ServiceError('InvalidRequestContentException', 400, `Could not parse request body into json: ${(error as Error).message}`);
    }
    this.find(resource);

    switch (call.headers['x-amz-invocation-type'] ?? 'RequestResponse') {
      case 'DryRun':
        return { status: 204 };
      case 'Event':
        if (Buffer.byteLength(text) > MAX_EVENT_BYTES) { throw tooLarge(Buffer.byteLength(text), MAX_EVENT_BYTES); }
        void this.enqueue(resource, payload);
        return { status: 202 };
    }

    // If the caller is itself one of the functions, it now waits for this one.
    const caller = this.byAccessKey.get(/Credential=([^/]+)\//.exec(call.headers.authorization ?? '')?.[1] ?? '');
    const resume = caller?.waitForInvocation();
    if (resume) { this.admitNext(); }
    try {
      const result = await this.invoke(resource, payload);
      return json(200, result.payload, {
        'x-amz-executed-version': result.executedVersion,
        'x-amzn-requestid': result.requestId,
        ...(result.functionError ? { 'x-amz-function-error': result.functionError } : {}),
      });
    } finally {
      resume?.();
    }
  }

  /** Returns the limits of a function that may be gone by now. */
  private eventLimits(nameOrArn: string): { ageSeconds: number; retries: number } {
    const { maximumEventAgeSeconds, maximumRetryAttempts } = this.functions.get(functionArn(nameOrArn).split(':')[6])?.eventInvokeConfig ?? {};
    return { ageSeconds: maximumEventAgeSeconds ?? EVENT_AGE_SECONDS.max, retries: maximumRetryAttempts ?? EVENT_RETRIES.max };
  }

  private find(nameOrArn: string): EmulatedFunction {
    const full = functionArn(nameOrArn);
    const [name, qualifier = '$LATEST'] = full.split(':').slice(6);
    const found = this.functions.get(name);
    if (!found || !/^(\$LATEST|\d+)$/.test(qualifier)) { throw new ServiceError('ResourceNotFoundException', 404, `Function not found: ${full}`); }
    return found;
  }

  private configuration({ arn: functionOwnArn, settings, timeoutSeconds, props }: EmulatedFunction): object {
    return {
      FunctionName: settings.functionName,
      FunctionArn: functionOwnArn,
      Runtime: 'nodejs24.x',
      Role: props.role.arn,
      Handler: settings.handler,
      Timeout: timeoutSeconds,
      MemorySize: settings.memorySize,
      Environment: { Variables: settings.environment },
      Version: '$LATEST',
      PackageType: 'Zip',
      Architectures: ['arm64'],
      State: 'Active',
      LastUpdateStatus: 'Successful',
    };
  }

  /** Ends a free process to make room, if it must and can. */
  private admits(): boolean {
    const counted = [...this.instances.keys()].filter(instance => !instance.waiting && (instance.busy || !instance.retired));
    if (counted.length < (this.options.maxProcesses ?? 32)) { return true; }
    const free = counted.find(instance => !instance.busy);
    free?.retire();
    return free !== undefined;
  }

  private admitNext(): void {
    this.queue.shift()?.();
  }
}

const OPERATIONS: Record<string, string | undefined> = {
  'POST /invocations': 'Invoke',
  'GET /configuration': 'GetFunctionConfiguration',
  'GET ': 'GetFunction',
};

function route({ method, path }: Call): { operation: string; name: string } | undefined {
  const [, name, rest] = /^\/2015-03-31\/functions\/([^/]+)(\/[a-z]+)?$/.exec(path) ?? [];
  const operation = OPERATIONS[`${method} ${rest ?? ''}`];
  return name && operation ? { operation, name: decodeURIComponent(name) } : undefined;
}

/** The ARN for a name, a partial ARN or an ARN, with or without a qualifier. */
function functionArn(nameOrArn: string): string {
  if (nameOrArn.startsWith('arn:')) { return nameOrArn; }
  const partial = /^\d{12}:function:(.*)$/.exec(nameOrArn);
  return arn('lambda', `function:${partial?.[1] ?? nameOrArn}`);
}

function checkRange(name: string, value: number | undefined, { min, max }: { min: number; max: number }): void {
  if (value === undefined || Number.isInteger(value) && value >= min && value <= max) { return; }
  throw new ServiceError('InvalidParameterValueException', 400, `Value '${value}' at '${name}' failed to satisfy constraint: Member must have value `
    + (value < min ? `greater than or equal to ${min}` : `less than or equal to ${max}`));
}

function tooLarge(size: number, limit: number): ServiceError {
  return new ServiceError('RequestTooLargeException', 413, `${size} byte payload is too large for the RequestResponse or Event invocation type (limit ${limit} bytes)`);
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}
