import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock';
import { ACCOUNT, arn, REGION } from '../environment';
import type { Principal } from '../iam';
import type { Lambda } from '../lambda';
import { AccessDenied, ServiceError } from '../service';
import { isLambdaInvoke, type Definition, type Json } from './definition';
import { History } from './history';
import type { Hooks, Interpreter, Run } from './interpreter';
import type { Task, Tasks } from './tasks';

export interface StateMachine {
  readonly arn: string;
  readonly name: string;
  readonly creationDate: number;
  /** As given. */
  definition: string;
  prepared: Definition;
  role: Principal;
  /** A customer's key for definition and executions, by id, alias or ARN. */
  kmsKeyId?: string;
  deleting: boolean;
}

export type Status = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

/** What EventBridge delivers. */
export interface StatusChange {
  readonly 'version': '0';
  readonly 'id': string;
  readonly 'source': 'aws.states';
  readonly 'detail-type': 'Step Functions Execution Status Change';
  readonly 'account': string;
  readonly 'region': string;
  readonly 'time': string;
  readonly 'resources': string[];
  readonly 'detail': {
    readonly executionArn: string;
    readonly stateMachineArn: string;
    readonly name: string;
    readonly status: Status;
    readonly startDate: number;
    readonly stopDate: number | null;
    readonly input: string;
    readonly output: string | null;
    readonly error: string | null;
    readonly cause: string | null;
  };
}

export interface Surroundings {
  readonly clock: Clock;
  readonly lambda: Lambda;
  readonly interpreter: Interpreter;
  readonly tasks: Tasks;
  /** Throws unless the key of the state machine, if it has one, lets its role in. */
  useKey(machine: StateMachine): void;
  changed(event: StatusChange): void;
}

/** One run of a state machine. */
export class Execution implements Hooks {
  public readonly arn: string;
  public readonly startDate: number;
  public status: Status = 'RUNNING';
  public stopDate: number | undefined;
  public output: string | undefined;
  public error: string | undefined;
  public cause: string | undefined;
  public transitions = 0;
  public readonly history = new History();
  private readonly role: Principal;
  private run: Run | undefined;

  constructor(
    public readonly machine: StateMachine, public readonly name: string, public readonly input: string, private readonly around: Surroundings,
  ) {
    this.arn = arn('states', `execution:${machine.name}:${name}`);
    this.startDate = around.clock.now();
    this.role = machine.role;
  }

  public begin(): void {
    this.announce();
    try {
      this.around.useKey(this.machine);
    } catch (error) {
      return this.finish('FAILED', { error: 'States.Runtime', cause: (error as Error).message });
    }
    const value = JSON.parse(this.input) as Json;
    this.run = this.around.interpreter.run(this.machine.prepared, value, this.context(this.arn, this.name, value), this);
    this.run.result.then(
      output => this.finish('SUCCEEDED', { output: JSON.stringify(output) }),
      (error: Error) => error.name === 'ExecutionTimeoutError'
        ? this.finish('TIMED_OUT', { error: 'States.Timeout' })
        : this.finish('FAILED', { error: error.name, cause: error.message }),
    );
  }

  /** No state runs any more, no Catch either; a function that has been invoked goes on. */
  public stop(error?: string, cause?: string): void {
    this.finish('ABORTED', { error, cause });
    this.run?.abort();
  }

  public enter(): void {
    if (this.machine.deleting) { this.stop(); }
    if (this.status === 'RUNNING') { this.transitions++; }
  }

  public openTask(heartbeatSeconds: number | undefined): Task {
    return this.around.tasks.open(this.machine.arn, () => this.status === 'RUNNING', heartbeatSeconds);
  }

