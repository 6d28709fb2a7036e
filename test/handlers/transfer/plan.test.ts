import { Transfer } from './transfer';
import { plan } from '../../../lambda/transfer/import/plan';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { Lateness } from '../../../world/emulator/lateness';
import { IMAGES } from '../../harness/ebs/disk-images';

let transfer: Transfer;

beforeEach(async () => { transfer = await Transfer.start(); });
afterEach(() => transfer.world.close());

describe('plan', () => {
  test('leaves a small disk to one worker, with the whole budget', async () => {
    const { aws, input, snapshotId } = transfer;
    expect(await plan(aws, input)).toMatchObject({ snapshotId, workers: 1, ranges: [{ n: 0 }] });
    expect(await transfer.plan()).toMatchObject({ source: input.source, blocks: 40, rangeBlocks: 40, putsPerSecond: 900 });
  });

  test('keeps to what the user chose', async () => {
    const { world, aws, input, snapshotId } = transfer;
    const size = 100 * 1024 ** 3;
    Object.assign(world.s3.object(IMAGES, 'disk.img')!.content, { size });
    const { workers } = await plan(aws, { snapshotId, source: { ...input.source, size }, maxConcurrency: 3, maxPutsPerSecond: 60 });
    expect(workers).toBe(3);
    expect(await transfer.plan()).toMatchObject({ putsPerSecond: 20 });
  });

  test('makes at most 1,000 ranges, and answers with nothing but their numbers', async () => {
    const { world, aws, input, snapshotId } = transfer;
    const size = 2_500_001 * BLOCK_SIZE;
    Object.assign(world.s3.object(IMAGES, 'disk.img')!.content, { size });
    const { ranges, workers } = await plan(aws, { snapshotId, source: { ...input.source, size } });
    expect(workers).toBe(12);
    expect(ranges).toHaveLength(996);
    expect(ranges[993]).toEqual({ n: 993 });
    expect(await transfer.plan()).toMatchObject({ blocks: 2_500_001, rangeBlocks: 2511 });
  });

  test('refuses a snapshot that was sealed before, and keeps its plan', async () => {
    const { aws, input, snapshotId } = transfer;
    await plan(aws, input);
    await aws.store.saveManifest({ snapshotId, blocks: 0, checksum: '' });
    const before = await transfer.plan();
    await expect(plan(aws, { ...input, maxPutsPerSecond: 60 })).rejects.toThrow(`snapshot ${snapshotId} was sealed before; nothing is done`);
    expect(await transfer.plan()).toEqual(before);
  });

  test.each([
    ['of an image that is as it was', undefined],
    ['of an image that was overwritten, so that the plan fails', 'failed'],
  ])('ends only when EC2 lists the snapshot %s', async (_, failure) => {
    await transfer.world.close();
    const lateness = new Lateness(1);
    lateness.fix('snapshotListing', /./, 120);
    transfer = await Transfer.start({ ec2: { lateness, youngById: false } });
    const { world, aws, input, snapshotId } = transfer;
    if (failure) { await world.s3.put(IMAGES, 'disk.img', Buffer.alloc(1)); }
    const ended = await plan(aws, input).then(() => undefined, () => failure);
    expect(ended).toBe(failure);
    expect((await aws.snapshots.find(snapshotId))?.id).toBe(snapshotId);
  });
});
