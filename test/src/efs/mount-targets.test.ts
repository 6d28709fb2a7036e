import { App, CfnResource, Fn, NestedStack, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import { FileSystem, MountTargets, type MountTargetsProps } from '../../../src';
import { ENV, givenStack, givenVpc, onlyOf, propertiesOf, statementsAllowing, warningsOf } from '../given';

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
    const { stack, vpc, mountTargets } = given();

    expect(onlyOf(stack, TYPE)).toMatchObject({
      Properties: {
        FileSystemId: 'fs-12345678',
        Address: mountTargets.node.addr,
        SubnetIds: vpc.isolatedSubnets.map(subnet => stack.resolve(subnet.subnetId)),
        SecurityGroups: [{ 'Fn::GetAtt': [onlyOf(stack, 'AWS::EC2::SecurityGroup').logicalId, 'GroupId'] }],
        Owner: 'Stack/Targets',
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

  test('takes a list of subnets of unknown length, and then tells the ids joined', () => {
    const { stack } = givenStack();
    const subnetIds = Fn.split(',', Fn.importValue('subnets'));
    const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Imported', { vpcId: 'vpc-12345678', availabilityZones: ['eu-west-1a'], privateSubnetIds: subnetIds });
    const mountTargets = new MountTargets(stack, 'Targets', { fileSystem: foreignFileSystem(stack), vpc });
    new CfnResource(stack, 'User', { type: 'Test::User', properties: { Ids: mountTargets.mountTargetIds } });

    expect(propertiesOf(stack, TYPE).SubnetIds).toEqual({ 'Fn::Split': [',', { 'Fn::ImportValue': 'subnets' }] });
    expect(propertiesOf(stack, 'Test::User').Ids).toEqual({ 'Fn::Split': [',', { 'Fn::GetAtt': [onlyOf(stack, TYPE).logicalId, 'MountTargetIds'] }] });
    expect(() => mountTargets.ipAddresses).toThrow("'ipAddresses' cannot be told for a list of subnets whose length is known at deployment only");
  });

  test('has addresses in the order of the subnets', () => {
    const { stack } = given(() => ({ ipAddresses: ['10.0.128.10', '10.0.192.10'] }));

    expect(propertiesOf(stack, TYPE).IpAddresses).toEqual(['10.0.128.10', '10.0.192.10']);
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

    const [change] = statementsAllowing(stack, 'EfsProvider', 'elasticfilesystem:CreateMountTarget').filter(({ Condition }) => !Condition);
    expect(change).toMatchObject({
      Action: ['CreateMountTarget', 'DeleteMountTarget', 'ModifyMountTargetSecurityGroups'].map(action => `elasticfilesystem:${action}`),
      Resource: ARN_OF_FOREIGN,
    });
    expect(onlyOf(stack, TYPE).DependsOn).toContain(change.policy);
    const tagging = statementsAllowing(stack, 'EfsProvider', 'elasticfilesystem:UntagResource').filter(({ policy }) => policy === change.policy);
    expect(tagging).toMatchObject([{
      Resource: ARN_OF_FOREIGN, Condition: { 'ForAllValues:StringLike': { 'aws:TagKeys': 'cdk-durable-storage:mount-targets:*' } },
    }]);
  });

  test('need no more for a file system of ours in the same root stack, nested or not', () => {
    const { stack, vpc } = givenStack();
    const fileSystem = new FileSystem(stack, 'Fs', { vpc });
    const nested = new NestedStack(stack, 'Nested');
    new MountTargets(nested, 'Targets', { fileSystem, vpc });

    expect(Object.keys(Template.fromStack(nested).findResources('AWS::IAM::Policy')).filter(id => id.includes('FileSystemAccess'))).toEqual([]);
  });

  test('are granted for a file system of ours in another stack, and for one of aws-cdk-lib', () => {
    const { app, stack, vpc } = givenStack();
    const other = new Stack(app, 'Other', { env: ENV });
    new MountTargets(other, 'Targets', { fileSystem: new FileSystem(stack, 'Fs', { vpc }), vpc });
    const third = new Stack(app, 'Third', { env: ENV });
    new MountTargets(third, 'Targets', { fileSystem: new efs.FileSystem(stack, 'Efs', { vpc }), vpc });

    for (const each of [other, third]) {
      expect(onlyOf(each, TYPE).DependsOn).toEqual([expect.stringContaining('TargetsFileSystemAccess')]);
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