  public async runTask(resource: string, input: Json, task: Task | undefined): Promise<Json> {
    if (!isLambdaInvoke(resource)) { return (await this.invoke(resource, input)).payload; }

    const { FunctionName, Qualifier, Payload = {} } = input;
    const invoked = this.invoke(Qualifier === undefined ? FunctionName : `${FunctionName}:${Qualifier}`, Payload);
    if (task) { return this.waitForToken(task, invoked); }
    const { payload, requestId, executedVersion } = await invoked;
    const headers = { 'X-Amz-Executed-Version': executedVersion, 'x-amzn-RequestId': requestId, 'Content-Type': 'application/json' };
    const allHeaders = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, [value]]));
    return {
      ExecutedVersion: executedVersion,
      Payload: payload,
      SdkHttpMetadata: { AllHttpHeaders: allHeaders, HttpHeaders: headers, HttpStatusCode: 200 },
      SdkResponseMetadata: { RequestId: requestId },
      StatusCode: 200,
    };
  }

  public startMapRun(state: string): (input: Json) => Json {
    // What Step Functions does to children, it does with the role of the state machine.
    const child = arn('states', `execution:${this.machine.name}:child`);
    for (const [action, resource] of [
      ['states:StartExecution', this.machine.arn], ['states:DescribeExecution', child], ['states:StopExecution', child],
    ]) {
      if (!this.role.allows(action, resource, { 'aws:SecureTransport': 'true', 'aws:PrincipalArn': this.role.arn })) {
        throw failure('States.Permissions', new AccessDenied(this.role.arn, action, resource).message);
      }
    }
    const label = state.replace(/[^A-Za-z0-9]/g, '').slice(0, 40);
    return input => {
      const name = randomUUID();
      return this.context(arn('states', `execution:${this.machine.name}/${label}:${name}`), name, input);
    };
  }

  /** The token may come back while the function runs. The value that the function returns is lost, its error is not. */
  private waitForToken(task: Task, invoked: Promise<unknown>): Promise<Json> {
    const submitted = invoked.then(() => {
      // TaskSubmitted.
      this.history.add(1);
      return task.result;
    });
    submitted.catch(() => {});
    return Promise.race([task.result, submitted]);
  }

  private async invoke(functionName: string, payload: Json) {
    let result;
    try {
      this.around.lambda.authorizeInvoke(this.role, functionName);
      result = await this.around.lambda.invoke(functionName, payload);
    } catch (error) {
      if (error instanceof AccessDenied) { throw failure('Lambda.AWSLambdaException', error.message); }
      if (error instanceof ServiceError) { throw failure(`Lambda.${error.code}`, error.message); }
      throw error;
    }
    if (!result.functionError) { return result; }

    const cause = JSON.stringify(result.payload);
    const errorType = (result.payload as { errorType?: string }).errorType;
    if (errorType === undefined) {
      throw failure('Lambda.Unknown', `The cause could not be determined because Lambda did not return an error type. Returned payload: ${cause}`);
    }
    throw failure(errorType, cause);
  }

  /** What paths that begin with `$$` see. */
  private context(executionArn: string, name: string, input: Json): Json {
    return {
      Execution: { Id: executionArn, Name: name, Input: input, RoleArn: this.role.arn, StartTime: new Date(this.around.clock.now()).toISOString() },
      StateMachine: { Id: this.machine.arn, Name: this.machine.name },
    };
  }

  private finish(status: Status, { output, error, cause }: { output?: string; error?: string; cause?: string }): void {
    if (this.status !== 'RUNNING') { return; }
    this.status = status;
    this.stopDate = this.around.clock.now();
    this.output = output;
    this.error = error;
    this.cause = cause;
    this.announce();
  }

  private announce(): void {
    const { clock } = this.around;
    this.around.changed({
      'version': '0',
      'id': randomUUID(),
      'source': 'aws.states',
      'detail-type': 'Step Functions Execution Status Change',
      'account': ACCOUNT,
      'region': REGION,
      'time': new Date(clock.now()).toISOString(),
      'resources': [this.arn],
      'detail': {
        executionArn: this.arn,
        stateMachineArn: this.machine.arn,
        name: this.name,
        status: this.status,
        startDate: this.startDate,
        stopDate: this.stopDate ?? null,
        input: this.input,
        output: this.output ?? null,
        error: this.error ?? null,
        cause: this.cause ?? null,
      },
    });
  }
}

function failure(name: string, cause: string): Error {
  return Object.assign(new Error(cause), { name });
}
