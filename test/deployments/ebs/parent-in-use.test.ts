import { EBSClient, StartSnapshotCommand } from '@aws-sdk/client-ebs';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, Snapshot, SnapshotImport } from '../../../src';
import { PARENT_TAG } from '../../../src/contract/ownership';
import type { Build } from '../../harness/deployment/deployment-world';
import { disk, EbsWorld, IMAGES } from '../../harness/deployment/ebs-world';

let world: EbsWorld;
beforeAll(async () => {
  world = await EbsWorld.start({ ebs: { completionDelay: 20 * 60_000 } });
  await world.put(IMAGES, 'disk.img', disk(3, 'parent'));
});
afterAll(() => world.close());

const build = (parentId?: string): Build => stack => {
  new SnapshotImport(stack, 'Disk', {
    image: DiskImage.fromBucket(Bucket.fromBucketName(stack, 'Images', IMAGES), 'disk.img'),
    ...parentId !== undefined && { waitForCompletion: false, parent: Snapshot.fromSnapshotId(stack, 'Parent', parentId) },
  });
};

test('the deletion of a snapshot from which another stack imports names that stack, and succeeds when the import has ended', async () => {
  const parent = (await world.deploy('Base', build())).expectSuccess('CREATE_COMPLETE').id('Disk');
  const other = (await world.deploy('Derived', build(parent))).expectSuccess('CREATE_COMPLETE');
  const refused = await world.destroy('Base');
  refused.expectFailure('DELETE_FAILED', `snapshot ${parent} cannot be deleted while ${other.stackId} imports ${other.id('Disk')} with it as the parent`);

  await world.pass({ hours: 1 });
  (await world.destroy('Base')).expectSuccess('DELETE_COMPLETE');
  world.expectContent(other.id('Disk'), disk(3, 'parent'));
  (await world.destroy('Derived')).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft('Derived');
});

test('a pending snapshot of somebody with the tag of a child holds up no deletion', async () => {
  const parent = (await world.deploy('Held', build())).expectSuccess('CREATE_COMPLETE').id('Disk');
  const ebs = new EBSClient(world.emulator.config);
  await ebs.send(new StartSnapshotCommand({ VolumeSize: 1, Timeout: 4_320, Tags: [{ Key: PARENT_TAG, Value: parent }] }));
  ebs.destroy();
  await world.pass({ minutes: 5 });
  (await world.destroy('Held')).expectSuccess('DELETE_COMPLETE');
  expect(world.madeBy('Held/Disk')).toEqual([]);
});
