import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { SFNClient } from '@aws-sdk/client-sfn';
import type { Choices } from './choices';
import { call, Invocation, refused, type Time } from './process';
import { Things, type Work } from './thing';
import { Awaited } from '../../../lambda/shared/answering/awaited';
import type { CloudFormationEvent } from '../../../lambda/shared/answering/cloudformation-event';
import type { ExecutionState } from '../../../lambda/shared/answering/execution-state';
import type { Invocation as Payload } from '../../../lambda/shared/answering/handler';
import { Receiver } from '../../../lambda/shared/answering/receiver';
import { Steps } from '../../../lambda/shared/answering/steps';
import { handlersOf } from '../../../lambda/shared/event-handlers';
import { Stacks } from '../../../lambda/shared/stacks';
import { LONGEST_PAUSE_SECONDS } from '../../../src/contract/answering';

export const STACK = 'arn:aws:cloudformation:eu-west-1:111111111111:stack/App/1';
const WAITER = 'arn:aws:states:eu-west-1:111111111111:stateMachine:Waiter';

/** Parts of the protocol that can be left out, to show that the model finds out. */
export interface LeftOut {
  /** Nobody asks whether CloudFormation waits for the resource, nor for the direction of the call. */
  readonly statusQuestion?: true;
  /** The deletion of a cancelled creation waits for nothing. */
  readonly wait?: true;
  /** An execution waits for its token, however long that takes. */
  readonly timeout?: true;
  /** Names of executions can be taken again. */
  readonly names?: true;
}

/** The state of a world at its beginning. */
export interface Given {
  /** The thing asks whether the stack rolls back, as a snapshot; otherwise it is as an empty file system. */
  readonly asks?: true;
  /** How many polls find a new thing unready. */
  readonly polls?: number;
  readonly refuses?: 'before' | 'after';
  /** How long a new thing is being filled, by work that returns a token at its end. */
  readonly seconds?: number;
  readonly leftOut?: LeftOut;
  /** The shortest pause between two polls, in seconds: longer ones make fewer decisions. */
  readonly leastPause: number;
}

interface Execution { readonly input: string; readonly name: string; ended: boolean }

const named = (name: string, message = name) => Object.assign(new Error(message), { name });

/** Statuses that show a change late. */
class Shown {
  private readonly changes: { readonly from: number; readonly value: string | undefined }[] = [];

  constructor(private readonly time: Time, private readonly choices: Choices, private readonly what: string) {}

  public set(value: string | undefined): void {
    const seconds = this.choices.pick(`${value} of the ${this.what} shows after seconds`, [0, 30, 59]);
    this.changes.push({ from: Math.max(this.time.now + 1000 * seconds, this.changes.at(-1)?.from ?? 0), value });
  }

  public get value(): string | undefined {
    return this.changes.findLast(({ from }) => from <= this.time.now)?.value;
  }
}

/** Lambda, Step Functions and EventBridge with the function in them, and what it asks CloudFormation for. */
export class Cloud {
  public readonly resource: Shown;
  public readonly stack: Shown;
  public readonly things: Things;
  /** Takes answers at response URLs. */
  public answered!: (url: string, body: { readonly Status: string; readonly PhysicalResourceId: string }) => void;
  /** The reason why nobody answers, if that is no fault. */
  public lost: string | undefined;
  /** Whether somebody stopped an execution. */
  public stopped = false;
  private readonly executions = new Map<string, Execution>();
  private readonly receiver: Receiver;
  private readonly steps: Steps;
  private readonly returnsStatuses: boolean;
  private throttledUntil = 0;
  /** Functions that let the execution of a token go on. */
  private readonly tokens = new Map<string, () => void>();

