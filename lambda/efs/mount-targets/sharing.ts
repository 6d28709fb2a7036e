import type { MountTargetDescription } from '@aws-sdk/client-efs';
import type { MountTargetApi } from './mount-target-api';
import { planOf, type Situation } from './plan';
import { holdersOf, type OtherRecord } from './record';

/** How long the deletion of a set may take. */
const DELETION_MILLISECONDS = 60 * 60_000;

/** Returns the mount targets of other sets that are as this set wants them. Each of their sets has them, until it goes. */
export function sharedTargets(situation: Situation): { subnetIds: string[]; adopted: string[] } {
  const { others } = situation;
  const subnetIds = [...planOf(situation).kept.values()].map(({ SubnetId }) => SubnetId!).filter(id => holdersOf(id, others).length > 0);
  return { subnetIds, adopted: subnetIds.filter(id => holdersOf(id, others).some(({ adopted }) => adopted?.includes(id))) };
}

/**
 * Gives a mount target the security groups that all its sets want, together. `own`: those of this set; none if it leaves the mount target
 * to the others. A set whose groups are not known keeps those that are there.
 */
export async function secureShared(
  api: MountTargetApi, target: MountTargetDescription, own: readonly string[], others: readonly OtherRecord[],
): Promise<void> {
  const holders = holdersOf(target.SubnetId!, others);
  const wanted = [...own, ...holders.flatMap(({ securityGroups = [] }) => securityGroups)];
  const isUnknown = holders.some(({ securityGroups = [] }) => securityGroups.length === 0);
  await api.secure(target, [...new Set(wanted)], { keepsOthers: isUnknown });
}

/** Returns whether a set that is being deleted may delete the mount target in this subnet, because it has not seen yet that another set has it too. */
export function mayGo(subnetId: string, others: readonly OtherRecord[]): boolean {
  return others.some(({ state, sent, subnetIds }) => state === 'deleting' && sent > Date.now() - DELETION_MILLISECONDS && subnetIds.includes(subnetId));
}

/** Returns the mount targets. Those that only sets under deletion have are marked as being deleted. */
export function withLeaving(
  targets: readonly MountTargetDescription[], recorded: readonly string[], others: readonly OtherRecord[],
): MountTargetDescription[] {
  const goes = (id: string) => !recorded.includes(id) && holdersOf(id, others).length === 0 && mayGo(id, others);
  return targets.map(target => (goes(target.SubnetId!) ? { ...target, LifeCycleState: 'deleting' } : target));
}
