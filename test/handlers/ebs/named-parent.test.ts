import type { StartSnapshotCommandInput } from '@aws-sdk/client-ebs';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { BROKEN, THROTTLE } from '../../../world/emulator/faults';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';

let world: EbsHandlerWorld;
const image = disk(9 * BLOCK_SIZE - 3);
const blocks = Buffer.concat([image, Buffer.alloc(3)]);
const blockOf = (index: number) => blocks.subarray(index * BLOCK_SIZE, (index + 1) * BLOCK_SIZE);

async function start(options?: EbsHandlerWorldOptions): Promise<void> {
  world = await EbsHandlerWorld.start({ rangeBlocks: 4, pageBlocks: 100, ...options });
  await world.s3.put(IMAGES, 'disk.img', image);
}

/** A snapshot that somebody else made, of these blocks; if it is complete, EBS can read it, too. */
async function foreign(content: Record<number, Buffer>, more: Partial<StartSnapshotCommandInput> = {}, complete = true): Promise<string> {
  const id = await world.givenSnapshot(content, more, complete);
  await world.clock.sleep(50_000);
  return id;
}

/** All of the image but block 4, which is not there, and blocks 2 and 7, which are others; and something beyond the image. */
const MOST = {
  ...Object.fromEntries([0, 1, 3, 5, 6, 8].map(index => [index, blockOf(index)])),
  2: Buffer.alloc(BLOCK_SIZE, 'two'),
  7: Buffer.alloc(BLOCK_SIZE, 'seven'),
  12: Buffer.alloc(BLOCK_SIZE, 'twelve'),
  14: Buffer.alloc(BLOCK_SIZE),
  2047: Buffer.alloc(BLOCK_SIZE, 'the end'),
};
const DIFFERING = [2, 4, 7, 12, 2047];

afterEach(() => world.close());