  constructor(public readonly time: Time, public readonly choices: Choices, private readonly given: Given) {
    this.resource = new Shown(time, choices, 'resource');
    this.stack = new Shown(time, choices, 'stack');
    this.returnsStatuses = choices.pick('CloudFormation returns statuses', ['yes', 'never']) === 'yes';
    const client = { send: (command: any) => this.askCloudFormation(command.constructor.name) } as unknown as CloudFormationClient;
    const stacks = new Stacks(client);
    const work = given.seconds === undefined ? undefined : this.workOf(given.seconds);
    this.things = new Things(stacks, given.asks === true, given.polls ?? 0, given.refuses, work);
    const put = (url: string, body: string) => call('answers', () => this.answered(url, JSON.parse(body)), [refused('status 503', new Error('status 503'))]);
    const executions = { send: (command: any) => this.askStepFunctions(command) } as unknown as SFNClient;
    this.receiver = new Receiver(executions, { waiterArn: WAITER, stackId: STACK }, put);
    const returnToken = (token: string) => call('returns the token', () => this.tokens.get(token)?.());
    this.steps = new Steps(
      this.handlers(stacks), given.leftOut?.statusQuestion ? { ask: async () => 'yes' } : new Awaited(stacks), put, returnToken);
  }

  /** Delivers an event, and repeats it twice if the function dies or throws. */
  public async deliver(payload: CloudFormationEvent | Payload, name: string, sent: number): Promise<void> {
    for (const pause of [60, 120, undefined]) {
      if (this.time.now > sent + 3_600_000) { break; }
      try {
        return void await this.invoke(payload as Payload, name);
      } catch {
        if (pause !== undefined) { await this.pause(pause); }
      }
    }
    this.lost = `the event of ${name}`;
  }

  /** The state of everything that decides what happens next, but time. */
  public get state(): string {
    const executions = [...this.executions.values()].map(({ ended }) => ended);
    const { all } = this.things;
    return JSON.stringify([this.resource.value, this.stack.value, all.map(({ id, state, value }) => [id, state, value]), executions, this.lost]);
  }

  private handlers(stacks: Stacks) {
    const { leftOut } = this.given;
    const silent = { status: (id: string) => stacks.status(id), describe: async () => undefined, resource: async () => undefined };
    const handlers = handlersOf({ 'Custom::Thing': this.things }, { stacks: leftOut?.statusQuestion ? silent : stacks });
    if (!leftOut?.wait) { return handlers; }
    return {
      ...handlers,
      act: async (event: any) => {
        const { LateCreationUntil, ...result } = await handlers.act(event);
        return result;
      },
    };
  }

  private invoke(payload: Payload, name: string): Promise<ExecutionState | undefined> {
    return new Invocation(this.time, this.choices, name).run(async () => {
      if ('state' in payload) {
        const { state, token } = payload;
        if (token !== undefined) { return void await this.steps.await(state, token); }
        if (state.next !== 'answer' && state.failure === undefined) { return this.steps.run(state); }
        await this.steps.answer(state);
      } else if ('ResponseURL' in payload) {
        await this.receiver.receive(payload);
      } else {
        await this.receiver.answerFor(payload);
      }
      return undefined;
    });
  }

  private async execute(execution: Execution): Promise<void> {
    this.mayBeStopped(execution);
    let state: ExecutionState = JSON.parse(execution.input);
    try {
      while (state.next !== 'answer') {
        state = (await this.task(execution, state, 20))!;
        if (state.next === 'await') { await this.awaitToken(execution, state); } else if (state.wait > 0) { await this.pause(Math.max(state.wait, this.given.leastPause)); }
      }
    } catch (error) {
      state = { ...state, failure: { Error: 'Died', Cause: String(error) } };
    }
    await this.task(execution, state, 60);
    execution.ended = true;
  }

  /** Waits until the token comes back, or for the longest pause; makes the pause of polls if the function fails. */
  private async awaitToken(execution: Execution, state: ExecutionState): Promise<void> {
    await this.unlessStopped(execution);
    const token = `token ${this.tokens.size + 1}`;
    const returned = new Promise<void>(resolve => { this.tokens.set(token, resolve); });
    const invoked = this.invoke({ state, token }, `${execution.name}.await`).then(() => returned, () => this.pause(Math.max(state.wait, this.given.leastPause)));
    const timeout = this.given.leftOut?.timeout ? [] : [this.pause(Math.max(LONGEST_PAUSE_SECONDS, this.given.leastPause))];
    await Promise.race([returned, invoked, ...timeout]);
    this.tokens.delete(token);
  }

