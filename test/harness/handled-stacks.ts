import { failedId } from '../../lambda/shared/answering/call';
import { TooEarly } from '../../lambda/shared/direction';
import type { EventHandlers, ResourceEvent } from '../../lambda/shared/resource-event';
import { StackApi } from '../../world/cloudformation/api';
import { Deployment } from '../../world/cloudformation/deployment';
import { ResourceFailure, type Handler, type Made, type Request } from '../../world/cloudformation/handler';
import { Ids } from '../../world/cloudformation/ids';
import type { Scope } from '../../world/cloudformation/intrinsics';
import type { OperationOptions } from '../../world/cloudformation/operation';
import { Stack, type Resource } from '../../world/cloudformation/stack';
import { Template, type ResourceDefinition } from '../../world/cloudformation/template';
import type { Clock } from '../../world/emulator/clock';
import type { EmulatorServer } from '../../world/emulator/server';

/** The faults of one deployment. */
export interface Trouble {
  /** Another resource of the stack fails when all of these are there. */
  readonly failAfter: boolean;
  /** CloudFormation gives up on the resource with this logical id after that many polls. */
  readonly cancel?: { readonly id: string; readonly polls: number };
  /** The first step of each event runs twice. */
  readonly duplicates: boolean;
  readonly rollbackWith: 'old' | 'new';
  /** How CloudFormation answers handlers that ask for the status of the stack. */
  readonly statuses: Statuses;
}

/** `late`: each status shows after 50 seconds. `denied`: handlers may not ask. */
export type Statuses = 'present' | 'late' | 'denied';

interface World {
  readonly clock: Clock;
  readonly server: EmulatorServer;
  readonly handlers: EventHandlers;
  /** Actions that are denied to the handlers. */
  readonly denied: string[];
}

const POLL_MILLISECONDS = 6_000;
const MOST_POLLS = 400;
/** A call that CloudFormation has given up is still polled so often beside its Delete. */
const LATE_POLLS = 4;
/** A late status shows after this time, in milliseconds. */
const LATE = 50_000;
const OTHER = 'Test::Other';

const NO_SCOPE: Scope = Object.fromEntries(['ref', 'attribute', 'condition', 'mapping', 'importValue', 'parameter']
  .map(name => [name, (of: string) => { throw new Error(`no ${name} ${of}`); }])) as unknown as Scope;

/** Stacks of custom resources alone, which the player of CloudFormation deploys and whose handlers run in this process: for many random deployments. */
export class HandledStacks {
  public readonly all: Stack[] = [];
  /** Calls that CloudFormation has given up, and whose executions go on. */
  private abandoned: ResourceEvent<any>[] = [];
  private trouble: Trouble | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private made = 0;

  constructor(private readonly world: World) {
    const api = new StackApi(world.clock, () => [...this.all].reverse());
    world.server.add({
      signingName: 'cloudformation', operation: call => api.operation(call), handle: async call => api.handle(call), refuse: error => api.refuse(error),
    });
  }

  /** The stack with this name that is not deleted. */
  public present(wanted: string): Stack | undefined {
    return this.all.find(({ name, status }) => name === wanted && status !== 'DELETE_COMPLETE');
  }

  /**
   * Returns the stack and whether it is as the template says; undefined if nothing was to be done. Throws if the deployment failed without a
   * reason, or its rollback did.
   * @param mayBeRefused whether a handler may refuse the template
   */
  public async deploy(
    name: string, resources: Record<string, ResourceDefinition>, trouble: Trouble, mayBeRefused: boolean,
  ): Promise<{ stack: Stack; isComplete: boolean } | undefined> {
    const present = this.present(name);
    const other = trouble.failAfter && { Other: { Type: OTHER, DependsOn: Object.keys(resources) } };
    const template = new Template({ Resources: { ...resources, ...other } }, {}, NO_SCOPE);
    if (present && Deployment.sameTemplates(present.template!, template)) { return undefined; }
    const stack = present ?? this.add(name);
    const { denied } = this.world;
    this.trouble = trouble;
    denied.push(...trouble.statuses === 'denied' ? ['cloudformation:*'] : []);
    const deployment = this.deployment(stack, { rollbackPhysicalId: trouble.rollbackWith });
    await (present ? deployment.update(template) : deployment.create(template));
    this.trouble = undefined;
    denied.splice(0);
    await this.endAbandoned();
    const isComplete = /^(CREATE|UPDATE)_COMPLETE$/.test(stack.status);
    const isCancelled = trouble.cancel !== undefined && trouble.cancel.id in resources;
    this.expectReason(stack, isComplete ? !trouble.failAfter : mayBeRefused || trouble.failAfter || isCancelled);
    if (stack.status === 'ROLLBACK_COMPLETE') { await this.delete(stack); }
    return { stack, isComplete };
  }

  public async delete(stack: Stack): Promise<void> {
    await this.deployment(stack, {}).delete();
  }

  private expectReason({ name, events, status }: Stack, isExpected: boolean): void {
    if (isExpected && /^((CREATE|UPDATE)|(UPDATE_)?ROLLBACK)_COMPLETE$/.test(status)) { return; }
    const reasons = events.filter(event => event.logicalId !== name && event.status.endsWith('_FAILED') && !/cancelled|as planned/i.test(event.reason ?? ''))
      .map(({ logicalId, reason }) => `${logicalId}: ${reason}`);
    throw new Error(`unexpected ${status}: ${reasons.join('\n')}`);
  }

