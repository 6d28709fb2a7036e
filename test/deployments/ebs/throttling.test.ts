import { RemovalPolicy } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, SnapshotImport } from '../../../src';
import { THROTTLE } from '../../../world/emulator/faults';
import type { Build } from '../../harness/deployment/deployment-world';
import { disk, EbsWorld, IMAGES } from '../../harness/deployment/ebs-world';

const MINUTES = 5;

let world: EbsWorld;
beforeEach(async () => { world = await EbsWorld.start(); });
afterEach(() => world.close());

const image = disk(2, 'throttled');
const build: Build = stack => void new SnapshotImport(stack, 'Disk', {
  image: DiskImage.fromBucket(Bucket.fromBucketName(stack, 'Images', IMAGES), 'throttled.img'), removalPolicy: RemovalPolicy.DESTROY,
});

/** Throttles the operations for five minutes after the first call of one of them. */
function throttle(operations: RegExp): void {
  const { clock, server } = world.emulator;
  let until: number | undefined;
  server.faults.persist(operations, THROTTLE, () => clock.now() < (until ??= clock.now() + MINUTES * 60_000));
}

test('an import whose start is throttled for minutes is begun by a poll, and has the id of its snapshot', async () => {
  await world.put(IMAGES, 'throttled.img', image);
  throttle(/^ebs:StartSnapshot$/);
  const made = await world.deploy('Throttled', build);
  world.expectContent(made.expectSuccess('CREATE_COMPLETE').id('Disk'), image);

  world.emulator.server.faults.clear();
  throttle(/^ec2:DeleteSnapshot$/);
  (await world.destroy('Throttled')).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft('Throttled');
});

test('an import whose start is throttled until another resource fails leaves nothing', async () => {
  await world.put(IMAGES, 'throttled.img', image);
  throttle(/^ebs:StartSnapshot$/);
  (await world.deploy('Throttled', build, { cancelAfter: 150 })).expectRolledBack('ROLLBACK_COMPLETE');
  world.expectNothingLeft('Throttled');
});
