import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock';
import { arn, REGION } from '../environment';
import type { Context, Principal } from '../iam';
import type { Kms } from '../kms';
import type { Lambda } from '../lambda';
import { Latency } from '../latency';
import { ServiceError, type Answer, type Call, type Service } from '../service';
import { prepare, type Definition, type Json } from './definition';
import { Execution, type StateMachine, type StatusChange } from './execution';
import { loadInterpreter, type Interpreter } from './interpreter';
import { Tasks, type Task } from './tasks';

export type { StatusChange } from './execution';

const MAX_INPUT = 262_144;
const RETENTION = 90 * 24 * 3600 * 1000;

interface MachineSettings {
  readonly definition: string | object;
  readonly role: Principal;
}

/** Step Functions, standard workflows: state machines over the emulated Lambda, in the test's time. */
export class StepFunctions implements Service {
  public readonly signingName = 'states';
  private readonly machines = new Map<string, StateMachine>();
  private readonly executions = new Map<string, Execution>();
  private readonly interpreter: Interpreter;
  private readonly tasks: Tasks;
  /** Status changes that EventBridge did not deliver, see `loseEvents`. */
  public readonly lostEvents: StatusChange[] = [];
  private listeners: ((event: StatusChange) => void)[] = [];
  private losing: ((event: StatusChange) => boolean)[] = [];

  /** @param seed Chooses the pauses of retries with jitter. */
  constructor(
    private readonly clock: Clock, private readonly lambda: Lambda, seed = 1, private readonly kms?: Kms, latency = new Latency(clock),
  ) {
    this.interpreter = loadInterpreter(clock, seed, latency);
    this.tasks = new Tasks(clock);
  }

  /** Tells of every change of an execution's status, as EventBridge would; returns what ends that. */
  public onStatusChange(listener: (event: StatusChange) => void): () => void {
    this.listeners.push(listener);
    return () => this.listeners = this.listeners.filter(other => other !== listener);
  }

  /**
   * Delivers no event of the next `times` changes of status for which `when` holds, because EventBridge delivers them with best effort.
   * Returns a function that ends this.
   */
  public loseEvents({ times = Infinity, when = () => true }: { times?: number; when?: (detail: StatusChange['detail']) => boolean } = {}): () => void {
    let left = times;
    const loses = ({ detail }: StatusChange) => left > 0 && when(detail) && left-- > 0;
    this.losing.push(loses);
    return () => { this.losing = this.losing.filter(other => other !== loses); };
  }

  public create({ name, definition, role, kmsKeyId }: { name: string } & MachineSettings & { kmsKeyId?: string }): string {
    checkName(name);
    const machineArn = arn('states', `stateMachine:${name}`);
    const existing = this.machines.get(machineArn);
    if (existing?.deleting) { throw new ServiceError('StateMachineDeleting', 400, `State Machine is deleting: '${machineArn}'`); }
    if (existing) {
      throw new ServiceError('StateMachineAlreadyExists', 409, `State Machine Already Exists: '${machineArn}'`);
    }
    const creationDate = this.clock.now();
    this.machines.set(machineArn, { arn: machineArn, name, creationDate, role, kmsKeyId, deleting: false, ...this.parse(definition) });
    return machineArn;
  }

  /** Executions that run keep definition and role. A key that is not named stays: only `null` returns to the key that AWS owns. */
  public update(machineArn: string, { definition, role, kmsKeyId }: Partial<MachineSettings> & { kmsKeyId?: string | null }): void {
    const machine = this.machine(machineArn);
    if (kmsKeyId !== undefined) { machine.kmsKeyId = kmsKeyId ?? undefined; }
    if (definition !== undefined) { Object.assign(machine, this.parse(definition)); }
    machine.role = role ?? machine.role;
  }

  /** Executions that run end at their next transition, and the state machine with the last of them. */
  public delete(machineArn: string): void {
    this.machine(machineArn).deleting = true;
    this.forgetDeleted();
  }

  /** Returns true while executions hold up the deletion of a state machine. */
  public isDeleting(machineArn: string): boolean {
    return this.machines.get(machineArn)?.deleting ?? false;
  }

  /** Starts an execution; returns its ARN. */
  public start(machineArn: string, input: unknown = {}, name: string = randomUUID()): string {
    return this.startExecution(machineArn, JSON.stringify(input), name).arn;
  }

  /** Throws `ServiceError` if there is no such execution. */
  public describe(executionArn: string): Pick<Execution, 'name' | 'status' | 'input' | 'output' | 'error' | 'cause' | 'startDate' | 'stopDate'> {
    const { name, status, input, output, error, cause, startDate, stopDate } = this.execution(executionArn);
    return { name, status, input, output, error, cause, startDate, stopDate };
  }

  /** States entered so far, each retry and the children's included. */
  public transitions(executionArn: string): number {
    return this.execution(executionArn).transitions;
  }

  /** Events in the history of the execution so far; its children have histories of their own. */
  public events(executionArn: string): number {
    return this.execution(executionArn).history.events;
  }

