import { App, NestedStack, Size, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, FileSystem, SnapshotImport, StorageFunctions, ThroughputCooldown, type StorageFunctionsOptions } from '../../../src';
import { ENV, givenStack, givenVpc } from '../../harness/given';
import { policiesIn } from '../../harness/policies';

type Resources = Record<string, { Type: string; Properties: Record<string, any>; DependsOn?: string[] }>;

/** The functions of both services, and the deferred throughput. */
function withEverything(stack: Stack, vpc: ec2.IVpc): Resources {
  new FileSystem(stack, 'Files', { vpc, throughputCooldown: ThroughputCooldown.DEFER });
  new SnapshotImport(stack, 'Image', { image: DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, 'Images', 'images'), 'disk.img') });
  return Template.fromStack(stack).toJSON().Resources as Resources;
}

function configured(options: (stack: Stack, vpc: ec2.Vpc) => StorageFunctionsOptions): Resources {
  const { stack, vpc } = givenStack();
  StorageFunctions.configure(stack, options(stack, vpc));
  return withEverything(stack, vpc);
}

const ofType = (resources: Resources, type: string) => Object.entries(resources).filter(([, { Type }]) => Type === type);
const AUTO_DELETE = 'CustomS3AutoDeleteObjects';
/** All but the one that aws-cdk-lib shares with the user's buckets. */
const functionsOf = (resources: Resources) => ofType(resources, 'AWS::Lambda::Function').filter(([id]) => !id.startsWith(AUTO_DELETE));

const plain = configured(() => ({}));

test('without settings, functions run outside of a VPC, and log for three months to one group that goes with the stack', () => {
  expect(functionsOf(plain)).toHaveLength(7);
  const [[group, made], ...others] = ofType(plain, 'AWS::Logs::LogGroup');
  expect(others).toEqual([]);
  expect(made).toMatchObject({ Properties: { RetentionInDays: 90 }, DeletionPolicy: 'Delete' });
  for (const [, { Properties }] of functionsOf(plain)) {
    expect(Properties).not.toHaveProperty('VpcConfig');
    expect(Properties.LoggingConfig.LogGroup).toEqual({ Ref: group });
  }
});

test('no role of a function may make a log group', () => {
  const statements = policiesIn({ Resources: plain }).flatMap(({ document }) => document.Statement);
  expect(JSON.stringify(statements)).not.toContain('logs:CreateLogGroup');
  for (const [, { Properties }] of functionsOf(plain)) {
    expect(plain[Properties.Role['Fn::GetAtt'][0]].Properties).not.toHaveProperty('ManagedPolicyArns');
  }
});

describe('in a VPC', () => {
  const resources = configured((_, vpc) => {
    StorageFunctions.addEndpoints(vpc, { subnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } });
    return { vpc, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } };
  });

  test('every function is there, under one security group', () => {
    const groups = new Set(functionsOf(resources).map(([, { Properties }]) => JSON.stringify(Properties.VpcConfig)));
    expect([...groups]).toHaveLength(1);
    expect(JSON.parse([...groups][0])).toEqual({
      SubnetIds: [{ Ref: expect.stringContaining('IsolatedSubnet1') }, { Ref: expect.stringContaining('IsolatedSubnet2') }],
      SecurityGroupIds: [{ 'Fn::GetAtt': [expect.stringContaining('cdkdurablestorageFunctionsSecurityGroup'), 'GroupId'] }],
    });
  });

  test('every role of a function may have network interfaces', () => {
    for (const [, { Properties }] of functionsOf(resources)) {
      const role = resources[Properties.Role['Fn::GetAtt'][0]];
      expect(JSON.stringify(role.Properties.ManagedPolicyArns)).toContain('AWSLambdaENIManagementAccess');
    }
  });

  test('resources are deleted before the endpoints through which their functions answer', () => {
    const endpoints = ofType(resources, 'AWS::EC2::VPCEndpoint').map(([id]) => id);
    const custom = Object.entries(resources).filter(([, { Properties }]) => Properties?.Owner !== undefined);
    expect(custom.map(([, { Type }]) => Type).sort()).toEqual(['Custom::FileSystem', 'Custom::MountTargets', 'Custom::SnapshotImport']);
    for (const [, { DependsOn }] of custom) { expect(DependsOn).toEqual(expect.arrayContaining(endpoints)); }
  });

  test('the endpoints are those of all services that the functions call', () => {
    const services = ofType(resources, 'AWS::EC2::VPCEndpoint').map(([, { Properties }]) => JSON.stringify(Properties.ServiceName).match(/\.([a-z0-9-]+)"/)![1]);
    expect(services.sort()).toEqual(['cloudformation', 'ebs', 'ec2', 'elasticfilesystem', 'kms', 's3', 'scheduler', 'states', 'tagging']);
  });

  test('resources are the same ones as before', () => {
    const tokens = (all: Resources) => Object.entries(all)
      .filter(([, { Properties }]) => Properties?.Owner)
      .map(([id, { Properties }]) => [id, Properties.ServiceToken]);
    expect(tokens(resources)).toEqual(tokens(plain));
  });
});

