import { App, CfnResource, NestedStack, RemovalPolicies, RemovalPolicy, Size, Stack, Stage, Tags } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { FileSystem, type FileSystemProps } from '../../../../src';
import { ENV, givenStack, givenVpc, onlyOf, ownerOfOnly, propertiesOf, statementsAllowing, tagsIn, warningsOf } from '../../../harness/given';

const TYPE = 'Custom::FileSystem';
const KEY_ARN = 'arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0000-1111-2222-333344445555';

function given(props: Partial<FileSystemProps> = {}) {
  const { app, stack, vpc } = givenStack();
  return { app, stack, vpc, fileSystem: new FileSystem(stack, 'Fs', { vpc, ...props }) };
}

describe('the template', () => {
  test('says what the handler needs to know, and nothing that the user did not choose', () => {
    const { stack } = given();

    expect(onlyOf(stack, TYPE)).toMatchObject({
      Properties: {
        ServiceTimeout: '3600',
        Owner: ownerOfOnly(stack, TYPE),
        RemovalPolicy: 'Retain',
        Encrypted: true,
        FileSystemTags: [{ Key: 'Name', Value: 'Stack/Fs' }],
      },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
    expect(Object.keys(propertiesOf(stack, TYPE)).sort())
      .toEqual(['Encrypted', 'FileSystemTags', 'Owner', 'RemovalPolicy', 'ServiceTimeout', 'ServiceToken']);
  });

  test('has every prop under the name that CloudFormation gives it', () => {
    const { stack } = given({
      creationToken: 'token 1',
      fileSystemName: 'shared',
      performanceMode: efs.PerformanceMode.MAX_IO,
      throughputMode: efs.ThroughputMode.PROVISIONED,
      provisionedThroughputPerSecond: Size.gibibytes(1),
      encrypted: false,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    expect(onlyOf(stack, TYPE)).toMatchObject({
      Properties: {
        CreationToken: 'token 1',
        Encrypted: false,
        PerformanceMode: 'maxIO',
        ThroughputMode: 'provisioned',
        ProvisionedThroughputInMibps: 1024,
        FileSystemTags: [{ Key: 'Name', Value: 'shared' }],
        RemovalPolicy: 'Delete',
      },
      DeletionPolicy: 'Delete',
    });
  });

  test('has the logical id that efs.FileSystem would have', () => {
    const { app, stack } = given();
    const other = new Stack(app, 'Other', { env: ENV });
    new efs.FileSystem(other, 'Fs', { vpc: givenVpc(other) });

    expect(onlyOf(stack, TYPE).logicalId).toBe(onlyOf(other, 'AWS::EFS::FileSystem').logicalId);
  });

  test('names the owner alike, whatever app or stage the stack stands in', () => {
    const stack = new Stack(new Stage(new App(), 'Prod', { env: ENV }), 'Storage', { stackName: 'Stack' });
    new FileSystem(stack, 'Fs', { vpc: givenVpc(stack) });

    expect(propertiesOf(stack, TYPE).Owner).toEqual(ownerOfOnly(given().stack, TYPE));
  });

  test('follows a removal policy that is set later, by the construct or for the whole stack', () => {
    const later = given({ removalPolicy: RemovalPolicy.DESTROY });
    later.fileSystem.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    const blanket = given();
    RemovalPolicies.of(blanket.stack).destroy();

    expect(onlyOf(later.stack, TYPE)).toMatchObject({ Properties: { RemovalPolicy: 'Retain' }, DeletionPolicy: 'RetainExceptOnCreate' });
    expect(onlyOf(blanket.stack, TYPE)).toMatchObject({ Properties: { RemovalPolicy: 'Delete' }, DeletionPolicy: 'Delete' });
  });

  test('lets others refer to id and ARN', () => {
    const { stack, fileSystem } = given();
    new CfnResource(stack, 'User', { type: 'Test::User', properties: { Id: fileSystem.fileSystemId, Arn: fileSystem.fileSystemArn } });

    const Ref = onlyOf(stack, TYPE).logicalId;
    expect(propertiesOf(stack, 'Test::User')).toEqual({
      Id: { Ref },
      Arn: { 'Fn::GetAtt': [Ref, 'Arn'] },
    });
  });
});

describe('tags', () => {
  test('come from the stack, from Tags.of at any level, and from the name, the nearer ones first', () => {
    const { app, stack, vpc } = givenStack({ tags: { stage: 'test', team: 'stack' } });
    const fileSystem = new FileSystem(stack, 'Fs', { vpc });
    Tags.of(app).add('app', 'yes');
    Tags.of(fileSystem).add('team', 'storage');

    expect(tagsIn(propertiesOf(stack, TYPE).FileSystemTags)).toEqual({ Name: 'Stack/Fs', app: 'yes', stage: 'test', team: 'storage' });
  });

  test('of the stack reach file systems in nested stacks', () => {
    const { stack } = givenStack({ tags: { stage: 'test' } });
    const nested = new NestedStack(stack, 'Nested');
    new FileSystem(nested, 'Fs', { vpc: givenVpc(nested) });
    Tags.of(stack).add('added', 'later');

    expect(tagsIn(propertiesOf(nested, TYPE).FileSystemTags)).toMatchObject({ stage: 'test', added: 'later' });
  });

  test('of the stack that are known at deployment only are left out, with a warning', () => {
    const { stack, vpc } = givenStack();
    stack.tags.setTag('region', stack.partition);
    new FileSystem(stack, 'Fs', { vpc });

    expect(tagsIn(propertiesOf(stack, TYPE).FileSystemTags)).toEqual({ Name: 'Stack/Fs' });
    expect(warningsOf(stack, '/Stack/Fs')).toEqual([expect.stringContaining("the stack's tag 'region' is left out")]);
  });

  test.each([
    ['AWS:cost', 'x', "tag keys must not start with 'aws:' or 'cdk-durable-storage:', got 'AWS:cost'"],
    ['cdk-durable-storage:owner', 'x', "tag keys must not start with 'aws:' or 'cdk-durable-storage:', got 'cdk-durable-storage:owner'"],
    ['k'.repeat(129), 'x', `tag keys must be 1 to 128 characters long, got '${'k'.repeat(129)}' (129 characters)`],
    ['key', 'v'.repeat(257), `the value of tag 'key' must be at most 256 characters long, got '${'v'.repeat(257)}' (257 characters)`],
    ['key', 'a;b', "the value of tag 'key' must consist of letters, digits, spaces and _.:/=+-@, got 'a;b'"],
  ])('with key %j and value %j are refused', (key, value, message) => {
    const { stack, fileSystem } = given();
    Tags.of(fileSystem).add(key, value);

    expect(() => Template.fromStack(stack)).toThrow(`[Stack/Fs] ${message}`);
  });

  test('are at most 50 together with ours', () => {
    const { stack, fileSystem } = given();
    for (let i = 0; i < 40; i++) { Tags.of(fileSystem).add(`key${i}`, 'x'); }
    Template.fromStack(stack);

    const tooMany = given();
    for (let i = 0; i < 41; i++) { Tags.of(tooMany.fileSystem).add(`key${i}`, 'x'); }
    expect(() => Template.fromStack(tooMany.stack)).toThrow('there must be at most 41 tags (50, of which this library needs 9), got 42');
  });
});

describe('access', () => {
  test('is opened on port 2049 of the security group', () => {
    const { stack, vpc, fileSystem } = given();
    fileSystem.connections.allowDefaultPortFrom(new ec2.SecurityGroup(stack, 'Client', { vpc }));

    Template.fromStack(stack).hasResourceProperties('AWS::EC2::SecurityGroupIngress', { FromPort: 2049, ToPort: 2049, IpProtocol: 'tcp' });
  });

  test('granted to a role of the stack stands in its policy, and keeps anonymous clients out', () => {
    const { stack, fileSystem } = given();
    fileSystem.grantReadWrite(new iam.Role(stack, 'Reader', { assumedBy: new iam.AccountRootPrincipal() }));

    expect(statementsAllowing(stack, 'Reader', 'elasticfilesystem:ClientWrite')).toMatchObject([{
      Action: ['elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite'],
      Condition: { Bool: { 'elasticfilesystem:AccessedViaMountTarget': 'true' } },
    }]);
    expect(propertiesOf(stack, TYPE).FileSystemPolicy.Statement).toEqual([expect.objectContaining({
      Effect: 'Allow', Principal: { AWS: '*' }, Action: ['elasticfilesystem:ClientWrite', 'elasticfilesystem:ClientRootAccess'],
    })]);
  });

  test('granted to somebody else stands in the policy of the file system', () => {
    const { stack, fileSystem } = given({ allowAnonymousAccess: true });
    fileSystem.grantRead(new iam.AccountPrincipal('444455556666'));

    expect(propertiesOf(stack, TYPE).FileSystemPolicy.Statement).toEqual([expect.objectContaining({
      Action: 'elasticfilesystem:ClientMount', Principal: { AWS: expect.anything() }, Resource: '*',
    })]);
  });

  test('of anonymous clients can be denied without a grant, by prop or feature flag, and allowed in spite of a grant', () => {
    const byProp = given({ allowAnonymousAccess: false });
    const stack = new Stack(new App({ context: { '@aws-cdk/aws-efs:denyAnonymousAccess': true } }), 'Stack', { env: ENV });
    new FileSystem(stack, 'Fs', { vpc: givenVpc(stack) });
    const allowed = given({ allowAnonymousAccess: true });
    allowed.fileSystem.grantRootAccess(new iam.Role(allowed.stack, 'Role', { assumedBy: new iam.AccountRootPrincipal() }));

    expect(propertiesOf(byProp.stack, TYPE).FileSystemPolicy.Statement).toHaveLength(1);
    expect(propertiesOf(stack, TYPE).FileSystemPolicy.Statement).toHaveLength(1);
    expect(propertiesOf(allowed.stack, TYPE)).not.toHaveProperty('FileSystemPolicy');
  });

  test('is as the given policy says, once, with what is added to it', () => {
    const statement = (action: string) => new iam.PolicyStatement({ actions: [action], principals: [new iam.AnyPrincipal()] });
    const { stack, fileSystem } = given({
      fileSystemPolicy: new iam.PolicyDocument({ statements: [statement('elasticfilesystem:ClientMount')] }), allowAnonymousAccess: false,
    });
    expect(fileSystem.addToResourcePolicy(statement('elasticfilesystem:ClientWrite')).statementAdded).toBe(true);

    expect(propertiesOf(stack, TYPE).FileSystemPolicy.Statement.map((each: { Action: unknown }) => each.Action)).toEqual([
      'elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite', ['elasticfilesystem:ClientWrite', 'elasticfilesystem:ClientRootAccess'],
    ]);
  });

  test('by access points is that of aws-cdk-lib', () => {
    const { stack, fileSystem } = given();
    fileSystem.addAccessPoint('Home', { path: '/home' });

    expect(propertiesOf(stack, 'AWS::EFS::AccessPoint').FileSystemId).toEqual({ Ref: onlyOf(stack, TYPE).logicalId });
  });

  test('an instance can be in the rules of the security group and wait for the mount targets', () => {
    const { stack, vpc, fileSystem } = given();
    const instance = new ec2.Instance(stack, 'Instance', {
      vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC },
      instanceType: new ec2.InstanceType('t4g.nano'),
      machineImage: ec2.MachineImage.genericLinux({ 'eu-west-1': 'ami-1234567890' }),
    });
    fileSystem.connections.allowDefaultPortFrom(instance);
    instance.node.addDependency(fileSystem.mountTargetsAvailable);

    // Refuses cycles.
    expect(onlyOf(stack, 'AWS::EC2::Instance').DependsOn).toContain(onlyOf(stack, 'Custom::MountTargets').logicalId);
  });
});

describe('a key of the user', () => {
  test('is sent, and the handlers may use it before the file system is made', () => {
    const { stack } = given({ kmsKey: kms.Key.fromKeyArn(givenStack().stack, 'Key', KEY_ARN) });

    const [use] = statementsAllowing(stack, 'cdkdurablestorageEfs', 'kms:GenerateDataKeyWithoutPlaintext');
    expect(use).toMatchObject({
      Action: ['kms:GenerateDataKeyWithoutPlaintext', 'kms:Decrypt', 'kms:CreateGrant'],
      Resource: KEY_ARN,
      Condition: { StringLike: { 'kms:ViaService': 'elasticfilesystem.*.amazonaws.com*' }, BoolIfExists: { 'kms:GrantIsForAWSResource': 'true' } },
    });
    expect(statementsAllowing(stack, 'cdkdurablestorageEfs', 'kms:DescribeKey')).toMatchObject([{ Resource: KEY_ARN }]);
    const { Properties, DependsOn } = onlyOf(stack, TYPE);
    expect(Properties.KmsKeyId).toBe(KEY_ARN);
    expect(DependsOn).toContain(use.policy);
  });

  test('behind an alias of the stack is the one that the handlers may use, and the alias is made before', () => {
    const { stack, vpc } = givenStack();
    const key = new kms.Key(stack, 'Key');
    new FileSystem(stack, 'Fs', { vpc, kmsKey: key.addAlias('storage') });

    const [use] = statementsAllowing(stack, 'cdkdurablestorageEfs', 'kms:Decrypt');
    expect(use.Resource).toEqual({ 'Fn::GetAtt': [onlyOf(stack, 'AWS::KMS::Key').logicalId, 'Arn'] });
    const aliasId = onlyOf(stack, 'AWS::KMS::Alias').logicalId;
    expect(onlyOf(stack, TYPE).DependsOn).toEqual(expect.arrayContaining([aliasId, use.policy]));
    expect(JSON.stringify(propertiesOf(stack, TYPE).KmsKeyId)).toContain('alias/storage');
  });

  test('known by the name of its alias only is granted by that name', () => {
    const { stack, vpc } = givenStack();
    new FileSystem(stack, 'Fs', { vpc, kmsKey: kms.Alias.fromAliasName(stack, 'Alias', 'alias/storage') });

    const alias = { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/storage' } };
    expect(statementsAllowing(stack, 'cdkdurablestorageEfs', 'kms:Decrypt')).toMatchObject([{ Condition: alias }]);
    expect(statementsAllowing(stack, 'cdkdurablestorageEfs', 'kms:CreateGrant')).toMatchObject([
      { Condition: { ...alias, BoolIfExists: { 'kms:GrantIsForAWSResource': 'true' } } },
    ]);
  });
});

describe('the mount targets', () => {
  test('are one set, in one subnet per Availability Zone, with the security group of the file system', () => {
    const { stack, vpc } = given();

    Template.fromStack(stack).hasResourceProperties('Custom::MountTargets', {
      FileSystemId: { Ref: onlyOf(stack, TYPE).logicalId },
      SubnetIds: vpc.isolatedSubnets.map(subnet => stack.resolve(subnet.subnetId)),
      SecurityGroups: [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^FsEfsSecurityGroup'), 'GroupId'] }],
      RemovalPolicy: 'Delete',
      Owner: ownerOfOnly(stack, 'Custom::MountTargets'),
    });
  });

  test('have the given subnets and security group', () => {
    const { stack, vpc } = givenStack();
    new FileSystem(stack, 'Fs', {
      vpc,
      vpcSubnets: { subnets: [vpc.publicSubnets[1]] },
      securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-12345678'),
    });

    expect(propertiesOf(stack, 'Custom::MountTargets')).toMatchObject({
      SubnetIds: [stack.resolve(vpc.publicSubnets[1].subnetId)], SecurityGroups: ['sg-12345678'],
    });
    Template.fromStack(stack).resourceCountIs('AWS::EC2::SecurityGroup', 0);
  });

  test('of a One Zone file system are one, in its zone', () => {
    const first = given({ oneZone: true });
    const second = given({ oneZone: true, vpcSubnets: { availabilityZones: ['eu-west-1b'] } });

    expect(propertiesOf(first.stack, TYPE).AvailabilityZoneName).toBe('eu-west-1a');
    expect(propertiesOf(first.stack, 'Custom::MountTargets').SubnetIds).toEqual([first.stack.resolve(first.vpc.isolatedSubnets[0].subnetId)]);
    expect(propertiesOf(second.stack, TYPE).AvailabilityZoneName).toBe('eu-west-1b');
    expect(propertiesOf(second.stack, 'Custom::MountTargets').SubnetIds).toEqual([second.stack.resolve(second.vpc.isolatedSubnets[1].subnetId)]);
  });
});

describe('wrong props', () => {
  const { ELASTIC, PROVISIONED, BURSTING } = efs.ThroughputMode;
  const { MAX_IO } = efs.PerformanceMode;
  const key = kms.Key.fromKeyArn(givenStack().stack, 'Key', KEY_ARN);

  test.each<[string, Partial<FileSystemProps>, string]>([
    ['an empty token', { creationToken: '' }, "'creationToken' must be 1 to 64 printable ASCII characters, got '' (in Stack/Fs)"],
    ['a long token', { creationToken: 'x'.repeat(65) }, "'creationToken' must be 1 to 64 printable ASCII characters, got 'xxx"],
    ['a token with an umlaut', { creationToken: 'grün' }, "'creationToken' must be 1 to 64 printable ASCII characters, got 'grün'"],
    ['a token with a line break', { creationToken: 'a\n' }, "'creationToken' must be 1 to 64 printable ASCII characters"],
    ['a key without encryption', { kmsKey: key, encrypted: false }, "specify 'kmsKey' or 'encrypted: false', not both"],
    ['provisioned without a rate', { throughputMode: PROVISIONED }, 'Property provisionedThroughputPerSecond is required when throughputMode is PROVISIONED'],
    ['a rate without a mode', { provisionedThroughputPerSecond: Size.mebibytes(5) },
      "'provisionedThroughputPerSecond' needs 'throughputMode' PROVISIONED, got none"],
    ['a rate with another mode', { provisionedThroughputPerSecond: Size.mebibytes(5), throughputMode: BURSTING },
      "'provisionedThroughputPerSecond' needs 'throughputMode' PROVISIONED, got bursting"],
    ['a fraction of a rate', { throughputMode: PROVISIONED, provisionedThroughputPerSecond: Size.kibibytes(1536) },
      "'provisionedThroughputPerSecond': '1536 kibibytes' cannot be converted into a whole number of mebibytes"],
    ['no rate', { throughputMode: PROVISIONED, provisionedThroughputPerSecond: Size.mebibytes(0) },
      "'provisionedThroughputPerSecond' must be a whole number of MiB from 1, got 0"],
    ['MAX_IO with elastic', { performanceMode: MAX_IO, throughputMode: ELASTIC },
      'ThroughputMode ELASTIC is not supported for file systems with performanceMode MAX_IO'],
    ['MAX_IO with one zone', { performanceMode: MAX_IO, oneZone: true }, 'performanceMode MAX_IO is not supported for One Zone file systems.'],
    ['one zone in subnets of several', { oneZone: true, vpcSubnets: { onePerAz: true } },
      'When oneZone is enabled and vpcSubnets defined, vpcSubnets.availabilityZones can not be undefined.'],
    ['one zone in two', { oneZone: true, vpcSubnets: { availabilityZones: ['eu-west-1a', 'eu-west-1b'] } },
      'When oneZone is enabled, vpcSubnets.availabilityZones should exactly have one zone. Got 2'],
    ['one zone outside of the VPC', { oneZone: true, vpcSubnets: { availabilityZones: ['eu-west-1c'] } },
      'vpcSubnets.availabilityZones specified is not in vpc.availabilityZones. Got eu-west-1c, not one of eu-west-1a, eu-west-1b'],
  ])('%s is refused', (_, props, message) => {
    expect(() => given(props)).toThrow(message);
  });
});

test('an existing file system is that of aws-cdk-lib', () => {
  const { stack } = givenStack();
  const imported = FileSystem.fromFileSystemAttributes(stack, 'Imported', {
    fileSystemId: 'fs-12345678', securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-12345678'),
  });

  expect(imported.fileSystemId).toBe('fs-12345678');
});
