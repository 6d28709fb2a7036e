import { RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { DiskImage, MachineDisk, MachineImage, SnapshotImport, type MachineImageProps } from '../../../src';
import type { Build } from '../../harness/deployment/deployment-world';
import { disk, EbsWorld } from '../../harness/deployment/ebs-world';

let world: EbsWorld;
beforeAll(async () => { world = await EbsWorld.start(); });
afterAll(() => world.close());

describe('a machine image of an import', () => {
  const build = (seed: string, props: Partial<MachineImageProps> = {}, sharedWithAccounts?: string[]): Build => stack => {
    const snapshot = new SnapshotImport(stack, 'Disk', { image: DiskImage.fromAsset(world.file('machine.img', disk(1, seed))), sharedWithAccounts });
    const machine = new MachineImage(stack, 'Machine', {
      rootDisk: MachineDisk.fromImport(snapshot), architecture: ec2.InstanceArchitecture.ARM_64, retainPrevious: 1, ...props,
    });
    new ec2.LaunchTemplate(stack, 'Template', { machineImage: machine });
  };
  const deploy = (...args: Parameters<typeof build>) => world.deploy('Machines', build(...args));
  const images = () => world.emulator.ec2.images.all.map(({ imageId }) => imageId);
  const template = () => Object.values(world.cloudFormation.describe('Machines').resources).find(({ type }) => type === 'AWS::EC2::LaunchTemplate');
  const made: { image: string; snapshot: string }[] = [];
  const next = async (seed: string, status = 'UPDATE_COMPLETE') => {
    const outcome = (await deploy(seed)).expectSuccess(status);
    made.push({ image: outcome.id('Machine'), snapshot: outcome.id('Disk') });
  };

  test('is registered, and a changed image replaces it, while the one before is kept with its snapshot', async () => {
    await next('one', 'CREATE_COMPLETE');
    await next('two');
    await next('three');
    expect(images()).toEqual(made.slice(1).map(({ image }) => image));
    world.expectOnly('Machines', ...made.slice(1).map(({ snapshot }) => snapshot));
    expect(template()!.physicalId).toMatch(/^lt-/);
  });

  test('changes in place what is not the image', async () => {
    const outcome = (await deploy('three', { description: 'ours', sharedWithAccounts: ['444455556666'], deprecationDate: new Date('2030-01-01') },
      ['444455556666'])).expectSuccess('UPDATE_COMPLETE');
    expect(outcome.id('Machine')).toBe(made[2].image);
    const { ec2: { images: all, snapshots } } = world.emulator;
    expect(all.get(made[2].image)).toMatchObject({ description: 'ours', deprecationTime: Date.UTC(2030, 0, 1) });
    expect(all.get(made[2].image).launchPermissions.all).toEqual(['UserId 444455556666']);
    expect(snapshots.get(made[2].snapshot).createVolumePermissions.all).toEqual(['UserId 444455556666']);
    (await deploy('three')).expectSuccess('UPDATE_COMPLETE');
    expect(all.get(made[2].image).deprecationTime).toBeUndefined();
  });

  test.each(['old', 'new'] as const)('is what it was after an update that fails (%s id), and so is the one that was kept', async rollbackPhysicalId => {
    (await world.deploy('Machines', build('four'), { failAfter: 'Machine', rollbackPhysicalId })).expectRolledBack();
    expect(images()).toEqual(made.slice(1).map(({ image }) => image));
    world.expectOnly('Machines', ...made.slice(1).map(({ snapshot }) => snapshot));
  });

  test('goes with the stack, with all that was kept', async () => {
    (await world.destroy('Machines')).expectSuccess('DELETE_COMPLETE');
    expect(images()).toEqual([]);
    world.expectNothingLeft('Machines');
  });
});

test('a machine image of a foreign snapshot goes without it, or stays if it is retained', async () => {
  const { ec2: { images, snapshots } } = world.emulator;
  const { snapshotId } = snapshots.add({ volumeSize: 1, startTime: 0 });
  const build = (removalPolicy: RemovalPolicy): Build => stack => {
    new MachineImage(stack, 'Machine', { rootDisk: MachineDisk.fromSnapshotId(snapshotId), architecture: ec2.InstanceArchitecture.X86_64, removalPolicy });
  };
  (await world.deploy('Foreign', build(RemovalPolicy.DESTROY))).expectSuccess('CREATE_COMPLETE');
  (await world.destroy('Foreign')).expectSuccess('DELETE_COMPLETE');
  expect(images.all).toEqual([]);
  const kept = (await world.deploy('Foreign', build(RemovalPolicy.RETAIN))).expectSuccess('CREATE_COMPLETE').id('Machine');
  (await world.destroy('Foreign')).expectSuccess('DELETE_COMPLETE');
  expect(images.all.map(({ imageId }) => imageId)).toEqual([kept]);
  expect(snapshots.find(snapshotId)).toBeDefined();
  images.deregister(kept);
  snapshots.remove(snapshotId);
});
