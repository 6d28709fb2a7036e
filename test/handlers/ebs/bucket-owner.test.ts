import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { ACCOUNT } from '../../../world/emulator/environment';
import { THROTTLE } from '../../../world/emulator/faults';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';

const OTHER = '999988887777';
const FOREIGN = 'foreign-images';
const EXPORTS = 'exports';
const HOUR = 3_600_000;

let world: EbsHandlerWorld;
afterEach(() => world.close());

/** A bucket of another account that lets everybody in, as one has it that wants to supply or receive a disk. */
function openBucket(name: string, owner: string): void {
  const arn = `arn:aws:s3:::${name}`;
  world.s3.createBucket(name, {
    owner, policy: { Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:*', Resource: [arn, `${arn}/*`] }] } as never,
  });
}

/** Calls about a bucket that do not name the expected owner. */
function callsWithoutOwner(bucket: string, owner: string): string[] {
  const missing: string[] = [];
  const handle = world.s3.handle.bind(world.s3);
  jest.spyOn(world.s3, 'handle').mockImplementation(call => {
    if (call.path.split('/')[1] === bucket && call.headers['x-amz-expected-bucket-owner'] !== owner) { missing.push(world.s3.operation(call)); }
    return handle(call);
  });
  return missing;
}

describe('an import', () => {
  const image = disk(25 * BLOCK_SIZE + 5);
  const wanted = (owner?: string) => properties({ SourceBucket: FOREIGN, SourceBucketOwner: owner });

  async function start(): Promise<void> {
    world = await EbsHandlerWorld.start({ rangeBlocks: 11 });
    openBucket(FOREIGN, OTHER);
    await world.s3.put(FOREIGN, 'disk.img', image);
  }

  test('of a bucket that belongs to another account than expected is refused, and makes nothing', async () => {
    await start();
    await expect(world.stack().deploy(wanted(ACCOUNT))).rejects.toThrow('access is denied (it needs s3:GetObject, and kms:Decrypt if a customer key encrypts it, '
      + `which 'encryptionKey' of the DiskImage names; the bucket must be of 'bucketOwner' ${ACCOUNT}`);
    expect(world.snapshotIds).toEqual([]);
  });

  /** Puts a bucket of another account in the place of the bucket of the images. */
  async function changeHands(): Promise<void> {
    world.s3.buckets.delete(IMAGES);
    openBucket(IMAGES, OTHER);
    await world.s3.put(IMAGES, 'disk.img', image);
  }

  test.each([
    ['that CloudFormation waits for', {}],
    ['in the background', { WaitForCompletion: false }],
    ['that began while S3 throttled', {}, () => world.server.faults.inject('s3:HeadObject', THROTTLE, { times: 60 })],
  ])('of the bucket of the expected account names that account in every call: one %s', async (_, more, hinder = () => {}) => {
    await start();
    const missing = callsWithoutOwner(FOREIGN, OTHER);
    hinder();
    const { SnapshotId } = await world.stack().deploy({ ...wanted(OTHER), Verify: 'FULL', ...more });
    await world.clock.sleep(HOUR);
    world.expectContent(SnapshotId, image);
    expect(missing).toEqual([]);
  });

  test('reads nothing of a bucket that changed hands meanwhile', async () => {
    world = await EbsHandlerWorld.start({ rangeBlocks: 11 });
    await world.s3.put(IMAGES, 'disk.img', image);
    const stack = world.stack();
    const event = stack.event('Create', properties({ SourceBucketOwner: ACCOUNT }));
    const started = await world.handlers.act(event);
    await changeHands();
    world.handlers.act = async () => started;
    await expect(stack.play(event)).rejects.toThrow('access is denied');
    expect(world.snapshotIds).toEqual([]);
  });

  test('in the background reads nothing of a bucket that changed hands after CloudFormation had its answer', async () => {
    world = await EbsHandlerWorld.start({ rangeBlocks: 11, rule: true });
    await world.s3.put(IMAGES, 'disk.img', image);
    let reads = { bytes: 0 };
    world.server.faults.before('ebs:StartSnapshot', () => { void changeHands().then(() => { reads = world.readsOf(IMAGES, 'disk.img'); }); });
    const { SnapshotId } = await world.stack().deploy(properties({ SourceBucketOwner: ACCOUNT, WaitForCompletion: false }));
    await world.clock.sleep(HOUR);
    expect(world.snapshotIds).not.toContain(SnapshotId);
    expect(world.s3.buckets.get(IMAGES)!.owner).toBe(OTHER);
    expect(reads.bytes).toBe(0);
  });
});

describe('an export', () => {
  const wanted = (SnapshotId: string, owner?: string) => ({
    SnapshotId, Bucket: EXPORTS, BucketOwner: owner, Key: 'disk.img', Owner: 'Stack/Export', RemovalPolicy: 'Delete',
  });

  async function start(): Promise<string> {
    world = await EbsHandlerWorld.start({ smallExport: { partBlocks: 10, rangeParts: 2, blocks: 36 }, ebs: { startWindow: 0 } });
    openBucket(EXPORTS, OTHER);
    return world.givenSnapshot({ 0: Buffer.alloc(BLOCK_SIZE, 1), 20: Buffer.alloc(BLOCK_SIZE, 2) });
  }

  test('to a bucket that belongs to another account than expected is refused, and writes nothing', async () => {
    const snapshot = await start();
    await expect(world.exports().deploy(wanted(snapshot, ACCOUNT))).rejects.toThrow(`access is denied (the bucket must be of 'bucketOwner' ${ACCOUNT})`);
    expect(world.s3.buckets.get(EXPORTS)!.versions()).toEqual([]);
    expect(world.s3.buckets.get(EXPORTS)!.uploads.size).toBe(0);
  });

  test('names the account in every call, from the creation to the deletion', async () => {
    const snapshot = await start();
    const missing = callsWithoutOwner(EXPORTS, OTHER);
    const stack = world.exports();
    await stack.deploy(wanted(snapshot, OTHER));
    expect(world.s3.buckets.get(EXPORTS)!.versions().map(({ key }) => key)).toEqual(['disk.img', 'disk.img.manifest']);
    await stack.deploy({ ...wanted(snapshot, OTHER), Key: 'second.img' });
    await stack.destroy();
    expect(world.s3.buckets.get(EXPORTS)!.versions()).toEqual([]);
    expect(missing).toEqual([]);
  });
});
