import type { FileSystemDescription, MountTargetDescription } from '@aws-sdk/client-efs';
import type { MountTargetsProperties } from '../../src/contract/mount-targets';

/** Where a subnet is, as EC2 says; names of Availability Zones differ from account to account, ids do not. */
export interface Place {
  readonly subnetId: string;
  readonly vpcId: string;
  readonly zoneId: string;
  readonly zoneName: string;
}

/** A place where a mount target may be. */
export interface Candidate extends Place {
  /** Absent: any address will do. */
  readonly ipAddress?: string;
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

/** Attributes for every subnet have to fit into the 4,096 bytes of an answer to CloudFormation. */
const MOST_SUBNETS = 40;

export function candidatesOf({ SubnetIds, IpAddresses }: MountTargetsProperties, places: ReadonlyMap<string, Place>): Candidate[] {
  return SubnetIds.map((id, position) => ({ ...places.get(id)!, ...IpAddresses && { ipAddress: IpAddresses[position] } }));
}

/** What can be refused before anything is looked up. */
export function checkLists({ SubnetIds, IpAddresses }: MountTargetsProperties): void {
  if (SubnetIds.length === 0) { throw new Error("'vpcSubnets' must select at least one subnet"); }
  if (SubnetIds.length > MOST_SUBNETS) { throw new Error(`'vpcSubnets' must select at most ${MOST_SUBNETS} subnets, got ${SubnetIds.length}`); }
  if (IpAddresses && IpAddresses.length !== SubnetIds.length) {
    throw new Error(`'ipAddresses' must have one address for each of the ${SubnetIds.length} subnets, got ${IpAddresses.length}`);
  }
}

/** What EFS would refuse, or what is somebody else's: said before anything changes. */
export function checkSituation({ fileSystem, candidates, targets, recorded }: Situation): void {
  const id = fileSystem.FileSystemId!;
  const vpcs = [...new Set(candidates.map(({ vpcId }) => vpcId))];
  if (vpcs.length > 1) { throw new Error(`'vpcSubnets' must be subnets of one VPC, got some of ${vpcs.join(' and ')}`); }

  for (const [zoneId, [first, second]] of byZone(candidates)) {
    if (second?.ipAddress !== undefined) {
      throw new Error(`'ipAddresses' must have one address for each Availability Zone, got ${first.ipAddress} and ${second.ipAddress} for `
        + `${first.subnetId} and ${second.subnetId}, which are both in ${zoneId}`);
    }
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

  for (const [zoneId, inZone] of byZone(candidates)) {
    const present = targets.find(({ AvailabilityZoneId }) => AvailabilityZoneId === zoneId);
    if (!present) {
      missing.push(inZone[0]);
    } else if (present.LifeCycleState === 'deleting') {
      waiting = true;
    } else if (inZone.some(({ subnetId, ipAddress = present.IpAddress }) => subnetId === present.SubnetId && ipAddress === present.IpAddress)) {
      kept.set(zoneId, present);
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

/** In the order in which the zones first appear. */
export function byZone(candidates: readonly Candidate[]): Map<string, Candidate[]> {
  const zones = new Map<string, Candidate[]>();
  candidates.forEach(candidate => zones.set(candidate.zoneId, [...zones.get(candidate.zoneId) ?? [], candidate]));
  return zones;
}
