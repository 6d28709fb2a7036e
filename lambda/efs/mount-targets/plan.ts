import { isIPv6 } from 'node:net';
import type { FileSystemDescription, IpAddressType, MountTargetDescription } from '@aws-sdk/client-efs';
import { MOST_SUBNETS_BY_POSITION, type MountTargetsProperties } from '../../../src/contract/mount-targets';
import { flag } from '../../shared/property-values';

/** Where a subnet is, as EC2 says; names of Availability Zones differ from account to account, ids do not. */
export interface Place {
  readonly subnetId: string;
  readonly vpcId: string;
  readonly zoneId: string;
  readonly zoneName: string;
  readonly hasIpv6: boolean;
}

/** A place where a mount target may be. */
export interface Candidate extends Place {
  readonly addressType: IpAddressType;
  /** Absent: any address will do. */
  readonly ipAddress?: string;
  /** In the one form that EFS answers with. Absent: any address will do. */
  readonly ipv6Address?: string;
}

/** What is, and what is to be. */
export interface Situation {
  readonly fileSystem: FileSystemDescription;
  /** One for each of SubnetIds, in their order. */
  readonly candidates: readonly Candidate[];
  /** All of the file system, whoever made them. */
  readonly targets: readonly MountTargetDescription[];
  /** Subnets of the targets that are ours. */
  readonly recorded: readonly string[];
}

export interface Plan {
  /** By zone id: as wanted, and there to stay. */
  readonly kept: ReadonlyMap<string, MountTargetDescription>;
  readonly obsolete: readonly MountTargetDescription[];
  readonly missing: readonly Candidate[];
  /** Something of ours has to be gone first. */
  readonly waiting: boolean;
}

export function candidatesOf(properties: MountTargetsProperties, places: ReadonlyMap<string, Place>): Candidate[] {
  const { SubnetIds, IpAddressType: addressType = 'IPV4_ONLY', IpAddresses, Ipv6Addresses } = properties;
  return SubnetIds.map((id, position) => ({
    ...places.get(id)!,
    addressType: addressType as IpAddressType,
    ...IpAddresses && { ipAddress: IpAddresses[position] },
    ...Ipv6Addresses && { ipv6Address: canonical(Ipv6Addresses[position]) },
  }));
}

/** What can be refused before anything is looked up. */
export function checkLists({ SubnetIds, IpAddresses, Ipv6Addresses, IpAddressType: type = 'IPV4_ONLY', JoinedAttributes }: MountTargetsProperties): void {
  if (SubnetIds.length === 0) { throw new Error("'vpcSubnets' must select at least one subnet"); }
  if (SubnetIds.length > MOST_SUBNETS_BY_POSITION && !flag(JoinedAttributes)) {
    throw new Error(`'vpcSubnets' must select at most ${MOST_SUBNETS_BY_POSITION} subnets, got ${SubnetIds.length}`);
  }
  for (const [prop, addresses, excluded] of [['ipAddresses', IpAddresses, 'IPV6_ONLY'], ['ipv6Addresses', Ipv6Addresses, 'IPV4_ONLY']] as const) {
    if (!addresses) { continue; }
    if (addresses.length !== SubnetIds.length) {
      throw new Error(`'${prop}' must have one address for each of the ${SubnetIds.length} subnets, got ${addresses.length}`);
    }
    if (type === excluded) { throw new Error(`'${prop}' cannot be had with 'ipAddressType' ${type}`); }
  }
}

/** What EFS would refuse, or what is somebody else's: said before anything changes. */
export function checkSituation({ fileSystem, candidates, targets, recorded }: Situation): void {
  const id = fileSystem.FileSystemId!;
  const vpcs = [...new Set(candidates.map(({ vpcId }) => vpcId))];
  if (vpcs.length > 1) { throw new Error(`'vpcSubnets' must be subnets of one VPC, got some of ${vpcs.join(' and ')}`); }

  for (const [zoneId, [first, second]] of byZone(candidates)) {
    for (const [prop, key] of [['ipAddresses', 'ipAddress'], ['ipv6Addresses', 'ipv6Address']] as const) {
      if (second?.[key] === undefined) { continue; }
      throw new Error(`'${prop}' must have one address for each Availability Zone, got ${first[key]} and ${second[key]} for `
        + `${first.subnetId} and ${second.subnetId}, which are both in ${zoneId}`);
    }
  }
  const without = wantedOf({ candidates, targets }).find(({ candidate: { addressType, hasIpv6 } }) => addressType !== 'IPV4_ONLY' && !hasIpv6)?.candidate;
  if (without) {
    throw new Error(`'ipAddressType' is ${without.addressType}, but ${without.subnetId} has no IPv6 CIDR block: associate one with it, or choose other 'vpcSubnets'`);
  }
  const elsewhere = fileSystem.AvailabilityZoneId && candidates.find(({ zoneId }) => zoneId !== fileSystem.AvailabilityZoneId);
  if (elsewhere) {
    throw new Error(`'vpcSubnets' must be subnets of ${fileSystem.AvailabilityZoneName}, the only Availability Zone of file system ${id}, `
      + `got ${elsewhere.subnetId} in ${elsewhere.zoneName}`);
  }

  for (const target of targets) {
    if (recorded.includes(target.SubnetId!) || target.LifeCycleState === 'deleting') { continue; }
    const { MountTargetId, SubnetId, VpcId } = target;
    if (VpcId !== vpcs[0]) {
      throw new Error(`file system ${id} has mount target ${MountTargetId} in ${VpcId}, which is not of this set, and EFS allows one VPC only: `
        + `delete it, or choose 'vpcSubnets' of ${VpcId} instead of ${vpcs[0]}`);
    }
    const rival = candidates.find(({ zoneId }) => zoneId === target.AvailabilityZoneId);
    if (rival) {
      throw new Error(`file system ${id} has mount target ${MountTargetId} (${SubnetId}) in ${rival.zoneName}, which is not of this set, `
        + `and EFS allows one in each Availability Zone: delete it, or leave ${rival.subnetId} out of 'vpcSubnets'`);
    }
  }
}

