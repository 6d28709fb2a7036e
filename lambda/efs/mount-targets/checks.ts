import type { MountTargetDescription } from '@aws-sdk/client-efs';
import { byZone, type Candidate } from './candidates';
import { wantedByZone, withTargets, type Situation } from './plan';
import { ownRecord, recordKey } from './record';
import type { RecordedSituation } from './set-records';
import { MOST_SUBNETS_BY_POSITION, type MountTargetsProperties } from '../../../src/contract/mount-targets';
import { log } from '../../shared/log';
import { flag } from '../../shared/property-values';
import type { Context } from '../../shared/resource-lifecycle';

/** Throws if the properties contradict each other. Needs no look-ups. */
export function checkProperties(properties: MountTargetsProperties): void {
  const { SubnetIds, IpAddresses, Ipv6Addresses, IpAddressType: type = 'IPV4_ONLY', JoinedAttributes } = properties;
  if (SubnetIds.length === 0) { throw new Error("'vpcSubnets' must select at least one subnet"); }
  if (SubnetIds.length > MOST_SUBNETS_BY_POSITION && !flag(JoinedAttributes)) {
    throw new Error(`'vpcSubnets' must select at most ${MOST_SUBNETS_BY_POSITION} subnets, got ${SubnetIds.length}`);
  }
  for (const [prop, addresses, excluded] of [['ipAddresses', IpAddresses, 'IPV6_ONLY'], ['ipv6Addresses', Ipv6Addresses, 'IPV4_ONLY']] as const) {
    if (!addresses) { continue; }
    if (addresses.length !== SubnetIds.length) {
      throw new Error(`'${prop}' must have one address for each of the ${SubnetIds.length} subnets, got ${addresses.length}`);
    }
    if (type === excluded) { throw new Error(`'${prop}' cannot be combined with 'ipAddressType' ${type}`); }
  }
}

/** Throws, before anything changes, if EFS would refuse the mount targets, or if mount targets that are not of this set are in the way. */
export function checkSituation(situation: Situation): void {
  refuseSeveralVpcs(situation);
  refuseSeveralAddresses(situation);
  refuseMissingIpv6(situation);
  refuseOtherZone(situation);
  refuseForeignTargets(situation);
}

/** Throws if the record is of another stack's set: the same construct path in two stacks gives the same address. */
export function refuseRival({ fileSystem, record, targets }: RecordedSituation, address: string, context: Context): void {
  if (!record || ownRecord(record, context)) { return; }
  if (withTargets(record.subnetIds, targets).length === 0) { return; }
  throw new Error(`file system ${fileSystem.FileSystemId} has mount targets of another stack's set with the same construct path: `
    + `delete them and the tag ${recordKey(address)} of the file system, or move the construct`);
}

/** Logs a warning for each Availability Zone in which several subnets share one mount target. */
export function warnOfSharedZones(candidates: readonly Candidate[]): void {
  for (const [zone, [first, ...others]] of byZone(candidates)) {
    if (others.length === 0) { continue; }
    log({
      event: 'warning: several subnets in one Availability Zone, which gets one mount target: in the first, unless it is in another of them already',
      zone,
      first: first.subnetId,
      others: others.map(({ subnetId }) => subnetId),
    });
  }
}

function refuseSeveralVpcs({ candidates }: Situation): void {
  const vpcs = [...new Set(candidates.map(({ vpcId }) => vpcId))];
  if (vpcs.length > 1) { throw new Error(`'vpcSubnets' must be subnets of one VPC, got some of ${vpcs.join(' and ')}`); }
}

function refuseSeveralAddresses({ candidates }: Situation): void {
  for (const [zoneId, [first, second]] of byZone(candidates)) {
    for (const [prop, key] of [['ipAddresses', 'ipAddress'], ['ipv6Addresses', 'ipv6Address']] as const) {
      if (second?.[key] === undefined) { continue; }
      throw new Error(`'${prop}' must have one address for each Availability Zone, got ${first[key]} and ${second[key]} for `
        + `${first.subnetId} and ${second.subnetId}, which are both in ${zoneId}`);
    }
  }
}

function refuseMissingIpv6(situation: Situation): void {
  const without = wantedByZone(situation).find(({ candidate: { addressType, hasIpv6 } }) => addressType !== 'IPV4_ONLY' && !hasIpv6)?.candidate;
  if (without) {
    throw new Error(`'ipAddressType' is ${without.addressType}, but ${without.subnetId} has no IPv6 CIDR block: associate one with it, or choose other 'vpcSubnets'`);
  }
}

/** A One Zone file system has mount targets in its zone only. */
function refuseOtherZone({ fileSystem, candidates }: Situation): void {
  const elsewhere = fileSystem.AvailabilityZoneId && candidates.find(({ zoneId }) => zoneId !== fileSystem.AvailabilityZoneId);
  if (elsewhere) {
    throw new Error(`'vpcSubnets' must be subnets of ${fileSystem.AvailabilityZoneName}, the only Availability Zone of file system ${fileSystem.FileSystemId}, `
      + `got ${elsewhere.subnetId} in ${elsewhere.zoneName}`);
  }
}

function refuseForeignTargets({ fileSystem: { FileSystemId: id }, candidates, targets, recorded }: Situation): void {
  const isForeign = ({ SubnetId, LifeCycleState }: MountTargetDescription) => !recorded.includes(SubnetId!) && LifeCycleState !== 'deleting';
  const [{ vpcId }] = candidates;
  for (const { MountTargetId, SubnetId, VpcId, AvailabilityZoneId } of targets.filter(isForeign)) {
    if (VpcId !== vpcId) {
      throw new Error(`file system ${id} has mount target ${MountTargetId} in ${VpcId}, which is not of this set, and EFS allows one VPC only: `
        + `delete it, or choose 'vpcSubnets' of ${VpcId} instead of ${vpcId}`);
    }
    const rival = candidates.find(({ zoneId }) => zoneId === AvailabilityZoneId);
    if (rival) {
      throw new Error(`file system ${id} has mount target ${MountTargetId} (${SubnetId}) in ${rival.zoneName}, which is not of this set, `
        + `and EFS allows one in each Availability Zone: delete it, or leave ${rival.subnetId} out of 'vpcSubnets'`);
    }
  }
}
