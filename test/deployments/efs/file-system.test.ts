import { RemovalPolicy, Tags } from 'aws-cdk-lib';
import { PerformanceMode, ThroughputMode } from 'aws-cdk-lib/aws-efs';
import { FileSystem, TagSet } from '../../../src';
import type { Build, Options } from '../../harness/deployment/deployment-world';
import { EfsWorld } from '../../harness/deployment/efs-world';
import type { GroupName } from '../../harness/deployment/network';

const STACK = 'Files';
const OWNER = 'Files/Data';

interface Files {
  readonly encrypted?: boolean;
  readonly performanceMode?: PerformanceMode;
  readonly throughputMode?: ThroughputMode;
  readonly creationToken?: string;
  readonly removalPolicy?: RemovalPolicy;
  readonly group?: GroupName;
  readonly tags?: Record<string, string>;
  readonly costCenter?: string;
}

let world: EfsWorld;
beforeAll(async () => { world = await EfsWorld.start(); });
afterAll(() => world.close());

const build = ({ group = 'one', tags = {}, costCenter = '1001', removalPolicy = RemovalPolicy.DESTROY, ...props }: Files = {}): Build => stack => {
  const { network } = world;
  const fileSystem = new FileSystem(stack, 'Data', {
    allowReplacement: true,
    vpc: network.vpc(stack),
    securityGroup: network.group(stack, group),
    removalPolicy,
    ...props,
  });
  Object.entries(tags).forEach(([key, value]) => Tags.of(fileSystem).add(key, value));
  new TagSet(stack, 'Billing', { fileSystem, tags: { 'cost-center': costCenter } });
};
const deploy = (files?: Files, options?: Options) => world.deploy(STACK, build(files), { tags: { team: 'storage' }, ...options });

/** The only file system of the construct, in use by mount targets and tag set. */
const expectInUse = (id: string, { group = 'one', costCenter = '1001', tags = {} }: Files = {}) => {
  expect(world.madeBy(OWNER)).toEqual([id]);
  expect(world.fileSystem(id).lifeCycleState).toBe('available');
  expect(world.tags(id)).toEqual({ 'Name': OWNER, 'team': 'storage', 'cost-center': costCenter, ...tags });
  expect(world.ownTags(id).state).toBeUndefined();
  world.expectTargets(id, `a ${group}`, `b ${group}`);
  expect(world.emulator.ec2.networkInterfaces.length).toBe(world.emulator.efs.mountTargets.length);
};

