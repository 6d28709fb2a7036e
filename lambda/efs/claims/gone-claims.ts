import { isNewer, isWhole, type Claim, type NewerClaim } from './claim';
import type { ClaimKind } from '../../../src/contract/claims';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import type { Stacks } from '../../shared/stacks';

/** CloudFormation waits for a resource for an hour. It may not list a younger one yet. */
const YOUNG_SECONDS = 3_600;

/**
 * Returns whether CloudFormation certainly no longer has the resource of a claim: its stack is gone, or has retained the resource. Returns false for a
 * claim of a nested stack, because its tag does not have the name of that. If CloudFormation does not answer, the claim stands.
 * @param ownStackId of the stack that asks, in the same account and Region
 */
export async function isGone(kind: ClaimKind, claim: Claim | NewerClaim, ownStackId: string, stacks: Pick<Stacks, 'listed'>): Promise<boolean> {
  if (isNewer(claim) || !isWhole(kind, claim) || claim.since > Date.now() / 1000 - YOUNG_SECONDS) { return false; }
  const [stackName, logicalId, ...nested] = claim.owner.split('/');
  if (logicalId === undefined || nested.length > 0) { return false; }
  const uuid = claim.stack.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  const stackId = `${ownStackId.slice(0, ownStackId.indexOf('/'))}/${stackName}/${uuid}`;
  try {
    const listed = await stacks.listed(stackId, logicalId);
    return listed.every(({ status }) => /^DELETE_(COMPLETE|SKIPPED)$/.test(status));
  } catch (error) {
    log({ event: 'could not ask whether the resource of a claim is gone', stackId, logicalId, error: saidBy(error) });
    return false;
  }
}
