import type { RuleSpec } from '../../emulator/ec2';
import { AVAILABILITY_ZONES } from '../../emulator/environment';
import type { Statement } from '../../emulator/iam';
import type { Handler, Request } from '../handler';
import type { Properties } from '../stack';
import { isTrue, listOf, nameOf, numberOf, recorded, type Context } from './context';

export function networkHandlers({ emulator: { ec2 } }: Context): Record<string, Handler> {
  const vpcAttributes = (vpcId: string, cidrBlock: string) => ({
    VpcId: vpcId, CidrBlock: cidrBlock, DefaultSecurityGroup: ec2.defaultSecurityGroup(vpcId)!.groupId, CidrBlockAssociations: [],
  });

  return {
    'AWS::EC2::VPC': {
      immutable: ['CidrBlock'],
      create: ({ properties: { CidrBlock } }) => {
        const { vpcId } = ec2.createVpc({ cidrBlock: CidrBlock });
        return { physicalId: vpcId, attributes: vpcAttributes(vpcId, CidrBlock) };
      },
      update: (_, before) => ({ physicalId: before.physicalId!, attributes: before.attributes }),
      delete: ({ physicalId }) => ec2.deleteVpc(physicalId!),
    },
    'AWS::EC2::Subnet': {
      immutable: ['CidrBlock', 'AvailabilityZone', 'VpcId'],
      create: ({ properties: { VpcId, CidrBlock, AvailabilityZone = Object.keys(AVAILABILITY_ZONES)[0] } }) => {
        const subnet = ec2.createSubnet({ vpcId: VpcId, cidrBlock: CidrBlock, availabilityZone: AvailabilityZone });
        return {
          physicalId: subnet.subnetId,
          attributes: {
            SubnetId: subnet.subnetId,
            VpcId,
            CidrBlock,
            AvailabilityZone,
            AvailabilityZoneId: subnet.availabilityZoneId,
            NetworkAclAssociationId: subnet.subnetId.replace('subnet', 'aclassoc'),
          },
        };
      },
      update: (_, before) => ({ physicalId: before.physicalId!, attributes: before.attributes }),
      delete: ({ physicalId }) => ec2.deleteSubnet(physicalId!),
    },
    ...securityGroupHandlers(ec2),

    // Nothing runs on the emulator: what is launched is what the template says.
    'AWS::EC2::Instance': recorded(launched(ec2, 'i', ({ ImageId }) => ImageId),
      physicalId => ({ InstanceId: physicalId, AvailabilityZone: Object.keys(AVAILABILITY_ZONES)[0], PrivateIp: '10.0.0.10' }), ['ImageId', 'SubnetId']),
    'AWS::EC2::LaunchTemplate': {
      ...recorded(launched(ec2, 'lt', ({ LaunchTemplateData: { ImageId } }) => ImageId), physicalId => templateAttributes(physicalId, 1)),
      update: (request, before) => {
        launched(ec2, 'lt', ({ LaunchTemplateData: { ImageId } }) => ImageId)(request);
        const version = Number(before.attributes.LatestVersionNumber) + 1;
        return { physicalId: before.physicalId!, attributes: templateAttributes(before.physicalId!, version) };
      },
    },
    'AWS::EC2::VolumeAttachment': recorded(({ properties: { InstanceId, VolumeId } }) => `${VolumeId}|${InstanceId}`, () => ({}), ['InstanceId', 'VolumeId']),
    'AWS::AutoScaling::AutoScalingGroup': recorded(request => nameOf(request, request.properties.AutoScalingGroupName)),

    'AWS::EC2::RouteTable': recorded(id('rtb'), physicalId => ({ RouteTableId: physicalId }), ['VpcId']),
    'AWS::EC2::Route': {
      ...recorded(({ properties: { RouteTableId, DestinationCidrBlock, DestinationIpv6CidrBlock, NatGatewayId, GatewayId } }) => {
        if (DestinationCidrBlock === '0.0.0.0/0') { ec2.routing.defaults.set(RouteTableId, NatGatewayId ?? GatewayId); }
        return `${RouteTableId}|${DestinationCidrBlock ?? DestinationIpv6CidrBlock}`;
      }, () => ({}), ['RouteTableId', 'DestinationCidrBlock', 'NatGatewayId', 'GatewayId']),
      delete: ({ properties: { RouteTableId } }) => void ec2.routing.defaults.delete(RouteTableId),
    },
    'AWS::EC2::SubnetRouteTableAssociation': {
      ...recorded(request => {
        ec2.routing.tables.set(request.properties.SubnetId, request.properties.RouteTableId);
        return id('rtbassoc')(request);
      }, physicalId => ({ Id: physicalId }), ['SubnetId', 'RouteTableId']),
      delete: ({ properties: { SubnetId } }) => void ec2.routing.tables.delete(SubnetId),
    },
    'AWS::EC2::InternetGateway': recorded(id('igw'), physicalId => ({ InternetGatewayId: physicalId })),
    'AWS::EC2::VPCGatewayAttachment': recorded(({ properties: { VpcId } }) => `IGW|${VpcId}`, () => ({}), ['VpcId']),
    'AWS::EC2::EIP': recorded(({ stack }) => `198.51.100.${parseInt(stack.ids.hex(2), 16)}`, physicalId => ({
      PublicIp: physicalId, AllocationId: `eipalloc-0${physicalId.split('.').map(Number).join('')}`,
    })),
    'AWS::EC2::NatGateway': recorded(id('nat'), physicalId => ({ NatGatewayId: physicalId }), ['SubnetId', 'AllocationId']),
    'AWS::EC2::VPCEndpoint': endpointHandler(ec2),
  };
}

