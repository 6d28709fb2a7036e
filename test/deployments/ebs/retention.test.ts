/** Creations under removal policies that retain, which CloudFormation takes back. */
import { RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { DiskImage, MachineDisk, MachineImage, SnapshotImport } from '../../../src';
import type { Build, Options } from '../../harness/deployment/deployment-world';
import { disk, EbsWorld } from '../../harness/deployment/ebs-world';

let world: EbsWorld;
beforeAll(async () => { world = await EbsWorld.start(); });
afterAll(() => world.close());

const build = (seed: string, removalPolicy: RemovalPolicy): Build => stack => {
  const snapshot = new SnapshotImport(stack, 'Disk', { image: DiskImage.fromAsset(world.file('machine.img', disk(1, seed))), removalPolicy });
  new MachineImage(stack, 'Machine', { rootDisk: MachineDisk.fromImport(snapshot), architecture: ec2.InstanceArchitecture.ARM_64, removalPolicy });
};
const images = () => world.emulator.ec2.images.all.map(({ imageId }) => imageId);

test.each<[string, RemovalPolicy, Options]>([
  ['RETAIN_ON_UPDATE_OR_DELETE', RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, {}],
  ['RETAIN, and the operation deletes new resources', RemovalPolicy.RETAIN, { retainExceptOnCreate: true }],
])('a first deployment that fails, and an update that fails, leave nothing new under %s', async (_, removalPolicy, options) => {
  const name = `Retained${removalPolicy.replace(/\W/g, '')}`;
  (await world.deploy(name, build('one', removalPolicy), { ...options, failAfter: 'Machine' })).expectRolledBack('ROLLBACK_COMPLETE');
  world.expectNothingLeft(name);
  expect(images()).toEqual([]);

  const first = (await world.deploy(name, build('one', removalPolicy))).expectSuccess('CREATE_COMPLETE');
  (await world.deploy(name, build('two', removalPolicy), { ...options, failAfter: 'Machine' })).expectRolledBack();
  expect(images()).toEqual([first.id('Machine')]);
  world.expectOnly(name, first.id('Disk'));
  world.emulator.ec2.images.deregister(first.id('Machine'));
  (await world.destroy(name)).expectSuccess('DELETE_COMPLETE');
});

test('an update that goes back to what CloudFormation retained, and fails, leaves that', async () => {
  const policy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
  const first = (await world.deploy('Again', build('one', policy))).expectSuccess('CREATE_COMPLETE');
  const second = (await world.deploy('Again', build('two', policy))).expectSuccess('UPDATE_COMPLETE');
  (await world.deploy('Again', build('one', policy), { failAfter: 'Machine' })).expectRolledBack();
  world.expectOnly('Again', first.id('Disk'), second.id('Disk'));
  expect(images().sort()).toEqual([first.id('Machine'), second.id('Machine')].sort());
});
