import { CfnResource, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { FileSystem, MountTargets, type MountTargetsProps } from '../../../src';
import type { Build } from '../../harness/deployment/deployment-world';
import { EfsWorld } from '../../harness/deployment/efs-world';

let world: EfsWorld;
let id: string;
let before: unknown;
beforeEach(async () => {
  world = await EfsWorld.start();
  id = await world.foreignFileSystem('theirs');
  before = world.picture(id);
});
afterEach(() => world.close());

/** A set on a file system of others. Its security group is its own, unless one is given. */
function set(scope: Construct, name: string, stack: Stack, props: Partial<MountTargetsProps> = {}): MountTargets {
  return new MountTargets(scope, name, { fileSystem: world.imported(stack, id), vpc: world.network.vpc(stack), ...props });
}
const named = (name: string, props?: (stack: Stack) => Partial<MountTargetsProps>): Build => stack => void set(stack, name, stack, props?.(stack));
/** A stack that has just nothing of this library. */
const nothing: Build = stack => void world.network.vpc(stack);
const inGroup = (stack: Stack) => ({ securityGroups: [world.network.group(stack, 'one')] });
const ids = () => world.targetsOf(id).map(target => target.id).sort();
const deletions = () => world.emulator.server.count('efs:DeleteMountTarget');

describe('a set that gets another logical id', () => {
  const wrapped: Build = stack => void set(new Construct(stack, 'Layer'), 'Targets', stack, inGroup(stack));
  const renames: [string, Build, string][] = [
    ['with security groups that are not its own', named('Renamed', inGroup), 'Renamed'],
    ['by being wrapped in a construct', wrapped, 'Layer/Targets'],
  ];

  test.each(renames)('%s keeps its mount targets', async (_, renamed, path) => {
    (await world.deploy('App', named('Targets', inGroup))).expectSuccess('CREATE_COMPLETE');
    const made = ids();
    (await world.deploy('App', renamed, { failAfter: path })).expectRolledBack();
    expect(ids()).toEqual(made);
    (await world.deploy('App', renamed)).expectSuccess('UPDATE_COMPLETE');
    expect([ids(), deletions()]).toEqual([made, 0]);
    world.expectTargets(id, 'a one', 'b one');

    (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
    expect(world.picture(id)).toEqual(before);
  });

  test('keeps its mount targets, which get the new security group and lose the old one', async () => {
    (await world.deploy('App', named('Targets'))).expectSuccess('CREATE_COMPLETE');
    const made = ids();
    const [former] = world.targetsOf(id)[0].securityGroups;
    (await world.deploy('App', named('Renamed'), { failAfter: 'Renamed' })).expectRolledBack();
    expect([ids(), world.targetsOf(id).map(({ securityGroups }) => securityGroups)]).toEqual([made, [[former], [former]]]);

    const [latter] = (await world.deploy('App', named('Renamed'))).expectSuccess('UPDATE_COMPLETE').idsOf('AWS::EC2::SecurityGroup');
    expect([ids(), deletions()]).toEqual([made, 0]);
    world.expectTargets(id, `a ${latter}`, `b ${latter}`);
  });

  test('and other subnets is refused, with the name of the set that it would replace', async () => {
    (await world.deploy('App', named('Targets', inGroup))).expectSuccess('CREATE_COMPLETE');
    const made = ids();
    const moved = named('Renamed', stack => ({ ...inGroup(stack), vpcSubnets: world.network.selection(stack, 'a2', 'b') }));
    (await world.deploy('App', moved)).expectFailure('UPDATE_ROLLBACK_COMPLETE', /which belongs to the set App\/Targets[0-9A-F]{8} \(tag cdk-durable-storage:mount-targets:/);
    expect(ids()).toEqual(made);
  });
});

describe('a set that moves to another stack', () => {
  test('keeps its mount targets, whether the other stack fails at first or not', async () => {
    (await world.deploy('From', named('Targets'))).expectSuccess('CREATE_COMPLETE');
    const made = ids();
    (await world.deploy('To', named('Targets'), { failAfter: 'Targets' })).expectRolledBack('ROLLBACK_COMPLETE');
    expect(ids()).toEqual(made);
    (await world.deploy('To', named('Targets'))).expectSuccess('CREATE_COMPLETE');
    (await world.deploy('From', nothing)).expectSuccess('UPDATE_COMPLETE');
    expect([ids(), deletions()]).toEqual([made, 0]);

    (await world.destroy('To')).expectSuccess('DELETE_COMPLETE');
    expect(world.picture(id)).toEqual(before);
  });

  test('stays complete if the other stack goes instead', async () => {
    (await world.deploy('From', named('Targets'))).expectSuccess('CREATE_COMPLETE');
    const made = world.picture(id);
    (await world.deploy('To', named('Targets'))).expectSuccess('CREATE_COMPLETE');
    (await world.destroy('To')).expectSuccess('DELETE_COMPLETE');
    expect(world.picture(id)).toMatchObject({ targets: (made as { targets: unknown }).targets });
  });
});

test('two sets of a stack share the mount targets, which go with the last of them', async () => {
  const build = (...names: string[]): Build => stack => {
    const props = { fileSystem: world.imported(stack, id), vpc: world.network.vpc(stack), ...inGroup(stack) };
    for (const name of names) { new MountTargets(stack, name, props); }
  };
  (await world.deploy('App', build('One', 'Two'))).expectSuccess('CREATE_COMPLETE');
  const made = ids();
  expect(made).toHaveLength(2);
  (await world.deploy('App', build('Two'))).expectSuccess('UPDATE_COMPLETE');
  expect([ids(), deletions()]).toEqual([made, 0]);
  (await world.destroy('App')).expectSuccess('DELETE_COMPLETE');
  expect(world.picture(id)).toEqual(before);
});

test('two stacks at the same time share the mount targets', async () => {
  const outcomes = await Promise.all(['One', 'Two'].map(name => world.deploy(name, named('Targets', inGroup))));
  outcomes.forEach(outcome => outcome.expectSuccess('CREATE_COMPLETE'));
  const made = ids();
  expect(made).toHaveLength(2);
  (await world.destroy('One')).expectSuccess('DELETE_COMPLETE');
  expect(ids()).toEqual(made);
  (await world.destroy('Two')).expectSuccess('DELETE_COMPLETE');
  expect(world.picture(id)).toEqual(before);
});

test('a retained file system whose mount targets were retained comes back whole, and goes with its stack afterwards', async () => {
  const build = (retained: boolean): Build => stack => {
    const { network } = world;
    const files = new FileSystem(stack, 'Data', { vpc: network.vpc(stack), securityGroup: network.group(stack, 'one') });
    if (retained) { (files.mountTargets.node.defaultChild as CfnResource).applyRemovalPolicy(RemovalPolicy.RETAIN); }
  };
  const files = (await world.deploy('Kept', build(true))).expectSuccess('CREATE_COMPLETE').id('Data');
  const picture = world.targetsOf(files).map(target => target.id);
  (await world.destroy('Kept')).expectSuccess('DELETE_COMPLETE');
  world.expectTargets(files, 'a one', 'b one');

  (await world.deploy('Kept', build(false), { failAfter: 'Data/MountTargets' })).expectRolledBack('ROLLBACK_COMPLETE');
  expect((await world.deploy('Kept', build(false))).expectSuccess('CREATE_COMPLETE').id('Data')).toBe(files);
  world.expectTargets(files, 'a one', 'b one');
  expect(world.targetsOf(files).map(target => target.id)).toEqual(picture);
  (await world.destroy('Kept')).expectSuccess('DELETE_COMPLETE');
  world.expectTargets(files);
});
