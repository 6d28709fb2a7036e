import { isCertainlyForward } from './direction';
import { saidBy } from './errors';
import { log } from './log';
import type { Context } from './resource-lifecycle';
import type { Stacks } from './stacks';
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
  try {
    return (await stacks.describe(stackId))?.begun;
  } catch (error) {
    log({ event: 'could not ask when the operation of the stack began', stackId, error: saidBy(error) });
    return undefined;
  }
}

/**
 * Whether a Delete must leave a thing that was handed out, because its policy retains it. With such a policy, CloudFormation asks for what a
 * failed operation made; and for an earlier thing, which it has retained, if the failed operation went back to that. If only the deletion policy
 * retains, it also asks for what an update replaced. If CloudFormation does not say when the operation began, the thing stays.
 * @param made when CloudFormation sent the call that made the thing, in milliseconds since 1970
 */
export async function isRetained(
  made: number, { RemovalPolicy }: OwnerProperties, context: Context, stacks: Pick<Stacks, 'describe'>,
): Promise<boolean> {
  if (RemovalPolicy !== 'Retain') { return false; }
  const { stackId, physicalId } = context;
  const begun = await beginningOf(stackId, stacks);
  if (begun !== undefined && isOfOperation(made, begun)) { return false; }
  if (await isCertainlyForward(context)) { return false; }
  log({ event: 'left a thing that CloudFormation retained in an earlier operation', id: physicalId });
  return true;
}
