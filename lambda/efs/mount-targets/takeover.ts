import type { MountTargetDescription } from '@aws-sdk/client-efs';
import { isAsWanted } from './candidates';
import { isSameSet, type MountTargetApi } from './mount-target-api';
import type { Situation } from './plan';
import { callDigest, holdersOf, ownRecord } from './record';
import type { SetRecord } from './record-text';
import type { RecordedSituation } from './set-records';
import type { MountTargetsProperties } from '../../../src/contract/mount-targets';
import type { Context } from '../../shared/resource-lifecycle';
import { stateOf } from '../../shared/state-tag';

/**
 * Returns the mount targets of an adopted file system that become the set's although the set did not make them: those that are as the
 * set wants one, and that no other set has. The adoption of the file system has checked that no stack has them either.
 */
export function targetsToTakeOver({ fileSystem, candidates, targets, others }: Situation): MountTargetDescription[] {
  if (!isAdopted(fileSystem)) { return []; }
  return targets.filter(target => target.LifeCycleState !== 'deleting'
    && holdersOf(target.SubnetId!, others).length === 0 && candidates.some(candidate => isAsWanted(target, candidate)));
}

/**
 * Returns the subnets of the mount targets that the set takes over. Nothing changes on them. Throws if they have other security groups
 * than the set wants: the record cannot hold the old ones, so a rollback could not restore them.
 */
export async function subnetsToTakeOver(api: MountTargetApi, situation: Situation, properties: MountTargetsProperties): Promise<string[]> {
  const targets = targetsToTakeOver(situation);
  for (const target of targets) { await refuseOtherGroups(api, target, properties.SecurityGroups); }
  return targets.map(({ SubnetId }) => SubnetId!);
}

/** Returns the subnets of mount targets that an earlier stack of the same name retained, and that are as the set wants them. */
export function retainedSubnets({ subnetIds }: SetRecord, { candidates, targets }: Pick<Situation, 'candidates' | 'targets'>): string[] {
  return targets
    .filter(target => subnetIds.includes(target.SubnetId!) && candidates.some(candidate => isAsWanted(target, candidate)))
    .map(({ SubnetId }) => SubnetId!);
}

/**
 * Returns what a former set with the same key has left to a creation: one of an earlier stack, or one that this stack has retained since it was
 * complete. Returns undefined if there is none.
 */
export function retainedBy({ record, recorded }: RecordedSituation, context: Context): Pick<SetRecord, 'subnetIds' | 'securityGroups'> | undefined {
  const isLeft = record !== undefined && (!ownRecord(record, context) || (record.state === 'ready' && record.call !== callDigest(context)));
  return isLeft && recorded.length > 0 ? { subnetIds: recorded, securityGroups: record.securityGroups } : undefined;
}

/** Whether the file system existed before its stack. Mount targets that were there before are then only released. */
export function isAdopted({ Tags: tags }: Situation['fileSystem']): boolean {
  return stateOf(tags) === 'adopted';
}

async function refuseOtherGroups(api: MountTargetApi, target: MountTargetDescription, groups: readonly string[]): Promise<void> {
  if (groups.length === 0) { return; }
  const present = await api.securityGroups(target);
  if (isSameSet(present, groups)) { return; }
  throw new Error(`mount target ${target.MountTargetId} has the security groups ${present.join(', ')}, not ${groups.join(', ')}: to adopt it, set `
    + '\'securityGroup\' to what it has; another one can take its place in a later deployment');
}
