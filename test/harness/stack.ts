import { strict as assert } from 'assert';
import { randomBytes, randomUUID } from 'crypto';
import { KILLED } from './ebs/mortality';
import { failedId, interruptedId } from '../../lambda/shared/answering/call';
import { TooEarly } from '../../lambda/shared/direction';
import type { ActResult, EventHandlers, ResourceEvent } from '../../lambda/shared/resource-event';
import type { Clock } from '../../world/emulator/clock';
import { arn } from '../../world/emulator/environment';

type Properties = Record<string, unknown>;
type Attributes = Record<string, string>;

const POLL_MILLISECONDS = 5_000;
const MOST_POLLS = 600;
/** A death stands for 21 in succession. Pauses of up to 30 seconds, a random part of each, lie between them. */
const REPETITIONS_MILLISECONDS = 60_000;

/**
 * CloudFormation and the steps of an execution for one custom resource, in
 * process: for the many sequences that are too many for real processes.
 * `world/cloudformation/` plays the whole of it.
 */
export class Stack {
  public readonly stackId: string;
  /** The physical id that CloudFormation holds. */
  public physicalId: string | undefined;
  /** The properties of the last deployment that succeeded. */
  private current: Properties | undefined;
  /** Extra deliveries of the next events, as Lambda's asynchronous invocations sometimes make. */
  public deliveries = 1;
  /** Told of the status of the stack, as far as handlers ask for it. */
  public onStatus?: (status: string) => void;
  /** Told of the physical ids in answers, which CloudFormation remembers. */
  public onAnswer?: (physicalId: string) => void;
  /** The rollback that failed, to be continued. */
  private stuck: (() => Promise<void>) | undefined;
  /** What could not be deleted. CloudFormation says so, and leaves it. */
  public readonly remains: { readonly id: string; readonly properties: Properties }[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly handlers: EventHandlers,
    private readonly type: string,
    private readonly logicalId = 'Thing',
    stackName = 'Stack',
    stackId?: string,
  ) {
    this.stackId = stackId ?? arn('cloudformation', `stack/${stackName}/${randomUUID()}`);
  }

  /**
   * Creates, or updates and then deletes what was replaced. If it fails, does
   * what CloudFormation does then, and throws the error that started it.
   */
  public async deploy(properties: Properties, { failAfter = false, rollbackWith = 'new' as 'old' | 'new' } = {}): Promise<Attributes> {
    const wanted = asStrings(properties) as Properties;
    return this.current === undefined ? this.create(wanted, failAfter) : this.update(wanted, failAfter, rollbackWith);
  }

  public async destroy(): Promise<void> {
    this.onStatus?.('DELETE_IN_PROGRESS');
    if (this.physicalId !== undefined) { await this.remove(this.physicalId, this.current!); }
    this.physicalId = undefined;
    this.current = undefined;
  }

  /** A rollback failed. */
  public get isStuck(): boolean {
    return this.stuck !== undefined;
  }

  /** Continues a rollback that failed; then deletes all there is, and what could not be deleted before. */
  public async abandon(): Promise<void> {
    await this.stuck?.();
    for (const { id, properties } of this.remains.splice(0)) {
      await this.remove(id, properties);
      if (id === this.physicalId) { this.physicalId = this.current = undefined; }
    }
    await this.destroy();
  }

  /** A Delete with the id that CloudFormation invents for a creation that it cancelled. */
  public async cancel(properties: Properties): Promise<void> {
    await this.remove(`Stack-${this.logicalId}-1ABCDEFGH2IJK`, asStrings(properties) as Properties);
  }

  /** Just the event, once; for sequences that CloudFormation plays in its own order. */
  public event(type: 'Create' | 'Update' | 'Delete', properties: Properties, more: Partial<ResourceEvent<any>> = {}): ResourceEvent<any> {
    return {
      RequestType: type,
      StackId: this.stackId,
      // Handlers get the id of the call as that of the request.
      RequestId: randomBytes(8).toString('hex'),
      ResourceType: this.type,
      LogicalResourceId: this.logicalId,
      // As the steps of an execution get it.
      Since: `${Date.now()}`,
      ResourceProperties: asStrings(properties),
      ...more,
    };
  }