  /** Executions of calls that CloudFormation has given up go on to their end. */
  private async endAbandoned(): Promise<void> {
    for (const event of this.abandoned.splice(0)) {
      for (let polls = 0; polls < MOST_POLLS && !await this.pollLate(event); polls++) { await this.world.clock.sleep(POLL_MILLISECONDS); }
    }
  }

  private add(name: string): Stack {
    const { clock } = this.world;
    const delay = () => this.trouble?.statuses === 'late' ? LATE : 0;
    const stack = new Stack(name, new Ids(`${name} ${this.all.length}`), clock.now(), { now: () => clock.now(), delay });
    this.all.push(stack);
    return stack;
  }

  private deployment(stack: Stack, options: OperationOptions): Deployment {
    const fail = () => { throw new Error('as planned'); };
    const other: Handler = { create: fail, update: fail, delete: () => {} };
    const custom: Handler = {
      waits: true,
      custom: true,
      create: request => this.inTurn(() => this.ask('Create', request)),
      update: (request, before) => this.inTurn(() => this.ask('Update', request, before)),
      delete: resource => this.inTurn(() => this.remove(stack, resource)),
    };
    return new Deployment(
      { clock: this.world.clock, handler: type => type === OTHER ? other : custom, scope: () => NO_SCOPE, publish: () => {} }, stack, options);
  }

  private async ask(type: 'Create' | 'Update', { stack, logicalId, properties, type: resourceType, signal }: Request, before?: Resource): Promise<Made> {
    const event: ResourceEvent<any> = {
      RequestType: type,
      StackId: stack.id,
      RequestId: stack.ids.hex(16),
      Since: `${this.world.clock.now()}`,
      ResourceType: resourceType,
      LogicalResourceId: logicalId,
      ResourceProperties: properties,
      ...before && { PhysicalResourceId: before.physicalId, OldResourceProperties: before.properties },
    };
    const failed = before?.physicalId ?? failedId({ id: event.RequestId });
    if (signal.aborted) { throw new ResourceFailure('Resource cancelled', failed); }
    const trouble = /ROLLBACK/.test(stack.status) ? undefined : this.trouble;
    const cancel = trouble?.cancel?.id === logicalId ? trouble.cancel.polls : undefined;
    let reached: string | undefined;
    try {
      let started = await this.start(event);
      if (trouble?.duplicates) { started = await this.start(event); }
      reached = started.PhysicalResourceId!;
      for (let polls = 0; polls < MOST_POLLS; polls++) {
        if (cancel === polls) {
          this.abandoned.push(started);
          // Without an answer, CloudFormation makes up an id.
          throw new ResourceFailure('Resource cancelled', before?.physicalId ?? `${stack.name}-${logicalId}-1ABCDEFGH${++this.made}`);
        }
        const { IsComplete, Data = {}, PhysicalResourceId: physicalId = reached } = await this.world.handlers.poll(started);
        if (IsComplete) { return { physicalId, attributes: Data as Record<string, unknown> }; }
        await this.world.clock.sleep(POLL_MILLISECONDS);
      }
      throw new Error('Operation timed out');
    } catch (error) {
      throw error instanceof ResourceFailure ? error : new ResourceFailure((error as Error).message, reached ?? failed);
    }
  }

  private async remove(stack: Stack, { logicalId, physicalId, properties, type }: Resource): Promise<void> {
    const started = await this.start({
      RequestType: 'Delete',
      StackId: stack.id,
      RequestId: stack.ids.hex(16),
      Since: `${this.world.clock.now()}`,
      ResourceType: type,
      LogicalResourceId: logicalId,
      ResourceProperties: properties,
      PhysicalResourceId: physicalId,
    });
    const abandoned = this.abandoned.filter(event => event.LogicalResourceId === logicalId && event.StackId === stack.id);
    for (let polls = 0; polls < MOST_POLLS; polls++) {
      for (const event of polls < LATE_POLLS ? abandoned : []) { await this.pollLate(event); }
      if ((await this.world.handlers.poll(started)).IsComplete) { return; }
      await this.world.clock.sleep(POLL_MILLISECONDS);
    }
    throw new Error('Operation timed out');
  }

  private async start(event: ResourceEvent<any>): Promise<ResourceEvent<any>> {
    for (;;) {
      try {
        return { ...event, ...await this.world.handlers.act(event) };
      } catch (error) {
        // The execution repeats a step that waits for a status of the stack.
        if (!(error instanceof TooEarly)) { throw error; }
        await this.world.clock.sleep(POLL_MILLISECONDS);
      }
    }
  }

  /** Polls for an execution whose answer CloudFormation ignores. Returns whether it has ended. */
  private async pollLate(event: ResourceEvent<any>): Promise<boolean> {
    try {
      return (await this.world.handlers.poll(event)).IsComplete;
    } catch (error) {
      return !(error instanceof TooEarly);
    }
  }

  /** One event after another, so that a seed plays the same calls in the same order. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work);
    this.turn = mine.catch(() => {});
    return mine;
  }
}