  /** Invokes the function for a step, again if it dies, or if Step Functions loses the connection to one that goes on. */
  private async task(execution: Execution, state: ExecutionState, retries: number): Promise<ExecutionState | undefined> {
    for (let tries = 0; ; tries++) {
      await this.unlessStopped(execution);
      const name = `${execution.name}.${state.next}`;
      try {
        const invoked = this.invoke({ state }, name);
        if (this.choices.pick(`Step Functions loses its connection to ${name}`, ['no', 'yes']) === 'yes') {
          invoked.catch(() => {});
          await this.pause(0.3);
          throw new Error('connection lost');
        }
        const next = await invoked;
        await this.unlessStopped(execution);
        return next;
      } catch (error) {
        if (tries === retries) { throw error; }
        await this.pause(Math.min(2 * 2 ** tries, 30));
      }
    }
  }

  /** Work that takes some seconds. The event of its end, by which a function returns the token, may be late or lost, as the function may die. */
  private workOf(seconds: number): Work {
    return {
      begin: (end, token) => this.time.after(seconds, () => {
        end();
        const late = this.choices.pick('the event of the end of the work comes after seconds', [1, 30, Infinity]);
        if (late === Infinity) { return; }
        this.time.after(late, () => void new Invocation(this.time, this.choices, 'end of the work').run(async () => {
          const left = await call('reads the token', token);
          if (left !== undefined) { await call('returns the token', () => this.tokens.get(left)?.()); }
        }).catch(() => {}));
      }),
    };
  }

  private mayBeStopped(execution: Execution): void {
    const seconds = this.choices.pick(`somebody stops ${execution.name} after seconds`, [Infinity, 0.12, 0.3, 30]);
    if (seconds === Infinity) { return; }
    this.time.after(seconds, () => {
      if (execution.ended) { return; }
      execution.ended = true;
      this.stopped = true;
      if (this.choices.pick(`the event of the end of ${execution.name}`, ['arrives', 'is lost']) === 'is lost') {
        this.lost = `the execution of ${execution.name}`;
        return;
      }
      const [id] = [...this.executions].find(([, other]) => other === execution)!;
      const detail = { executionArn: id, status: 'ABORTED' };
      this.time.after(1, () => void this.deliver({ 'detail-type': 'Step Functions Execution Status Change', detail }, `end of ${execution.name}`, this.time.now));
    });
  }

  /** Never returns in an execution that was stopped. */
  private unlessStopped({ ended }: Execution): Promise<void> {
    return ended ? new Promise(() => {}) : Promise.resolve();
  }

  private pause(seconds: number): Promise<void> {
    return new Promise(resolve => { this.time.after(seconds, resolve); });
  }

  private askStepFunctions({ constructor: { name: command }, input }: any): Promise<unknown> {
    if (command === 'StartExecutionCommand') { return call('starts the execution', () => this.start(input)); }
    return call('describes the execution', () => {
      const execution = this.executions.get(input.executionArn);
      if (!execution) { throw named('ExecutionDoesNotExist'); }
      return { stateMachineArn: WAITER, input: execution.input };
    });
  }

  private start({ name, input }: { readonly name: string; readonly input: string }): object {
    const arn = `${WAITER.replace(':stateMachine:', ':execution:')}:${name}`;
    if (this.executions.has(arn) && !this.given.leftOut?.names) { throw named('ExecutionAlreadyExists'); }
    const { event } = JSON.parse(input) as ExecutionState;
    const execution = { input, name: `${event.RequestType} ${event.RequestId}`, ended: false };
    this.executions.set(this.executions.has(arn) ? `${arn}:${this.executions.size}` : arn, execution);
    void this.execute(execution);
    return {};
  }

  private async askCloudFormation(command: string): Promise<unknown> {
    if (!this.returnsStatuses) { throw named('AccessDenied'); }
    if (this.time.now < this.throttledUntil) { return call('is throttled', () => { throw named('ThrottlingException'); }); }
    if (command === 'DescribeStacksCommand') { return call('asks for the status of the stack', () => ({ Stacks: [{ StackId: STACK, StackStatus: this.stack.value, DisableRollback: false }] })); }
    if (this.choices.pick('CloudFormation throttles for seconds', [0, 15]) > 0) { this.throttledUntil = this.time.now + 15_000; }
    return call('asks for the status of the resource', () => {
      if (this.time.now < this.throttledUntil) { throw named('ThrottlingException'); }
      return { StackResourceDetail: { ResourceStatus: this.resource.value } };
    });
  }
}
