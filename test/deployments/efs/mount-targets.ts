import { CreateMountTargetCommand } from '@aws-sdk/client-efs';
import { RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { FileSystem, MountTargets, TagSet } from '../../../src';
import { REGION } from '../../../world/emulator/environment';
import type { EfsWorld } from '../../harness/deployment/efs-world';
import type { SubnetName } from '../../harness/deployment/network';
import type { Build } from '../../harness/deployment/world';

/** Where mount targets are, and on whose file system. */
export function mountTargetSequences(given: () => EfsWorld): void {
  describe('the mount targets of a file system', () => {
    const build = (...subnets: SubnetName[]): Build => stack => {
      const { network } = given();
      new FileSystem(stack, 'Data', {
        allowReplacement: true,
        vpc: network.vpc(stack),
        vpcSubnets: network.selection(stack, ...subnets),
        securityGroup: network.group(stack, 'one'),
        removalPolicy: RemovalPolicy.DESTROY,
      });
    };
    const deploy = (...subnets: SubnetName[]) => given().world.deploy('Moving', build(...subnets));
    let id: string;

    test('move to another subnet of the same Availability Zone', async () => {
      id = (await deploy('a', 'b')).expectSuccess('CREATE_COMPLETE').id('Data');
      const [stays] = given().targetsOf(id).filter(({ subnetId }) => subnetId === given().network.subnets.b);
      const moved = (await deploy('a2', 'b')).expectSuccess('UPDATE_COMPLETE');
      given().expectTargets(id, 'a2 one', 'b one');
      expect(given().targetsOf(id).map(target => target.id)).toContain(stays.id);
      expect(moved.attribute('Data/MountTargets', 'MountTargetId1')).toBe(stays.id);
    });

    test('come and go with Availability Zones', async () => {
      (await deploy('a2', 'b', 'c')).expectSuccess('UPDATE_COMPLETE');
      given().expectTargets(id, 'a2 one', 'b one', 'c one');
      (await deploy('c')).expectSuccess('UPDATE_COMPLETE');
      given().expectTargets(id, 'c one');
    });

    test('stay where they are if that is one of several subnets in an Availability Zone', async () => {
      (await deploy('a2', 'c')).expectSuccess('UPDATE_COMPLETE');
      (await deploy('a', 'a2', 'c')).expectSuccess('UPDATE_COMPLETE');
      given().expectTargets(id, 'a2 one', 'c one');
    });

    test('are back where they were after a move that failed', async () => {
      (await deploy('a2', 'c')).expectSuccess('UPDATE_COMPLETE');
      const failed = await given().world.deploy('Moving', build('a', 'b'), { failAfter: 'Data/MountTargets' });
      failed.expectRolledBack();
      given().expectTargets(id, 'a2 one', 'c one');
      (await given().world.deploy('Moving', build('a', 'b'), { cancelAfter: 20 })).expectRolledBack();
      given().expectTargets(id, 'a2 one', 'c one');
    });

    test('go before their file system', async () => {
      (await given().world.destroy('Moving')).expectSuccess('DELETE_COMPLETE');
      given().expectNothingLeft('Moving');
    });
  });

  describe('mount targets and tags on a file system that no stack made', () => {
    let id: string;
    let before: unknown;
    const build = (subnets: SubnetName[], tags: Record<string, string>, overwrite?: boolean): Build => stack => {
      const { network } = given();
      const fileSystem = given().imported(stack, id);
      new MountTargets(stack, 'Targets', {
        fileSystem, vpc: network.vpc(stack), vpcSubnets: network.selection(stack, ...subnets), securityGroups: [network.group(stack, 'one')],
      });
      new TagSet(stack, 'Tags', { fileSystem, tags, overwrite });
    };

    test('leave alone what is there', async () => {
      id = await given().foreignFileSystem('theirs');
      await given().client.send(new CreateMountTargetCommand({
        FileSystemId: id, SubnetId: given().network.subnets.c, SecurityGroups: [given().network.groups.two],
      }));
      await given().world.pass({ minutes: 3 });
      before = given().picture(id);

      (await given().world.deploy('Guest', build(['a', 'b'], { 'cost-center': '1' }))).expectSuccess('CREATE_COMPLETE');
      given().expectTargets(id, 'a one', 'b one', 'c two');
      expect(given().tags(id)).toEqual({ 'team': 'others', 'Name': 'theirs', 'cost-center': '1' });
      // The only tag of ours tells which mount targets are ours.
      expect(Object.keys(given().ownTags(id))).toEqual([expect.stringMatching(/^mount-targets:/)]);
    });

    test('refuse an Availability Zone and a tag that are taken', async () => {
      (await given().world.deploy('Guest', build(['a', 'b', 'c'], { 'cost-center': '1' })))
        .expectFailure('UPDATE_ROLLBACK_COMPLETE', /fs-\w+ has mount target fsmt-\w+ \(subnet-\w+\) in eu-west-1c, which is not of this set/);
      (await given().world.deploy('Guest', build(['a', 'b'], { 'cost-center': '1', 'team': 'us' })))
        .expectFailure('UPDATE_ROLLBACK_COMPLETE', `'tags' of ${id} exist already with other values: team=others (not us)`);
      given().expectTargets(id, 'a one', 'b one', 'c two');
      expect(given().tags(id)).toEqual({ 'team': 'others', 'Name': 'theirs', 'cost-center': '1' });
    });

    test('change', async () => {
      (await given().world.deploy('Guest', build(['a2'], { phase: 'two' }))).expectSuccess('UPDATE_COMPLETE');
      given().expectTargets(id, 'a2 one', 'c two');
      expect(given().tags(id)).toEqual({ team: 'others', Name: 'theirs', phase: 'two' });
    });

    test('go to another file system, and come back when that fails', async () => {
      const first = id;
      id = await given().foreignFileSystem('also-theirs');
      const other = given().picture(id);
      (await given().world.deploy('Guest', build(['a2'], { phase: 'two' }), { failAfter: 'Targets' })).expectRolledBack();
      expect(given().picture(id)).toEqual(other);
      given().expectTargets(first, 'a2 one', 'c two');
      expect(given().tags(first)).toEqual({ team: 'others', Name: 'theirs', phase: 'two' });

      (await given().world.deploy('Guest', build(['a2'], { phase: 'two' }))).expectSuccess('UPDATE_COMPLETE');
      given().expectTargets(id, 'a2 one');
      expect(given().picture(first)).toEqual(before);

      const second = id;
      id = first;
      (await given().world.deploy('Guest', build(['a2'], { phase: 'two' }))).expectSuccess('UPDATE_COMPLETE');
      expect(given().picture(second)).toEqual(other);
    });

    test('go without a trace', async () => {
      (await given().world.destroy('Guest')).expectSuccess('DELETE_COMPLETE');
      expect(given().picture(id)).toEqual(before);
    });

    test('leave nothing when they are cancelled while they are created', async () => {
      (await given().world.deploy('Guest', build(['a', 'b'], { 'cost-center': '1' }), { cancelAfter: 30 })).expectRolledBack('ROLLBACK_COMPLETE');
      expect(given().picture(id)).toEqual(before);
    });

    test('may overwrite a tag when told to', async () => {
      (await given().world.deploy('Guest', build(['a'], { team: 'us' }, true))).expectSuccess('CREATE_COMPLETE');
      expect(given().tags(id)).toEqual({ team: 'us', Name: 'theirs' });
      (await given().world.destroy('Guest')).expectSuccess('DELETE_COMPLETE');
    });

    test('tell of as many subnets as are allowed, in what CloudFormation accepts as an answer', async () => {
      const { ec2: network } = given().world.emulator;
      const ids = Array.from({ length: 12 }, (_, i) => network.createSubnet({
        vpcId: given().network.vpcId, cidrBlock: `10.9.${100 + i}.0/24`, availabilityZone: `${REGION}${i % 2 === 0 ? 'a' : 'b'}`,
      }).subnetId);
      const outcome = (await given().world.deploy('Guest', stack => {
        const fileSystem = given().imported(stack, id);
        new MountTargets(stack, 'Targets', {
          fileSystem,
          vpc: given().network.vpc(stack),
          securityGroups: [given().network.group(stack, 'one')],
          vpcSubnets: { subnets: ids.map((subnetId, i) => ec2.Subnet.fromSubnetId(stack, `Subnet${i}`, subnetId)) },
        });
      })).expectSuccess('CREATE_COMPLETE');
      expect(outcome.attribute('Targets', 'MountTargetId11')).toBe(outcome.attribute('Targets', 'MountTargetId1'));
      (await given().world.destroy('Guest')).expectSuccess('DELETE_COMPLETE');
    });
  });
}
