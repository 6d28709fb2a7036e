import { createHash } from 'node:crypto';
import { inOneSentence, saidBy } from './errors';
import { log } from './log';
import { isThrottle } from './retry';
import type { OwnerProperties } from '../../src/contract/ownership';

/**
 * The life of one kind of custom resource. `handlersOf` turns it into the
 * `onEvent` and `isComplete` of aws-cdk-lib's Provider framework; nothing else
 * in this library knows Create, Update and Delete.
 *
 * Every method may be called twice, late, or for something that never came to
 * be. State is in the event or in AWS, never in the process.
 */
export interface Lifecycle<P extends OwnerProperties, A extends object> {
  /** The properties whose change means another thing. */
  readonly identity: readonly (keyof P & string)[];
  /** What an absent one of them means, so that a library upgrade that starts to send it replaces nothing. */
  readonly defaults?: Partial<P>;
  /** Its physical ids. Any other was invented by CloudFormation for a creation that it cancelled. */
  readonly physicalId: RegExp;
  /** Whether older ones that were retained may live beside it: a creation that is cancelled must leave those alone. */
  readonly several?: boolean;
  /** Whether the stack is on the way back. A lifecycle that has this leaves unfinished what CloudFormation has cancelled: see `mayBeCancelled`. */
  inRollback?(stackId: string): Promise<boolean>;

  /**
   * Makes the thing by at most one creating call, and gives its physical id:
   * the Provider framework loses whatever else exists when `onEvent` fails.
   * Repeated with the same request, it finds what it made.
   */
  create(properties: P, context: CreateContext<P>): Promise<Created>;

  /**
   * Checks, before anything changes, what can be refused at once. What is to
   * be changed in place is changed by `ready`, which is asked anyway. Also the
   * way back to a living thing from a replacement by another one, whose
   * properties `old` are then.
   */
  update?(id: string, properties: P, old: P, context: Context): Promise<void>;

  /**
   * Brings the thing into the wanted state, one step at a time. undefined: not
   * there yet, ask again; a value: done, and these are the attributes.
   */
  ready(id: string, properties: P, context: ReadyContext<P>): Promise<A | undefined>;

  /** Begins to delete it, if it is this stack's; success if there is nothing to delete. */
  delete(id: string, properties: P, context: Context): Promise<void>;

  /** Whether nothing of it is left. Called again and again after `delete`, which is repeated in between. */
  gone(id: string, properties: P, context: Context): Promise<boolean>;

  /** The living things of this stack and logical id that were made for any of these properties. */
  find(candidates: readonly P[], context: Context): Promise<readonly Found[]>;
}

export interface Created {
  readonly id: string;
  /** What only the creation could learn; handed to `ready`. */
  readonly memo?: string;
}

export interface Found {
  readonly id: string;
  /** Its identity digest, from its tag. */
  readonly identity: string | undefined;
  /** The request that made it, from its tag. */
  readonly requestId: string | undefined;
  /** `unfinished`: it was never handed to CloudFormation as complete, so nobody uses it. */
  readonly state: 'usable' | 'unfinished';
  /** It holds nothing of worth: on the way back to another one that CloudFormation never left, it goes even if usable. */
  readonly disposable?: boolean;
}

/** Who asks. */
export interface Context {
  readonly stackId: string;
  readonly logicalId: string;
  readonly requestId: string;
  /** Digest of the identity properties of what is wanted; for the ownership tags. */
  readonly identity: string;
  /** Of a deletion: when it began, in milliseconds since 1970. */
  readonly since: number;
}

export interface CreateContext<P> extends Context {
  /** The properties of what is being replaced, if anything is. */
  readonly old?: P;
  /** Its physical id. */
  readonly oldId?: string;
}

export interface ReadyContext<P> extends Context {
  readonly memo?: string;
  /** The properties before an update. */
  readonly old?: P;
  /**
   * This belongs to an operation that goes forward. If the stack goes back, CloudFormation has cancelled it, and hears no more
   * of it: what was handed out then, nobody would delete. What is left unfinished is removed by the event of the way back, or
   * by `ready` when that is over, for the event may have come before there was anything.
   */
  readonly mayBeCancelled: boolean;
}

/** The event, as the Provider framework hands it over. */
export interface ProviderEvent<P> {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly StackId: string;
  readonly RequestId: string;
  readonly ResourceType: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: P;
  readonly OldResourceProperties?: P;
  /** From `onEvent`, for `isComplete`. */
  readonly Memo?: string;
  /** It was made on the way back from a failed operation. */
  readonly InRollback?: 'true';
  /** Until when a creation that was cancelled may still be under way; milliseconds since 1970, in digits. */
  readonly LateCreationUntil?: string;
  /** When a deletion began; milliseconds since 1970, in digits. */
  readonly Since?: string;
}

