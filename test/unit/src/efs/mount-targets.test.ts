import { App, CfnResource, Duration, Fn, NestedStack, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { FileSystem, IpAddressType, type MountTargetOptions, MountTargets, type MountTargetsProps } from '../../../../src';
import { ENV, givenStack, givenVpc, onlyOf, ownerOfOnly, propertiesOf, statementsAllowing, warningsOf } from '../../../harness/given';

const TYPE = 'Custom::MountTargets';
const ARN_OF_FOREIGN = {
  'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':elasticfilesystem:eu-west-1:111122223333:file-system/fs-12345678']],
};

function foreignFileSystem(stack: Stack): efs.IFileSystem {
  return FileSystem.fromFileSystemAttributes(stack, 'Foreign', {
    fileSystemId: 'fs-12345678', securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'ForeignGroup', 'sg-99999999'),
  });
}

/** `props` may need the VPC. */
function given(props: (vpc: ec2.Vpc, stack: Stack) => Partial<MountTargetsProps> = () => ({})) {
  const { stack, vpc } = givenStack();
  const fileSystem = foreignFileSystem(stack);
  return { stack, vpc, mountTargets: new MountTargets(stack, 'Targets', { fileSystem, vpc, ...props(vpc, stack) }) };
}

describe('the template', () => {
  test('has one subnet per Availability Zone and a security group of its own', () => {
    const { stack, vpc } = given();

    expect(onlyOf(stack, TYPE)).toMatchObject({
      Properties: {
        FileSystemId: 'fs-12345678',
        SubnetIds: vpc.isolatedSubnets.map(subnet => stack.resolve(subnet.subnetId)),
        SecurityGroups: [{ 'Fn::GetAtt': [onlyOf(stack, 'AWS::EC2::SecurityGroup').logicalId, 'GroupId'] }],
        Owner: ownerOfOnly(stack, TYPE),
        RemovalPolicy: 'Delete',
      },
      DeletionPolicy: 'Delete',
    });
    expect(propertiesOf(stack, TYPE)).not.toHaveProperty('IpAddresses');
  });

  test('tells ids and addresses by the position of the subnet', () => {
    const { stack, mountTargets } = given();
    new CfnResource(stack, 'User', { type: 'Test::User', properties: { Ids: mountTargets.mountTargetIds, Addresses: mountTargets.ipAddresses } });

    const { logicalId } = onlyOf(stack, TYPE);
    expect(propertiesOf(stack, 'Test::User')).toEqual({
      Ids: [{ 'Fn::GetAtt': [logicalId, 'MountTargetId0'] }, { 'Fn::GetAtt': [logicalId, 'MountTargetId1'] }],
      Addresses: [{ 'Fn::GetAtt': [logicalId, 'IpAddress0'] }, { 'Fn::GetAtt': [logicalId, 'IpAddress1'] }],
    });
  });

  test('tells all else by position too, and names by the zone', () => {
    const { stack, mountTargets } = given(() => ({ ipAddressType: IpAddressType.DUAL_STACK }));
    const { networkInterfaceIds, availabilityZoneIds, availabilityZoneNames, ipv6Addresses, dnsNames } = mountTargets;
    new CfnResource(stack, 'User', {
      type: 'Test::User', properties: { All: [networkInterfaceIds[1], availabilityZoneIds[1], availabilityZoneNames[1], ipv6Addresses[1]], Dns: dnsNames[0] },
    });

    const { logicalId } = onlyOf(stack, TYPE);
    expect(propertiesOf(stack, 'Test::User')).toEqual({
      All: ['NetworkInterfaceId1', 'AvailabilityZoneId1', 'AvailabilityZoneName1', 'Ipv6Address1'].map(name => ({ 'Fn::GetAtt': [logicalId, name] })),
      Dns: { 'Fn::Join': ['', [{ 'Fn::GetAtt': [logicalId, 'AvailabilityZoneName0'] }, '.fs-12345678.efs.eu-west-1.', { Ref: 'AWS::URLSuffix' }]] },
    });
  });

  test('takes a list of subnets of unknown length, and then tells all joined', () => {
    const { stack } = givenStack();
    const subnetIds = Fn.split(',', Fn.importValue('subnets'));
    const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Imported', { vpcId: 'vpc-12345678', availabilityZones: ['eu-west-1a'], privateSubnetIds: subnetIds });
    const mountTargets = new MountTargets(stack, 'Targets', { fileSystem: foreignFileSystem(stack), vpc });
    new CfnResource(stack, 'User', { type: 'Test::User', properties: { Ids: mountTargets.mountTargetIds, Addresses: mountTargets.ipAddresses } });

    expect(propertiesOf(stack, TYPE).JoinedAttributes).toBe(true);
    expect(propertiesOf(stack, TYPE).SubnetIds).toEqual({ 'Fn::Split': [',', { 'Fn::ImportValue': 'subnets' }] });
    expect(propertiesOf(stack, 'Test::User').Ids).toEqual({ 'Fn::Split': [',', { 'Fn::GetAtt': [onlyOf(stack, TYPE).logicalId, 'MountTargetIds'] }] });
    expect(propertiesOf(stack, 'Test::User').Addresses).toEqual({ 'Fn::Split': [',', { 'Fn::GetAtt': [onlyOf(stack, TYPE).logicalId, 'IpAddresses'] }] });
    expect(() => mountTargets.dnsNames).toThrow("'dnsNames' cannot be told for a list of subnets whose length is known at deployment only");
  });

  test('has addresses in the order of the subnets', () => {
    const { stack } = given(() => ({ ipAddresses: ['10.0.128.10', '10.0.192.10'] }));

    expect(propertiesOf(stack, TYPE).IpAddresses).toEqual(['10.0.128.10', '10.0.192.10']);
  });

  test.each([
    ['MountTargets', (props: MountTargetOptions) => given(() => props).stack],
    ['FileSystem', (props: MountTargetOptions) => {
      const { stack, vpc } = givenStack();
      new FileSystem(stack, 'Fs', { vpc, ...props });
      return stack;
    }],
  ])('of %s says how they are addressed, whether they may be replaced, and how long to wait', (_, make) => {
    const stack = make({
      ipAddressType: IpAddressType.DUAL_STACK,
      ipAddresses: ['10.0.128.10', '10.0.192.10'],
      ipv6Addresses: ['2001:db8:1:1::a', '2001:db8:1:2::a'],
      replaceMountTargets: false,
      dnsPropagationDelay: Duration.seconds(90),
    });

    expect(propertiesOf(stack, TYPE)).toMatchObject({
      IpAddressType: 'DUAL_STACK',
      IpAddresses: ['10.0.128.10', '10.0.192.10'],
      Ipv6Addresses: ['2001:db8:1:1::a', '2001:db8:1:2::a'],
      ReplaceMountTargets: false,
      DnsPropagationDelay: 90,
    });
    expect(propertiesOf(make({ replaceMountTargets: true }), TYPE)).not.toHaveProperty('ReplaceMountTargets');
  });

  test('makes whoever waits for an imported file system wait for the set', () => {
    const { stack, vpc } = givenStack();
    const fileSystem = foreignFileSystem(stack);
    const accessPoint = new efs.AccessPoint(stack, 'Point', { fileSystem });
    new lambda.Function(stack, 'Reader', {
      runtime: lambda.Runtime.NODEJS_LATEST,
      handler: 'index.handler',
      code: lambda.Code.fromInline('exports.handler = () => {}'),
      vpc,
      filesystem: lambda.FileSystem.fromEfsAccessPoint(accessPoint, '/mnt/files'),
    });
    new MountTargets(stack, 'Targets', { fileSystem, vpc, dnsPropagationDelay: Duration.seconds(90) });

    const [reader] = Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Function', { Properties: { Handler: 'index.handler', FileSystemConfigs: Match.anyValue() } }));
    expect(reader.DependsOn).toContain(onlyOf(stack, TYPE).logicalId);
  });

  test('may wait for the mount targets that a file system has by itself', () => {
    const { stack, vpc } = givenStack();
    const other = new ec2.Vpc(stack, 'Other');
    const fileSystem = new efs.FileSystem(stack, 'Efs', { vpc });
    new MountTargets(stack, 'Targets', { fileSystem, vpc: other }).node.addDependency(fileSystem.mountTargetsAvailable);

    // Refuses cycles.
    expect(onlyOf(stack, TYPE).DependsOn).toEqual(expect.arrayContaining([expect.stringContaining('EfsMountTarget')]));
  });

  test('lets an instance be in the rules of the security group and wait for the set', () => {
    const { stack, vpc, mountTargets } = given();
    const client = new ec2.SecurityGroup(stack, 'Client', { vpc });
    mountTargets.connections.allowDefaultPortFrom(client);
    client.node.addDependency(mountTargets);

    // Refuses cycles.
    Template.fromStack(stack).hasResourceProperties('AWS::EC2::SecurityGroupIngress', { FromPort: 2049 });
  });
});

