import { CfnOutput, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { ThroughputMode } from 'aws-cdk-lib/aws-efs';
import { FileSystem, ThroughputCooldown } from '../../../src';
import { DeploymentWorld } from '../../harness/deployment/deployment-world';
import { vpcIn } from '../../harness/deployment/efs-network';

let world: DeploymentWorld;
beforeEach(async () => { world = await DeploymentWorld.start(); });
afterEach(() => world.close());

const files = (throughputMode: ThroughputMode, throughputCooldown?: ThroughputCooldown) => (stack: Stack) => {
  const fileSystem = new FileSystem(stack, 'Files', { vpc: vpcIn(stack), removalPolicy: RemovalPolicy.DESTROY, throughputMode, throughputCooldown });
  new CfnOutput(stack, 'Present', { value: fileSystem.presentThroughputMode });
  new CfnOutput(stack, 'Pending', { value: fileSystem.pendingThroughputChange });
};
const mode = () => world.emulator.efs.fileSystems[0].throughputMode;
const { DEFER, FAIL } = ThroughputCooldown;
const { BURSTING, ELASTIC } = ThroughputMode;

test('a deferred change is made by a schedule and a function of the stack, under their roles', async () => {
  (await world.deploy('App', files(BURSTING, DEFER))).expectSuccess('CREATE_COMPLETE');
  (await world.deploy('App', files(ELASTIC, DEFER))).expectSuccess('UPDATE_COMPLETE');
  const { outputs } = (await world.deploy('App', files(BURSTING, DEFER))).expectSuccess('UPDATE_COMPLETE');
  expect(outputs).toEqual({ Present: 'elastic', Pending: expect.stringMatching(/^bursting at 2026-.*Z$/) });
  expect(mode()).toBe('elastic');

  await world.pass({ hours: 25 });
  await world.pass({ minutes: 5 });
  expect(mode()).toBe('bursting');
  expect(world.emulator.scheduler.schedules).toEqual([]);
  expect(world.logs.filter(({ line }) => line.includes('throughput changed'))).toHaveLength(1);
  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
});

test('a schedule does not outlive its stack, nor the wish to defer', async () => {
  (await world.deploy('App', files(BURSTING, DEFER))).expectSuccess('CREATE_COMPLETE');
  (await world.deploy('App', files(ELASTIC, DEFER))).expectSuccess('UPDATE_COMPLETE');
  (await world.deploy('App', files(BURSTING, DEFER))).expectSuccess('UPDATE_COMPLETE');
  (await world.deploy('App', files(ELASTIC, FAIL))).expectSuccess('UPDATE_COMPLETE');
  expect(world.emulator.scheduler.schedules).toEqual([]);

  (await world.deploy('App', files(BURSTING, DEFER))).expectSuccess('UPDATE_COMPLETE');
  expect(world.emulator.scheduler.schedules).toHaveLength(1);
  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
  expect(world.emulator.scheduler.schedules).toEqual([]);
});

test('without it the deployment fails with the time, and its rollback does not', async () => {
  (await world.deploy('App', files(BURSTING))).expectSuccess('CREATE_COMPLETE');
  (await world.deploy('App', files(ELASTIC))).expectSuccess('UPDATE_COMPLETE');
  (await world.deploy('App', files(BURSTING))).expectFailure('UPDATE_ROLLBACK_COMPLETE', /cannot change from elastic to bursting before 2026-\S+Z: EFS allows one/);
  expect(mode()).toBe('elastic');
});
