import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, SnapshotImport, ZeroBlocks } from '../../../src';
import { NEW_ACCOUNT_CONCURRENCY } from '../../../world/emulator/lambda/concurrency';
import type { Build } from '../../harness/deployment/deployment-world';
import { EbsWorld, IMAGES } from '../../harness/deployment/ebs-world';
import { sparseQcow2 } from '../../harness/formats/sparse-qcow2';

/** Four times what a range of 512 MiB takes, so that images of 25 GiB take as long as of 100 GiB. Nearly all of them is zeros that are left out. */
const RANGE = 32_000;
const GIBIBYTES = 25;
const MINUTE = 60_000;

let world: EbsWorld;
beforeEach(async () => { world = await EbsWorld.start({ lambda: { concurrency: NEW_ACCOUNT_CONCURRENCY, coldStart: 1_000, invocation: RANGE } }); });
afterEach(() => world.close());

const imports = (names: string[], gibibytes: number): Build => stack => {
  const bucket = Bucket.fromBucketName(stack, 'Images', IMAGES);
  for (const name of names) {
    new SnapshotImport(stack, name, { image: DiskImage.fromBucket(bucket, `${gibibytes}.qcow2`), zeroBlocks: ZeroBlocks.OMIT });
  }
};

async function givenImage(gibibytes: number): Promise<Buffer> {
  const data = Buffer.alloc(65_536, 'data');
  await world.put(IMAGES, `${gibibytes}.qcow2`, sparseQcow2(gibibytes, data));
  return data;
}

describe('in a new account, which may run ten functions at once', () => {
  test('two imports that take as long as those of 100 GiB succeed, slower', async () => {
    const data = await givenImage(GIBIBYTES);
    const begin = world.emulator.clock.now();

    const outcome = (await world.deploy('New', imports(['One', 'Two'], GIBIBYTES))).expectSuccess('CREATE_COMPLETE');

    const minutes = (world.emulator.clock.now() - begin) / MINUTE;
    for (const name of ['One', 'Two']) {
      const { state, volumeSize, presentIndexes } = world.snapshot(outcome.id(name));
      expect({ state, volumeSize, presentIndexes }).toEqual({ state: 'completed', volumeSize: GIBIBYTES, presentIndexes: [0] });
      expect(world.emulator.ebs.blockAt(outcome.id(name), 0).subarray(0, data.length).equals(data)).toBe(true);
    }
    const { peak, refused } = world.emulator.lambda.concurrency;
    expect(peak).toBe(NEW_ACCOUNT_CONCURRENCY);
    expect(refused).toBeGreaterThan(0);
    // 100 ranges of 32 seconds by ten workers are 5.3 minutes; the rest are pauses, polls, and the three minutes after the deployment.
    expect(minutes).toBeLessThan(20);
  }, 120_000);
});
