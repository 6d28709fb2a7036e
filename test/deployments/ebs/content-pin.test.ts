import { createHash } from 'crypto';
import type { Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, SnapshotImport, type DiskImagePinOptions } from '../../../src';
import { disk, IMAGES, EbsWorld } from '../../harness/deployment/ebs-world';

let world: EbsWorld;
beforeAll(async () => { world = await EbsWorld.start(); });
afterAll(() => world.close());

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** The image by its SHA-256, and the same by a checksum file. */
const build = (pin: DiskImagePinOptions) => (stack: Stack) => {
  const bucket = Bucket.fromBucketName(stack, 'Bucket', IMAGES);
  new SnapshotImport(stack, 'Pinned', { image: DiskImage.fromBucket(bucket, 'builds/disk.img', undefined, pin) });
  new SnapshotImport(stack, 'Listed', { image: DiskImage.fromBucket(bucket, 'builds/disk.img', undefined, { sha256SumsKey: 'builds/SHA256SUMS' }) });
};

test('an image is imported with its own SHA-256 only, and a wrong one is rolled back to the snapshot before', async () => {
  const image = disk(3, 'pinned', 1000);
  await world.put(IMAGES, 'builds/disk.img', image);
  await world.put(IMAGES, 'builds/SHA256SUMS', Buffer.from(`${sha256(image)} *disk.img\n`));

  const made = (await world.deploy('Pins', build({ sha256: sha256(image) }))).expectSuccess('CREATE_COMPLETE');
  const ids = [made.id('Pinned'), made.id('Listed')];
  ids.forEach(id => world.expectContent(id, image));

  (await world.deploy('Pins', build({ sha256: sha256(Buffer.from('another image')) })))
    .expectFailure('UPDATE_ROLLBACK_COMPLETE', `image s3://${IMAGES}/builds/disk.img is not the one that 'sha256' names: its SHA-256 is ${sha256(image)}, and should be `);
  world.expectOnly('Pins', ...ids);
  (await world.destroy('Pins')).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft('Pins');
});