describe('the rights to change the file system', () => {
  test('are granted for a foreign one before the set is made, and of its tags only our own', () => {
    const { stack } = given();

    const [change] = statementsAllowing(stack, 'cdkdurablestorageEfs', 'elasticfilesystem:CreateMountTarget').filter(({ Condition }) => !Condition);
    expect(change).toMatchObject({
      Action: ['CreateMountTarget', 'DeleteMountTarget', 'ModifyMountTargetSecurityGroups'].map(action => `elasticfilesystem:${action}`),
      Resource: ARN_OF_FOREIGN,
    });
    expect(onlyOf(stack, TYPE).DependsOn).toContain(change.policy);
    const tagging = statementsAllowing(stack, 'cdkdurablestorageEfs', 'elasticfilesystem:UntagResource').filter(({ policy }) => policy === change.policy);
    expect(tagging).toMatchObject([{
      Resource: ARN_OF_FOREIGN, Condition: { 'ForAllValues:StringLike': { 'aws:TagKeys': expect.arrayContaining(['cdk-durable-storage:mount-targets:*']) } },
    }]);
  });

  test('need no more for a file system of ours in the same root stack, nested or not', () => {
    const { stack, vpc } = givenStack();
    const [one, two] = vpc.isolatedSubnets;
    const fileSystem = new FileSystem(stack, 'Fs', { vpc, vpcSubnets: { subnets: [one] } });
    const nested = new NestedStack(stack, 'Nested');
    new MountTargets(nested, 'Targets', { fileSystem, vpc, vpcSubnets: { subnets: [two] } });

    expect(statementsAllowing(nested, 'EfsRole', 'elasticfilesystem:CreateMountTarget').filter(({ Condition }) => !Condition)).toEqual([]);
  });

  test('are granted for a file system of ours in another stack, and for one of aws-cdk-lib', () => {
    const { app, stack, vpc } = givenStack();
    const other = new Stack(app, 'Other', { env: ENV });
    const [one, two] = vpc.isolatedSubnets;
    const fileSystem = new FileSystem(stack, 'Fs', { vpc, vpcSubnets: { subnets: [one] } });
    new MountTargets(other, 'Targets', { fileSystem, vpc, vpcSubnets: { subnets: [two] } });
    const third = new Stack(app, 'Third', { env: ENV });
    new MountTargets(third, 'Targets', { fileSystem: new efs.FileSystem(stack, 'Efs', { vpc }), vpc });

    for (const each of [other, third]) {
      expect(onlyOf(each, TYPE).DependsOn).toContainEqual(expect.stringMatching(/EfsForeignAccess|EfsOwnAccess/));
    }
  });
});

