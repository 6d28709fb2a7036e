import { saidBy } from './errors';
import { log } from './log';
import type { Context } from './resource-lifecycle';
import type { StackState, Stacks } from './stacks';
import type { OwnerProperties } from '../../src/contract/ownership';

/** A call's time is in whole seconds, the beginning of an operation is not. */
const PRECISION_MILLISECONDS = 1_000;

/**
 * Whether a call was sent, or a thing was made, in the operation that began at `begun`. Both are in milliseconds since 1970.
 */
export function isOfOperation(at: number, begun: number): boolean {
  return at + PRECISION_MILLISECONDS >= begun;
}

/** Returns when the operation of the stack began, in milliseconds since 1970; undefined if CloudFormation does not say. */
export async function beginningOf(stackId: string, stacks: Pick<Stacks, 'describe'>): Promise<number | undefined> {
  return (await describeIfPossible(stackId, stacks))?.begun;
}

async function describeIfPossible(stackId: string, stacks: Pick<Stacks, 'describe'>): Promise<StackState | undefined> {
  try {
    return await stacks.describe(stackId);
  } catch (error) {
    log({ event: 'could not ask for the operation of the stack', stackId, error: saidBy(error) });
    return undefined;
  }
}

/** A thing that was handed out. */
interface HandedOut {
  /** When CloudFormation sent the call that made it, in milliseconds since 1970. */
  readonly made: number;
  /** Whether CloudFormation had retained it when a later update went back to it; see `Lifecycle.takeUp`. */
  readonly takenUp: boolean;
}

/**
 * Whether a Delete must leave a thing that was handed out, because its policy retains it, or retained it before an update that went back to it.
 * With such a policy, CloudFormation asks for what a failed operation made; and for an earlier thing, which it has retained, if the failed
 * operation went back to that. If only the deletion policy retains, it also asks for what an update replaced. If CloudFormation does not say
 * when the operation began, the thing stays.
 */
export async function isRetained(
  { made, takenUp }: HandedOut, { RemovalPolicy }: OwnerProperties, context: Context, stacks: Pick<Stacks, 'describe'>,
): Promise<boolean> {
  if (RemovalPolicy !== 'Retain' && !takenUp) { return false; }
  const { stackId, physicalId } = context;
  const { begun, status } = await describeIfPossible(stackId, stacks) ?? {};
  if (begun !== undefined && isOfOperation(made, begun)) { return false; }
  // The stack goes, with all that its template does not retain. No rollback of an update deletes the stack.
  if (RemovalPolicy !== 'Retain' && status === 'DELETE_IN_PROGRESS') { return false; }
  if (await context.certainDirection() === 'forward') { return false; }
  log({ event: 'left a thing that CloudFormation retained in an earlier operation', id: physicalId });
  return true;
}
