import type { FileSystemDescription, MountTargetDescription } from '@aws-sdk/client-efs';
import type { Candidate } from '../../../../../lambda/efs/mount-targets/candidates';
import type { Situation } from '../../../../../lambda/efs/mount-targets/plan';
import type { OtherRecord } from '../../../../../lambda/efs/mount-targets/record';

/** A subnet of zone `a` is `subnet-a…`; of the VPC `vpc-1` unless stated otherwise. */
export function candidate(subnetId: string, more: Partial<Candidate> = {}): Candidate {
  const zone = subnetId.charAt('subnet-'.length);
  return { subnetId, vpcId: 'vpc-1', zoneId: `az-${zone}`, zoneName: `eu-west-1${zone}`, hasIpv6: false, addressType: 'IPV4_ONLY', ...more };
}

export function target(subnetId: string, more: Partial<MountTargetDescription> = {}): MountTargetDescription {
  const zone = subnetId.charAt('subnet-'.length);
  return {
    MountTargetId: `fsmt-${subnetId}`,
    FileSystemId: 'fs-1',
    SubnetId: subnetId,
    VpcId: 'vpc-1',
    AvailabilityZoneId: `az-${zone}`,
    AvailabilityZoneName: `eu-west-1${zone}`,
    LifeCycleState: 'available',
    IpAddress: '10.0.0.1',
    ...more,
  };
}

export function situation(
  candidates: Candidate[], targets: MountTargetDescription[], recorded: string[] = [], fileSystem = {}, others: OtherRecord[] = [],
): Situation {
  return { fileSystem: { FileSystemId: 'fs-1', ...fileSystem } as FileSystemDescription, candidates, targets, recorded, others };
}

/** The record of another set, with these subnets. */
export function other(subnetIds: string[], more: Partial<OtherRecord> = {}): OtherRecord {
  return {
    tagKey: 'cdk-durable-storage:mount-targets:c9', state: 'ready', stack: 'other', call: 'call', sent: 0, subnetIds, owner: 'Other/Targets', ...more,
  };
}
