import type { Stacks } from './stacks';
import type { TaggedThing } from './tagged-things';
import { OWNERSHIP_TAGS, RELEASED } from '../src/contract/ownership';

/** A thing that belongs to no stack, and why. */
export interface Orphan {
  readonly thing: TaggedThing;
  readonly reason: string;
}

/** States of things that this library keeps for a resource which CloudFormation lists with another physical id. */
const KEPT = ['retained', 'returned', 'condemned', 'used'];

/**
 * Returns the things that belong to no stack of the Region: their stack is deleted, or does not have them. Things of a stack that is changing
 * count as its own, because CloudFormation may learn of them only at the end; and snapshots that were kept for a thing that belongs to a stack.
 */
export async function orphansAmong(things: readonly TaggedThing[], stacks: Pick<Stacks, 'find'>, region: string): Promise<Orphan[]> {
  const orphans: Orphan[] = [];
  const used: string[] = [];
  for (const thing of things) {
    const reason = await reasonFor(thing, stacks, region);
    if (reason === undefined) { used.push(...thing.uses); } else { orphans.push({ thing, reason }); }
  }
  return orphans.filter(({ thing }) => !(isKept(thing) && used.includes(thing.id)));
}

async function reasonFor(thing: TaggedThing, stacks: Pick<Stacks, 'find'>, region: string): Promise<string | undefined> {
  const { id, tags, account } = thing;
  const stackId = tags.get(OWNERSHIP_TAGS.stackId);
  if (stackId === undefined || stackId === RELEASED) { return 'it was released, and no stack has taken it over'; }
  if (!isOf(stackId, region, account)) { return `stack ${stackId} is of another Region or account, so it cannot be judged here`; }
  const { isDeleted, isChanging, resources } = await stacks.find(stackId);
  if (isDeleted) { return `stack ${stackId} is deleted`; }
  if (isChanging || resources.has(id)) { return undefined; }
  const logicalId = tags.get(OWNERSHIP_TAGS.logicalId) ?? '';
  const isLive = [...resources.values()].includes(logicalId);
  if (isLive && isKept(thing)) { return undefined; }
  return isLive
    ? `stack ${stackId} has another one as ${logicalId}`
    : `stack ${stackId} no longer has the resource ${logicalId}`;
}

function isKept({ tags }: TaggedThing): boolean {
  return KEPT.includes(tags.get(OWNERSHIP_TAGS.state) ?? '');
}

/** Copies carry copied tags, also to other Regions and accounts. */
function isOf(stackId: string, region: string, account: string): boolean {
  const [, , , stackRegion, stackAccount] = stackId.split(':');
  return stackRegion === region && stackAccount === account;
}
