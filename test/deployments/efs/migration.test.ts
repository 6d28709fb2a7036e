import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import { FileSystem } from '../../../src';
import { DeploymentWorld } from '../../harness/deployment/deployment-world';
import { vpcIn } from '../../harness/deployment/efs-network';

let world: DeploymentWorld;
beforeEach(async () => { world = await DeploymentWorld.start(); });
afterEach(() => world.close());

const before = (retain: boolean) => (stack: Stack) => {
  const old = new efs.FileSystem(stack, 'Files', { vpc: vpcIn(stack), encrypted: true, removalPolicy: RemovalPolicy.DESTROY });
  if (retain) { FileSystem.retainForMigration(old); }
};
const after = (id: string, group: string, more: object = {}) => (stack: Stack) => {
  new FileSystem(stack, 'SharedFiles', {
    vpc: vpcIn(stack),
    adoptFileSystemId: id,
    securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'Access', group, { mutable: false }),
    ...more,
  });
};
const state = () => ({
  fileSystems: world.emulator.efs.fileSystems.map(({ id, sizeInBytes }) => ({ id, sizeInBytes })),
  mountTargets: world.emulator.efs.mountTargets
    .map(({ id, ipAddress, lifeCycleState, securityGroups }) => ({ id, ipAddress, lifeCycleState, securityGroups })),
});

/** What the first stack made, with data in it. */
async function first(): Promise<{ id: string; group: string }> {
  const deployed = (await world.deploy('App', before(false))).expectSuccess('CREATE_COMPLETE');
  const id = deployed.id('Files');
  world.emulator.efs.setSizeInBytes(id, 1_000_000);
  return { id, group: deployed.id('Files/EfsSecurityGroup') };
}

test('two deployments give the same file system with the same data and the same mount targets, and nothing is lost on the way', async () => {
  const { id, group } = await first();
  const there = state();
  (await world.deploy('App', before(true))).expectSuccess('UPDATE_COMPLETE');

  const migrated = (await world.deploy('App', after(id, group))).expectSuccess('UPDATE_COMPLETE');
  expect(migrated.id('SharedFiles')).toBe(id);
  expect(migrated.idsOf('AWS::EFS::FileSystem')).toEqual([]);
  expect(state()).toEqual(there);
  const counted = (operation: string) => world.emulator.server.count(`efs:${operation}`);
  expect([counted('CreateFileSystem'), counted('CreateMountTarget'), counted('DeleteMountTarget'), counted('ModifyMountTargetSecurityGroups')])
    .toEqual([1, 2, 0, 0]);

  // It is ours to change from now on, and outlives the stack.
  (await world.deploy('App', after(id, group, { throughputMode: efs.ThroughputMode.ELASTIC }))).expectSuccess('UPDATE_COMPLETE');
  expect(world.emulator.efs.fileSystems[0].throughputMode).toBe('elastic');
  // The VPC stays, for the retained mount targets are in it.
  const destroyed = await world.destroy('App');
  expect(destroyed.failures.join()).not.toContain('Custom::');
  expect(state().fileSystems).toEqual(there.fileSystems);
});

test('one deployment instead is refused before anything is touched', async () => {
  const { id, group } = await first();
  const there = state();
  const tags = { ...world.emulator.efs.fileSystems[0].tags };
  (await world.deploy('App', after(id, group))).expectFailure('UPDATE_ROLLBACK_COMPLETE',
    /'adoptFileSystemId' is fs-\w+, but it still belongs to stack arn:\S+ \(\w+\): deploy it once with FileSystem.retainForMigration/);
  expect(state()).toEqual(there);
  expect(world.emulator.efs.fileSystems[0].tags).toEqual(tags);
});

test('a migration that is rolled back leaves file system and mount targets as they were, and can be tried again', async () => {
  const { id, group } = await first();
  (await world.deploy('App', before(true))).expectSuccess('UPDATE_COMPLETE');
  const there = state();
  (await world.deploy('App', after(id, group), { failAfter: 'SharedFiles/MountTargets' })).expectRolledBack();
  expect(state()).toEqual(there);
  expect(world.cloudFormation.describe('App').status).toBe('UPDATE_ROLLBACK_COMPLETE');

  (await world.deploy('App', after(id, group))).expectSuccess('UPDATE_COMPLETE');
  expect(state()).toEqual(there);
});
