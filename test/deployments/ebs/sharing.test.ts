import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, MachineDisk, MachineImage, SnapshotImport, type MachineImageProps } from '../../../src';
import type { Build } from '../../harness/deployment/deployment-world';
import { disk, EbsWorld, IMAGES } from '../../harness/deployment/ebs-world';

let world: EbsWorld;
beforeEach(async () => { world = await EbsWorld.start(); });
afterEach(() => world.close());

test('with the roles of the template, nothing is copied for others that the key of AWS encrypts by default', async () => {
  world.emulator.ec2.encryptionByDefault = true;
  await world.put(IMAGES, 'disk.img', disk(1, 'shared'));
  const outcome = await world.deploy('App', stack => {
    new SnapshotImport(stack, 'Image', {
      image: DiskImage.fromBucket(Bucket.fromBucketName(stack, 'Bucket', IMAGES), 'disk.img'), sharedWithAccounts: ['444455556666'],
    });
  });
  outcome.expectFailure('ROLLBACK_COMPLETE', /which AWS manages, and EC2 shares no such snapshot; give a key of your own as 'kmsKey'/);
  expect(world.emulator.server.count('ebs:StartSnapshot')).toBe(0);
});

describe('with the roles of the template, nothing is copied for a machine image that EC2 would refuse', () => {
  const build = (props: Partial<MachineImageProps>): Build => stack => {
    const snapshot = new SnapshotImport(stack, 'Disk', { image: DiskImage.fromBucket(Bucket.fromBucketName(stack, 'Bucket', IMAGES), 'disk.img') });
    new MachineImage(stack, 'Machine', { rootDisk: MachineDisk.fromImport(snapshot), architecture: ec2.InstanceArchitecture.X86_64, ...props });
  };
  const expectNothingCopied = async (props: Partial<MachineImageProps>, why: RegExp) => {
    (await world.deploy('App', build(props))).expectFailure('ROLLBACK_COMPLETE', why);
    expect(world.emulator.server.count('ebs:StartSnapshot')).toBe(0);
  };

  test('because it is shared, and the key of AWS encrypts its disk by default', async () => {
    world.emulator.ec2.encryptionByDefault = true;
    await world.put(IMAGES, 'disk.img', disk(1, 'shared'));
    await expectNothingCopied({ sharedWithAccounts: ['444455556666'] },
      /which AWS manages, and EC2 shares no image with such a disk; give a key of your own as 'kmsKey', or do not share machine image Machine/);
  });

  test('because another one has its name', async () => {
    const { images, snapshots } = world.emulator.ec2;
    const { snapshotId } = snapshots.add({ volumeSize: 1, startTime: 0 });
    const { imageId } = images.register({
      name: 'golden',
      description: '',
      architecture: 'x86_64',
      virtualizationType: 'hvm',
      rootDeviceName: '/dev/xvda',
      enaSupport: true,
      tags: {},
      mappings: [{ deviceName: '/dev/xvda', snapshotId, volumeType: 'gp3', deleteOnTermination: true }],
    });
    await world.put(IMAGES, 'disk.img', disk(1, 'named'));
    await world.emulator.clock.sleep(60_000);
    await expectNothingCopied({ imageName: 'golden' }, new RegExp(`AMI name 'golden' is taken by ${imageId}, which is not of this stack`));
    images.deregister(imageId);
    (await world.deploy('App', build({ imageName: 'golden' }))).expectSuccess('CREATE_COMPLETE');
  });
});
