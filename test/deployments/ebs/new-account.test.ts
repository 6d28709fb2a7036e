import { RemovalPolicy, Tags } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, FileSystem, SnapshotImport, ZeroBlocks } from '../../../src';
import { NEW_ACCOUNT_CONCURRENCY } from '../../../world/emulator/lambda/concurrency';
import type { Build } from '../../harness/deployment/deployment-world';
import { EbsWorld, IMAGES } from '../../harness/deployment/ebs-world';
import { Network } from '../../harness/deployment/network';
import { sparseQcow2 } from '../../harness/formats/sparse-qcow2';

/** Four times what a range of 512 MiB takes, so that images of 25 GiB take as long as of 100 GiB. Nearly all of them is zeros that are left out. */
const RANGE = 32_000;
const GIBIBYTES = 25;

let world: EbsWorld;
beforeEach(async () => { world = await EbsWorld.start({ lambda: { concurrency: NEW_ACCOUNT_CONCURRENCY, coldStart: 1_000, invocation: RANGE } }); });
afterEach(() => world.close());

const imports = (names: string[], gibibytes: number, description?: string): Build => stack => {
  const bucket = Bucket.fromBucketName(stack, 'Images', IMAGES);
  for (const name of names) {
    new SnapshotImport(stack, name, { image: DiskImage.fromBucket(bucket, `${gibibytes}.qcow2`), zeroBlocks: ZeroBlocks.OMIT, description });
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
    const outcome = (await world.deploy('New', imports(['One', 'Two'], GIBIBYTES))).expectSuccess('CREATE_COMPLETE');

    for (const name of ['One', 'Two']) {
      const { state, volumeSize, presentIndexes } = world.snapshot(outcome.id(name));
      expect({ state, volumeSize, presentIndexes }).toEqual({ state: 'completed', volumeSize: GIBIBYTES, presentIndexes: [0] });
      expect(world.emulator.ebs.blockAt(outcome.id(name), 0).subarray(0, data.length).equals(data)).toBe(true);
    }
    const { peak, refused } = world.emulator.lambda.concurrency;
    expect(peak).toBe(NEW_ACCOUNT_CONCURRENCY);
    expect(refused).toBeGreaterThan(0);
  }, 600_000);

  test('six file systems with their mount targets and two imports are made, changed and deleted in one stack', async () => {
    const network = new Network(world.emulator);
    await world.put(IMAGES, '1.qcow2', sparseQcow2(1, Buffer.alloc(65_536, 'data')));
    const build = (description: string): Build => stack => {
      const vpc = network.vpc(stack);
      for (let n = 1; n <= 6; n++) {
        const files = new FileSystem(stack, `Files${n}`, { vpc, removalPolicy: RemovalPolicy.DESTROY });
        Tags.of(files).add('description', description);
      }
      imports(['One', 'Two'], 1, description)(stack);
    };

    (await world.deploy('New', build('first'))).expectSuccess('CREATE_COMPLETE');
    const updated = (await world.deploy('New', build('second'))).expectSuccess('UPDATE_COMPLETE');

    const { efs, lambda } = world.emulator;
    expect(efs.fileSystems.map(({ tags: { description }, lifeCycleState }) => `${description} ${lifeCycleState}`)).toEqual(Array(6).fill('second available'));
    expect(efs.mountTargets).toHaveLength(6 * 2);
    for (const name of ['One', 'Two']) { expect(world.snapshot(updated.id(name)).state).toBe('completed'); }
    world.expectOnly('New', updated.id('One'), updated.id('Two'));
    expect(lambda.concurrency.refused).toBeGreaterThan(0);
    await world.destroy('New');
    expect([...efs.fileSystems, ...efs.mountTargets]).toEqual([]);
    world.expectNothingLeft('New');
  }, 600_000);
});