  /** All tokens of tasks that were given out. */
  public get tokens(): string[] {
    return this.tasks.tokens;
  }

  /** Ends all executions; nobody is told. */
  public close(): void {
    this.listeners = [];
    this.executions.forEach(execution => execution.stop());
  }

  public operation(call: Call): string {
    return String(call.headers['x-amz-target'] ?? '').replace(/^AWSStepFunctions\./, '');
  }

  public async handle(call: Call): Promise<Answer> {
    const input = JSON.parse(call.body.toString() || '{}') as Record<string, Json>;
    switch (this.operation(call)) {
      case 'StartExecution': {
        call.authorize('states:StartExecution', input.stateMachineArn);
        this.useKey(call, this.machine(input.stateMachineArn));
        const { arn: executionArn, startDate } = this.startExecution(input.stateMachineArn, input.input ?? '{}', input.name ?? randomUUID());
        return json({ executionArn, startDate: seconds(startDate) });
      }
      case 'DescribeExecution':
        call.authorize('states:DescribeExecution', input.executionArn);
        this.useKey(call, this.execution(input.executionArn).machine);
        return json({ ...this.summary(this.execution(input.executionArn)), ...this.payloads(input.executionArn) });
      case 'StopExecution': {
        call.authorize('states:StopExecution', input.executionArn);
        const execution = this.execution(input.executionArn);
        execution.stop(input.error, input.cause);
        return json({ stopDate: seconds(execution.stopDate) });
      }
      case 'SendTaskSuccess':
        this.task(call, input).succeed(outputOf(input));
        return json({});
      case 'SendTaskFailure':
        this.task(call, input).fail(Object.assign(new Error(input.cause ?? ''), { name: input.error ?? 'States.TaskFailed' }));
        return json({});
      case 'SendTaskHeartbeat':
        this.task(call, input).heartbeat();
        return json({});
      case 'ListExecutions':
        call.authorize('states:ListExecutions', input.stateMachineArn);
        return json(this.listExecutions(input));
      case 'DescribeStateMachine': {
        call.authorize('states:DescribeStateMachine', input.stateMachineArn);
        const { arn: stateMachineArn, name, definition, role, creationDate, deleting } = this.machine(input.stateMachineArn);
        const status = deleting ? 'DELETING' : 'ACTIVE';
        return json({ stateMachineArn, name, definition, status, roleArn: role.arn, type: 'STANDARD', creationDate: seconds(creationDate) });
      }
      default:
        throw new ServiceError('UnknownOperationException', 400, `the emulated Step Functions does not know ${call.headers['x-amz-target']}`);
    }
  }

  public refuse(error: ServiceError): Answer {
    // JSON protocol: every refusal is a 400, AccessDeniedException too.
    const status = error.status < 500 ? 400 : error.status;
    return json({ __type: `com.amazonaws.swf.service.v2.model#${error.code}`, message: error.message, ...error.members }, status);
  }

  private startExecution(machineArn: string, input: string, name: string): Execution {
    checkName(name);
    checkLength('input', input);
    try {
      JSON.parse(input);
    } catch (error) {
      throw new ServiceError('InvalidExecutionInput', 400, `Invalid State Machine Execution Input: '${(error as Error).message}'`);
    }

    const machine = this.machine(machineArn);
    if (machine.deleting) { throw new ServiceError('StateMachineDeleting', 400, `State Machine is deleting: '${machineArn}'`); }
    const existing = this.find(arn('states', `execution:${machine.name}:${name}`));
    if (existing) {
      if (existing.status === 'RUNNING' && existing.input === input) { return existing; }
      throw new ServiceError('ExecutionAlreadyExists', 400, `Execution Already Exists: '${existing.arn}'`);
    }
    const execution = new Execution(machine, name, input, {
      clock: this.clock,
      lambda: this.lambda,
      interpreter: this.interpreter,
      tasks: this.tasks,
      useKey: run => this.useKey({ caller: run.role, allows: (...asked) => allows(run.role, ...asked) }, run),
      changed: event => {
        this.forgetDeleted();
        this.deliver(event);
      },
    });
    this.executions.set(execution.arn, execution);
    execution.begin();
    return execution;
  }

  /** Asks KMS for all documented uses of a customer's key. Step Functions uses it in the name of the caller that starts, runs, reads or answers executions. */
  private useKey(caller: Pick<Call, 'caller' | 'allows'>, { arn: stateMachineArn, kmsKeyId }: StateMachine): void {
    if (kmsKeyId === undefined) { return; }
    const context = { 'kms:EncryptionContext:aws:states:stateMachineArn': stateMachineArn, 'kms:ViaService': `states.${REGION}.amazonaws.com` };
    try {
      for (const action of ['kms:Decrypt', 'kms:GenerateDataKey']) { this.kms!.authorize(caller, action, kmsKeyId, context); }
    } catch (error) {
      throw new ServiceError('KmsAccessDeniedException', 400, (error as Error).message);
    }
  }

