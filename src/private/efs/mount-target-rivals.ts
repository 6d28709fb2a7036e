import { Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import { zoneOf } from './subnets';
import type { Rival } from '../resource/rivals';
import { referencesIn, typeOf } from '../resource/token-forms';

/** The place of a set of mount targets. */
export interface MountTargetPlace {
  readonly vpc: ec2.IVpc;
  readonly subnets: readonly ec2.ISubnet[];
  /** Whether the subnets, or their number, are not known yet. */
  readonly isUnknown: boolean;
  /** Whether the VPC is still being looked up, so that its subnets and zones are placeholders. */
  readonly isPendingLookup: boolean;
}

/** Returns why a file system cannot have mount targets in both places. */
export function mountTargetConflict(place: MountTargetPlace, { scope, wants: other }: Rival<MountTargetPlace>): string | undefined {
  const { path } = scope.node;
  if (place.isPendingLookup || other.isPendingLookup) { return undefined; }
  if (areDifferent(place.vpc, other.vpc)) {
    return `'vpc' is ${place.vpc.node.path}, but ${path} has mount targets of the same 'fileSystem' in ${other.vpc.node.path}: `
      + 'EFS allows one VPC per file system, so use the same';
  }
  const why = overlap(place, other);
  return why && `'vpcSubnets' has ${why}, and ${path} has mount targets of the same 'fileSystem': `
    + 'EFS allows one mount target per Availability Zone, so name each subnet in one set only';
}

function overlap(place: MountTargetPlace, other: MountTargetPlace): string | undefined {
  if (place.isUnknown || other.isUnknown) { return 'subnets that may be those of another set'; }
  for (const subnet of place.subnets) {
    const zone = zoneOf(subnet);
    for (const rival of other.subnets) {
      if (subnet === rival || subnet.subnetId === rival.subnetId) { return `${subnet.node.path}, which another set has too`; }
      const theirs = zoneOf(rival);
      if (zone !== undefined && zone === theirs) {
        return `${subnet.node.path} in the same Availability Zone${Token.isUnresolved(zone) ? '' : ` ${zone}`} as ${rival.node.path}`;
      }
      if (!areComparable(zone, theirs, place.vpc === other.vpc)) {
        const unknown = zone === undefined || Token.isUnresolved(zone) ? subnet : rival;
        return `${unknown.node.path}, whose Availability Zone is not known at synthesis and may be that of another subnet`;
      }
    }
  }
  return undefined;
}

/** Whether zones that are not equal are certainly different. In one VPC, the same zone has the same token. */
function areComparable(one: string | undefined, other: string | undefined, inOneVpc: boolean): boolean {
  if (one === undefined || other === undefined) { return false; }
  const unresolved = [one, other].filter(zone => Token.isUnresolved(zone)).length;
  return unresolved === 0 || (unresolved === 2 && inOneVpc);
}

/** Whether these are certainly two VPCs. */
function areDifferent(one: ec2.IVpc, other: ec2.IVpc): boolean {
  if (one.vpcId === other.vpcId) { return false; }
  if (!Token.isUnresolved(one.vpcId) && !Token.isUnresolved(other.vpcId)) { return true; }
  const [mine, theirs] = [one, other].map(vpc => referencesIn(vpc, vpc.vpcId).find(reference => typeOf(reference) === 'AWS::EC2::VPC')?.target);
  return mine !== undefined && theirs !== undefined && mine !== theirs;
}
