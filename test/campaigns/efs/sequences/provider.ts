import type { Scene } from './scene';
import { isSetting, LOGICAL_IDS, type LogicalId } from './stack-template';
import type { Deploy } from './template';
import { failedId } from '../../../../lambda/shared/answering/call';
import { TooEarly } from '../../../../lambda/shared/direction';
import type { EventHandlers, ResourceEvent } from '../../../../lambda/shared/resource-event';
import { OWNERSHIP_TAGS } from '../../../../src/contract/ownership';
import { ResourceFailure, type Handler, type Made, type Request } from '../../../../world/cloudformation/handler';
import type { Resource, Stack } from '../../../../world/cloudformation/stack';

const POLL = 5_000;
const MOST_POLLS = 600;
/** Of a creation that is being cancelled, there are many. */
const LONG_POLL = 20_000;
/** Whether CloudFormation made this id up, because a creation gave no answer. */
export function isMadeUp(physicalId: string | undefined): boolean {
  return physicalId?.startsWith('Stack-') === true;
}

/** What was asked for, not what went wrong. */
export class Planned extends Error {}

/** What the deployment learns from the provider. */
export interface Listener {
  completed(logicalId: LogicalId, id: string, properties: any): void;
  /** A file system that was adopted is left, not deleted. */
  released(id: string): void;
  /** An event comes that may need a policy which changed just before it. */
  began(logicalId: LogicalId): void;
  /** An event failed. Throws if nothing can have been the reason. */
  failed(error: Error, request: 'forward' | 'back' | 'delete'): void;
}

