import { Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IConstruct } from 'constructs';
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

/**
 * Returns why a file system can certainly not have mount targets in both places: they are in two VPCs, or two subnets are in one Availability
 * Zone. Two sets in one subnet share its mount target. The handlers decide on values that synthesis does not know.
 */
export function mountTargetConflict(place: MountTargetPlace, { scope, wants: other }: Rival<MountTargetPlace>): string | undefined {
  const { path } = scope.node;
  if (place.isPendingLookup || other.isPendingLookup) { return undefined; }
  if (areDifferent('AWS::EC2::VPC', place.vpc, place.vpc.vpcId, other.vpc, other.vpc.vpcId)) {
    return `'vpc' is ${place.vpc.node.path}, but ${path} has mount targets of the same 'fileSystem' in ${other.vpc.node.path}: `
      + 'EFS allows one VPC per file system, so use the same';
  }
  const why = place.isUnknown || other.isUnknown ? undefined : twoInOneZone(place.subnets, other.subnets);
  return why && `'vpcSubnets' has ${why}, and ${path} has mount targets of the same 'fileSystem': `
    + 'EFS allows one mount target per Availability Zone, so use the same subnet in both sets, or leave one out';
}

/** Returns two subnets, one of each set, that cannot both have a mount target; undefined if there may be one subnet of both sets in every zone. */
function twoInOneZone(subnets: readonly ec2.ISubnet[], others: readonly ec2.ISubnet[]): string | undefined {
  for (const subnet of subnets) {
    const zone = zoneOf(subnet);
    const rival = zone === undefined ? undefined : others.find(other => zoneOf(other) === zone);
    if (rival && !mayShare(subnets.filter(mayBeIn(zone!)), others.filter(mayBeIn(zone!)))) {
      return `${subnet.node.path} in the same Availability Zone${Token.isUnresolved(zone) ? '' : ` ${zone}`} as ${rival.node.path}`;
    }
  }
  return undefined;
}

/** An imported subnet may not know its zone. */
function mayBeIn(zone: string): (subnet: ec2.ISubnet) => boolean {
  return subnet => [zone, undefined].includes(zoneOf(subnet));
}

/** A set with several subnets in a zone takes the one that has a mount target already. So one subnet that both sets have is enough. */
function mayShare(subnets: readonly ec2.ISubnet[], others: readonly ec2.ISubnet[]): boolean {
  return subnets.some(one => others.some(other => !areDifferent('AWS::EC2::Subnet', one, one.subnetId, other, other.subnetId)));
}

/** Whether two ids are certainly those of two things: they are known, or refer to two resources of this type. */
function areDifferent(type: string, one: IConstruct, id: string, other: IConstruct, otherId: string): boolean {
  if (id === otherId) { return false; }
  if (!Token.isUnresolved(id) && !Token.isUnresolved(otherId)) { return true; }
  const resourceIn = (scope: IConstruct, value: string) => referencesIn(scope, value).find(reference => typeOf(reference) === type)?.target;
  const [mine, theirs] = [resourceIn(one, id), resourceIn(other, otherId)];
  return mine !== undefined && theirs !== undefined && mine !== theirs;
}