describe('a file system with mount targets and a tag set', () => {
  /** The file system that is in use. */
  let current: string;

  test('comes up with a mount target in each Availability Zone and all tags', async () => {
    const outcome = (await deploy({ tags: { project: 'x' } })).expectSuccess('CREATE_COMPLETE');
    current = outcome.id('Data');
    expect(outcome.id('Data/MountTargets')).toMatch(new RegExp(`^${current}/`));
    expectInUse(current, { tags: { project: 'x' } });
    expect(world.fileSystem(current)).toMatchObject({ encrypted: true, performanceMode: 'generalPurpose', throughputMode: 'bursting' });
    expect(world.ownTags(current)).toMatchObject({ 'owner': expect.stringMatching(/^Files\/Data[0-9A-F]{8}$/), 'stack-id': outcome.stackId });
  });

  test('changes throughput, tags, security group and tag set in place', async () => {
    const targets = world.targetsOf(current).map(({ id }) => id);
    const files: Files = { throughputMode: ThroughputMode.ELASTIC, group: 'two', costCenter: '2002', tags: { phase: 'two' } };
    const outcome = (await deploy(files, { tags: { team: 'storage', stage: 'test' } })).expectSuccess('UPDATE_COMPLETE');
    expect(outcome.id('Data')).toBe(current);
    expectInUse(current, { ...files, tags: { phase: 'two', stage: 'test' } });
    expect(world.fileSystem(current).throughputMode).toBe('elastic');
    expect(world.targetsOf(current).map(({ id }) => id)).toEqual(targets);
  });

  test('has everything back after an update in place that failed', async () => {
    await world.pass({ hours: 25 });
    (await deploy({ throughputMode: ThroughputMode.ELASTIC })).expectSuccess('UPDATE_COMPLETE');
    const changes: Files = { throughputMode: ThroughputMode.ELASTIC, group: 'two', costCenter: '3003', tags: { project: 'y' } };
    const failed = await deploy(changes, { failAfter: 'Billing' });
    expect(failed.expectRolledBack().reason).toContain('Simulated failure');
    expectInUse(current);
  });

  test('keeps a new throughput mode through a rollback, where EFS allows no second change that day', async () => {
    await world.pass({ hours: 25 });
    (await deploy({ throughputMode: ThroughputMode.BURSTING, costCenter: '4004' }, { failAfter: 'Billing' })).expectRolledBack();
    expectInUse(current);
    expect(world.fileSystem(current).throughputMode).toBe('bursting');
    (await deploy({ throughputMode: ThroughputMode.BURSTING })).expectSuccess('UPDATE_COMPLETE');

    (await deploy({ throughputMode: ThroughputMode.ELASTIC }))
      .expectFailure('UPDATE_ROLLBACK_COMPLETE', /'throughputMode' of file system fs-\w+ cannot change/);
    expectInUse(current);
  });

  describe.each(['old', 'new'] as const)('with the %s physical id in the rollback', rollbackPhysicalId => {
    test.each<[string, Options]>([
      ['was made but not used', { failAfter: 'Data' }],
      ['was in full use', { failAfter: 'Billing' }],
      ['was being created', { cancelAfter: 2 }],
      ['was getting its mount targets', { cancelAfter: 60 }],
    ])('a replacement that failed when the new file system %s leaves the old one as it was', async (_, options) => {
      (await deploy({ encrypted: false, costCenter: '5005' }, { ...options, rollbackPhysicalId })).expectRolledBack();
      expectInUse(current);
    });
  });

  test('moves to a new file system when an immutable property changes, and the old one is deleted', async () => {
    const replaced = (await deploy({ performanceMode: PerformanceMode.MAX_IO })).expectSuccess('UPDATE_COMPLETE');
    expect(replaced.id('Data')).not.toBe(current);
    current = replaced.id('Data');
    expectInUse(current);
    expect(world.fileSystem(current).performanceMode).toBe('maxIO');
  });

  test('with a creation token of its own, is not replaced before it gets another one', async () => {
    const named = (await deploy({ creationToken: 'mine' })).expectSuccess('UPDATE_COMPLETE');
    current = named.id('Data');
    expect(world.fileSystem(current).creationToken).toBe('mine');
    (await deploy({ creationToken: 'mine', encrypted: false }))
      .expectFailure('UPDATE_ROLLBACK_COMPLETE', "'creationToken' is still 'mine', but encrypted from true to false cannot change");
    expectInUse(current);
  });

  test('is left behind with its tags when a retained one is replaced, and found again on the way back', async () => {
    const retained = { removalPolicy: RemovalPolicy.RETAIN };
    (await deploy({ creationToken: 'mine', ...retained })).expectSuccess('UPDATE_COMPLETE');
    const other = (await deploy({ creationToken: 'other', ...retained })).expectSuccess('UPDATE_COMPLETE').id('Data');
    expect(world.madeBy(OWNER).sort()).toEqual([current, other].sort());
    world.expectTargets(current);
    world.expectTargets(other, 'a one', 'b one');
    expect(world.tags(current)).toEqual({ Name: OWNER, team: 'storage' });

    const back = (await deploy({ creationToken: 'mine', ...retained })).expectSuccess('UPDATE_COMPLETE');
    expect(back.id('Data')).toBe(current);
    world.expectTargets(current, 'a one', 'b one');
    world.expectTargets(other);
  });

  test('stays when its stack is destroyed under RETAIN, and goes with it under DESTROY', async () => {
    (await deploy({ creationToken: 'mine' })).expectSuccess('UPDATE_COMPLETE');
    (await world.destroy(STACK)).expectSuccess('DELETE_COMPLETE');
    const [other, ...more] = world.madeBy(OWNER);
    expect(more).toEqual([]);
    expect(other).not.toBe(current);
    world.expectTargets(other);
  });
});

describe('a cancelled creation', () => {
  test.each<[string, number]>([
    ['while the file system is being created', 2],
    ['while its mount targets are being created', 60],
  ])('%s leaves nothing', async (_, cancelAfter) => {
    (await world.deploy('Cancelled', build(), { cancelAfter })).expectRolledBack('ROLLBACK_COMPLETE');
    world.expectNothingLeft('Cancelled');
  });

  test('because another resource fails leaves nothing', async () => {
    const outcome = await world.deploy('Cancelled', stack => {
      build()(stack);
      const fileSystem = FileSystem.fromFileSystemAttributes(stack, 'None', {
        fileSystemId: 'fs-0123456789abcdef0', securityGroup: world.network.group(stack, 'two'),
      });
      new TagSet(stack, 'Lost', { fileSystem, tags: { any: 'value' } });
    });
    outcome.expectFailure('ROLLBACK_COMPLETE', "'fileSystem' is fs-0123456789abcdef0, which does not exist");
    world.expectNothingLeft('Cancelled');
  });
});
