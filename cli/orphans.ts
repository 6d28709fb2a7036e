import type { Stacks } from './stacks';
import type { TaggedThing } from './tagged-things';
import { OWNERSHIP_TAGS } from '../src/contract/ownership';

/** A thing that belongs to no stack, and why. */
export interface Orphan {
  readonly thing: TaggedThing;
  readonly reason: string;
}

/** States of things that this library keeps for a resource which CloudFormation lists with another physical id. */
const KEPT = ['retained', 'returned', 'condemned', 'used'];

/**
 * Returns the things that belong to no stack: their stack is deleted, or does not have them. Things of a stack that is changing count as
 * its own, because CloudFormation may learn of them only at the end.
 */
export async function orphansAmong(things: readonly TaggedThing[], stacks: Pick<Stacks, 'find'>): Promise<Orphan[]> {
  const orphans: Orphan[] = [];
  for (const thing of things) {
    const reason = await reasonFor(thing, stacks);
    if (reason !== undefined) { orphans.push({ thing, reason }); }
  }
  return orphans;
}

async function reasonFor({ id, tags }: TaggedThing, stacks: Pick<Stacks, 'find'>): Promise<string | undefined> {
  const stackId = tags.get(OWNERSHIP_TAGS.stackId);
  if (stackId === undefined) { return 'it was released, and no stack has taken it over'; }
  const { isDeleted, isChanging, resources } = await stacks.find(stackId);
  if (isDeleted) { return `stack ${stackId} is deleted`; }
  if (isChanging || resources.has(id)) { return undefined; }
  const logicalId = tags.get(OWNERSHIP_TAGS.logicalId) ?? '';
  const isLive = [...resources.values()].includes(logicalId);
  if (isLive && KEPT.includes(tags.get(OWNERSHIP_TAGS.state) ?? '')) { return undefined; }
  return isLive
    ? `stack ${stackId} has another one as ${logicalId}`
    : `stack ${stackId} no longer has the resource ${logicalId}`;
}