function endpointHandler(ec2: Context['emulator']['ec2']): Handler {
  const put = (physicalId: string, properties: Properties) => {
    const { VpcId, ServiceName, VpcEndpointType, RouteTableIds, SubnetIds, SecurityGroupIds, PrivateDnsEnabled, PolicyDocument } = properties;
    const policy = PolicyDocument && listOf<Statement>(PolicyDocument.Statement);
    ec2.routing.endpoints.set(physicalId, {
      vpcId: VpcId,
      serviceName: ServiceName,
      policy,
      ...VpcEndpointType === 'Interface' ? {
        subnetIds: listOf<string>(SubnetIds),
        groups: listOf<string>(SecurityGroupIds ?? ec2.defaultSecurityGroup(VpcId)!.groupId),
        privateDns: isTrue(PrivateDnsEnabled),
      } : { routeTableIds: listOf<string>(RouteTableIds) },
    });
    return { physicalId, attributes: { Id: physicalId, DnsEntries: [], NetworkInterfaceIds: [] } };
  };
  return {
    immutable: ['VpcId', 'ServiceName', 'VpcEndpointType'],
    create: request => put(id('vpce')(request), request.properties),
    update: ({ properties }, before) => put(before.physicalId!, properties),
    delete: ({ physicalId }) => void ec2.routing.endpoints.delete(physicalId!),
  };
}

function securityGroupHandlers(ec2: Context['emulator']['ec2']): Record<string, Handler> {
  /** The rules that stand in the groups themselves, and those that are resources of their own: physical id → rule ids. */
  const rules = new Map<string, string[]>();
  const remove = (owner: string) => {
    const existing = new Set(ec2.rules().map(({ ruleId }) => ruleId));
    // Rules vanish with their group.
    (rules.get(owner) ?? []).filter(ruleId => existing.has(ruleId)).forEach(ruleId => ec2.deleteRule(ruleId));
    rules.delete(owner);
  };
  const addInline = (groupId: string, { SecurityGroupIngress, SecurityGroupEgress }: Properties) => {
    const ingress = listOf(SecurityGroupIngress).map(rule => ec2.addIngress(groupId, ruleOf(rule)));
    const egress = listOf(SecurityGroupEgress).map(rule => ec2.addEgress(groupId, ruleOf(rule)));
    rules.set(groupId, [...ingress, ...egress].map(({ ruleId }) => ruleId));
  };

  const single = (direction: 'ingress' | 'egress'): Handler => {
    const add = (physicalId: string, properties: Properties) => {
      const rule = ruleOf(properties);
      const { ruleId } = direction === 'ingress' ? ec2.addIngress(properties.GroupId, rule) : ec2.addEgress(properties.GroupId, rule);
      rules.set(physicalId, [ruleId]);
      return { physicalId, attributes: { Id: physicalId } };
    };
    return {
      // All but the description.
      immutable: ['GroupId', 'IpProtocol', 'FromPort', 'ToPort', 'CidrIp', 'CidrIpv6', 'SourceSecurityGroupId', 'DestinationSecurityGroupId'],
      create: request => add(id('sgr')(request), request.properties),
      update: ({ properties }, before) => {
        remove(before.physicalId!);
        return add(before.physicalId!, properties);
      },
      delete: ({ physicalId }) => remove(physicalId!),
    };
  };

  return {
    'AWS::EC2::SecurityGroup': {
      immutable: ['GroupName', 'GroupDescription', 'VpcId'],
      create: request => {
        const { GroupName, GroupDescription, VpcId, SecurityGroupEgress } = request.properties;
        const { groupId } = ec2.createSecurityGroup({ vpcId: VpcId, groupName: nameOf(request, GroupName), description: GroupDescription });
        // The rule that allows everything out is there unless the template has rules of its own.
        if (SecurityGroupEgress !== undefined) { ec2.rules(groupId).forEach(({ ruleId }) => ec2.deleteRule(ruleId)); }
        addInline(groupId, request.properties);
        return { physicalId: groupId, attributes: { GroupId: groupId, Id: groupId, VpcId } };
      },
      update: ({ properties }, before) => {
        remove(before.physicalId!);
        addInline(before.physicalId!, properties);
        return { physicalId: before.physicalId!, attributes: before.attributes };
      },
      delete: ({ physicalId }) => {
        remove(physicalId!);
        ec2.deleteSecurityGroup(physicalId!);
      },
    },
    'AWS::EC2::SecurityGroupIngress': single('ingress'),
    'AWS::EC2::SecurityGroupEgress': single('egress'),
  };
}

/** An id for what is launched from an image, which must be there. */
function launched(ec2: Context['emulator']['ec2'], prefix: string, imageOf: (properties: Properties) => string | undefined): (request: Request) => string {
  return request => {
    const imageId = imageOf(request.properties);
    if (imageId?.startsWith('ami-')) { ec2.images.get(imageId); }
    return id(prefix)(request);
  };
}

function templateAttributes(physicalId: string, version: number) {
  return { LaunchTemplateId: physicalId, LatestVersionNumber: `${version}`, DefaultVersionNumber: '1' };
}

function id(prefix: string): (request: Request) => string {
  return ({ stack }) => `${prefix}-0${stack.ids.hex(16)}`;
}

function ruleOf(properties: Properties): RuleSpec {
  return {
    ipProtocol: String(properties.IpProtocol),
    fromPort: numberOf(properties.FromPort),
    toPort: numberOf(properties.ToPort),
    cidrIp: properties.CidrIp ?? properties.CidrIpv6 ?? properties.SourcePrefixListId ?? properties.DestinationPrefixListId,
    sourceGroupId: properties.SourceSecurityGroupId ?? properties.DestinationSecurityGroupId,
    description: properties.Description,
  };
}