/** The executions of calls in process, one after another; and what goes wrong between CloudFormation and them. */
export class Provider implements Handler {
  public readonly waits = true;
  public readonly custom = true;
  /** What goes wrong in the operation in hand. */
  private plan: Deploy | undefined;
  /** Resources that have had an event in the operation in hand: the next one takes that back. */
  private readonly touched = new Set<LogicalId>();
  /** Polls that go on although nobody waits for their end. */
  public readonly waiters: ResourceEvent<any>[] = [];
  /** Create events that reach the handlers only after the Delete event, by the id that CloudFormation made up. */
  private readonly late = new Map<string, ResourceEvent<any>>();
  /** Creations that CloudFormation has given up, and that go on. */
  private readonly abandoned = new Map<string, ResourceEvent<any>>();
  /** Ids that CloudFormation made up. */
  private madeUp = 0;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly scene: Scene, private readonly listener: Listener) {}

  public begin(plan: Deploy | undefined): void {
    this.plan = plan;
    this.touched.clear();
  }

  public create(request: Request): Promise<Made> {
    return this.inTurn(() => this.ask('Create', request, {}));
  }

  public update(request: Request, before: Resource): Promise<Made> {
    return this.inTurn(() => this.ask('Update', request, { PhysicalResourceId: before.physicalId, OldResourceProperties: before.properties }));
  }

  public delete(resource: Resource, stack: Stack): Promise<void> {
    return this.inTurn(() => this.remove(resource, stack));
  }

  /** Returns the id of what a creation has made that CloudFormation has given up. */
  public abandonedId(madeUpId: string): string | undefined {
    return this.abandoned.get(madeUpId)?.PhysicalResourceId;
  }

  /** A waiter that does not know that nobody waits any more. */
  public async latePoll(number: number): Promise<void> {
    const waiter = this.waiters[this.waiters.length - 1 - number];
    if (waiter) { await this.poll(waiter).catch(() => {}); }
  }

  private async ask(type: 'Create' | 'Update', { stack, logicalId: id, properties, type: resourceType, signal }: Request, more: object): Promise<Made> {
    const logicalId = id as LogicalId;
    const forward = !this.touched.has(logicalId) && !/ROLLBACK/.test(stack.status);
    this.touched.add(logicalId);
    // What is taken back in an operation without rollback needs no other policy.
    if (forward || /ROLLBACK/.test(stack.status)) { this.listener.began(logicalId); }
    const event: ResourceEvent<any> = {
      RequestType: type,
      StackId: stack.id,
      // Handlers get the id of the call as that of the request.
      RequestId: stack.ids.hex(16),
      // When CloudFormation sent it: the same in all deliveries.
      Since: `${this.scene.world.clock.now()}`,
      ResourceType: resourceType,
      LogicalResourceId: logicalId,
      ResourceProperties: properties,
      ...more,
    };
    // Without an answer, CloudFormation makes up an id.
    const knownAs = event.PhysicalResourceId ?? `Stack-${logicalId}-1ABCDEFGH${++this.madeUp}`;
    const failed = event.PhysicalResourceId ?? failedId({ id: event.RequestId });
    if (signal.aborted) { throw new ResourceFailure('Resource cancelled', failed); }
    let reached: string | undefined;
    try {
      const physicalId = await this.play(event, knownAs, forward ? this.plan : undefined, started => { reached = started; });
      this.listener.completed(logicalId, physicalId, properties);
      return { physicalId, attributes: {} };
    } catch (error) {
      this.scene.refuse(undefined);
      // A value that was overwritten is not put back, also when the tag set was never complete (deployed-behaviour 3).
      if (properties.Overwrite && properties.Tags) {
        this.scene.forgetTags(properties.ResourceId, properties.Tags.map(({ Key }: { Key: string }) => Key));
      }
      if (isSetting(logicalId)) {
        const oldId = event.PhysicalResourceId?.split('/')[0];
        this.scene.settings.failed(logicalId, properties, oldId, error instanceof Planned);
      }
      if (!(error instanceof Planned)) { this.listener.failed(error as Error, forward ? 'forward' : 'back'); }
      throw new ResourceFailure((error as Error).message, error instanceof Planned ? knownAs : reached ?? failed);
    }
  }

  /** Returns the physical id. `knownAs`: the id that CloudFormation has without an answer. */
  private async play(event: ResourceEvent<any>, knownAs: string, plan: Deploy | undefined, reached: (id: string) => void): Promise<string> {
    const number = LOGICAL_IDS.indexOf(event.LogicalResourceId as LogicalId);
    const cancel = plan?.cancel?.resource === number ? plan.cancel.polls : undefined;
    const meanwhile = plan?.meanwhile?.resource === number ? plan.meanwhile : undefined;
    if (meanwhile && meanwhile.polls < 0) { await this.scene.interfere(meanwhile.what); }
    if (cancel !== undefined && cancel < 0) {
      // An Update is lost: no resource is right yet if one arrives after that of the rollback. Mount targets take it for the latest
      // request, tag sets and settings keep no record of requests, and file systems return to a replacement.
      if (event.RequestType === 'Create') { this.late.set(knownAs, event); }
      throw new Planned('cancelled');
    }
    let started = await this.start(event);
    if (plan?.duplicates) { started = await this.start(event); }
    reached(started.PhysicalResourceId!);
    // Nothing tells a setting that a later event came after this one, so a late poll sets it again (efs-field-cases 5).
    const mayGoOn = !isSetting(event.LogicalResourceId as LogicalId);
    if (mayGoOn) { this.waiters.push(started); }

    for (let polls = 0; polls < MOST_POLLS; polls++) {
      if (meanwhile?.polls === polls) { await this.scene.interfere(meanwhile.what); }
      if (cancel === polls) {
        if (event.RequestType === 'Create' && mayGoOn) { this.abandoned.set(knownAs, started); }
        throw new Planned('cancelled');
      }
      if (await this.poll(started)) { return started.PhysicalResourceId!; }
      if (plan?.duplicates && polls === 1) { await this.start(event); }
      this.scene.world.clock.advance(POLL);
    }
    throw new Error('Operation timed out');
  }

  private async remove({ logicalId: id, physicalId, properties, type }: Resource, stack: Stack): Promise<void> {
    const logicalId = id as LogicalId;
    const { world } = this.scene;
    const adopted = world.efs.fileSystems.find(one => one.id === physicalId)?.tags[OWNERSHIP_TAGS.state] === 'adopted';
    const event: ResourceEvent<any> = {
      RequestType: 'Delete',
      StackId: stack.id,
      // Handlers get the id of the call as that of the request.
      RequestId: stack.ids.hex(16),
      // When CloudFormation sent it: the same in all deliveries.
      Since: `${this.scene.world.clock.now()}`,
      ResourceType: type,
      LogicalResourceId: logicalId,
      ResourceProperties: properties,
      PhysicalResourceId: physicalId,
    };
    try {
      await this.playDelete(event);
    } catch (error) {
      this.listener.failed(error as Error, 'delete');
      throw error;
    }
    if (adopted) { this.listener.released(physicalId!); }
  }

  private async playDelete(event: ResourceEvent<any>): Promise<void> {
    const id = event.PhysicalResourceId!;
    let abandoned = this.abandoned.get(id);
    const held = this.late.get(id);
    this.abandoned.delete(id);
    this.late.delete(id);
    const deletion = await this.start(event);
    expect(deletion.PhysicalResourceId).toBe(id);
    if (this.plan?.duplicates) { await this.start(event); }
    this.waiters.push(deletion);
    for (let polls = 0; polls < MOST_POLLS; polls++) {
      if (polls === 2 && held) { abandoned = await this.start(held).catch(() => undefined); }
      if (abandoned && polls < 6) { await this.poll(abandoned).catch(() => {}); }
      if (await this.poll(deletion)) { return; }
      this.scene.world.clock.advance(isMadeUp(id) ? LONG_POLL : POLL);
    }
    throw new Error('Operation timed out');
  }

  /** Repeats the first step as long as it waits for a status of the stack. */
  private async start(event: ResourceEvent<any>): Promise<ResourceEvent<any>> {
    const { clock } = this.scene.world;
    const sent = { Since: `${clock.now()}`, ...event };
    for (;;) {
      try {
        return { ...event, ...await this.handlers.act(sent) };
      } catch (error) {
        if (!(error instanceof TooEarly)) { throw error; }
        clock.advance(POLL);
      }
    }
  }

  private async poll(started: ResourceEvent<any>): Promise<boolean> {
    return (await this.handlers.poll(started)).IsComplete;
  }

  private get handlers(): EventHandlers {
    return this.scene.world.handlers;
  }

  /** One event after another, so that a seed plays the same calls in the same order. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work);
    this.turn = mine.catch(() => {});
    return mine;
  }
}
