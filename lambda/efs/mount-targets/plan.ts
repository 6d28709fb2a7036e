import type { FileSystemDescription, MountTargetDescription } from '@aws-sdk/client-efs';
import { byZone, isAsWanted, type Candidate } from './candidates';
import { holdersOf, type OtherRecord } from './record';

/** The mount targets that a file system has, and where the set wants them. */
export interface Situation {
  readonly fileSystem: FileSystemDescription;
  /** One per subnet of the properties, in their order. */
  readonly candidates: readonly Candidate[];
  /** All mount targets of the file system, including those that are not of this set. */
  readonly targets: readonly MountTargetDescription[];
  /** Subnets whose mount targets are of this set, from its record. */
  readonly recorded: readonly string[];
  /** The records of the other sets on the file system. */
  readonly others: readonly OtherRecord[];
}

export interface Plan {
  /** Mount targets that are as wanted, by the id of their Availability Zone. */
  readonly kept: ReadonlyMap<string, MountTargetDescription>;
  readonly obsolete: readonly MountTargetDescription[];
  /** Mount targets that the set leaves to other sets, which have them too. */
  readonly left: readonly MountTargetDescription[];
  readonly missing: readonly Candidate[];
  /** Whether a mount target of the set has to be gone before the rest can be made. */
  readonly waiting: boolean;
}

/**
 * Returns which mount targets stay, go and are to be made. In an Availability Zone with several subnets, a mount target stays where
 * it is if that subnet is one of them; a new one is made in the first.
 */
export function planOf(situation: Situation): Plan {
  const { candidates, targets, recorded, others } = situation;
  const kept = new Map<string, MountTargetDescription>();
  const missing: Candidate[] = [];
  let waiting = false;

  for (const { candidate, present } of wantedByZone(situation)) {
    if (!present) {
      missing.push(candidate);
    } else if (present.LifeCycleState === 'deleting') {
      waiting = true;
    } else if (isAsWanted(present, candidate)) {
      kept.set(candidate.zoneId, present);
    }
  }

  const unwanted = targets.filter(target => recorded.includes(target.SubnetId!) && kept.get(target.AvailabilityZoneId!) !== target);
  const isShared = ({ SubnetId }: MountTargetDescription) => holdersOf(SubnetId!, others).length > 0;
  const leaving = unwanted.filter(target => !isShared(target));
  // EFS accepts mount targets in one VPC only, and counts those that are being deleted.
  const moving = targets.some(({ VpcId }) => VpcId !== candidates[0].vpcId);
  return {
    kept,
    obsolete: leaving.filter(({ LifeCycleState }) => LifeCycleState !== 'deleting'),
    left: unwanted.filter(target => isShared(target) && target.LifeCycleState === 'available'),
    missing: moving ? [] : missing,
    waiting: waiting || moving || leaving.length > 0,
  };
}

/**
 * Describes a mount target of the set that would be deleted and made anew, because EFS cannot change the subnet, address or VPC of a
 * mount target. Returns undefined if there is none.
 */
export function swapIn(situation: Situation): string | undefined {
  const { candidates } = situation;
  const { obsolete } = planOf(situation);
  for (const target of obsolete) {
    const moving = target.VpcId !== candidates[0].vpcId;
    const wanted = wantedByZone(situation).find(({ present }) => present === target)?.candidate ?? (moving ? candidates[0] : undefined);
    if (!wanted) { continue; }
    const [from, to] = moving
      ? [`${target.SubnetId} of ${target.VpcId}`, `${wanted.subnetId} of ${wanted.vpcId}`]
      : [inWords(target.SubnetId!, target.IpAddress, target.Ipv6Address),
        inWords(wanted.subnetId, ...addressesOf(wanted, wanted.subnetId === target.SubnetId ? target : {}))];
    return `mount target ${target.MountTargetId} in ${target.AvailabilityZoneName} would be deleted and made anew, from ${from} to ${to}`;
  }
  return undefined;
}

/** Returns, for each Availability Zone, the candidate that gets its mount target, and the mount target that is there now. */
export function wantedByZone({ candidates, targets }: Pick<Situation, 'candidates' | 'targets'>): { candidate: Candidate; present?: MountTargetDescription }[] {
  return [...byZone(candidates)].map(([zoneId, inZone]) => {
    const present = targets.find(({ AvailabilityZoneId }) => AvailabilityZoneId === zoneId);
    const same = present?.LifeCycleState !== 'deleting' && inZone.find(candidate => candidate.subnetId === present?.SubnetId);
    return { candidate: same || inZone[0], ...present && { present } };
  });
}

/** Returns those of the subnets that have a mount target. */
export function withTargets(subnetIds: readonly string[], targets: readonly MountTargetDescription[]): string[] {
  return subnetIds.filter(id => targets.some(({ SubnetId }) => SubnetId === id));
}

/** Returns the addresses that the candidate chooses; else those of the mount target, which EFS can give it again. */
function addressesOf(
  { addressType, ipAddress, ipv6Address }: Candidate, { IpAddress, Ipv6Address }: Pick<MountTargetDescription, 'IpAddress' | 'Ipv6Address'>,
) {
  return [
    addressType === 'IPV6_ONLY' ? undefined : ipAddress ?? IpAddress ?? 'any IPv4 address',
    addressType === 'IPV4_ONLY' ? undefined : ipv6Address ?? Ipv6Address ?? 'any IPv6 address',
  ] as const;
}

function inWords(subnetId: string, ...addresses: readonly (string | undefined)[]): string {
  return `${subnetId} (${addresses.filter(address => address !== undefined).join(', ')})`;
}