  private deliver(event: StatusChange): void {
    if (this.losing.some(loses => loses(event))) { return void this.lostEvents.push(event); }
    this.listeners.forEach(listener => listener(event));
  }

  private listExecutions({ stateMachineArn, statusFilter, maxResults, nextToken }: Record<string, Json>): object {
    this.machine(stateMachineArn);
    const matching = [...this.executions.values()].reverse().filter(execution => execution.machine.arn === stateMachineArn
      && this.find(execution.arn) && (statusFilter === undefined || execution.status === statusFilter));
    const from = Number(nextToken ?? 0);
    const to = from + (maxResults || 100);
    return { executions: matching.slice(from, to).map(this.summary), ...(to < matching.length ? { nextToken: String(to) } : {}) };
  }

  private summary({ arn: executionArn, machine, name, status, startDate, stopDate }: Execution): object {
    return { executionArn, stateMachineArn: machine.arn, name, status, startDate: seconds(startDate), stopDate: seconds(stopDate) };
  }

  private payloads(executionArn: string): object {
    const { input, output, error, cause } = this.execution(executionArn);
    const included = { included: true };
    return { input, inputDetails: included, output, ...(output === undefined ? {} : { outputDetails: included }), error, cause };
  }

  private parse(definition: string | object): Pick<StateMachine, 'definition' | 'prepared'> {
    const text = typeof definition === 'string' ? definition : JSON.stringify(definition);
    let parsed: Definition;
    try {
      parsed = JSON.parse(text) as Definition;
      this.interpreter.validate(parsed);
    } catch (error) {
      throw new ServiceError('InvalidDefinition', 400, `Invalid State Machine Definition: '${(error as Error).message}'`);
    }
    return { definition: text, prepared: prepare(parsed) };
  }

  /** Returns the task of a token. IAM is asked about its state machine. */
  private task(call: Call, { taskToken }: Record<string, Json>): Task {
    const task = this.tasks.find(taskToken);
    call.authorize(`states:${this.operation(call)}`, task.machineArn);
    this.useKey(call, this.machine(task.machineArn));
    return task;
  }

  private machine(machineArn: string): StateMachine {
    if (!/^arn:[^:]+:states:[^:]+:\d{12}:stateMachine:[^:]+$/.test(machineArn)) {
      throw new ServiceError('InvalidArn', 400, `Invalid Arn: '${machineArn}'`);
    }
    const machine = this.machines.get(machineArn);
    if (!machine) { throw new ServiceError('StateMachineDoesNotExist', 400, `State Machine Does Not Exist: '${machineArn}'`); }
    return machine;
  }

  private execution(executionArn: string): Execution {
    if (!/^arn:[^:]+:states:[^:]+:\d{12}:execution:[^:]+:[^:]+$/.test(executionArn)) {
      throw new ServiceError('InvalidArn', 400, `Invalid Arn: '${executionArn}'`);
    }
    const execution = this.find(executionArn);
    if (!execution) { throw new ServiceError('ExecutionDoesNotExist', 400, `Execution Does Not Exist: '${executionArn}'`); }
    return execution;
  }

  /** Closed executions are remembered, and their names taken, for 90 days. */
  private find(executionArn: string): Execution | undefined {
    const execution = this.executions.get(executionArn);
    return execution && (execution.stopDate === undefined || this.clock.now() - execution.stopDate < RETENTION) ? execution : undefined;
  }

  private forgetDeleted(): void {
    for (const machine of [...this.machines.values()].filter(({ deleting }) => deleting)) {
      const running = [...this.executions.values()].some(execution => execution.machine === machine && execution.status === 'RUNNING');
      if (!running) { this.machines.delete(machine.arn); }
    }
  }
}

function allows(role: Principal, action: string, resource: string | string[], context: Context = {}): boolean {
  return [resource].flat().every(one => role.allows(action, one, { 'aws:SecureTransport': 'true', 'aws:PrincipalArn': role.arn, ...context }));
}

/** Returns what a task results in. */
function outputOf({ output }: Record<string, Json>): Json {
  checkLength('output', output);
  try {
    return JSON.parse(output) as Json;
  } catch (error) {
    throw new ServiceError('InvalidOutput', 400, `Invalid Output: '${(error as Error).message}'`);
  }
}

function checkLength(member: string, text: string): void {
  if (Buffer.byteLength(text) <= MAX_INPUT) { return; }
  throw new ServiceError('ValidationException', 400,
    `1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must have length less than or equal to ${MAX_INPUT}`);
}

function checkName(name: string): void {
  // eslint-disable-next-line no-control-regex
  if (name.length < 1 || name.length > 80 || /[\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]/.test(name)) {
    throw new ServiceError('InvalidName', 400, `Invalid Name: '${name}'`);
  }
}

function seconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : milliseconds / 1000;
}

function json(body: object, status = 200): Answer {
  return { status, headers: { 'content-type': 'application/x-amz-json-1.0' }, body: JSON.stringify(body) };
}
