import { connects } from '../../emulator/ec2/routing';
import type { Emulator } from '../../emulator/emulator';
import type { Principal } from '../../emulator/iam';

/** Who wants to mount a file system: where it runs, and as whom. */
export interface Client {
  readonly subnetIds: readonly string[];
  readonly groups: readonly string[];
}

/** Refuses subnets that are not there or not of one VPC, and groups of another. */
export function checkPlace({ ec2 }: Emulator, { subnetIds, groups }: Client): void {
  const vpcs = new Set(subnetIds.map(subnetId => {
    const subnet = ec2.subnet(subnetId);
    if (!subnet) { throw new Error(`The subnet ID '${subnetId}' does not exist`); }
    return subnet.vpcId;
  }));
  if (vpcs.size !== 1) { throw new Error(`Subnets [${subnetIds.join(', ')}] are not of one VPC`); }
  const stray = groups.find(groupId => !vpcs.has(ec2.securityGroup(groupId)?.vpcId ?? ''));
  if (stray !== undefined) { throw new Error(`Security group ${stray} does not exist in the VPC of the subnets`); }
}

/** Every zone of the client has a mount target of the file system in its VPC that is available. */
export function hasTargets({ ec2, efs }: Emulator, fileSystemId: string, { subnetIds }: Client): boolean {
  return subnetIds.map(subnetId => ec2.subnet(subnetId)!).every(({ vpcId, availabilityZone }) => efs.mountTargets.some(target =>
    target.fileSystemId === fileSystemId && target.vpcId === vpcId && target.availabilityZoneName === availabilityZone && target.lifeCycleState === 'available'));
}

/** The security groups let NFS through from every place of the client to a target in its zone. */
export function reachesTargets({ ec2, efs }: Emulator, fileSystemId: string, { subnetIds, groups }: Client): boolean {
  return subnetIds.every(subnetId => efs.mountTargets.some(target =>
    target.fileSystemId === fileSystemId && target.availabilityZoneName === ec2.subnet(subnetId)!.availabilityZone
    && connects(ec2, { subnetId, groups }, { subnetId: target.subnetId, groups: target.securityGroups }, 2049)));
}

/** The role's own policies let it mount by this access point; what the file system's policy says does not count. */
export function mayMount({ efs }: Emulator, role: Principal, fileSystemId: string, accessPointId: string | undefined): boolean {
  const fileSystem = efs.fileSystems.find(({ id }) => id === fileSystemId);
  return fileSystem !== undefined && role.allows('elasticfilesystem:ClientMount', fileSystem.arn, {
    'elasticfilesystem:AccessedViaMountTarget': 'true', 'elasticfilesystem:AccessPointArn': efs.accessPoints.find(({ id }) => id === accessPointId)?.arn,
  });
}
