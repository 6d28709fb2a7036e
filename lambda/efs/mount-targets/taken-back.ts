import type { MountTargetDescription } from '@aws-sdk/client-efs';
import { isAsWanted, type Candidate } from './candidates';
import { holdersOf, stackDigest, type OtherRecord } from './record';
import type { RecordedSituation } from './set-records';
import { isCertainlyBack } from '../../shared/direction';
import type { Context } from '../../shared/resource-lifecycle';

/**
 * Counts mount targets that are in the way in a rollback as those of this set, if only sets of the same stack hold them. The sets that the stack
 * had before do not conflict, so such a set is about to be changed or deleted in this rollback. Mount targets from before all sets stay.
 */
export async function withTakenBack(situation: RecordedSituation, context: Context): Promise<RecordedSituation> {
  const { candidates, targets, recorded, others } = situation;
  const stack = stackDigest(context);
  const isTakenBack = ({ stack: holder, adopted = [], retained = [] }: OtherRecord, id: string) =>
    holder === stack && ![...adopted, ...retained].includes(id);
  const taken = targets
    .filter(target => isInTheWay(target, candidates))
    .map(({ SubnetId }) => SubnetId!)
    .filter(id => holdersOf(id, others).length > 0 && holdersOf(id, others).every(holder => isTakenBack(holder, id)));
  if (taken.length === 0 || !await isCertainlyBack(context)) { return situation; }
  return {
    ...situation,
    recorded: [...new Set([...recorded, ...taken])],
    others: others.map(other => ({ ...other, subnetIds: other.subnetIds.filter(id => !taken.includes(id)) })),
  };
}

/** Whether EFS makes no mount target of the candidates as long as this one is there. */
function isInTheWay(target: MountTargetDescription, candidates: readonly Candidate[]): boolean {
  if (target.LifeCycleState === 'deleting') { return false; }
  const inZone = candidates.filter(({ zoneId }) => zoneId === target.AvailabilityZoneId);
  return target.VpcId !== candidates[0].vpcId || (inZone.length > 0 && !inZone.some(candidate => isAsWanted(target, candidate)));
}
