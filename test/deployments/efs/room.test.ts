import type { Stack } from 'aws-cdk-lib';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import { BackupPolicy, FileSystem, FileSystemPolicy, LifecycleConfiguration, MountTargets, TagSet } from '../../../src';
import type { Build } from '../../harness/deployment/deployment-world';
import { EfsWorld } from '../../harness/deployment/efs-world';

let world: EfsWorld;
beforeEach(async () => { world = await EfsWorld.start(); });
afterEach(() => world.close());

const makeAll = (names: string[]) => Promise.all(names.map(name => world.foreignFileSystem(name)));
const named = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

function theirs(stack: Stack, ids: string[]): efs.IFileSystem[] {
  const securityGroup = world.network.group(stack, 'two');
  return ids.map((fileSystemId, n) => FileSystem.fromFileSystemAttributes(stack, `Theirs${n}`, { fileSystemId, securityGroup }));
}

function policyOn(stack: Stack, id: string, fileSystem: efs.IFileSystem): void {
  const document = new iam.PolicyDocument({
    statements: [new iam.PolicyStatement({ principals: [new iam.AnyPrincipal()], actions: ['elasticfilesystem:ClientMount'] })],
  });
  new FileSystemPolicy(stack, id, { fileSystem, document });
}

test('a policy of a foreign file system is removed, although its set of tags stays', async () => {
  const [id] = await makeAll(['files']);
  const build = (policy: boolean): Build => stack => {
    const [fileSystem] = theirs(stack, [id]);
    new TagSet(stack, 'Billing', { fileSystem, tags: { 'cost-center': '1' } });
    if (policy) { policyOn(stack, 'Policy', fileSystem); }
  };
  (await world.deploy('App', build(true))).expectSuccess('CREATE_COMPLETE');
  expect(world.fileSystem(id).policy).toBeDefined();

  (await world.deploy('App', build(false))).expectSuccess('UPDATE_COMPLETE');
  expect(world.fileSystem(id).policy).toBeUndefined();
  expect(world.tags(id)).toMatchObject({ 'cost-center': '1' });
  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
  expect(world.tags(id)).not.toHaveProperty('cost-center');
});

test('sets of tags on 20 file systems of others move to 20 others at once, and back when that fails', async () => {
  const [before, after] = [await makeAll(named('before', 20)), await makeAll(named('after', 20))];
  const build = (ids: string[]): Build => stack => {
    const sets = theirs(stack, ids).map((fileSystem, n) => new TagSet(stack, `Tags${n}`, { fileSystem, tags: { 'cost-center': '1' } }));
    // The failure comes when all others have moved.
    sets[19].node.addDependency(...sets.slice(0, 19));
  };
  const tagged = (ids: string[]) => ids.filter(id => world.tags(id)['cost-center'] === '1').length;
  (await world.deploy('App', build(before))).expectSuccess('CREATE_COMPLETE');
  expect(tagged(before)).toBe(20);

  (await world.deploy('App', build(after), { failAfter: 'Tags19' })).expectRolledBack();
  expect([tagged(before), tagged(after)]).toEqual([20, 0]);
  (await world.deploy('App', build(after))).expectSuccess('UPDATE_COMPLETE');
  expect([tagged(before), tagged(after)]).toEqual([0, 20]);
});

test('a stack moves all its settings, tags and mount targets from 5 file systems of others to 5 others at once', async () => {
  const [before, after] = [await makeAll(named('before', 5)), await makeAll(named('after', 5))];
  const build = (ids: string[]): Build => stack => {
    const { network } = world;
    const targets = { vpc: network.vpc(stack), vpcSubnets: network.selection(stack, 'a'), securityGroups: [network.group(stack, 'one')] };
    theirs(stack, ids).forEach((fileSystem, n) => {
      new MountTargets(stack, `Targets${n}`, { fileSystem, ...targets });
      new TagSet(stack, `Tags${n}`, { fileSystem, tags: { 'cost-center': '1' } });
      new BackupPolicy(stack, `Backup${n}`, { fileSystem });
      new LifecycleConfiguration(stack, `Lifecycle${n}`, { fileSystem, lifecyclePolicy: efs.LifecyclePolicy.AFTER_30_DAYS });
      policyOn(stack, `Policy${n}`, fileSystem);
    });
  };
  const pictures = (ids: string[]) => ids.map(id => [world.targetsOf(id).length, world.tags(id)['cost-center'], world.fileSystem(id).policy !== undefined]);
  (await world.deploy('App', build(before))).expectSuccess('CREATE_COMPLETE');
  expect(pictures(before)).toEqual(before.map(() => [1, '1', true]));

  (await world.deploy('App', build(after))).expectSuccess('UPDATE_COMPLETE');
  expect(pictures(before)).toEqual(before.map(() => [0, undefined, false]));
  expect(pictures(after)).toEqual(after.map(() => [1, '1', true]));
});
