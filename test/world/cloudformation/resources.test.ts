import { mkdtempSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { CompleteSnapshotCommand, EBSClient, StartSnapshotCommand } from '@aws-sdk/client-ebs';
import { CreateFileSystemCommand, EFSClient } from '@aws-sdk/client-efs';
import { App, CfnOutput, CfnResource, Duration, NestedStack, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { CfnAccessPoint } from 'aws-cdk-lib/aws-efs';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { AnyPrincipal, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { CfnFunction, Code, Function, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { DefinitionBody, Fail, StateMachine, Succeed, Wait, WaitTime } from 'aws-cdk-lib/aws-stepfunctions';
import { CloudFormation } from '../../../world/cloudformation';
import { Emulator } from '../../../world/emulator/emulator';

let emulator: Emulator;
let cloudFormation: CloudFormation;
let scratch: string;
beforeEach(async () => {
  emulator = await Emulator.start();
  cloudFormation = new CloudFormation(emulator);
  scratch = mkdtempSync(join(tmpdir(), 'resources-'));
});
afterEach(async () => {
  await emulator.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** Synthesizes the stack S. */
function app(build: (stack: Stack) => void): string {
  const outdir = mkdtempSync(join(scratch, 'out-'));
  const root = new App({ outdir });
  build(new Stack(root, 'S'));
  root.synth();
  return outdir;
}

const find = (resources: Record<string, { physicalId: string; type: string }>, type: string) =>
  Object.values(resources).filter(resource => resource.type === type).map(({ physicalId }) => physicalId);

test('a network comes up, changes in place or by replacement, and goes again', async () => {
  const network = (description: string, port: number) => app(stack => {
    const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2, natGateways: 1, restrictDefaultSecurityGroup: false });
    const group = new ec2.SecurityGroup(stack, 'Group', { vpc, description });
    group.addIngressRule(ec2.Peer.ipv4('10.0.0.0/16'), ec2.Port.tcp(port));
    group.connections.allowInternally(ec2.Port.tcp(port));
    vpc.addGatewayEndpoint('S3', { service: ec2.GatewayVpcEndpointAwsService.S3 });
  });
  const created = await cloudFormation.deploy(network('first', 2049));
  expect(created.status).toBe('CREATE_COMPLETE');
  expect(emulator.ec2.subnets.map(subnet => subnet.availabilityZone).sort()).toEqual(['eu-west-1a', 'eu-west-1a', 'eu-west-1b', 'eu-west-1b']);
  const [groupId] = find(created.resources, 'AWS::EC2::SecurityGroup');
  expect(emulator.ec2.rules(groupId).filter(rule => rule.direction === 'ingress').map(rule => rule.fromPort)).toEqual([2049, 2049]);

  const inPlace = await cloudFormation.deploy(network('first', 80));
  expect(find(inPlace.resources, 'AWS::EC2::SecurityGroup')).toEqual([groupId]);
  expect(emulator.ec2.rules(groupId).filter(rule => rule.direction === 'ingress').map(rule => rule.fromPort)).toEqual([80, 80]);

  const replaced = await cloudFormation.deploy(network('second', 80));
  expect(replaced.status).toBe('UPDATE_COMPLETE');
  expect(emulator.ec2.securityGroups.filter(group => group.groupName !== 'default').map(group => group.description)).toEqual(['second']);

  expect((await cloudFormation.destroy('S')).status).toBe('DELETE_COMPLETE');
  expect([...emulator.ec2.vpcs, ...emulator.ec2.subnets, ...emulator.ec2.securityGroups, ...emulator.ec2.rules()]).toEqual([]);
});

test('a bucket that deletes its objects is emptied by the function of the CDK, under the bucket policy', async () => {
  const { resources, status } = await cloudFormation.deploy(app(stack => {
    const key = new Key(stack, 'Key', { alias: 'images', removalPolicy: RemovalPolicy.DESTROY, pendingWindow: undefined });
    new Bucket(stack, 'Bucket', { versioned: true, enforceSSL: true, autoDeleteObjects: true, removalPolicy: RemovalPolicy.DESTROY, encryptionKey: key });
  }));
  expect(status).toBe('CREATE_COMPLETE');
  const [name] = find(resources, 'AWS::S3::Bucket');
  expect(emulator.s3.buckets.get(name)).toMatchObject({ versioning: 'Enabled', encryption: { algorithm: 'aws:kms', kmsKey: emulator.kms.resolve('alias/images') } });
  await emulator.s3.put(name, 'a', 'one');
  await emulator.s3.put(name, 'a', 'two');

  expect((await cloudFormation.destroy('S')).status).toBe('DELETE_COMPLETE');
  expect(emulator.s3.buckets.has(name)).toBe(false);
  expect(emulator.kms.resolve('alias/images')).toBeUndefined();
  expect(emulator.kms.stateOf(find(resources, 'AWS::KMS::Key')[0])).toBe('PendingDeletion');
});

test('a bucket that is not empty stays', async () => {
  const { resources } = await cloudFormation.deploy(app(stack => void new Bucket(stack, 'Bucket', { removalPolicy: RemovalPolicy.DESTROY })));
  await emulator.s3.put(find(resources, 'AWS::S3::Bucket')[0], 'a', 'one');
  const { status, events } = await cloudFormation.destroy('S');
  expect(status).toBe('DELETE_FAILED');
  expect(events.find(event => event.status === 'DELETE_FAILED')?.reason).toContain('not empty');
});

test('a file asset is an object of the bootstrap bucket', async () => {
  const image = join(scratch, 'disk.img');
  writeFileSync(image, 'bytes of a disk');
  const { outputs } = await cloudFormation.deploy(app(stack => {
    const asset = new Asset(stack, 'Image', { path: image });
    new CfnOutput(stack, 'Bucket', { value: asset.s3BucketName });
    new CfnOutput(stack, 'Key', { value: asset.s3ObjectKey });
    new ec2.CfnEIP(stack, 'Something');
  }));
  expect(outputs.Bucket).toBe('cdk-hnb659fds-assets-111122223333-eu-west-1');
  expect(emulator.s3.object(outputs.Bucket, outputs.Key)?.content.size).toBe(15);
});

test('a rule invokes its function when an execution fails, if the function permits it', async () => {
  const failing = (permitted: boolean) => app(stack => {
    const machine = new StateMachine(stack, 'Machine', { definitionBody: DefinitionBody.fromChainable(new Fail(stack, 'Failing')) });
    const target = new Function(stack, 'Target', {
      runtime: Runtime.NODEJS_24_X, handler: 'index.handler', code: Code.fromInline('exports.handler = async ({ detail }) => console.log(detail.status)'),
    });
    const rule = new Rule(stack, 'Rule', {
      eventPattern: { source: ['aws.states'], detail: { stateMachineArn: [machine.stateMachineArn], status: ['FAILED', 'TIMED_OUT'] } },
      targets: [new LambdaFunction(target)],
    });
    if (!permitted) { rule.node.scope!.node.findAll().filter(({ node }) => node.id.startsWith('AllowEventRule')).forEach(({ node }) => node.scope!.node.tryRemoveChild(node.id)); }
  });
  const { resources } = await cloudFormation.deploy(failing(true));
  const [machine] = find(resources, 'AWS::StepFunctions::StateMachine');
  const [target] = find(resources, 'AWS::Lambda::Function');
  emulator.states.start(machine);
  await emulator.clock.sleep(1000);
  expect(emulator.lambda.logs(target).join()).toContain('FAILED');
  expect(emulator.lambda.invocations(target)).toBe(1);

  await cloudFormation.deploy(failing(false));
  emulator.states.start(machine);
  await emulator.clock.sleep(1000);
  expect(emulator.lambda.invocations(target)).toBe(1);
});

test('a state machine goes when its executions have ended at their next transition', async () => {
  const { resources } = await cloudFormation.deploy(app(stack => new StateMachine(stack, 'Machine', {
    definitionBody: DefinitionBody.fromChainable(new Wait(stack, 'Minute', { time: WaitTime.duration(Duration.minutes(1)) }).next(new Succeed(stack, 'Done'))),
  })));
  const execution = emulator.states.start(find(resources, 'AWS::StepFunctions::StateMachine')[0]);
  const begin = emulator.clock.now();
  expect((await cloudFormation.destroy('S')).status).toBe('DELETE_COMPLETE');
  const seconds = (emulator.clock.now() - begin) / 1000;
  expect([seconds >= 60, seconds <= 65]).toEqual([true, true]);
  expect(emulator.states.describe(execution).status).toBe('ABORTED');
});

test('a function has limits of asynchronous invocations while its EventInvokeConfig is there', async () => {
  const failing = (limits?: { retryAttempts?: number; maxEventAge?: Duration }, more?: (target: Function) => void) => app(stack => {
    const target = new Function(stack, 'Target', {
      runtime: Runtime.NODEJS_24_X, handler: 'index.handler', code: Code.fromInline("exports.handler = async () => { throw new Error('no'); };"), ...limits,
    });
    more?.(target);
  });
  const times = async (target: string) => {
    const before = emulator.lambda.invocations(target);
    await emulator.lambda.enqueue(target);
    return emulator.lambda.invocations(target) - before;
  };
  const { resources } = await cloudFormation.deploy(failing({ retryAttempts: 0 }));
  const [target] = find(resources, 'AWS::Lambda::Function');
  expect(await times(target)).toBe(1);
  await cloudFormation.deploy(failing({ maxEventAge: Duration.minutes(2), retryAttempts: 2 }));
  expect(await times(target)).toBe(2);
  await cloudFormation.deploy(failing());
  expect(await times(target)).toBe(3);

  const { reason, events } = await cloudFormation.deploy(failing({ maxEventAge: Duration.seconds(60) }, ({ node }) => {
    (node.findChild('EventInvokeConfig').node.defaultChild as CfnResource).addPropertyOverride('MaximumEventAgeInSeconds', 59);
  }));
  expect(reason).toContain('TargetEventInvokeConfig');
  expect(events.map(event => event.reason).join()).toContain('greater than or equal to 60');
  const refused = await cloudFormation.deploy(failing({ retryAttempts: 1 }, ({ node }) => {
    (node.findChild('EventInvokeConfig').node.defaultChild as CfnResource).addPropertyOverride('DestinationConfig.OnFailure.Destination', 'arn:aws:sqs:q');
  }));
  expect(refused.events.map(event => event.reason).join()).toContain('the player knows no destinations of asynchronous invocations');
});

test('a volume needs a completed snapshot that fits', async () => {
  const ebs = new EBSClient(emulator.config);
  const { SnapshotId } = await ebs.send(new StartSnapshotCommand({ VolumeSize: 2 }));
  const volume = (size: number) => app(stack =>
    void new ec2.CfnVolume(stack, 'Volume', { availabilityZone: 'eu-west-1a', size, snapshotId: SnapshotId }));
  const reason = async (size: number) =>
    (await cloudFormation.deploy(volume(size))).events.find(event => event.status === 'CREATE_FAILED')?.reason;

  expect(await reason(2)).toContain('pending');
  await emulator.clock.sleep(10_000);
  await ebs.send(new CompleteSnapshotCommand({ SnapshotId, ChangedBlocksCount: 0 }));
  await emulator.clock.sleep(60_000);
  expect(await reason(1)).toContain('smaller than snapshot');
  expect((await cloudFormation.deploy(volume(2))).status).toBe('CREATE_COMPLETE');
  expect(emulator.ec2.volumes).toMatchObject([{ snapshotId: SnapshotId, size: 2 }]);
});

test('an access point is available when it is made, and gone when it is deleted', async () => {
  const { FileSystemId } = await new EFSClient(emulator.config).send(new CreateFileSystemCommand({ CreationToken: 't' }));
  await emulator.clock.sleep(60_000);
  const { status } = await cloudFormation.deploy(app(stack => void new CfnAccessPoint(stack, 'Point', { fileSystemId: FileSystemId! })));
  expect(status).toBe('CREATE_COMPLETE');
  expect(emulator.efs.accessPoints.map(point => point.lifeCycleState)).toEqual(['available']);
  await cloudFormation.destroy('S');
  expect(emulator.efs.accessPoints).toEqual([]);
});

test('a nested stack is made, updated and deleted with its parent', async () => {
  const nested = (size: number) => app(stack => {
    const inner = new NestedStack(stack, 'Inner');
    const volume = new ec2.CfnVolume(inner, 'Volume', { availabilityZone: stack.region + 'a', size });
    new CfnOutput(stack, 'Id', { value: volume.ref });
  });
  const { outputs, resources } = await cloudFormation.deploy(nested(1));
  expect(emulator.ec2.volumes.map(({ volumeId }) => volumeId)).toEqual([outputs.Id]);
  const [innerId] = find(resources, 'AWS::CloudFormation::Stack');
  const updated = await cloudFormation.deploy(nested(2));
  expect(updated.status).toBe('UPDATE_COMPLETE');
  expect(find(updated.resources, 'AWS::CloudFormation::Stack')).toEqual([innerId]);
  await cloudFormation.destroy('S');
  expect(emulator.ec2.volumes).toEqual([]);
});

test('a nested stack inherits that nothing is rolled back, goes forward with its parent, and back with it', async () => {
  const nested = (size: number, more: boolean) => app(stack => {
    const inner = new NestedStack(stack, 'Inner');
    const volume = new ec2.CfnVolume(inner, 'Volume', { availabilityZone: stack.region + 'a', size });
    if (more) { new ec2.CfnVolume(inner, 'Another', { availabilityZone: stack.region + 'a', size: 1 }).addDependency(volume); }
  });
  const innerStatus = (resources: Record<string, { physicalId: string; type: string }>) =>
    cloudFormation.describe(find(resources, 'AWS::CloudFormation::Stack')[0]).status;
  await cloudFormation.deploy(nested(1, false));
  for (const end of ['forward', 'back']) {
    const failed = await cloudFormation.deploy(nested(end === 'forward' ? 1 : 2, true), 'S', {
      disableRollback: true, fail: end === 'forward' ? 'Another' : 'Volume',
    });
    expect([failed.status, innerStatus(failed.resources)]).toEqual(['UPDATE_FAILED', 'UPDATE_FAILED']);
    const { status, resources } = end === 'forward'
      ? await cloudFormation.deploy(nested(1, true), 'S', { disableRollback: true }) : await cloudFormation.rollbackStack('S');
    expect([status, innerStatus(resources)]).toEqual(Array(2).fill(end === 'forward' ? 'UPDATE_COMPLETE' : 'UPDATE_ROLLBACK_COMPLETE'));
  }
});

describe('a function in a VPC', () => {
  /** Asks EC2. */
  const CODE = `const { EC2Client, DescribeSubnetsCommand } = require('@aws-sdk/client-ec2');
    exports.handler = async () => (await new EC2Client({}).send(new DescribeSubnetsCommand({}))).Subnets.length;`;
  const inVpc = (allowed: boolean) => app(stack => {
    const vpc = new ec2.Vpc(stack, 'Vpc', {
      maxAzs: 1, subnetConfiguration: [{ name: 'A', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }], restrictDefaultSecurityGroup: false,
    });
    const endpoint = vpc.addInterfaceEndpoint('Ec2', { service: ec2.InterfaceVpcEndpointAwsService.EC2 });
    if (!allowed) { endpoint.addToPolicy(new PolicyStatement({ actions: ['ec2:CreateTags'], resources: ['*'], principals: [new AnyPrincipal()] })); }
    const role = new Role(stack, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(new PolicyStatement({ actions: ['ec2:Describe*', 'ec2:*NetworkInterface'], resources: ['*'] }));
    const group = new ec2.SecurityGroup(stack, 'Own', { vpc });
    const asking = new CfnFunction(stack, 'Asking', {
      runtime: 'nodejs24.x',
      handler: 'index.handler',
      code: { zipFile: CODE },
      role: role.roleArn,
      vpcConfig: { subnetIds: vpc.isolatedSubnets.map(({ subnetId }) => subnetId), securityGroupIds: [group.securityGroupId] },
    });
    asking.node.addDependency(role);
  });

  test('asks through an endpoint, as far as its policy lets it', async () => {
    const { resources } = await cloudFormation.deploy(inVpc(true));
    const [asking] = find(resources, 'AWS::Lambda::Function');
    expect((await emulator.lambda.invoke(asking)).payload).toBe(1);
    await cloudFormation.deploy(inVpc(false));
    expect((await emulator.lambda.invoke(asking)).payload).toMatchObject({ errorType: expect.stringMatching(/UnauthorizedOperation/) });
  });
});
