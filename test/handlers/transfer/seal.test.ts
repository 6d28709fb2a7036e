import { PLENTY, Transfer } from './transfer';
import { copy } from '../../../lambda/transfer/import/copy';
import { plan } from '../../../lambda/transfer/import/plan';
import { seal } from '../../../lambda/transfer/import/seal';
import { IMAGES } from '../../harness/ebs/disk-images';

let transfer: Transfer;

beforeEach(async () => { transfer = await Transfer.start(); });
afterEach(() => transfer.world.close());

describe('seal', () => {
  test('refuses while a range is missing', async () => {
    const { world, aws, input, snapshotId } = transfer;
    await plan(aws, input, 20);
    await copy(aws, { snapshotId, n: 0 }, PLENTY);
    await expect(seal(aws, { snapshotId })).rejects.toThrow(`range 1 of snapshot ${snapshotId} was not copied completely`);
    expect(world.server.count('ebs:CompleteSnapshot')).toBe(0);
  });

  test('refuses while a block is missing', async () => {
    const { world, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, PLENTY);
    const record = await transfer.object('digests/0');
    await aws.store.saveRange(snapshotId, 0, Buffer.from(record).fill(0, 7 * 32, 8 * 32));
    await expect(seal(aws, { snapshotId })).rejects.toThrow(`range 0 of snapshot ${snapshotId} was not copied completely`);
    expect(world.server.count('ebs:CompleteSnapshot')).toBe(0);
  });

  test('refuses an image that was replaced after it was copied', async () => {
    const { world, image, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, PLENTY);
    await world.s3.put(IMAGES, 'disk.img', Buffer.concat([image, Buffer.alloc(1)]));
    await expect(seal(aws, { snapshotId })).rejects.toThrow('was replaced or deleted while it was being imported');
    expect(world.server.count('ebs:CompleteSnapshot')).toBe(0);
  });

  test('done again after its function was lost changes nothing', async () => {
    const { world, image, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, PLENTY);
    await seal(aws, { snapshotId });
    await seal(aws, { snapshotId });
    await world.clock.sleep(60_000);
    world.expectContent(snapshotId, image);
  });

  // Two at once: the first looks for others before the second has come, and is overtaken by it.
  test.each([['first', 0], ['second', 1]])('done by two at once succeeds, if it is the %s that EBS refuses', async (_, refused) => {
    const { world, image, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, PLENTY);
    const complete = aws.writer.complete.bind(aws.writer);
    const waiting: (() => void)[] = [];
    aws.writer.complete = async (...call) => {
      await new Promise<void>(resolve => waiting.push(resolve));
      return complete(...call);
    };
    const both = [seal(aws, { snapshotId }), seal(aws, { snapshotId })];
    while (waiting.length < 2) { await new Promise(setImmediate); }
    waiting[1 - refused]();
    await Promise.race(both);
    waiting[refused]();
    await Promise.all(both);
    await world.clock.sleep(60_000);
    world.expectContent(snapshotId, image);
  });

  test('of a snapshot that EBS calls wrong for another reason fails', async () => {
    const { world, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, PLENTY);
    world.server.faults.inject('ebs:CompleteSnapshot', { kind: 'error', code: 'ValidationException', status: 400, message: 'no', members: { Reason: 'INVALID_SNAPSHOT_ID' } });
    await expect(seal(aws, { snapshotId })).rejects.toThrow(`ebs:CompleteSnapshot failed for snapshot ${snapshotId}: ValidationException (INVALID_SNAPSHOT_ID): no`);
  });
});