  /** One event through act and poll, as an execution does it. Errors carry the physical id of the answer. */
  public async play(event: ResourceEvent<any>): Promise<{ id: string; attributes: Attributes }> {
    let started;
    try {
      for (let i = 0; i < this.deliveries; i++) { started = { ...event, ...await this.act(event) }; }
    } catch (error) {
      if (error === KILLED) { await this.clock.sleep(REPETITIONS_MILLISECONDS); }
      const made = error === KILLED ? interruptedId : failedId;
      throw Object.assign(error as Error, { physicalId: event.PhysicalResourceId ?? made({ id: event.RequestId }) });
    }
    const id = started!.PhysicalResourceId!;
    if (event.RequestType === 'Delete') { assert.equal(id, event.PhysicalResourceId); }
    try {
      for (let polls = 0; polls < MOST_POLLS; polls++) {
        const { IsComplete, Pause = 0, Data, PhysicalResourceId = id } = await this.handlers.poll(started!);
        if (IsComplete) {
          this.onAnswer?.(PhysicalResourceId);
          return { id: PhysicalResourceId, attributes: (Data ?? {}) as Attributes };
        }
        assert.equal(Data, undefined);
        await this.clock.sleep(Math.max(POLL_MILLISECONDS, 1000 * Pause));
      }
      throw new Error('Operation timed out');
    } catch (error) {
      this.onAnswer?.(id);
      throw Object.assign(error as Error, { physicalId: id });
    }
  }

  /** Repeats the first step as long as it waits for a status of the stack. */
  private async act(event: ResourceEvent<any>): Promise<ActResult> {
    const sent = { Since: `${Date.now()}`, ...event };
    for (;;) {
      try {
        return await this.handlers.act(sent);
      } catch (error) {
        if (!(error instanceof TooEarly)) { throw error; }
        await this.clock.sleep(POLL_MILLISECONDS);
      }
    }
  }

  private async create(wanted: Properties, failAfter: boolean): Promise<Attributes> {
    const event = this.event('Create', wanted);
    this.onStatus?.('CREATE_IN_PROGRESS');
    try {
      const { id, attributes } = await this.play(event);
      if (failAfter) { throw Object.assign(new Error('another resource failed'), { physicalId: id }); }
      this.physicalId = id;
      this.current = wanted;
      return attributes;
    } catch (error) {
      const id = (error as { physicalId: string }).physicalId;
      this.onStatus?.('ROLLBACK_IN_PROGRESS');
      await andThen(error as Error, () => this.remove(id, wanted));
      throw error;
    }
  }

  private async update(wanted: Properties, failAfter: boolean, rollbackWith: 'old' | 'new'): Promise<Attributes> {
    const [oldId, old] = [this.physicalId!, this.current!];
    let newId = oldId;
    let replaced: Attributes;
    this.onStatus?.('UPDATE_IN_PROGRESS');
    try {
      const { id, attributes } = await this.play(this.event('Update', wanted, { PhysicalResourceId: oldId, OldResourceProperties: old }));
      newId = id;
      if (failAfter) { throw new Error('another resource failed'); }
      this.physicalId = id;
      this.current = wanted;
      if (id === oldId) { return attributes; }
      replaced = attributes;
    } catch (error) {
      newId = (error as { physicalId?: string }).physicalId ?? newId;
      const rollBack = async () => {
        this.onStatus?.('UPDATE_ROLLBACK_IN_PROGRESS');
        const back = await this.play(this.event('Update', old, {
          PhysicalResourceId: rollbackWith === 'new' ? newId : oldId, OldResourceProperties: wanted,
        }));
        this.physicalId = back.id;
        this.stuck = undefined;
        if (rollbackWith === 'new' && newId !== back.id) { await this.remove(newId, wanted); }
      };
      this.stuck = rollBack;
      await andThen(error as Error, rollBack);
      throw error;
    }
    // Nothing is rolled back any more if this fails.
    await this.remove(oldId, old);
    return replaced;
  }

  private async remove(id: string, properties: Properties): Promise<void> {
    try {
      await this.play(this.event('Delete', properties, { PhysicalResourceId: id }));
    } catch (error) {
      this.remains.push({ id, properties });
      throw error;
    }
  }
}

/** What follows from an error may fail too; then both are told. */
async function andThen(error: Error, next: () => Promise<void>): Promise<void> {
  try {
    await next();
  } catch (another) {
    throw new AggregateError([error, another], `${error.message}; and then: ${(another as Error).message}`);
  }
}

/** Properties as CloudFormation delivers them. */
function asStrings(value: unknown): unknown {
  if (Array.isArray(value)) { return value.filter(inner => inner !== undefined).map(asStrings); }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined).map(([key, inner]) => [key, asStrings(inner)]));
  }
  return String(value);
}
