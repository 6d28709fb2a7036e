import { ACCOUNT, PARTITION, arn } from '../environment';
import { ServiceError, type Call } from '../service';
import type { Account } from './account';
import { isUsableAddress, isUsableIpv6Address } from './addresses';
import type { Subnet } from './options';
import { page } from './pages';
import { badRequest, type Operations } from './requests';
import { MountTarget, type FileSystem } from './state';

export const SERVICE = 'elasticfilesystem.amazonaws.com';
export const SERVICE_LINKED_ROLE = `arn:${PARTITION}:iam::${ACCOUNT}:role/aws-service-role/${SERVICE}/AWSServiceRoleForAmazonElasticFileSystem`;

export function mountTargetOperations(account: Account): Operations {
  const { durations, limits, network } = account;

  /** Security groups that a network interface of that VPC can have. */
  function checkSecurityGroups(groups: string[], vpcId: string): void {
    if (groups.length > limits.securityGroupsPerMountTarget) {
      throw new ServiceError('SecurityGroupLimitExceeded', 400,
        `A mount target can have at most ${limits.securityGroupsPerMountTarget} security groups.`);
    }
    if (new Set(groups).size !== groups.length) { throw badRequest('A security group is given more than once.'); }
    const strange = groups.find(id => network.securityGroup(id)?.vpcId !== vpcId);
    if (strange) { throw new ServiceError('SecurityGroupNotFound', 400, `Security group '${strange}' does not exist in VPC '${vpcId}'.`); }
  }

  return {
    CreateMountTarget(call, input) {
      const fileSystem = account.fileSystem(call, 'CreateMountTarget', input.FileSystemId);
      ['DescribeSubnets', 'DescribeNetworkInterfaces', 'CreateNetworkInterface'].forEach(action => call.authorize(`ec2:${action}`, '*'));
      if (!account.serviceLinkedRoleExists) { call.authorize('iam:CreateServiceLinkedRole', SERVICE_LINKED_ROLE, { 'iam:AWSServiceName': SERVICE }); }

      account.requireAvailable(fileSystem);
      const { IpAddressType: type = 'IPV4_ONLY' } = input;
      checkAddressType(type, input);
      const subnet = network.subnet(input.SubnetId);
      if (!subnet) { throw new ServiceError('SubnetNotFound', 400, `The subnet ID '${input.SubnetId}' does not exist`); }
      checkPlace(account, fileSystem, subnet);
      const groups: string[] = input.SecurityGroups?.length ? input.SecurityGroups : [network.defaultSecurityGroup(subnet.vpcId)!.groupId];
      checkSecurityGroups(groups, subnet.vpcId);
      if (input.IpAddress !== undefined && !isUsableAddress(input.IpAddress, subnet.cidrBlock)) {
        throw badRequest(`Address ${input.IpAddress} is not a usable one of subnet '${subnet.subnetId}' (${subnet.cidrBlock}).`);
      }
      if (type !== 'IPV4_ONLY' && subnet.ipv6CidrBlock === undefined) {
        throw badRequest(`IpAddressType ${type} needs a subnet with an IPv6 CIDR block, which '${subnet.subnetId}' has not.`);
      }
      if (input.Ipv6Address !== undefined && !isUsableIpv6Address(input.Ipv6Address, subnet.ipv6CidrBlock!)) {
        throw badRequest(`Address ${input.Ipv6Address} is not a usable one of subnet '${subnet.subnetId}' (${subnet.ipv6CidrBlock}).`);
      }

      const { id, order } = account.nextId('fsmt');
      const made = network.createInterface(subnet.subnetId, {
        privateIpAddress: input.IpAddress,
        ...type !== 'IPV4_ONLY' && { ipv6Address: input.Ipv6Address ?? true },
        groups,
        description: `EFS mount target for ${fileSystem.id} (${id})`,
      });
      account.serviceLinkedRoleExists = true;
      const target = new MountTarget(
        account.clock, durations.mountTargetCreating, order, id, fileSystem.id, subnet.subnetId, subnet.vpcId,
        subnet.availabilityZone, subnet.availabilityZoneId, made.networkInterfaceId,
        type === 'IPV6_ONLY' ? undefined : made.privateIpAddress, made.ipv6Address, groups);
      account.add(target);
      return describe(target);
    },

    DescribeMountTargets(call, input) {
      const { FileSystemId, MountTargetId, AccessPointId, Marker: marker } = input;
      if ([FileSystemId, MountTargetId, AccessPointId].filter(id => id !== undefined).length !== 1) {
        throw badRequest('Specify exactly one of FileSystemId, MountTargetId and AccessPointId.');
      }
      if (MountTargetId !== undefined) {
        return { MountTargets: [describe(account.mountTarget(call, 'DescribeMountTargets', MountTargetId))] };
      }
      const id = FileSystemId !== undefined
        ? account.fileSystem(call, 'DescribeMountTargets', FileSystemId).id
        : account.accessPoint(call, 'DescribeMountTargets', AccessPointId).fileSystemId;
      const targets = account.mountTargets.filter(({ fileSystemId }) => fileSystemId === id);
      // MaxItems is ignored: the service sets it itself.
      const { items, next } = page(`mount targets of ${id}`, targets, limits.mountTargetsPerPage, marker, ({ order }) => order);
      return { MountTargets: items.map(describe), Marker: marker, NextMarker: next };
    },

    DeleteMountTarget(call, { MountTargetId }) {
      const target = account.mountTarget(call, 'DeleteMountTarget', MountTargetId);
      authorizeInterface(call, 'DeleteNetworkInterface', target);
      if (target.lifeCycleState === 'deleting') { return; }
      target.phase.begin('deleting', 'deleted', durations.mountTargetDeleting);
    },

    ModifyMountTargetSecurityGroups(call, { MountTargetId, SecurityGroups: groups = [] }) {
      const target = account.mountTarget(call, 'ModifyMountTargetSecurityGroups', MountTargetId);
      authorizeInterface(call, 'ModifyNetworkInterfaceAttribute', target);
      requireState(target, ['available']);
      if (groups.length === 0) { throw badRequest('A mount target needs at least one security group.'); }
      checkSecurityGroups(groups, target.vpcId);
      network.modifyInterface(target.networkInterfaceId, { groups });
      target.securityGroups = groups;
    },

    DescribeMountTargetSecurityGroups(call, { MountTargetId }) {
      const target = account.mountTarget(call, 'DescribeMountTargetSecurityGroups', MountTargetId);
      authorizeInterface(call, 'DescribeNetworkInterfaceAttribute', target);
      requireState(target, ['creating', 'available', 'updating', 'error']);
      return { SecurityGroups: target.securityGroups };
    },
  };
}

