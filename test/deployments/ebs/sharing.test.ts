import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, SnapshotImport } from '../../../src';
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