test('endpoints are only put into zones that have the service, if these are looked up', () => {
  const stack = new Stack(new App({
    context: {
      'availability-zones:account=111122223333:region=eu-west-1': ['eu-west-1a', 'eu-west-1b'],
      'endpoint-service-availability-zones:account=111122223333:region=eu-west-1:serviceName=com.amazonaws.eu-west-1.ebs': ['eu-west-1b'],
    },
  }), 'Stack', { env: { account: '111122223333', region: 'eu-west-1' } });
  const vpc = new ec2.Vpc(stack, 'Vpc');
  StorageFunctions.addEndpoints(vpc, { lookupSupportedAzs: true, existing: ['kms', 'ec2', 'states', 'tagging', 'scheduler', 'cloudformation', 'elasticfilesystem'] });
  const [[, endpoint]] = ofType(Template.fromStack(stack).toJSON().Resources, 'AWS::EC2::VPCEndpoint').filter(([, { Properties }]) => Properties.SubnetIds);
  expect(endpoint.Properties.SubnetIds).toEqual([{ Ref: expect.stringContaining('PrivateSubnet2') }]);
});

test('endpoints that are there already are left out', () => {
  const { stack, vpc } = givenStack();
  StorageFunctions.addEndpoints(vpc, { existing: ['s3', 'kms', 'ec2', 'states', 'tagging', 'scheduler', 'cloudformation'] });
  expect(ofType(Template.fromStack(stack).toJSON().Resources, 'AWS::EC2::VPCEndpoint')).toHaveLength(2);
  expect(() => StorageFunctions.addEndpoints(vpc, { existing: ['sts'] })).toThrow("'existing' must be among s3, cloudformation, ebs, ec2, elasticfilesystem");
});

test('the permissions boundary is that of every role', () => {
  const resources = configured(stack => ({ permissionsBoundary: iam.ManagedPolicy.fromManagedPolicyName(stack, 'Boundary', 'limits') }));
  const roles = ofType(resources, 'AWS::IAM::Role');
  expect(roles.length).toBeGreaterThanOrEqual(12);
  expect(roles.some(([id]) => id.startsWith(AUTO_DELETE))).toBe(true);
  for (const [id, { Properties }] of roles) {
    expect({ id, boundary: JSON.stringify(Properties.PermissionsBoundary) }).toEqual({ id, boundary: expect.stringContaining(':policy/limits') });
  }
});

test('all functions of a stack log to one group that goes with the stack, or to the one that is given', () => {
  const kept = configured(() => ({ logRetention: logs.RetentionDays.ONE_MONTH }));
  const [[group, made], ...others] = ofType(kept, 'AWS::Logs::LogGroup');
  expect(others).toEqual([]);
  expect(made).toMatchObject({ Properties: { RetentionInDays: 30 }, DeletionPolicy: 'Delete' });
  for (const [, { Properties }] of functionsOf(kept)) { expect(Properties.LoggingConfig.LogGroup).toEqual({ Ref: group }); }

  const given = configured(stack => ({ logGroup: logs.LogGroup.fromLogGroupName(stack, 'Logs', 'storage') }));
  for (const [, { Properties }] of functionsOf(given)) { expect(Properties.LoggingConfig.LogGroup).toBe('storage'); }
});