function authorizeInterface(call: Call, action: string, target: MountTarget): void {
  call.authorize(`ec2:${action}`, arn('ec2', `network-interface/${target.networkInterfaceId}`));
}

function requireState(target: MountTarget, states: string[]): void {
  if (states.includes(target.lifeCycleState)) { return; }
  throw new ServiceError('IncorrectMountTargetState', 409,
    `Mount target '${target.id}' is in life cycle state '${target.lifeCycleState}'; this needs it to be ${states.join(' or ')}.`);
}

/** The type is one of the model's, or the call would not have come so far. */
function checkAddressType(type: string, { IpAddress: address, Ipv6Address: address6 }: any): void {
  if (address6 !== undefined && type === 'IPV4_ONLY') { throw badRequest('Ipv6Address needs IpAddressType IPV6_ONLY or DUAL_STACK.'); }
  if (address !== undefined && type === 'IPV6_ONLY') { throw badRequest('IpAddress needs IpAddressType IPV4_ONLY or DUAL_STACK.'); }
}

/** One VPC, one mount target per Availability Zone; for a One Zone file system in its own zone only. */
function checkPlace(account: Account, fileSystem: FileSystem, subnet: Subnet): void {
  if (account.unsupportedZones.includes(subnet.availabilityZone)) {
    throw new ServiceError('UnsupportedAvailabilityZone', 400, `Mount targets are not available in Availability Zone '${subnet.availabilityZone}'.`);
  }
  if (fileSystem.availabilityZoneName !== undefined && fileSystem.availabilityZoneName !== subnet.availabilityZone) {
    throw new ServiceError('AvailabilityZonesMismatch', 400,
      `Subnet '${subnet.subnetId}' is in Availability Zone ${subnet.availabilityZone}, `
      + `file system '${fileSystem.id}' in ${fileSystem.availabilityZoneName}.`);
  }
  const others = account.mountTargets.filter(({ fileSystemId }) => fileSystemId === fileSystem.id);
  if (others.some(({ vpcId }) => vpcId !== subnet.vpcId)) {
    throw new ServiceError('MountTargetConflict', 409, 'requested subnet for new mount target is not in the same VPC as existing mount targets');
  }
  if (others.some(({ availabilityZoneId }) => availabilityZoneId === subnet.availabilityZoneId)) {
    throw new ServiceError('MountTargetConflict', 409, 'mount target already exists in this AZ');
  }
}

function describe(target: MountTarget) {
  return {
    OwnerId: ACCOUNT,
    MountTargetId: target.id,
    FileSystemId: target.fileSystemId,
    SubnetId: target.subnetId,
    LifeCycleState: target.lifeCycleState,
    IpAddress: target.ipAddress,
    Ipv6Address: target.ipv6Address,
    NetworkInterfaceId: target.networkInterfaceId,
    AvailabilityZoneId: target.availabilityZoneId,
    AvailabilityZoneName: target.availabilityZoneName,
    VpcId: target.vpcId,
  };
}
