import { RemovalPolicy, Size } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, SnapshotImport, type SnapshotImportProps } from '../../../src';
import { BROKEN, type Fault } from '../../../world/emulator/faults';
import { SSE_C } from '../../../world/emulator/s3/request';
import type { Build, Options } from '../../harness/deployment/deployment-world';
import { disk, IMAGES, EbsWorld } from '../../harness/deployment/ebs-world';

const DENIED: Fault = { kind: 'error', code: 'AccessDeniedException', status: 403, message: 'You are not allowed to put this block' };
const FOREVER = { times: Infinity };

let world: EbsWorld;
beforeAll(async () => { world = await EbsWorld.start(); });
afterAll(() => world.close());

const good = disk(2, 'good');
const key = 'failing.img';
/** `Standing` stays in the stack, so that the functions are made only once. */
const build = (more?: Partial<SnapshotImportProps> & { key?: string }, changes: Partial<SnapshotImportProps> = {}): Build => stack => {
  const bucket = Bucket.fromBucketName(stack, 'Images', IMAGES);
  new SnapshotImport(stack, 'Standing', { image: DiskImage.fromBucket(bucket, 'good.img'), ...changes });
  if (more) { new SnapshotImport(stack, 'Disk', { image: DiskImage.fromBucket(bucket, more.key ?? key), ...more }); }
};
const deploy = (built: Build, options?: Options) => world.deploy('Failing', built, options);
const faults = () => world.emulator.server.faults;
let standing: string;
const expectAsBefore = () => {
  world.expectOnly('Failing', standing);
  world.expectContent(standing, good);
};

beforeAll(async () => {
  await world.put(IMAGES, 'good.img', good);
  await world.put(IMAGES, key, disk(5, 'failing', 99));
  await world.put(IMAGES, 'empty.img', Buffer.alloc(0));
  await world.emulator.s3.put(IMAGES, 'large.img', { path: world.sparseFile('large.img', 1024 ** 3 + 1) });
  standing = (await deploy(build())).expectSuccess('CREATE_COMPLETE').id('Standing');
});
afterEach(() => faults().clear());

test('an image that S3 gives only to those who send its key is refused with the cause and the remedy, and nothing is left', async () => {
  await world.emulator.s3.put(IMAGES, 'client-key.img', good, { [SSE_C]: 'AES256' });
  const outcome = await deploy(build({ key: 'client-key.img' }));
  outcome.expectFailure('UPDATE_ROLLBACK_COMPLETE', new RegExp('image s3://images/client-key.img cannot be read: S3 calls the request invalid; '
    + 'an object that is encrypted with a key of the client \\(SSE-C\\) must be copied with another encryption'));
  expectAsBefore();
});

describe('an import that fails', () => {
  test.each<[string, Partial<SnapshotImportProps> & { key?: string }, RegExp]>([
    ['because the image is missing', { key: 'missing.img' }, /image s3:\/\/images\/missing\.img does not exist/],
    ['because the image is empty', { key: 'empty.img' }, /image s3:\/\/images\/empty\.img is empty/],
    ['because the image is larger than the volume', { key: 'large.img', volumeSize: Size.gibibytes(1) },
      /'volumeSize' is 1 GiB, but the image s3:\/\/images\/large\.img needs 2 GiB/],
  ])('%s leaves nothing', async (_, more, message) => {
    (await deploy(build(more))).expectFailure('UPDATE_ROLLBACK_COMPLETE', message);
    expectAsBefore();
  });

  test('because the image is deleted before the copy leaves nothing', async () => {
    await world.put(IMAGES, 'passing.img', good);
    const bucket = world.emulator.s3.buckets.get(IMAGES)!;
    faults().before('ebs:StartSnapshot', () => bucket.remove('passing.img', 'null'));
    (await deploy(build({ key: 'passing.img' })))
      .expectFailure('UPDATE_ROLLBACK_COMPLETE', /image s3:\/\/images\/passing\.img was replaced or deleted while it was being imported/);
    expectAsBefore();
  });

  test('because the image is replaced during the copy leaves nothing', async () => {
    faults().before('ebs:PutSnapshotBlock', () => void world.put(IMAGES, key, disk(5, 'replaced', 99)));
    (await deploy(build({})))
      .expectFailure('UPDATE_ROLLBACK_COMPLETE', /image s3:\/\/images\/failing\.img was replaced or deleted while it was being imported/);
    expectAsBefore();
  });

  test('because no block may be put leaves nothing, and says so', async () => {
    faults().inject('ebs:PutSnapshotBlock', DENIED, FOREVER);
    (await deploy(build({}))).expectFailure('UPDATE_ROLLBACK_COMPLETE',
      /ebs:PutSnapshotBlock failed for block \d+ of snapshot snap-\w+: AccessDeniedException.*: You are not allowed to put this block/);
    expectAsBefore();
  });

  test('in the very first deployment leaves not even the bucket', async () => {
    faults().inject('ebs:PutSnapshotBlock', DENIED, { ...FOREVER, skip: 3 });
    (await world.deploy('Failed', build())).expectFailure('ROLLBACK_COMPLETE', 'ebs:PutSnapshotBlock failed');
    world.expectNothingLeft('Failed');
  });

  test('is taken back with either id in the rollback, the old snapshot untouched', async () => {
    for (const rollbackPhysicalId of ['old', 'new'] as const) {
      faults().inject('ebs:PutSnapshotBlock', DENIED, { ...FOREVER, skip: 2 });
      // An increment of the same image would put nothing.
      (await deploy(build(undefined, { sourceRevision: '2', incremental: false }), { rollbackPhysicalId }))
        .expectFailure('UPDATE_ROLLBACK_COMPLETE', 'ebs:PutSnapshotBlock failed');
      faults().clear();
      expectAsBefore();
    }
  });

  test.each<[string, Options]>([
    ['once the new snapshot is complete', { failAfter: 'Standing' }],
    ['while blocks are put', { cancelAfter: 4 }],
    ['while EBS completes the snapshot', { cancelAfter: 14 }],
  ])('elsewhere, %s, is taken back with either id in the rollback', async (_, options) => {
    for (const rollbackPhysicalId of ['old', 'new'] as const) {
      (await deploy(build(undefined, { sourceRevision: '2' }), { ...options, rollbackPhysicalId })).expectRolledBack();
      expectAsBefore();
    }
  });

  test('and is retained is deleted all the same if it was never complete', async () => {
    faults().inject('ebs:PutSnapshotBlock', DENIED, FOREVER);
    (await deploy(build({ removalPolicy: RemovalPolicy.RETAIN }))).expectFailure('UPDATE_ROLLBACK_COMPLETE', 'ebs:PutSnapshotBlock failed');
    expectAsBefore();
  });

  test.each([1, 4, 8, 14])('because it is cancelled after %s seconds leaves nothing', async cancelAfter => {
    (await deploy(build({}), { cancelAfter })).expectRolledBack();
    expectAsBefore();
  });
});

