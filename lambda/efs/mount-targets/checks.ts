import { byZone, isAsWanted, type Candidate } from './candidates';
import { wantedByZone, withTargets, type Situation } from './plan';
import { holdersOf, isSuperseded, ownRecord, recordKey, type OtherRecord } from './record';
import type { SetRecord } from './record-text';
import type { RecordedSituation } from './set-records';
import { MOST_SUBNETS_BY_POSITION, type MountTargetsProperties } from '../../../src/contract/mount-targets';
import { OutOfReach } from '../../shared/errors';
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

/**
 * Throws if the record with the key of the set is of another stack, unless that stack is gone. Two stacks of an account cannot have one name at
 * the same time, so it is gone if this stack has the name that the key is made of, or is nested in one that has it.
 */
export function refuseRival(
  { fileSystem, record, targets }: RecordedSituation, key: string, { stackId, owner }: { readonly stackId: string; readonly owner: string },
): void {
  if (!record || ownRecord(record, { stackId }) || isInStack(owner, stackId)) { return; }
  if (withTargets(record.subnetIds, targets).length === 0) { return; }
  throw new Error(`file system ${fileSystem.FileSystemId} has mount targets of the set ${owner}, and this stack is another one: `
    + `if that set is gone, delete them and the tag ${recordKey(key)} of the file system`);
}

/** Throws if CloudFormation has sent a later call for the set. */
export function refuseLate(record: SetRecord | undefined, context: Context): void {
  if (!record || !ownRecord(record, context) || !isSuperseded(record, context)) { return; }
  throw new Error('the request was superseded by a later one for the same set of mount targets');
}

/** Whether the stack has the name with which the owner of its resources begins, or is nested in a stack that has it. */
export function isInStack(owner: string, stackId: string): boolean {
  const [root] = owner.split('/');
  const name = stackId.split('/')[1];
  return name === root || name.startsWith(`${root}-`);
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

/** Refuses mount targets that are in the way, and that are not only of this set. Those of other sets are shared if they are as wanted. */
function refuseForeignTargets({ fileSystem: { FileSystemId: id }, candidates, targets, recorded, others }: Situation): void {
  const [{ vpcId }] = candidates;
  for (const target of targets.filter(({ LifeCycleState }) => LifeCycleState !== 'deleting')) {
    const { MountTargetId, SubnetId, VpcId, AvailabilityZoneId } = target;
    const [holder] = holdersOf(SubnetId!, others);
    if (recorded.includes(SubnetId!) && !holder) { continue; }
    const whose = holder ? `which belongs to the set ${holder.owner === undefined ? '' : `${holder.owner} `}(tag ${holder.tagKey})` : 'which is not of this set';
    if (VpcId !== vpcId) {
      throw new OutOfReach(`file system ${id} has mount target ${MountTargetId} in ${VpcId}, ${whose}, and EFS allows one VPC only: `
        + `${remedyFor(holder)}, or choose 'vpcSubnets' of ${VpcId} instead of ${vpcId}`);
    }
    const inZone = candidates.filter(({ zoneId }) => zoneId === AvailabilityZoneId);
    if (inZone.length === 0 || (holder && inZone.some(candidate => isAsWanted(target, candidate)))) { continue; }
    throw new OutOfReach(`file system ${id} has mount target ${MountTargetId} (${SubnetId}) in ${inZone[0].zoneName}, ${whose}, `
      + `and EFS allows one in each Availability Zone: ${remedyFor(holder)}, or leave ${inZone[0].subnetId} out of 'vpcSubnets'`);
  }
}

function remedyFor(holder: OtherRecord | undefined): string {
  if (!holder) { return 'delete it'; }
  return 'give both sets the same subnet and addresses, so that they share it, and change these in a later deployment, when only one of them is left; '
    + 'if the other one is gone already, delete the mount target and the tag';
}
