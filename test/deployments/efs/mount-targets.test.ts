import { CreateMountTargetCommand } from '@aws-sdk/client-efs';
import { RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { FileSystem, MountTargets, TagSet } from '../../../src';
import { REGION } from '../../../world/emulator/environment';
import type { Build } from '../../harness/deployment/deployment-world';
import { EfsWorld } from '../../harness/deployment/efs-world';
import type { SubnetName } from '../../harness/deployment/network';

let world: EfsWorld;
beforeAll(async () => { world = await EfsWorld.start(); });
afterAll(() => world.close());

describe('the mount targets of a file system', () => {
  const build = (...subnets: SubnetName[]): Build => stack => {
    const { network } = world;
    new FileSystem(stack, 'Data', {
      allowReplacement: true,
      vpc: network.vpc(stack),
      vpcSubnets: network.selection(stack, ...subnets),
      securityGroup: network.group(stack, 'one'),
      removalPolicy: RemovalPolicy.DESTROY,
    });
  };
  const deploy = (...subnets: SubnetName[]) => world.deploy('Moving', build(...subnets));
  let id: string;

  test('move to another subnet of the same Availability Zone', async () => {
    id = (await deploy('a', 'b')).expectSuccess('CREATE_COMPLETE').id('Data');
    const [stays] = world.targetsOf(id).filter(({ subnetId }) => subnetId === world.network.subnets.b);
    const moved = (await deploy('a2', 'b')).expectSuccess('UPDATE_COMPLETE');
    world.expectTargets(id, 'a2 one', 'b one');
    expect(world.targetsOf(id).map(target => target.id)).toContain(stays.id);
    expect(moved.attribute('Data/MountTargets', 'MountTargetId1')).toBe(stays.id);
  });

  test('come and go with Availability Zones', async () => {
    (await deploy('a2', 'b', 'c')).expectSuccess('UPDATE_COMPLETE');
    world.expectTargets(id, 'a2 one', 'b one', 'c one');
    (await deploy('c')).expectSuccess('UPDATE_COMPLETE');
    world.expectTargets(id, 'c one');
  });

  test('stay where they are if that is one of several subnets in an Availability Zone', async () => {
    (await deploy('a2', 'c')).expectSuccess('UPDATE_COMPLETE');
    (await deploy('a', 'a2', 'c')).expectSuccess('UPDATE_COMPLETE');
    world.expectTargets(id, 'a2 one', 'c one');
  });

  test('are back where they were after a move that failed', async () => {
    (await deploy('a2', 'c')).expectSuccess('UPDATE_COMPLETE');
    const failed = await world.deploy('Moving', build('a', 'b'), { failAfter: 'Data/MountTargets' });
    failed.expectRolledBack();
    world.expectTargets(id, 'a2 one', 'c one');
    (await world.deploy('Moving', build('a', 'b'), { cancelAfter: 20 })).expectRolledBack();
    world.expectTargets(id, 'a2 one', 'c one');
  });

  test('go before their file system', async () => {
    (await world.destroy('Moving')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Moving');
  });
});

describe('mount targets and tags on a file system that no stack made', () => {
  let id: string;
  let before: unknown;
  const build = (subnets: SubnetName[], tags: Record<string, string>, overwrite?: boolean): Build => stack => {
    const { network } = world;
    const fileSystem = world.imported(stack, id);
    new MountTargets(stack, 'Targets', {
      fileSystem, vpc: network.vpc(stack), vpcSubnets: network.selection(stack, ...subnets), securityGroups: [network.group(stack, 'one')],
    });
    new TagSet(stack, 'Tags', { fileSystem, tags, overwrite });
  };

  test('leave alone what is there', async () => {
    id = await world.foreignFileSystem('theirs');
    await world.client.send(new CreateMountTargetCommand({
      FileSystemId: id, SubnetId: world.network.subnets.c, SecurityGroups: [world.network.groups.two],
    }));
    await world.pass({ minutes: 3 });
    before = world.picture(id);

    (await world.deploy('Guest', build(['a', 'b'], { 'cost-center': '1' }))).expectSuccess('CREATE_COMPLETE');
    world.expectTargets(id, 'a one', 'b one', 'c two');
    expect(world.tags(id)).toEqual({ 'team': 'others', 'Name': 'theirs', 'cost-center': '1' });
    // The only tags of ours tell which mount targets and tags are ours.
    expect(Object.keys(world.ownTags(id)).sort()).toEqual([expect.stringMatching(/^mount-targets:/), expect.stringMatching(/^tags:/)]);
  });

  test('refuse an Availability Zone and a tag that are taken', async () => {
    (await world.deploy('Guest', build(['a', 'b', 'c'], { 'cost-center': '1' })))
      .expectFailure('UPDATE_ROLLBACK_COMPLETE', /fs-\w+ has mount target fsmt-\w+ \(subnet-\w+\) in eu-west-1c, which is not of this set/);
    (await world.deploy('Guest', build(['a', 'b'], { 'cost-center': '1', 'team': 'us' })))
      .expectFailure('UPDATE_ROLLBACK_COMPLETE', `'tags' of ${id} exist already with other values: team=others (not us)`);
    world.expectTargets(id, 'a one', 'b one', 'c two');
    expect(world.tags(id)).toEqual({ 'team': 'others', 'Name': 'theirs', 'cost-center': '1' });
  });

  test('change', async () => {
    (await world.deploy('Guest', build(['a2'], { phase: 'two' }))).expectSuccess('UPDATE_COMPLETE');
    world.expectTargets(id, 'a2 one', 'c two');
    expect(world.tags(id)).toEqual({ team: 'others', Name: 'theirs', phase: 'two' });
  });

  test('go to another file system, and come back when that fails', async () => {
    const first = id;
    id = await world.foreignFileSystem('also-theirs');
    const other = world.picture(id);
    (await world.deploy('Guest', build(['a2'], { phase: 'two' }), { failAfter: 'Targets' })).expectRolledBack();
    expect(world.picture(id)).toEqual(other);
    world.expectTargets(first, 'a2 one', 'c two');
    expect(world.tags(first)).toEqual({ team: 'others', Name: 'theirs', phase: 'two' });

    (await world.deploy('Guest', build(['a2'], { phase: 'two' }))).expectSuccess('UPDATE_COMPLETE');
    world.expectTargets(id, 'a2 one');
    expect(world.picture(first)).toEqual(before);

    const second = id;
    id = first;
    (await world.deploy('Guest', build(['a2'], { phase: 'two' }))).expectSuccess('UPDATE_COMPLETE');
    expect(world.picture(second)).toEqual(other);
  });

  test('go without a trace', async () => {
    (await world.destroy('Guest')).expectSuccess('DELETE_COMPLETE');
    expect(world.picture(id)).toEqual(before);
  });

  test('leave nothing when they are cancelled while they are created', async () => {
    (await world.deploy('Guest', build(['a', 'b'], { 'cost-center': '1' }), { cancelAfter: 30 })).expectRolledBack('ROLLBACK_COMPLETE');
    expect(world.picture(id)).toEqual(before);
  });

  test('may overwrite a tag when told to', async () => {
    (await world.deploy('Guest', build(['a'], { team: 'us' }, true))).expectSuccess('CREATE_COMPLETE');
    expect(world.tags(id)).toEqual({ team: 'us', Name: 'theirs' });
    (await world.destroy('Guest')).expectSuccess('DELETE_COMPLETE');
  });

  test('tell of as many subnets as are allowed, in what CloudFormation accepts as an answer', async () => {
    const { ec2: network } = world.emulator;
    const ids = Array.from({ length: 12 }, (_, i) => network.createSubnet({
      vpcId: world.network.vpcId, cidrBlock: `10.9.${100 + i}.0/24`, availabilityZone: `${REGION}${i % 2 === 0 ? 'a' : 'b'}`,
    }).subnetId);
    const outcome = (await world.deploy('Guest', stack => {
      const fileSystem = world.imported(stack, id);
      new MountTargets(stack, 'Targets', {
        fileSystem,
        vpc: world.network.vpc(stack),
        securityGroups: [world.network.group(stack, 'one')],
        vpcSubnets: { subnets: ids.map((subnetId, i) => ec2.Subnet.fromSubnetId(stack, `Subnet${i}`, subnetId)) },
      });
    })).expectSuccess('CREATE_COMPLETE');
    expect(outcome.attribute('Targets', 'MountTargetId11')).toBe(outcome.attribute('Targets', 'MountTargetId1'));
    (await world.destroy('Guest')).expectSuccess('DELETE_COMPLETE');
  });
});
