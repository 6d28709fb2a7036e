import type { MountTargetDescription } from '@aws-sdk/client-efs';
import { byZone, type Candidate } from './candidates';
import {
  MOUNT_TARGET_ATTRIBUTES, type MountTargetAttribute, type MountTargetsAttributes, type MountTargetsProperties,
} from '../../../src/contract/mount-targets';
import { flag } from '../../shared/property-values';

const NAMES = Object.keys(MOUNT_TARGET_ATTRIBUTES) as MountTargetAttribute[];

/** Returns the attributes of a set about whose mount targets nothing is known. */
export function attributesWithoutTargets({ SubnetIds, JoinedAttributes }: MountTargetsProperties): MountTargetsAttributes {
  if (flag(JoinedAttributes)) { return Object.fromEntries(NAMES.map(name => [MOUNT_TARGET_ATTRIBUTES[name], ''])); }
  const byPosition = SubnetIds.flatMap((_, position) => NAMES.map(name => [`${name}${position}`, '']));
  return Object.fromEntries([...byPosition, [MOUNT_TARGET_ATTRIBUTES.MountTargetId, '']]);
}

/** Returns the attributes of the mount targets by the position of their subnets, or joined; see `MOUNT_TARGET_ATTRIBUTES`. */
export function attributesOf(
  candidates: readonly Candidate[], targets: ReadonlyMap<string, MountTargetDescription>, { JoinedAttributes }: MountTargetsProperties,
): MountTargetsAttributes {
  // The zone's name in this account is the one that EC2 gives its subnets.
  const described = ({ zoneId, zoneName }: Candidate) => ({ ...targets.get(zoneId)!, AvailabilityZoneName: zoneName });
  const onePerZone = [...byZone(candidates).values()].map(([first]) => described(first));
  const joined = (name: MountTargetAttribute) => [MOUNT_TARGET_ATTRIBUTES[name], onePerZone.map(target => target[name] ?? '').join()];
  if (flag(JoinedAttributes)) { return Object.fromEntries(NAMES.map(joined)); }
  const byPosition = candidates.flatMap((candidate, position) => NAMES.map(name => [`${name}${position}`, described(candidate)[name] ?? '']));
  return Object.fromEntries([...byPosition, joined('MountTargetId')]);
}
