import type { Direction } from './direction';
import { identityOf } from './identity';
import type { Context, Lifecycle } from './resource-lifecycle';
import type { OwnerProperties } from '../../src/contract/ownership';

/** The event of a call, as its execution hands it over. */
export interface ResourceEvent<P> {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly StackId: string;
  readonly RequestId: string;
  readonly ResourceType: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: P;
  readonly OldResourceProperties?: P;
  /** `Created.memo`; from `act` for `poll`, as all that follow. */
  readonly Memo?: string;
  /** The physical id before an update, if the resource is another one. */
  readonly ReplacedId?: string;
  /** From `direction` for `act`, which otherwise asks; and from `act` for `poll`. */
  readonly Direction?: Direction;
  /** A rollback leaves the resource as it is, because it is out of reach. */
  readonly IsLeft?: 'true';
  /** Until when a cancelled creation may still be running; milliseconds since 1970, in digits. */
  readonly LateCreationUntil?: string;
  /** When the operation began; milliseconds since 1970, in digits. */
  readonly Since?: string;
  /** The services throttled `act`, so that `poll` does its work. The physical id is not the one of the resource then. */
  readonly Deferred?: 'true';
}

export interface ActResult {
  readonly PhysicalResourceId: string;
  readonly Memo?: string;
  readonly ReplacedId?: string;
  readonly Direction?: Direction;
  readonly IsLeft?: 'true';
  readonly LateCreationUntil?: string;
  readonly Since?: string;
  readonly Deferred?: 'true';
}

export interface PollResult {
  readonly IsComplete: boolean;
  /** It is not complete, because of work whose end returns a token: see `Lifecycle.leaveToken`. */
  readonly IsUnderWay?: boolean;
  /** The seconds before the next poll, if an earlier one would find nothing new, or burden a service that is busy. */
  readonly Pause?: number;
  /** The physical id, if `act` was deferred. */
  readonly PhysicalResourceId?: string;
  readonly Data?: object;
}

/** The steps of an execution before its answer. */
export interface EventHandlers {
  /** Returns the direction of a call that begins. Throws `TooEarly` if that is not known yet. */
  direction(event: ResourceEvent<any>): Promise<Direction>;
  /** Throws `TooEarly` if it has to be repeated. */
  act(event: ResourceEvent<any>): Promise<ActResult>;
  poll(event: ResourceEvent<any>): Promise<PollResult>;
  /** Leaves a token with the work that a poll found under way. Returns false if that has ended since. */
  leaveToken(event: ResourceEvent<any>, token: string): Promise<boolean>;
}

/** An event whose direction is known. */
export interface DirectedEvent<P> extends ResourceEvent<P> {
  readonly Direction: Direction;
  /** See `Context.certainDirection`. */
  readonly certainDirection: () => Promise<Direction>;
}

/** Returns the context of an event, for its properties or for others. */
export function contextOf<P extends OwnerProperties>(
  lifecycle: Lifecycle<P, object>, event: DirectedEvent<P>, properties = event.ResourceProperties,
): Context {
  return {
    stackId: event.StackId,
    logicalId: event.LogicalResourceId,
    requestId: event.RequestId,
    physicalId: event.PhysicalResourceId,
    identity: identityOf(lifecycle, properties),
    deletionBegan: beginOf(event),
    direction: event.Direction,
    certainDirection: event.certainDirection,
  };
}

/** Returns when the operation began, in milliseconds since 1970: now, unless an earlier step has passed it on. */
export function beginOf({ Since }: Pick<ResourceEvent<unknown>, 'Since'>): number {
  return Since === undefined ? Date.now() : Number(Since);
}