describe('several subnets in one Availability Zone', () => {
  test('are accepted with a warning that names them', () => {
    const { stack } = given(vpc => ({ vpcSubnets: { subnets: [...vpc.isolatedSubnets, vpc.publicSubnets[0]] } }));

    expect(propertiesOf(stack, TYPE).SubnetIds).toHaveLength(3);
    expect(warningsOf(stack, '/Stack/Targets')).toEqual([expect.stringContaining("'vpcSubnets' has several subnets in eu-west-1a, where EFS allows one "
      + 'mount target: it goes to Stack/Vpc/IsolatedSubnet1, unless it is in one of the others already: Stack/Vpc/PublicSubnet1')]);
  });

  test('are noticed even where the names of the zones are known at deployment only', () => {
    const stack = new Stack(new App(), 'Stack');
    const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0 });
    new MountTargets(stack, 'Targets', { fileSystem: foreignFileSystem(stack), vpc, vpcSubnets: { subnets: [...vpc.isolatedSubnets, ...vpc.publicSubnets] } });

    expect(warningsOf(stack, '/Stack/Targets')).toHaveLength(2);
    expect(warningsOf(stack, '/Stack/Targets')[0]).toContain('several subnets in one Availability Zone');
  });

  test('cannot have addresses', () => {
    expect(() => given(vpc => ({
      vpcSubnets: { subnets: [vpc.isolatedSubnets[0], vpc.publicSubnets[0]] }, ipAddresses: ['10.0.128.10', '10.0.0.10'],
    }))).toThrow("with 'ipAddresses', 'vpcSubnets' must have one subnet per Availability Zone, "
      + 'got in eu-west-1a: Stack/Vpc/IsolatedSubnet1, Stack/Vpc/PublicSubnet1 (in Stack/Targets)');
  });

  test('are not noticed where imported subnets do not tell', () => {
    const { stack } = given((_vpc, scope) => ({
      vpcSubnets: { subnets: ['1', '2'].map(n => ec2.Subnet.fromSubnetId(scope, n, `subnet-1234567${n}`)) },
    }));

    expect(propertiesOf(stack, TYPE).SubnetIds).toEqual(['subnet-12345671', 'subnet-12345672']);
    expect(warningsOf(stack, '/Stack/Targets')).toEqual([]);
  });
});

