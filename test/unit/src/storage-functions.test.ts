import { App, NestedStack, Size, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, FileSystem, SnapshotImport, StorageFunctions, ThroughputCooldown, type StorageFunctionsOptions } from '../../../src';
import { ENV, givenStack, givenVpc, warningsOf } from '../../harness/given';
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
  expect(functionsOf(plain)).toHaveLength(6);
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

  test('the functions that answer CloudFormation know the VPC', () => {
    const known = (all: Resources) =>
      functionsOf(all).filter(([id]) => id.includes('Handler')).map(([, { Properties }]) => Properties.Environment.Variables.VPC_ID);
    expect(known(resources)).toEqual([{ Ref: expect.stringMatching(/^Vpc/) }, { Ref: expect.stringMatching(/^Vpc/) }]);
    expect(known(plain)).toEqual([undefined, undefined]);
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

describe('a VPC whose subnets lead nowhere', () => {
  const WARNING = 'cdk-durable-storage:StorageFunctions.missingEndpoints';
  /** The warnings of a stack with file systems and an import, by construct. */
  const warnings = (change: (stack: Stack, vpc: ec2.Vpc) => void, props: StorageFunctionsOptions = {}, kmsKey?: string) => {
    const { stack, vpc } = givenStack();
    StorageFunctions.configure(stack, { vpc, ...props });
    new FileSystem(stack, 'Files', { vpc, throughputCooldown: ThroughputCooldown.DEFER });
    const image = DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, 'Images', 'images'), 'disk.img');
    new SnapshotImport(stack, 'Image', { image, kmsKey: kmsKey ? kms.Key.fromKeyArn(stack, 'Key', kmsKey) : undefined });
    // After the resources, as any app may do it.
    change(stack, vpc);
    return Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('no route leads'))
      .map(({ id, entry }) => [id, /to (.*): VPC Stack\/Vpc has/.exec(String(entry.data))![1], String(entry.data).includes(WARNING)]).sort();
  };
  const KEY = 'arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0000-1111-2222-333344445555';

  test('is warned of, with the services that the resources of the stack need', () => {
    expect(warnings(() => {}, {}, KEY)).toEqual([
      ['/Stack/cdk-durable-storage.Efs', 's3, states, cloudformation, elasticfilesystem, ec2, tagging', true],
      ['/Stack/cdk-durable-storage.ThroughputDeferral', 'scheduler', true],
      ['/Stack/cdk-durable-storage.Ebs', 's3, states, cloudformation, ebs, ec2', true],
      ['/Stack/Image', 'kms', true],
    ].sort());
  });

  test('is not, with all endpoints, or with a default route', () => {
    const subnets = { subnetType: ec2.SubnetType.PRIVATE_ISOLATED };
    expect(warnings((_, vpc) => StorageFunctions.addEndpoints(vpc, { subnets }), {}, KEY)).toEqual([]);
    expect(warnings((stack, vpc) => vpc.isolatedSubnets.forEach(({ routeTable }, i) =>
      new ec2.CfnRoute(stack, `Route${i}`, { ...routeTable, destinationCidrBlock: '0.0.0.0/0', transitGatewayId: 'tgw-1' })))).toEqual([]);
  });

  test('counts an endpoint without private DNS, or for other route tables, as missing', () => {
    expect(warnings((_, vpc) => {
      StorageFunctions.addEndpoints(vpc, { subnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED }, existing: ['ebs', 's3'] });
      vpc.addInterfaceEndpoint('Ebs', { service: ec2.InterfaceVpcEndpointAwsService.EBS_DIRECT, privateDnsEnabled: false });
      vpc.addGatewayEndpoint('S3', { service: ec2.GatewayVpcEndpointAwsService.S3, subnets: [{ subnetType: ec2.SubnetType.PUBLIC }] });
    })).toEqual([['/Stack/cdk-durable-storage.Efs', 's3', true], ['/Stack/cdk-durable-storage.Ebs', 's3, ebs', true]].sort());
  });

  test('may be in a stack of any Region', () => {
    const stack = new Stack(new App(), 'Stack');
    const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0, restrictDefaultSecurityGroup: false });
    StorageFunctions.configure(stack, { vpc });
    StorageFunctions.addEndpoints(vpc, { subnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED }, existing: ['states'] });
    new FileSystem(stack, 'Files', { vpc });
    expect(warningsOf(stack).filter(warning => warning.includes('no route leads'))).toEqual([expect.stringContaining('to states: VPC Stack/Vpc')]);
  });

  test('is unknown at synthesis if it is imported', () => {
    const { stack } = givenStack();
    const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Imported', { vpcId: 'vpc-1', availabilityZones: ['eu-west-1a'], isolatedSubnetIds: ['subnet-1'] });
    StorageFunctions.configure(stack, { vpc, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } });
    new FileSystem(stack, 'Files', { vpc });
    expect(warningsOf(stack).filter(warning => warning.includes('no route leads'))).toEqual([]);
  });
});

