import { DescribeMountTargetSecurityGroupsCommand, type MountTargetDescription } from '@aws-sdk/client-efs';
import type { Efs } from '../efs';
import { isAsWanted, type Situation } from './plan';
import { recordKey, subnetsOfSets } from './record';
import type { MountTargetsProperties } from '../../../src/contract/mount-targets';
import { stateOf } from '../../shared/state-tag';

/**
 * The subnets of targets that become the set's although it did not make them:
 * those of an adopted file system where the set wants one, and which no other
 * set has. That no stack has them either was looked up when the file system was adopted.
 *
 * Nothing changes at them: their security groups are not remembered, so a
 * rollback could not give them back.
 */
export async function takenOver(efs: Efs, { fileSystem, candidates, targets }: Situation, properties: MountTargetsProperties): Promise<string[]> {
  if (!isAdopted(fileSystem)) { return []; }
  const others = subnetsOfSets(fileSystem, recordKey(properties.Address));
  const wanted = targets.filter(target =>
    target.LifeCycleState !== 'deleting' && !others.includes(target.SubnetId!) && candidates.some(candidate => isAsWanted(target, candidate)));
  for (const target of wanted) { await refuseOtherGroups(efs, target, properties.SecurityGroups); }
  return wanted.map(({ SubnetId }) => SubnetId!);
}

/** Of an adopted file system, targets that were there before are only released. */
export function isAdopted({ Tags: tags }: Situation['fileSystem']): boolean {
  return stateOf(tags) === 'adopted';
}

async function refuseOtherGroups(efs: Efs, { MountTargetId }: MountTargetDescription, groups: readonly string[]): Promise<void> {
  if (groups.length === 0) { return; }
  const { SecurityGroups: present = [] } = await efs.call('DescribeMountTargetSecurityGroups',
    client => client.send(new DescribeMountTargetSecurityGroupsCommand({ MountTargetId })));
  if ([...present].sort().join() === [...groups].sort().join()) { return; }
  throw new Error(`mount target ${MountTargetId} has the security groups ${present.join(', ')}, not ${groups.join(', ')}: to adopt it, set `
    + '\'securityGroup\' to what it has; another one can take its place in a later deployment');
}