describe('wrong props', () => {
  test.each<[string, string[], string]>([
    ['too few addresses', ['10.0.128.10'], "'ipAddresses' must be one per subnet, 2 in all, got 1"],
    ['an address of IPv6', ['10.0.128.10', 'fd00::1'], "'ipAddresses' must be IPv4 addresses, got 'fd00::1'"],
    ['no address', ['10.0.128.10', '10.0.300.1'], "'ipAddresses' must be IPv4 addresses, got '10.0.300.1'"],
    ['the same address twice', ['10.0.128.10', '10.0.128.10'], "'ipAddresses' must be different from each other, got '10.0.128.10'"],
    ['an address of another subnet', ['10.0.128.10', '10.0.128.11'],
      "'ipAddresses' must be in 10.0.192.0/18, the range of Stack/Vpc/IsolatedSubnet2, got '10.0.128.11'"],
  ])('%s is refused', (_, ipAddresses, message) => {
    expect(() => given(() => ({ ipAddresses }))).toThrow(message);
  });

  test.each<[string, Partial<MountTargetsProps>, string]>([
    ['an address of IPv4 among those of IPv6', { ipAddressType: IpAddressType.IPV6_ONLY, ipv6Addresses: ['fd00::1', '10.0.1.1'] },
      "'ipv6Addresses' must be IPv6 addresses, got '10.0.1.1'"],
    ['IPv6 without IPv6', { ipv6Addresses: ['fd00::1', 'fd00::2'] }, "specify 'ipv6Addresses' or 'ipAddressType' IPV4_ONLY, not both"],
    ['IPv4 without IPv4', { ipAddressType: IpAddressType.IPV6_ONLY, ipAddresses: ['10.0.128.10', '10.0.192.10'] },
      "specify 'ipAddresses' or 'ipAddressType' IPV6_ONLY, not both"],
    ['half a second', { dnsPropagationDelay: Duration.millis(500) }, "'dnsPropagationDelay': '500 millis' cannot be converted into a whole number of seconds"],
    ['an hour', { dnsPropagationDelay: Duration.hours(1) }, "'dnsPropagationDelay' must be a whole number of seconds up to 1800, got 3600"],
  ])('%s is refused', (_, props, message) => {
    expect(() => given(() => props)).toThrow(message);
  });

  test('more subnets than fit into an answer are refused', () => {
    expect(() => given((_vpc, scope) => ({
      vpcSubnets: { subnets: Array.from({ length: 13 }, (_, n) => ec2.Subnet.fromSubnetId(scope, `${n}`, `subnet-123456${n + 10}`)) },
    }))).toThrow("'vpcSubnets' must be at most 12 subnets, whose attributes fit into an answer to CloudFormation, got 13");
  });

  test('addresses that there are not cannot be told', () => {
    expect(() => given().mountTargets.ipv6Addresses).toThrow("there are no 'ipv6Addresses' with 'ipAddressType' IPV4_ONLY (in Stack/Targets)");
    expect(() => given(() => ({ ipAddressType: IpAddressType.IPV6_ONLY })).mountTargets.ipAddresses).toThrow("there are no 'ipAddresses'");
  });

  test('no subnets are refused', () => {
    expect(() => given(() => ({ vpcSubnets: { subnets: [] } }))).toThrow("'vpcSubnets' must be at least one subnet, got 0 (in Stack/Targets)");
  });

  test('no security groups are refused, and many get a warning', () => {
    expect(() => given(() => ({ securityGroups: [] }))).toThrow("'securityGroups' must be at least one, got 0");

    const { stack } = given((_vpc, scope) => ({
      securityGroups: Array.from({ length: 6 }, (_, n) => ec2.SecurityGroup.fromSecurityGroupId(scope, `Group${n}`, `sg-1234567${n}`)),
    }));
    expect(warningsOf(stack, '/Stack/Targets')).toEqual([expect.stringContaining("'securityGroups' has 6 entries; more than 5 need a higher quota")]);
  });

  test('subnets outside of the zone of a One Zone file system are refused', () => {
    const { stack } = givenStack();
    const vpc = givenVpc(new Stack(stack, 'Network', { env: ENV }));
    const fileSystem = new FileSystem(stack, 'Fs', { vpc, oneZone: true });

    expect(() => new MountTargets(stack, 'Targets', { fileSystem, vpc }))
      .toThrow("'vpcSubnets' must be in eu-west-1a, where the file system is, got 'eu-west-1b' (in Stack/Targets)");
  });
});