export interface OnEventResult {
  readonly PhysicalResourceId: string;
  readonly Memo?: string;
  readonly InRollback?: 'true';
  readonly LateCreationUntil?: string;
  readonly Since?: string;
}

export interface IsCompleteResult {
  readonly IsComplete: boolean;
  readonly Data?: object;
}

export interface Handlers {
  onEvent(event: ProviderEvent<any>): Promise<OnEventResult>;
  isComplete(event: ProviderEvent<any>): Promise<IsCompleteResult>;
}

/** A creation can go on that long after its function was due to be ended. */
const LATE_CREATION_MARGIN_SECONDS = 30;

/** The handlers of one kind of resource. `creationTimeoutSeconds` is the time limit of the function that runs `onEvent`. */
export function handlersOf<P extends OwnerProperties, A extends object>(
  life: Lifecycle<P, A>, { creationTimeoutSeconds }: { creationTimeoutSeconds: number },
): Handlers {
  const contextOf = (event: ProviderEvent<P>, properties = event.ResourceProperties): Context => ({
    stackId: event.StackId,
    logicalId: event.LogicalResourceId,
    requestId: event.RequestId,
    identity: identityOf(life, properties),
    since: event.Since === undefined ? Date.now() : Number(event.Since),
  });

  async function create(event: ProviderEvent<P>): Promise<OnEventResult> {
    const context = contextOf(event);
    try {
      const old = event.RequestType === 'Update' ? event.OldResourceProperties : undefined;
      const inRollback = old !== undefined && await life.inRollback?.(event.StackId);
      const { id, memo } = await life.create(event.ResourceProperties, { ...context, ...(old && { old, oldId: event.PhysicalResourceId }) });
      return { PhysicalResourceId: id, ...(memo !== undefined && { Memo: memo }), ...(inRollback && { InRollback: 'true' }) };
    } catch (error) {
      // The call may have succeeded although its answer was lost, and nobody will tell us to delete a thing without an id.
      await removeUnfinished(event, context).catch(failure => log({ event: 'could not clean up', error: String(failure) }));
      throw error;
    }
  }

  async function removeUnfinished(event: ProviderEvent<P>, context: Context): Promise<void> {
    for (const { id, state } of await life.find([event.ResourceProperties], context)) {
      if (state !== 'unfinished') { continue; }
      await life.delete(id, event.ResourceProperties, context);
      // What takes two steps, for nobody will ask again.
      if (!await life.gone(id, event.ResourceProperties, context).catch(() => false)) { await life.delete(id, event.ResourceProperties, context); }
    }
  }

  /**
   * Another identity: a change by the user, or the way back from one, and no
   * event says which. So what is wanted may exist already, and what is there
   * beside it may be the unfinished rest of a failed change.
   */
  async function replace(event: ProviderEvent<P>): Promise<OnEventResult> {
    const context = contextOf(event);
    const old = event.OldResourceProperties ?? event.ResourceProperties;
    const living = await life.find([event.ResourceProperties, old], context);
    const fitting = living.filter(thing => thing.identity === context.identity && thing.state === 'usable');
    // Before others that were retained.
    const wanted = fitting.find(({ id }) => id === event.PhysicalResourceId) ?? fitting[0];

    // CloudFormation has the id of what is wanted, so it never heard of another one, and will not delete it.
    const neverLeft = wanted?.id === event.PhysicalResourceId;
    for (const rest of living.filter(thing => thing.state === 'unfinished' || (thing.disposable && neverLeft && thing !== wanted))) {
      // Made by this very request: the event is delivered a second time.
      if (rest.requestId === context.requestId) { continue; }
      log({ event: 'removing what a failed change left', id: rest.id });
      // A rollback must not fail because of it: CloudFormation may have taken back a policy that allowed it.
      await life.delete(rest.id, old, contextOf(event, old)).catch(failure => log({ event: 'could not clean up', error: String(failure) }));
    }
    if (!wanted) { return create(event); }
    await life.update?.(wanted.id, event.ResourceProperties, old, context);
    return { PhysicalResourceId: wanted.id };
  }

  /** A creation that CloudFormation cancelled, before or while its function ran. */
  async function deleteCancelled(event: ProviderEvent<P>): Promise<boolean> {
    const context = contextOf(event);
    const living = (await life.find([event.ResourceProperties], context)).filter(({ state }) => !life.several || state === 'unfinished');
    for (const { id } of living) {
      log({ event: 'removing what a cancelled creation made', id });
      await life.delete(id, event.ResourceProperties, context);
    }
    return living.length === 0;
  }

  return {
    onEvent: reporting('onEvent', async event => {
      const id = event.PhysicalResourceId!;
      switch (event.RequestType) {
        case 'Create':
          return create(event);

        case 'Update': {
          const old = event.OldResourceProperties ?? event.ResourceProperties;
          if (identityOf(life, event.ResourceProperties) !== identityOf(life, old)) { return replace(event); }
          await life.update?.(id, event.ResourceProperties, old, contextOf(event));
          return { PhysicalResourceId: id };
        }

        case 'Delete': {
          if (life.physicalId.test(id)) {
            const context = contextOf(event);
            await life.delete(id, event.ResourceProperties, context);
            return { PhysicalResourceId: id, Since: `${context.since}` };
          }
          await deleteCancelled(event);
          const until = Date.now() + 1000 * (creationTimeoutSeconds + LATE_CREATION_MARGIN_SECONDS);
          return { PhysicalResourceId: id, LateCreationUntil: `${until}` };
        }
      }
    }),

    isComplete: reporting('isComplete', unlessThrottled(async event => {
      const id = event.PhysicalResourceId!;
      if (event.RequestType !== 'Delete') {
        const attributes = await life.ready(id, event.ResourceProperties, {
          ...contextOf(event), memo: event.Memo, old: event.OldResourceProperties, mayBeCancelled: event.InRollback === undefined,
        });
        return attributes ? { IsComplete: true, Data: attributes } : { IsComplete: false };
      }

      if (event.LateCreationUntil !== undefined) {
        const late = Date.now() >= Number(event.LateCreationUntil);
        return { IsComplete: await deleteCancelled(event) && late };
      }
      if (await life.gone(id, event.ResourceProperties, contextOf(event))) { return { IsComplete: true }; }
      await life.delete(id, event.ResourceProperties, contextOf(event));
      return { IsComplete: false };
    })),
  };
}