test('memory and architecture', () => {
  const resources = configured(() => ({
    architecture: lambda.Architecture.X86_64, handlerMemory: Size.gibibytes(1), workerMemory: Size.gibibytes(4),
  }));
  const memory = (description: RegExp) => functionsOf(resources)
    .filter(([, { Properties }]) => description.test(Properties.Description)).map(([, { Properties }]) => Properties.MemorySize);
  expect(memory(/copies a range of the disk/)).toEqual([4096]);
  expect(memory(/answers CloudFormation/)).toEqual([1024, 1024]);
  for (const [, { Properties }] of functionsOf(resources)) { expect(Properties.Architectures).toEqual(['x86_64']); }
});

describe('where', () => {
  const memoryOf = (stack: Stack) => functionsOf(Template.fromStack(stack).toJSON().Resources)
    .filter(([, { Properties }]) => /answers CloudFormation/.test(Properties.Description)).map(([, { Properties }]) => Properties.MemorySize);

  test('what is said of the app holds in all its stacks and nested stacks, unless something is said closer', () => {
    const app = new App();
    StorageFunctions.configure(app, { handlerMemory: Size.mebibytes(512), architecture: lambda.Architecture.X86_64 });
    const far = new Stack(app, 'Far', { env: ENV });
    const near = new Stack(app, 'Near', { env: ENV });
    StorageFunctions.configure(near, { handlerMemory: Size.mebibytes(1024) });
    const nested = new NestedStack(near, 'Nested');
    new FileSystem(far, 'Files', { vpc: givenVpc(far) });
    new FileSystem(nested, 'Files', { vpc: givenVpc(nested) });
    expect(memoryOf(far)).toEqual([512]);
    expect(memoryOf(nested)).toEqual([1024]);
    expect(functionsOf(Template.fromStack(nested).toJSON().Resources).every(([, { Properties }]) => Properties.Architectures[0] === 'x86_64')).toBe(true);
  });

  test('another VPC does not take over the subnets of the first', () => {
    const app = new App();
    const network = new Stack(app, 'Network', { env: ENV });
    const first = givenVpc(network);
    StorageFunctions.configure(app, { vpc: first, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } });
    const stack = new Stack(app, 'Stack', { env: ENV });
    const vpc = new ec2.Vpc(stack, 'Other', { availabilityZones: ['eu-west-1a'], restrictDefaultSecurityGroup: false });
    StorageFunctions.configure(stack, { vpc });
    new FileSystem(stack, 'Files', { vpc });
    const [[, { Properties }]] = functionsOf(Template.fromStack(stack).toJSON().Resources);
    expect(Properties.VpcConfig.SubnetIds).toEqual([{ Ref: expect.stringContaining('OtherPrivateSubnet1') }]);
  });

  test('it is too late once there are functions', () => {
    const { app, stack, vpc } = givenStack();
    withEverything(stack, vpc);
    for (const scope of [app, stack, vpc]) {
      expect(() => StorageFunctions.configure(scope, {}))
        .toThrow('configure the functions before the first resource that uses them is defined; Stack has one already');
    }
  });
});

test.each<[string, (stack: Stack, vpc: ec2.Vpc) => StorageFunctionsOptions, string]>([
  ['subnets', () => ({ vpcSubnets: {} }), "'vpcSubnets' needs 'vpc' (in Stack)"],
  ['groups', stack => ({ securityGroups: [ec2.SecurityGroup.fromSecurityGroupId(stack, 'G', 'sg-1')] }), "'securityGroups' needs 'vpc' (in Stack)"],
  ['no groups', (_, vpc) => ({ vpc, securityGroups: [] }), "'securityGroups' must be at least one, got 0"],
  ['two logs', stack => ({ logGroup: logs.LogGroup.fromLogGroupName(stack, 'L', 'l'), logRetention: logs.RetentionDays.ONE_DAY }), "specify 'logGroup' or 'logRetention', not both"],
  ['a small worker', () => ({ workerMemory: Size.mebibytes(256) }), "'workerMemory' must be from 512 to 10240 MiB, got 256"],
  ['a large handler', () => ({ handlerMemory: Size.gibibytes(11) }), "'handlerMemory' must be from 128 to 10240 MiB, got 11264"],
])('%s', (_, options, message) => {
  expect(() => configured(options)).toThrow(message);
});
