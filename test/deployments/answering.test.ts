import { ListExecutionsCommand, SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { CfnResource, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { FileSystem, MountTargets, StorageFunctions, TagSet } from '../../src';
import { AVAILABILITY_ZONES, REGION } from '../../world/emulator/environment';
import { KILLED_AFTER, KILLED_BEFORE, RESPONSE_HOST_BUSY, type Fault } from '../../world/emulator/faults';
import type { Build } from '../harness/deployment/deployment-world';
import { EfsWorld } from '../harness/deployment/efs-world';

/*
 * How custom resources answer CloudFormation, whatever becomes of their function, its state machine, the events between them and the
 * answer: by the bundles, under late IAM.
 */

let world: EfsWorld;
beforeEach(async () => { world = await EfsWorld.start(); });
afterEach(() => world.close());

/** @param phase Value of a tag, so that another one is an update in place. */
const files = (phase = 'one', encrypted = true, change: (resource: CfnResource) => void = () => {}): Build => (stack: Stack) => {
  const { network } = world;
  const fileSystem = new FileSystem(stack, 'Data', {
    vpc: network.vpc(stack), securityGroup: network.group(stack, 'one'), removalPolicy: RemovalPolicy.DESTROY, encrypted, allowReplacement: true,
  });
  const tagSet = new TagSet(stack, 'Billing', { fileSystem, tags: { phase } });
  change(tagSet.node.findAll().find((child): child is CfnResource => CfnResource.isCfnResource(child) && child.cfnResourceType === 'Custom::TagSet')!);
};

const deploy = (build: Build, options = {}) => world.deploy('Answers', build, options);
const minutes = () => world.emulator.clock.now() / 60_000;
const only = () => {
  const [id, ...more] = world.madeBy('Answers/Data');
  expect(more).toEqual([]);
  return id;
};
async function expectEnd(): Promise<void> {
  (await world.destroy('Answers')).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft('Answers');
}
const waiter = () => {
  const { resources } = world.cloudFormation.describe('Answers');
  return Object.values(resources).find(({ type }) => type === 'AWS::StepFunctions::StateMachine')!.physicalId;
};
/** Stops the execution that makes the mount targets. */
const stopExecution = () => {
  const client = new SFNClient(world.emulator.config);
  const stop = async () => {
    const { executions } = await client.send(new ListExecutionsCommand({ stateMachineArn: waiter(), statusFilter: 'RUNNING' }));
    await Promise.all(executions!.map(({ executionArn }) => client.send(new StopExecutionCommand({ executionArn }))));
    client.destroy();
  };
  world.emulator.server.faults.before('efs:CreateMountTarget', () => void stop());
};

describe('a function that dies', () => {
  test.each<[string, string, Fault]>([
    ['before it starts the execution', 'states:StartExecution', KILLED_BEFORE],
    ['after it has started the execution', 'states:StartExecution', KILLED_AFTER],
    ['before it makes the thing', 'efs:CreateFileSystem', KILLED_BEFORE],
    ['after it has made the thing', 'efs:CreateFileSystem', KILLED_AFTER],
    ['before its answer arrives', 'response:Put', KILLED_BEFORE],
    ['after its answer has arrived', 'response:Put', KILLED_AFTER],
  ])('%s is run again, and the resource is made once', async (_, operation, fault) => {
    world.emulator.server.faults.inject(operation, fault);
    const created = (await deploy(files())).expectSuccess('CREATE_COMPLETE');
    expect(only()).toBe(created.id('Data'));
    (await deploy(files('two'))).expectSuccess('UPDATE_COMPLETE');
    expect(world.tags(only())).toMatchObject({ phase: 'two' });
    await expectEnd();
  });

  test('each time fails the creation, and what it has made goes', async () => {
    // 21 times, less those that late IAM keeps the state machine from calling the function.
    world.emulator.server.faults.inject('efs:CreateFileSystem', KILLED_AFTER, { times: Infinity });
    const begin = minutes();
    const failed = (await deploy(files())).expectFailure('ROLLBACK_COMPLETE', /the function of this resource failed again and again, at last with Runtime\.ExitError/);
    expect(failed.events.find(({ status, type }) => status === 'CREATE_FAILED' && type === 'Custom::FileSystem')!.physicalId).toMatch(/^interrupted-[0-9a-f]{16}$/);
    expect(minutes() - begin).toBeLessThan(20);
    world.expectNothingLeft('Answers');
  });

  test('each time while it replaces fails the update, and the old thing stays alone', async () => {
    const id = (await deploy(files())).expectSuccess('CREATE_COMPLETE').id('Data');
    world.emulator.server.faults.inject('efs:CreateFileSystem', KILLED_AFTER, { times: 21 });
    (await deploy(files('one', false))).expectFailure('UPDATE_ROLLBACK_COMPLETE', /again and again/);
    await world.pass({ minutes: 5 });
    expect(only()).toBe(id);
    await expectEnd();
  });
});

describe('an event', () => {
  test('of an update that arrives after that of its rollback changes nothing', async () => {
    const id = (await deploy(files())).expectSuccess('CREATE_COMPLETE').id('Data');
    for (const [path, build] of [['Data', files('one', false)], ['Billing', files('two')]] as const) {
      (await deploy(build, { lateUpdate: path, cancelAfter: 100, lateUpdateDelay: 200 })).expectRolledBack();
      await world.pass({ minutes: 10 });
      expect(only()).toBe(id);
      expect(world.tags(id)).toMatchObject({ phase: 'one' });
    }
    await expectEnd();
  });

  test.each([['Data/MountTargets', 30], ['Billing', 1]])('of %s that CloudFormation sends anew, with another ResponseURL, is answered there', async (resend, resendDelay) => {
    const created = (await deploy(files(), { resend, resendDelay })).expectSuccess('CREATE_COMPLETE');
    expect(only()).toBe(created.id('Data'));
    world.expectTargets(only(), 'a one', 'b one');
    await expectEnd();
  });

  test('with the RequestId of the operation before is a call of its own', async () => {
    (await deploy(files())).expectSuccess('CREATE_COMPLETE');
    (await deploy(files('two'), { failAfter: 'Billing' })).expectRolledBack();
    (await deploy(files('two'), { reuseRequestIds: true })).expectSuccess('UPDATE_COMPLETE');
    expect(world.tags(only())).toMatchObject({ phase: 'two' });
    await expectEnd();
  });
});

describe('the status of a resource', () => {
  test('that is a minute late delays an update, and neither loses it nor its rollback', async () => {
    (await deploy(files())).expectSuccess('CREATE_COMPLETE');
    world.emulator.lateness.fix('stackStatus', /:stack\/Answers\/.*\//, 55);
    (await deploy(files('two'))).expectSuccess('UPDATE_COMPLETE');
    (await deploy(files('three'), { failAfter: 'Billing' })).expectRolledBack();
    expect(world.tags(only())).toMatchObject({ phase: 'two' });
    await expectEnd();
  });

  test('that the function may not ask for delays nothing', async () => {
    (await deploy(files())).expectSuccess('CREATE_COMPLETE');
    (await deploy(files('two'), { without: 'cloudformation:DescribeStackResource' })).expectSuccess('UPDATE_COMPLETE');
    expect(world.tags(only())).toMatchObject({ phase: 'two' });
    await expectEnd();
  });
});

describe('an answer', () => {
  test('is sent again while the response host is busy', async () => {
    world.emulator.server.faults.inject('response:Put', RESPONSE_HOST_BUSY, { times: 20 });
    (await deploy(files())).expectSuccess('CREATE_COMPLETE');
    await expectEnd();
  });

  test.each<[string, Fault]>([['lost', { kind: 'lost-answer' }], ['refused by a broken connection', { kind: 'reset' }]])('that is %s is sent again', async (_, fault) => {
    world.emulator.server.faults.inject('response:Put', fault, { times: 3 });
    (await deploy(files())).expectSuccess('CREATE_COMPLETE');
    await expectEnd();
  });
});

describe('an execution', () => {
  test('that somebody stops is answered for, and leaves nothing', async () => {
    stopExecution();
    (await deploy(files())).expectFailure('ROLLBACK_COMPLETE', /execution arn:\S+ ended with status ABORTED/);
    world.expectNothingLeft('Answers');
  });

  test('that somebody stops, and whose end EventBridge loses, ends with the time that CloudFormation waits', async () => {
    stopExecution();
    const stop = world.emulator.states.loseEvents();
    const begin = minutes();
    const failed = await deploy(stack => {
      files()(stack);
      const targets = stack.node.findChild('Data').node.findChild('MountTargets') as MountTargets;
      (targets.node.findAll().find(child => CfnResource.isCfnResource(child) && child.cfnResourceType === 'Custom::MountTargets') as CfnResource)
        .addPropertyOverride('ServiceTimeout', '600');
    });
    failed.expectFailure('ROLLBACK_COMPLETE', /did not receive a response/);
    expect(minutes() - begin).toBeGreaterThan(10);
    expect(world.emulator.states.lostEvents.length).toBeGreaterThan(0);
    stop();
    world.expectNothingLeft('Answers');
  });

  test('that may not call the function is answered for', async () => {
    const id = (await deploy(files())).expectSuccess('CREATE_COMPLETE').id('Data');
    (await deploy(files('two'), { without: 'lambda:InvokeFunction' })).expectFailure('UPDATE_ROLLBACK_COMPLETE', /States|Lambda/);
    expect(only()).toBe(id);
    expect(world.tags(id)).toMatchObject({ phase: 'one' });
    await expectEnd();
  });

  test('ends in time for a shorter ServiceTimeout, and says so', async () => {
    await world.close();
    world = await EfsWorld.start({ efs: { durations: { mountTargetCreating: 400_000 } } });
    const failed = await deploy(stack => {
      files()(stack);
      const data = stack.node.findChild('Data');
      (data.node.findAll().find(child => CfnResource.isCfnResource(child) && child.cfnResourceType === 'Custom::MountTargets') as CfnResource)
        .addPropertyOverride('ServiceTimeout', '300');
    });
    failed.expectFailure('ROLLBACK_COMPLETE', /is not ready, and CloudFormation waits no longer/);
    world.expectNothingLeft('Answers');
  });
});

describe('in an account that may run ten functions at once', () => {
  test('twelve tag sets and a file system are made, changed and deleted', async () => {
    await world.close();
    world = await EfsWorld.start({ lambda: { concurrency: 10, coldStart: 1_000 } });
    const foreign = await world.foreignFileSystem('foreign');
    const build = (value: string): Build => stack => {
      files(value)(stack);
      const fileSystem = world.imported(stack, foreign);
      for (let i = 0; i < 12; i++) { new TagSet(stack, `Tags${i}`, { fileSystem, tags: { [`key${i}`]: value } }); }
    };
    (await deploy(build('one'))).expectSuccess('CREATE_COMPLETE');
    (await deploy(build('two'))).expectSuccess('UPDATE_COMPLETE');
    expect(Object.values(world.tags(foreign)).filter(value => value === 'two')).toHaveLength(12);
    expect(world.emulator.lambda.concurrency.refused).toBeGreaterThan(0);
    await expectEnd();
  });
});

test('an operation whose RetainExceptOnCreate or OnFailure deletes what it made leaves nothing', async () => {
  const retained: Build = stack => {
    files()(stack);
    (stack.node.findChild('Data') as FileSystem).applyRemovalPolicy(RemovalPolicy.RETAIN);
  };
  (await deploy(retained, { failAfter: 'Billing', retainExceptOnCreate: true })).expectRolledBack('ROLLBACK_COMPLETE');
  world.expectNothingLeft('Answers');
  await expectEnd();
  (await deploy(files(), { failAfter: 'Billing', onFailure: 'DELETE' })).expectRolledBack('DELETE_COMPLETE');
  world.expectNothingLeft('Answers');
});

test('a VPC without a way to S3: nobody can answer, and the first event logs why; once there is a way, the stack can be deleted', async () => {
  const { routing } = world.emulator.ec2;
  const outcome = await deploy(stack => {
    const vpc = new Vpc(stack, 'Vpc', {
      availabilityZones: Object.keys(AVAILABILITY_ZONES).slice(0, 2),
      subnetConfiguration: [{ name: 'Storage', subnetType: SubnetType.PRIVATE_ISOLATED }],
      restrictDefaultSecurityGroup: false,
    });
    const vpcSubnets = { subnetType: SubnetType.PRIVATE_ISOLATED };
    StorageFunctions.addEndpoints(vpc, { subnets: vpcSubnets, existing: ['s3'] });
    StorageFunctions.configure(stack, { vpc, vpcSubnets });
    new FileSystem(stack, 'Data', { vpc, vpcSubnets, removalPolicy: RemovalPolicy.DESTROY });
  });
  outcome.expectFailure('ROLLBACK_FAILED', /did not receive a response/);
  const [vpcId] = [...routing.endpoints.values()].map(endpoint => endpoint.vpcId);
  expect(world.logs.filter(({ line }) => line.includes('no way to CloudFormation')).map(({ line }) => JSON.parse(line).error)).toContainEqual(
    expect.stringMatching(`^no connection from ${vpcId} to cloudformation-custom-resource-response\\.\\S+ \\(`));

  routing.endpoints.set('vpce-s3', { vpcId, serviceName: `com.amazonaws.${REGION}.s3`, routeTableIds: [...routing.tables.values()] });
  await expectEnd();
});