/** Digest of the properties whose change means another thing. */
export function identityOf<P extends OwnerProperties>(life: Pick<Lifecycle<P, any>, 'identity' | 'defaults'>, properties: P): string {
  const values = life.identity
    .map(name => [name, canonical(properties[name] ?? life.defaults?.[name]), canonical(life.defaults?.[name])])
    // A property that a later release adds changes the digest of nobody who does not use it.
    .filter(([, value, standard]) => JSON.stringify(value) !== JSON.stringify(standard))
    .map(([name, value]) => [name, value]);
  return createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 32);
}

/** As it comes through CloudFormation: every scalar a string. */
function canonical(value: unknown): unknown {
  if (value === undefined || value === null) { return null; }
  if (Array.isArray(value)) { return value.map(canonical); }
  if (typeof value === 'object') {
    return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, canonical(inner)]);
  }
  return String(value);
}

/** A poll that finds the service busy is no failure: the next one goes on. */
function unlessThrottled<P>(poll: (event: ProviderEvent<P>) => Promise<IsCompleteResult>): (event: ProviderEvent<P>) => Promise<IsCompleteResult> {
  return async event => {
    try {
      return await poll(event);
    } catch (error) {
      if (!isThrottle(error)) { throw error; }
      log({ event: 'the service is busy', error: (error as Error).message });
      return { IsComplete: false };
    }
  };
}

/** CloudFormation shows the message of what is thrown here; all the rest goes to the log. */
function reporting<P, R>(step: string, handler: (event: ProviderEvent<P>) => Promise<R>): (event: ProviderEvent<P>) => Promise<R> {
  return async event => {
    const { RequestType, LogicalResourceId, PhysicalResourceId } = event;
    try {
      const result = await handler(event);
      log({ event: step, RequestType, LogicalResourceId, PhysicalResourceId, result });
      return result;
    } catch (error) {
      log({ event: `${step} failed`, RequestType, LogicalResourceId, PhysicalResourceId, error: String((error as Error).stack) });
      // What cannot be deleted stays, and somebody has to look after it.
      const isUnnamed = RequestType === 'Delete' && PhysicalResourceId !== undefined && !(error as Error).message.includes(PhysicalResourceId);
      throw inOneSentence(isUnnamed ? new Error(`${PhysicalResourceId} cannot be deleted: ${saidBy(error)}`) : error);
    }
  };
}