describe('an import', () => {
  test('survives a burst of server errors', async () => {
    faults().inject('ebs:PutSnapshotBlock', BROKEN, { times: 6, skip: 2 });
    faults().inject('s3:GetObject', BROKEN, { times: 2 });
    faults().inject('ebs:CompleteSnapshot', BROKEN, { times: 2 });
    const outcome = (await deploy(build({}))).expectSuccess('UPDATE_COMPLETE');
    world.expectContent(outcome.id('Disk'), disk(5, 'replaced', 99));
    world.expectOnly('Failing', standing, outcome.id('Disk'));
    (await deploy(build())).expectSuccess('UPDATE_COMPLETE');
    expectAsBefore();
  });

  test.each([undefined, 3, 40])('whose events arrive twice (%s seconds later) makes one snapshot', async duplicateDelay => {
    const twice = { duplicate: 'Disk', duplicateDelay };
    const created = (await deploy(build({}), twice)).expectSuccess('UPDATE_COMPLETE');
    world.expectOnly('Failing', standing, created.id('Disk'));
    world.expectContent(created.id('Disk'), disk(5, 'replaced', 99));
    const changed = (await deploy(build({ sourceRevision: '2' }), twice)).expectSuccess('UPDATE_COMPLETE');
    world.expectOnly('Failing', standing, changed.id('Disk'));
    world.expectContent(changed.id('Disk'), disk(5, 'replaced', 99));
    (await deploy(build(), twice)).expectSuccess('UPDATE_COMPLETE');
    expectAsBefore();
  });

  test('whose Create arrives after its Delete leaves nothing', async () => {
    const seen = world.logs.length;
    (await deploy(build({}), { lateCreate: 'Disk', cancelAfter: 100, lateCreateDelay: 100 })).expectRolledBack();
    const logged = (pattern: RegExp) => world.logs.slice(seen).filter(({ line }) => pattern.test(line)).length;
    expect(logged(/"event":"received","RequestType":"Create"/)).toBe(1);
    expect(logged(/"event":"snapshot started"/)).toBe(0);
    expectAsBefore();
  });

  test('that is cancelled leaves alone what was retained of the same name', async () => {
    const retained = (await deploy(build({ removalPolicy: RemovalPolicy.RETAIN }))).expectSuccess('UPDATE_COMPLETE').id('Disk');
    (await deploy(build())).expectSuccess('UPDATE_COMPLETE');
    world.expectOnly('Failing', standing, retained);
    for (const cancelAfter of [4, 14]) {
      (await deploy(build({}), { cancelAfter })).expectRolledBack();
      world.expectOnly('Failing', standing, retained);
    }
    const again = (await deploy(build({}))).expectSuccess('UPDATE_COMPLETE').id('Disk');
    world.expectOnly('Failing', standing, retained, again);
    (await deploy(build())).expectSuccess('UPDATE_COMPLETE');
    world.expectOnly('Failing', standing, retained);
    world.emulator.ec2.snapshots.remove(retained);
  });

  test('goes, and its functions and bucket with it', async () => {
    (await world.destroy('Failing')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Failing');
  });
});