test('routes, endpoints and rules that are defined outside of the VPC are deleted after the resources', () => {
  const { app, vpc } = givenStack();
  const stack = new Stack(app, 'Storage', { env: ENV });
  StorageFunctions.configure(stack, { vpc, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } });
  new FileSystem(stack, 'Files', { vpc });
  const [{ routeTable }] = vpc.isolatedSubnets;
  const group = new ec2.SecurityGroup(stack, 'Group', { vpc });
  new ec2.CfnSecurityGroupIngress(stack, 'Rule', { groupId: group.securityGroupId, ipProtocol: 'tcp', fromPort: 443, toPort: 443, cidrIp: '10.0.0.0/8' });
  new ec2.InterfaceVpcEndpoint(stack, 'Endpoint', { vpc, service: ec2.InterfaceVpcEndpointAwsService.STEP_FUNCTIONS, securityGroups: [group] });
  new ec2.InterfaceVpcEndpoint(stack, 'Unrelated', { vpc, service: ec2.InterfaceVpcEndpointAwsService.SQS, securityGroups: [group] });
  new ec2.CfnRoute(stack, 'Route', { ...routeTable, destinationCidrBlock: '0.0.0.0/0', transitGatewayId: 'tgw-1' });

  // These need the stack, so it cannot wait for them.
  const third = new Stack(app, 'Third', { env: ENV });
  new ec2.InterfaceVpcEndpoint(third, 'Endpoint', { vpc, service: ec2.InterfaceVpcEndpointAwsService.EC2, securityGroups: [group] });

  const resources = Template.fromStack(stack).toJSON().Resources as Resources;
  const [[, { DependsOn }]] = ofType(resources, 'Custom::FileSystem');
  expect(DependsOn).toEqual(expect.arrayContaining([expect.stringMatching(/^Endpoint/), expect.stringMatching(/^Route$/), 'Rule']));
  expect(DependsOn!.filter(id => /^Unrelated/.test(id))).toEqual([]);
});

test('a nested stack does not wait for a rule that refers to it, of an endpoint of its parent', () => {
  const { stack, vpc } = givenStack();
  const endpoint = new ec2.InterfaceVpcEndpoint(stack, 'Endpoint', { vpc, service: ec2.InterfaceVpcEndpointAwsService.KMS, open: false });
  const nested = new NestedStack(stack, 'Nested');
  StorageFunctions.configure(nested, { vpc });
  const app = new ec2.SecurityGroup(nested, 'App', { vpc });
  new FileSystem(nested, 'Files', { vpc });
  endpoint.connections.allowDefaultPortFrom(app);

  const resources = Template.fromStack(stack).toJSON().Resources as Resources;
  const [[, { DependsOn = [] }]] = ofType(resources, 'AWS::CloudFormation::Stack');
  const referring = Object.entries(resources).filter(([, { Type, Properties }]) => Type === 'AWS::EC2::SecurityGroupIngress' && /Outputs/.test(JSON.stringify(Properties)));
  expect(referring).toHaveLength(1);
  expect(DependsOn).not.toContain(referring[0][0]);
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
  expect(roles.length).toBeGreaterThanOrEqual(11);
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

describe('a key', () => {
  const keyOf = (stack: Stack) => new kms.Key(stack, 'Key');
  const resources = configured(stack => ({ encryptionKey: keyOf(stack) }));
  const [[key, { Properties: { KeyPolicy } }]] = ofType(resources, 'AWS::KMS::Key');
  const KEY_ARN = { 'Fn::GetAtt': [key, 'Arn'] };
  const LOG_GROUPS = { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':logs:eu-west-1:111122223333:log-group:*']] };

  test('encrypts the log group and the transfer bucket, whose data keys it pays for by the bucket', () => {
    expect(ofType(resources, 'AWS::Logs::LogGroup').map(([, { Properties }]) => Properties.KmsKeyId)).toEqual([KEY_ARN]);
    expect(ofType(resources, 'AWS::S3::Bucket').map(([, { Properties }]) => Properties.BucketEncryption.ServerSideEncryptionConfiguration)).toEqual([
      [{ BucketKeyEnabled: true, ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: KEY_ARN } }],
    ]);
  });

  test('encrypts the executions that answer; without a key, these state machines return to the one that AWS owns', () => {
    const waiters = (all: Resources) => ofType(all, 'AWS::StepFunctions::StateMachine').filter(([id]) => id.includes('Waiter'))
      .map(([, { Properties }]) => Properties.EncryptionConfiguration);
    expect(waiters(resources)).toEqual(Array(2).fill({ Type: 'CUSTOMER_MANAGED_KMS_KEY', KmsKeyId: KEY_ARN }));
    expect(waiters(plain)).toEqual(Array(2).fill({ Type: 'AWS_OWNED_KEY' }));
  });

  test('lets CloudWatch Logs use it for log groups of the account', () => {
    expect(KeyPolicy.Statement).toContainEqual(expect.objectContaining({
      Effect: 'Allow',
      Principal: { Service: 'logs.eu-west-1.amazonaws.com' },
      Condition: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': LOG_GROUPS } },
    }));
  });

  test('is used by the roles that start or run such executions, or read or write the bucket', () => {
    const uses = new Map<string, Set<string>>();
    for (const { roles, document } of policiesIn({ Resources: resources })) {
      const isKey = ({ Resource }: { Resource: unknown }) => JSON.stringify(Resource) === JSON.stringify(KEY_ARN);
      const actions = document.Statement.filter(isKey).flatMap(({ Action }) => Action);
      for (const role of roles.map(id => id.replace('cdkdurablestorage', '').replace(/[0-9A-F]{8}$/, ''))) {
        actions.forEach(action => uses.set(role, (uses.get(role) ?? new Set()).add(action)));
      }
    }
    const both = ['kms:Decrypt', 'kms:GenerateDataKey'];
    expect(Object.fromEntries([...uses].map(([role, actions]) => [role, [...actions].sort()]))).toEqual({
      EbsRole: both,
      EbsWaiterRole: both,
      EfsRole: both,
      EfsWaiterRole: both,
      EbsTransferStepsRole: both,
      EbsTransferCopyRole: both,
      EbsTransferCleanUpRole: both,
    });
  });

  test('must be no alias', () => {
    expect(() => configured(stack => ({ encryptionKey: kms.Alias.fromAliasName(stack, 'Alias', 'alias/storage') })))
      .toThrow("'encryptionKey' must be a key: CloudWatch Logs takes no alias, got");
  });
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