describe('a parent that was not imported here', () => {
  test.each([false, true])('is read once, and only what differs from it is put (empty pages: %s)', async emptyPages => {
    await start({ ebs: { emptyPages }, rangeBlocks: 600 });
    const parent = await foreign(MOST);
    const { SnapshotId, ParentSnapshotId } = await world.stack().deploy(properties({ ParentSnapshotId: parent, Verify: 'FULL' }));

    expect(ParentSnapshotId).toBe(parent);
    expect(world.ebs.snapshot(SnapshotId)).toMatchObject({ parentSnapshotId: parent, writtenIndexes: DIFFERING, putCount: DIFFERING.length });
    world.expectContent(SnapshotId, image);
    // The verification reads the other half.
    expect(world.server.count('ebs:GetSnapshotBlock')).toBe(Object.keys(MOST).length + Object.keys(MOST).length + 1);
    expect(world.snapshotIds).toEqual([parent, SnapshotId]);
  });

  test('may be encrypted: so is the new snapshot, whose own increment needs its manifest only', async () => {
    await start();
    const { arn } = world.kms.createKey();
    const parent = await foreign(Object.fromEntries([...Array(9).keys()].map(index => [index, blockOf(index)])), { KmsKeyArn: arn });
    const stack = world.stack();
    const first = await stack.deploy(properties({ ParentSnapshotId: parent, KmsKeyId: arn, VolumeSize: 3 }));
    expect(world.ebs.snapshot(first.SnapshotId)).toMatchObject({ kmsKeyId: arn, putCount: 0, volumeSize: 3 });
    world.expectContent(first.SnapshotId, image);

    await world.s3.put(IMAGES, 'disk.img', disk(10 * BLOCK_SIZE));
    const gets = world.server.count('ebs:GetSnapshotBlock');
    const next = await stack.deploy(properties({ KmsKeyId: arn, VolumeSize: 3, SourceRevision: '2' }));
    expect(next.ParentSnapshotId).toBe(first.SnapshotId);
    // The old image's last block was three bytes shorter.
    expect(world.ebs.snapshot(next.SnapshotId)!.writtenIndexes).toEqual([8, 9]);
    expect(world.server.count('ebs:GetSnapshotBlock')).toBe(gets);
    world.expectContent(next.SnapshotId, disk(10 * BLOCK_SIZE));
  });

  test('is read by several invocations if one runs out of time, and no block is read twice', async () => {
    let invocations = 0;
    // The first ones read a block each.
    await start({ rangeBlocks: 100, remaining: () => { const late = ++invocations < 4; return () => late ? 10_000 : 900_000; } });
    const parent = await foreign(Object.fromEntries([0, 1, 2, 3, 5].map(index => [index, blockOf(index)])));
    const { SnapshotId } = await world.stack().deploy(properties({ ParentSnapshotId: parent }));
    expect(world.invocations.copy).toBe(4);
    expect(world.server.count('ebs:GetSnapshotBlock')).toBe(5);
    expect(world.ebs.snapshot(SnapshotId)!.writtenIndexes).toEqual([4, 6, 7, 8]);
    world.expectContent(SnapshotId, image);
  });

  test('is read again if EBS throttles or fails for a while', async () => {
    await start({ rangeBlocks: 600 });
    const parent = await foreign(MOST);
    world.server.faults.inject('ebs:ListSnapshotBlocks', THROTTLE, { times: 2 });
    world.server.faults.inject('ebs:GetSnapshotBlock', BROKEN, { skip: 1, times: 2 });
    const { SnapshotId } = await world.stack().deploy(properties({ ParentSnapshotId: parent }));
    expect(world.ebs.snapshot(SnapshotId)!.writtenIndexes).toEqual(DIFFERING);
    const failed = world.server.calls.filter(({ status }) => status >= 400).map(({ operation }) => operation);
    expect(failed.filter(operation => operation === 'ebs:ListSnapshotBlocks')).toHaveLength(2);
    expect(failed.filter(operation => operation === 'ebs:GetSnapshotBlock')).toHaveLength(2);
  });

  test('fails the import if reading it is denied, and is kept', async () => {
    await start({ rangeBlocks: 600 });
    const parent = await foreign(MOST);
    world.denied.push('ebs:GetSnapshotBlock');
    await expect(world.stack().deploy(properties({ ParentSnapshotId: parent }))).rejects.toThrow(/ebs:GetSnapshotBlock failed for block \d+ of snapshot snap-\w+: AccessDenied/);
    expect(world.snapshotIds).toEqual([parent]);
  });
});

describe('a parent is refused before anything is made', () => {
  const refused = async (more: Record<string, unknown>, message: string | RegExp) => {
    const starts = world.server.count('ebs:StartSnapshot');
    await expect(world.stack().deploy(properties(more))).rejects.toThrow(message);
    expect(world.server.count('ebs:StartSnapshot')).toBe(starts);
  };
  test('if it is larger, not encrypted, encrypted with another key, not completed, or missing', async () => {
    await start();
    const [key, other] = [world.kms.createKey(), world.kms.createKey()];
    const large = await foreign({}, { VolumeSize: 5 });
    await refused({ ParentSnapshotId: large }, `'volumeSize' is 1 GiB, but parent ${large} has 5 GiB; set 'volumeSize' to at least as much`);
    await refused({ ParentSnapshotId: large, VolumeSize: 5, Encrypted: true }, `'encrypted' is true, but parent ${large} is not encrypted`);
    await refused({ ParentSnapshotId: large, VolumeSize: 5, ZeroBlocks: 'OMIT' }, `'zeroBlocks' is OMIT, but blocks that are left out on top of parent ${large}`);
    const locked = await foreign({}, { KmsKeyArn: key.arn });
    await refused({ ParentSnapshotId: locked, KmsKeyId: other.keyId }, `'kmsKey' is ${other.arn}, but parent ${locked} is encrypted with ${key.arn}`);
    const pending = await foreign({}, {}, false);
    await refused({ ParentSnapshotId: pending }, `parent ${pending} cannot be used: it is pending, not completed`);
    await refused({ ParentSnapshotId: 'snap-0aaaaaaaaaaaaaaaa' }, 'parent snap-0aaaaaaaaaaaaaaaa does not exist');
  });
});
