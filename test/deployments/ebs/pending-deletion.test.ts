import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, SnapshotImport } from '../../../src';
import { disk, IMAGES, EbsWorld } from '../../harness/deployment/ebs-world';

const IS_PENDING = /cannot be deleted while it is pending \(.+\); EBS gives it up 60 minutes after its last block, .*; delete it then/;

let world: EbsWorld;
beforeAll(async () => { world = await EbsWorld.start({ ec2: { pendingDeletion: 'refused' } }); });
afterAll(() => world.close());

test('where EC2 refuses to delete pending snapshots, a failed creation does not hold up its rollback, and goes with the stack later', async () => {
  await world.put(IMAGES, 'disk.img', disk(3, 'pending'));
  world.emulator.server.faults.inject('ebs:PutSnapshotBlock', { kind: 'error', code: 'AccessDeniedException', status: 403, message: 'no' }, { times: Infinity });
  const from = world.emulator.clock.now();
  const outcome = await world.deploy('Pending', stack => {
    const bucket = Bucket.fromBucketName(stack, 'Images', IMAGES);
    new SnapshotImport(stack, 'Disk', { image: DiskImage.fromBucket(bucket, 'disk.img') });
  });
  outcome.expectFailure('ROLLBACK_FAILED', IS_PENDING);
  expect(world.emulator.clock.now() - from).toBeLessThan(30 * 60_000);
  const [id] = world.madeBy('Pending/Disk');
  expect(outcome.failures.join('\n')).toContain(id);
  // The first try and Lambda's two.
  const logged = world.logs.filter(({ functionName, line }) => functionName.includes('CleanUp') && line.includes('could not clean up') && line.includes(id));
  expect(logged).toHaveLength(3);

  await world.pass({ hours: 1 });
  (await world.destroy('Pending')).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft('Pending');
});