/** In an Availability Zone with several subnets the target stays where it is, if that subnet is one of them; a new one goes to the first. */
export function planOf({ candidates, targets, recorded }: Situation): Plan {
  const kept = new Map<string, MountTargetDescription>();
  const missing: Candidate[] = [];
  let waiting = false;

  for (const { candidate, present } of wantedOf({ candidates, targets })) {
    if (!present) {
      missing.push(candidate);
    } else if (present.LifeCycleState === 'deleting') {
      waiting = true;
    } else if (isAsWanted(present, candidate)) {
      kept.set(candidate.zoneId, present);
    }
  }

  const leaving = targets.filter(target => recorded.includes(target.SubnetId!) && kept.get(target.AvailabilityZoneId!) !== target);
  // EFS takes targets of one VPC only, and those that are being deleted still count.
  const moving = targets.some(({ VpcId }) => VpcId !== candidates[0].vpcId);
  return {
    kept,
    obsolete: leaving.filter(({ LifeCycleState }) => LifeCycleState !== 'deleting'),
    missing: moving ? [] : missing,
    waiting: waiting || moving || leaving.length > 0,
  };
}

/**
 * Says which mount target of the set would be deleted, and another one made in its
 * place: EFS changes no subnet, address or VPC of a mount target.
 */
export function swapIn(situation: Situation): string | undefined {
  const { candidates, targets } = situation;
  const { obsolete } = planOf(situation);
  for (const target of obsolete) {
    const moving = target.VpcId !== candidates[0].vpcId;
    const wanted = wantedOf({ candidates, targets }).find(({ present }) => present === target)?.candidate ?? (moving ? candidates[0] : undefined);
    if (!wanted) { continue; }
    const [from, to] = moving
      ? [`${target.SubnetId} of ${target.VpcId}`, `${wanted.subnetId} of ${wanted.vpcId}`]
      : [placeOf(target.SubnetId!, target.IpAddress, target.Ipv6Address),
        placeOf(wanted.subnetId, ...addressesOf(wanted, wanted.subnetId === target.SubnetId ? target : {}))];
    return `mount target ${target.MountTargetId} in ${target.AvailabilityZoneName} would be deleted and made anew, from ${from} to ${to}`;
  }
  return undefined;
}

/** What each zone is to have, and the target that is in it. */
function wantedOf({ candidates, targets }: Pick<Situation, 'candidates' | 'targets'>): { candidate: Candidate; present?: MountTargetDescription }[] {
  return [...byZone(candidates)].map(([zoneId, inZone]) => {
    const present = targets.find(({ AvailabilityZoneId }) => AvailabilityZoneId === zoneId);
    const same = present?.LifeCycleState !== 'deleting' && inZone.find(candidate => candidate.subnetId === present?.SubnetId);
    return { candidate: same || inZone[0], ...present && { present } };
  });
}

/** A description does not say the type of the addresses. */
export function isAsWanted({ SubnetId, IpAddress, Ipv6Address }: MountTargetDescription, wanted: Candidate): boolean {
  const type = Ipv6Address === undefined ? 'IPV4_ONLY' : IpAddress === undefined ? 'IPV6_ONLY' : 'DUAL_STACK';
  return wanted.subnetId === SubnetId && wanted.addressType === type
    && (wanted.ipAddress ?? IpAddress) === IpAddress
    && (wanted.ipv6Address ?? canonical(Ipv6Address)) === canonical(Ipv6Address);
}

/** Those that it has, or will have if none is chosen. */
function addressesOf(
  { addressType, ipAddress, ipv6Address }: Candidate, { IpAddress, Ipv6Address }: Pick<MountTargetDescription, 'IpAddress' | 'Ipv6Address'>,
) {
  return [
    addressType === 'IPV6_ONLY' ? undefined : ipAddress ?? IpAddress ?? 'any IPv4 address',
    addressType === 'IPV4_ONLY' ? undefined : ipv6Address ?? Ipv6Address ?? 'any IPv6 address',
  ] as const;
}

function placeOf(subnetId: string, ...addresses: readonly (string | undefined)[]): string {
  return `${subnetId} (${addresses.filter(address => address !== undefined).join(', ')})`;
}

/** An IPv6 address can be written in many ways. */
function canonical(address: string): string;
function canonical(address: string | undefined): string | undefined;
function canonical(address: string | undefined): string | undefined {
  // What is none is for EFS to refuse.
  return address === undefined || !isIPv6(address) ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);
}

/** In the order in which the zones first appear. */
export function byZone(candidates: readonly Candidate[]): Map<string, Candidate[]> {
  const zones = new Map<string, Candidate[]>();
  candidates.forEach(candidate => zones.set(candidate.zoneId, [...zones.get(candidate.zoneId) ?? [], candidate]));
  return zones;
}
