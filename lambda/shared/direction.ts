import { saidBy } from './errors';
import { log } from './log';
import { isThrottle } from './retry';
import { STATUS_LAG_MILLISECONDS, type StackState, type Stacks } from './stacks';

/**
 * Whether an event belongs to the way that an operation takes to the new template, or to its rollback. The event does not say it.
 * `over`: CloudFormation does not wait for the answer any longer.
 */
export type Direction = 'forward' | 'back' | 'unknown' | 'over';

export type RequestType = 'Create' | 'Update' | 'Delete';

/** How long a question is repeated that CloudFormation throttles. */
const THROTTLED_MILLISECONDS = 5 * 60_000;

/** URLs of responses are dated in seconds, the events of a stack in milliseconds. */
const PRECISION_MILLISECONDS = 1_000;

/** The directions of Create, Update and Delete by the status of the root stack. The first row that matches counts. */
const ROWS: readonly (readonly [RegExp, Direction, Direction, Direction])[] = [
  // The Delete is that of a cancelled or failed creation.
  [/^(REVIEW|CREATE)_IN_PROGRESS$/, 'forward', 'unknown', 'back'],
  // In express mode, the clean-up goes on in the background.
  [/^(CREATE|UPDATE|IMPORT)_COMPLETE$/, 'unknown', 'unknown', 'forward'],
  // Without a rollback, the siblings of what failed go on, and a failed update may be taken back.
  [/^(CREATE|UPDATE)_FAILED$/, 'unknown', 'unknown', 'back'],
  // The Delete removes what an earlier operation left, or is part of the clean-up in express mode.
  [/^UPDATE_IN_PROGRESS$/, 'forward', 'forward', 'unknown'],
  [/^UPDATE_COMPLETE_CLEANUP_IN_PROGRESS$/, 'forward', 'forward', 'forward'],
  [/^ROLLBACK_(IN_PROGRESS|FAILED)$/, 'over', 'over', 'back'],
  [/^UPDATE_ROLLBACK_(IN_PROGRESS|FAILED|COMPLETE_CLEANUP_IN_PROGRESS)$/, 'over', 'back', 'back'],
  // The status may be from before an operation that deletes.
  [/^(UPDATE_)?ROLLBACK_COMPLETE$/, 'over', 'over', 'unknown'],
  [/^DELETE_IN_PROGRESS$/, 'over', 'over', 'unknown'],
  [/^DELETE_(FAILED|COMPLETE)$/, 'over', 'over', 'forward'],
  [/./, 'unknown', 'unknown', 'unknown'],
];

/** The facts that decide on a direction. */
export interface Situation {
  readonly requestType: RequestType;
  /** The stack that the user deploys; undefined if CloudFormation does not describe it. */
  readonly root: StackState | undefined;
  /** The stack of the event, which may be nested; undefined if CloudFormation does not describe it. */
  readonly own: StackState | undefined;
  /** Milliseconds since CloudFormation sent the event. */
  readonly age: number;
}

/** Returns the direction of an event; undefined if the status may be from before the event, so that the question has to be asked again. */
export function directionOf(situation: Situation): Direction | undefined {
  const { requestType, root, own, age } = situation;
  const direction = settledDirectionOf(situation);
  if (requestType === 'Delete' || age >= STATUS_LAG_MILLISECONDS) { return direction; }
  // CloudFormation has just sent the event, so it does wait, and an operation is under way.
  return direction === 'over' || [root, own].every(stack => stack !== undefined && /_COMPLETE$/.test(stack.status)) ? undefined : direction;
}

function settledDirectionOf({ requestType, root, own }: Situation): Direction {
  const rollingBack = [root, own].filter(stack => stack !== undefined && /^(UPDATE_)?ROLLBACK_.*IN_PROGRESS$/.test(stack.status));
  if (rollingBack.length > 0) { return rollingBack.some(stack => rowOf(requestType, stack!) === 'over') ? 'over' : 'back'; }
  if (root === undefined || own === undefined) { return 'unknown'; }
  const isNested = own.id !== root.id;
  if (isNested && own.status === 'DELETE_IN_PROGRESS') {
    if (requestType !== 'Delete') { return 'over'; }
    // Only the clean-up of the root deletes nested stacks on the way forward.
    return /^UPDATE_IN_PROGRESS$|ROLLBACK/.test(root.status) ? 'back' : rowOf(requestType, root);
  }
  return rowOf(requestType, root);
}

function rowOf(requestType: RequestType, { status, rollbackDisabled, operation }: StackState): Direction {
  if (requestType === 'Delete' && status === 'DELETE_IN_PROGRESS') {
    if (operation === 'DELETE_STACK') { return 'forward'; }
    // OnFailure=DELETE, or the rollback of a stack that never was stable.
    return operation === 'CREATE_STACK' || operation === 'ROLLBACK' ? 'back' : 'unknown';
  }
  // The event may take back a single update that failed.
  if (requestType === 'Update' && status === 'UPDATE_IN_PROGRESS' && rollbackDisabled) { return 'unknown'; }
  const [, ...directions] = ROWS.find(([statuses]) => statuses.test(status))!;
  return directions[(['Create', 'Update', 'Delete'] as const).indexOf(requestType)];
}

/** The members of an event that its direction depends on. */
export interface Asked {
  readonly RequestType: RequestType;
  readonly StackId: string;
  readonly LogicalResourceId: string;
}

/** Asks CloudFormation for the direction of events. */
export class Directions {
  /** @param failures Says whether a resource has failed; absent where the role may not ask that. */
  constructor(private readonly stacks: Pick<Stacks, 'describe'>, private readonly failures?: Pick<Stacks, 'hasFailedUpdate'>) {}

  /**
   * Returns the direction of an event. Throws `TooEarly` if the status may be from before the event.
   * @param sent when CloudFormation sent the event, in milliseconds since 1970
   */
  public async ask(event: Asked, sent: number): Promise<Direction> {
    const { RequestType: requestType, StackId } = event;
    const own = await this.describe(StackId, sent);
    const root = own?.rootId === undefined ? own : await this.describe(own.rootId, sent);
    const shown = directionOf({ requestType, root, own, age: Date.now() - sent });
    const direction = shown === 'unknown' && await this.isTakenBackAlone(event, own, sent) ? 'back' : shown;
    log({ event: 'direction', requestType, direction, root: root?.status, own: own?.status });
    if (direction === undefined) { throw new TooEarly(); }
    return direction;
  }

  /**
   * Returns the direction of an event as it is a minute or more after the event was sent, when statuses are not old any more.
   * Throws `TooEarly` before.
   */
  public async askAgain(event: Asked, sent: number): Promise<Direction> {
    if (Date.now() < sent + STATUS_LAG_MILLISECONDS) { throw new TooEarly(); }
    return this.ask(event, sent);
  }

  /**
   * Returns whether an Update takes back the resource alone, as CloudFormation does with one that failed in an update without rollback: it sends a second
   * Update of a resource in one operation for nothing else. A failure after the event may be that of the event itself, which comes late.
   */
  private async isTakenBackAlone(
    { RequestType: requestType, StackId, LogicalResourceId }: Asked, own: StackState | undefined, sent: number,
  ): Promise<boolean> {
    if (this.failures === undefined || requestType !== 'Update' || own?.begun === undefined || !own.rollbackDisabled) { return false; }
    try {
      return await this.failures.hasFailedUpdate(StackId, LogicalResourceId, [own.begun, sent + PRECISION_MILLISECONDS]);
    } catch (error) {
      log({ event: 'could not ask whether the resource has failed', StackId, LogicalResourceId, error: saidBy(error) });
      return false;
    }
  }

  private async describe(stackId: string, sent: number): Promise<StackState | undefined> {
    try {
      return await this.stacks.describe(stackId);
    } catch (error) {
      if (isThrottle(error) && Date.now() < sent + THROTTLED_MILLISECONDS) { throw new TooEarly(); }
      log({ event: 'could not ask for the state of the stack', stackId, error: saidBy(error) });
      return undefined;
    }
  }
}

/** Thrown by a step that has to be repeated: the status of the stack may not show yet what it needs to be certain of, or a service throttles. */
export class TooEarly extends Error {
  constructor(cause?: Error) {
    super(cause?.message ?? 'the status of the stack may be from before the operation', { cause });
  }
}

/** The members of a context that say where the event leads. */
export interface Directed {
  /** As CloudFormation said when the call began. */
  readonly direction: Direction;
  /** Returns the direction as it is a minute or more after the call was sent; see `Directions.askAgain`. */
  certainDirection(): Promise<Direction>;
}

/** Returns whether the event certainly belongs to a rollback. A guard that protects data opens for nothing else. */
export async function isCertainlyBack(context: Directed): Promise<boolean> {
  return context.direction === 'back' && await context.certainDirection() === 'back';
}

/** Returns whether the event certainly belongs to the way to the new template. The first status may have been from before the clean-up, or before the operation. */
export async function isCertainlyForward(context: Directed): Promise<boolean> {
  return await context.certainDirection() === 'forward';
}

/** Throws the error, unless the event certainly belongs to a rollback, which an error would leave stuck: then it is only logged. */
export async function throwUnlessBack(context: Directed, error: Error): Promise<void> {
  if (await context.certainDirection() !== 'back') { throw error; }
  log({ event: 'left as it is, because an error would keep the stack from rolling back', error: saidBy(error) });
}
