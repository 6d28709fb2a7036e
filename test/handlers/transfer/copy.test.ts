import { createHash } from 'crypto';
import { EBSClient, PutSnapshotBlockCommand } from '@aws-sdk/client-ebs';
import { PLENTY, Transfer } from './transfer';
import { clientConfig } from '../../../lambda/shared/client-config';
import { HASH_ITEM } from '../../../lambda/transfer/bucket/plan';
import type { Source } from '../../../lambda/transfer/image/object';
import { copy } from '../../../lambda/transfer/import/copy';
import { plan } from '../../../lambda/transfer/import/plan';
import { seal } from '../../../lambda/transfer/import/seal';
import { BlockWriter } from '../../../lambda/transfer/snapshot/block-writer';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import type { Fault } from '../../../world/emulator/faults';
import type { FunctionNetworkOptions } from '../../../world/emulator/lambda/network';
import { checksum } from '../../../world/emulator/s3/checksums';
import { IMAGES } from '../../harness/ebs/disk-images';

let transfer: Transfer;

beforeEach(async () => { transfer = await Transfer.start(); });
afterEach(() => transfer.world.close());

/** Replaces the world by one in which functions have such a network. */
async function throttledBy(network: FunctionNetworkOptions): Promise<Transfer> {
  await transfer.world.close();
  transfer = await Transfer.start({ network });
  return transfer;
}

describe('copy', () => {
  test('puts the blocks of its range, and saves their digests', async () => {
    const { world, image, aws, input, snapshotId } = transfer;
    await plan(aws, input, 15);
    expect(await copy(aws, { snapshotId, n: 2 }, PLENTY)).toEqual({ done: true });

    expect(world.ebs.snapshot(snapshotId)!.writtenIndexes).toEqual([30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
    const padded = Buffer.concat([image, Buffer.alloc(1)]);
    const digests = Array.from({ length: 10 }, (_, i) =>
      createHash('sha256').update(padded.subarray((30 + i) * BLOCK_SIZE, (31 + i) * BLOCK_SIZE)).digest());
    const crc = Buffer.from(checksum('CRC64NVME', [image.subarray(30 * BLOCK_SIZE)]).value, 'base64');
    expect(await transfer.object('digests/2')).toEqual(Buffer.concat([...digests, crc]));
  });

  test('of a finished range does nothing', async () => {
    const { world, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, PLENTY);
    const puts = world.ebs.putCount;
    expect(await copy(aws, { snapshotId, n: 0 }, PLENTY)).toEqual({ done: true });
    expect(world.ebs.putCount).toBe(puts);
  });

  test('whose range another worker finished meanwhile has not failed', async () => {
    const { world, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    // EBS refuses blocks like this once the snapshot is sealed, which happens only after the range is finished.
    let refused = 0;
    world.server.faults.choose(operation => {
      if (operation !== 'ebs:PutSnapshotBlock' || !transfer.has('digests/0')) { return undefined; }
      refused++;
      return { kind: 'error', code: 'ValidationException', status: 400, message: 'already completed', members: { Reason: 'INVALID_SNAPSHOT_ID' } };
    });
    // The first worker puts nothing before the second one wants to, and the second one puts nothing before the first one has finished.
    let secondIsReady!: () => void;
    const ready = new Promise<void>(resolve => { secondIsReady = resolve; });
    const put = aws.writer.put.bind(aws.writer);
    const writerThat = (waits: () => Promise<unknown>): BlockWriter => Object.assign(Object.create(aws.writer), {
      put: async (...call: Parameters<BlockWriter['put']>) => { await waits(); return put(...call); },
    });
    const first = copy({ ...aws, writer: writerThat(() => ready) }, { snapshotId, n: 0 }, PLENTY);
    const second = copy({ ...aws, writer: writerThat(() => { secondIsReady(); return first; }) }, { snapshotId, n: 0 }, PLENTY);

    expect(await Promise.all([first, second])).toEqual([{ done: true }, { done: true }]);
    expect(refused).toBeGreaterThan(0);
    expect(transfer.has('failure')).toBe(false);
  });

  test('whose hash another worker computed meanwhile has not failed', async () => {
    const { world, image, aws, input, snapshotId } = transfer;
    const sha256 = createHash('sha256').update(image).digest('hex');
    const pinned = { ...input, source: { ...input.source, pin: { sha256, prop: 'sha256', computed: true } } } as const;
    const { ranges, workers } = await plan(aws, pinned);
    expect([ranges, workers]).toEqual([[{ n: HASH_ITEM }, { n: 0 }], 2]);
    const read = aws.source.read.bind(aws.source);
    // Once the first worker has finished, the image is replaced, and the second one cannot read any further.
    let first: Promise<unknown> | undefined;
    const source = Object.assign(Object.create(aws.source) as Source, {
      read: async (...call: Parameters<Source['read']>) => {
        first ??= copy(aws, { snapshotId, n: HASH_ITEM }, PLENTY).then(() => world.s3.put(IMAGES, 'disk.img', image.subarray(1)));
        await first;
        return read(...call);
      },
    });
    expect(await copy({ ...aws, source }, { snapshotId, n: HASH_ITEM }, PLENTY)).toEqual({ done: true });
    expect((await transfer.object('sha256')).toString()).toBe(sha256);
    expect(transfer.has('failure')).toBe(false);
  });

  test('stops in time, and goes on there', async () => {
    const { world, image, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    // There is time for a first part of 8 blocks, each time.
    let puts = 0;
    world.server.faults.before('ebs:PutSnapshotBlock', () => { puts++; }, { times: Infinity });
    const deadline = { getRemainingTimeInMillis: () => puts === 0 ? 900_000 : 59_000 };

    for (const done of [8, 16, 24, 32]) {
      puts = 0;
      expect(await copy(aws, { snapshotId, n: 0 }, deadline)).toEqual({ done: false });
      expect(world.ebs.snapshot(snapshotId)).toMatchObject({ putCount: done });
    }
    puts = 0;
    expect(await copy(aws, { snapshotId, n: 0 }, deadline)).toEqual({ done: true });
    expect(world.ebs.snapshot(snapshotId)).toMatchObject({ putCount: 40 });
    await seal(aws, { snapshotId });
    await world.clock.sleep(60_000);
    world.expectContent(snapshotId, image);
  });

  // 40 blocks of 4.2 Mbit take 8.4 seconds a direction at 20 Mbit/s.
  test.each([
    ['each direction by itself', false, 8.4],
    ['both directions together', true, 16.8],
  ])('takes at least the time that its network needs for %s', async (_, shared, least) => {
    const { world, aws, input, snapshotId } = await throttledBy({ megabitsPerSecond: 20, shared });
    await plan(aws, input);
    const begin = world.clock.now();
    expect(await copy(aws, { snapshotId, n: 0 }, PLENTY)).toEqual({ done: true });
    expect((world.clock.now() - begin) / 1000).toBeGreaterThan(least - 0.1);
    expect(world.ebs.snapshot(snapshotId)).toMatchObject({ putCount: 40 });
  });

  test('that its network is too slow to end in time leaves the rest to the next invocations, and puts no block twice', async () => {
    const { world, image, aws, input, snapshotId } = await throttledBy({ megabitsPerSecond: 20 });
    await plan(aws, input);
    let invocations = 0;
    for (let done = false; !done; invocations++) {
      const end = world.clock.now() + 62_500;
      ({ done } = await copy(aws, { snapshotId, n: 0 }, { getRemainingTimeInMillis: () => end - world.clock.now() }));
    }
    expect(invocations).toBeGreaterThan(2);
    expect(world.ebs.snapshot(snapshotId)).toMatchObject({ putCount: 40 });
    await seal(aws, { snapshotId });
    await world.clock.sleep(60_000);
    world.expectContent(snapshotId, image);
  });

  test('copies its first part although there was no time from the start', async () => {
    const { world, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    expect(await copy(aws, { snapshotId, n: 0 }, { getRemainingTimeInMillis: () => 59_000 })).toEqual({ done: false });
    expect(world.ebs.snapshot(snapshotId)).toMatchObject({ putCount: 8 });
  });

  test('that is refused for a while when its time ends leaves the rest to the next invocation', async () => {
    const { world, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    world.server.faults.inject('ebs:PutSnapshotBlock', { kind: 'error', code: 'ThrottlingException', status: 400, message: 'slow down' }, { skip: 12, times: Infinity });
    const end = world.clock.now() + 90_000;
    expect(await copy(aws, { snapshotId, n: 0 }, { getRemainingTimeInMillis: () => end - world.clock.now() })).toEqual({ done: false });
    world.server.faults.clear();
    expect(await copy(aws, { snapshotId, n: 0 }, PLENTY)).toEqual({ done: true });
    expect(world.ebs.snapshot(snapshotId)).toMatchObject({ putCount: 40 });
  });

  test('never has more than 32 puts under way', async () => {
    const { aws, input, snapshotId } = transfer;
    const blocks = 300;
    await aws.store.savePlan(snapshotId, { source: { ...input.source, size: blocks * BLOCK_SIZE }, blocks, rangeBlocks: 2048, putsPerSecond: 1e6 });
    let [underWay, most, puts] = [0, 0, 0];
    const source = { read: async () => {} } as unknown as Source;
    const put = async () => {
      most = Math.max(most, ++underWay);
      await new Promise(resolve => setTimeout(resolve, 1));
      underWay--;
      puts++;
    };
    await copy({ ...aws, source, writer: { put } as unknown as BlockWriter }, { snapshotId, n: 0 }, PLENTY);
    expect(puts).toBe(blocks);
    expect(most).toBe(32);
  });

  // There is time for all of the range, or for its first part only.
  test.each([['a finished range', 900_000], ['an unfinished range', 59_000]])('saves nothing of %s once the import is cancelled', async (_, remaining) => {
    const { world, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    let puts = 0;
    world.server.faults.before('ebs:PutSnapshotBlock', () => { if (puts++ === 0) { transfer.removePlan(); } }, { times: Infinity });
    const deadline = { getRemainingTimeInMillis: () => puts === 0 ? 900_000 : remaining };
    await expect(copy(aws, { snapshotId, n: 0 }, deadline)).rejects.toThrow(`the import of snapshot ${snapshotId} was cancelled`);
    expect(puts).toBe(remaining > 60_000 ? 40 : 8);
    expect(world.transferObjects).toEqual([]);
  });

  test('signs a block again whose signature expired on its way', async () => {
    const { world, aws, input, snapshotId } = transfer;
    await plan(aws, input);
    const expired: Fault = { kind: 'error', code: 'InvalidSignatureException', status: 403, message: 'Signature expired' };
    world.server.faults.inject('ebs:PutSnapshotBlock', expired, { times: 2, skip: 5 });
    expect(await copy(aws, { snapshotId, n: 0 }, PLENTY)).toEqual({ done: true });
    expect(world.ebs.putCount).toBe(40);
  });

  test('does not sign blocks, as the other SDKs do, so that nothing hashes them a second time', async () => {
    const { world, image, snapshotId } = transfer;
    let hashed = 0;
    class CountingHash {
      private readonly hash = createHash('sha256');
      public update(chunk: Uint8Array): void { hashed += chunk.length; this.hash.update(chunk); }
      public async digest(): Promise<Uint8Array> { return this.hash.digest(); }
      public reset(): void {}
    }
    const client = new EBSClient({ ...clientConfig(), sha256: CountingHash as any });
    const handle = jest.spyOn(world.ebs, 'handle');
    const block = image.subarray(0, BLOCK_SIZE);
    const digest = createHash('sha256').update(block).digest();

    await new BlockWriter(client).put(snapshotId, 0, block, digest);

    expect(handle.mock.calls.map(([call]) => call.headers['x-amz-content-sha256'])).toEqual(['UNSIGNED-PAYLOAD']);
    expect(hashed).toBe(0);
    // Left to itself, the SDK does it.
    const plain = new EBSClient({ ...clientConfig(), sha256: CountingHash as any });
    await plain.send(new PutSnapshotBlockCommand({
      SnapshotId: snapshotId, BlockIndex: 1, BlockData: block, DataLength: BLOCK_SIZE, Checksum: digest.toString('base64'), ChecksumAlgorithm: 'SHA256',
    }));
    expect(hashed).toBeGreaterThan(BLOCK_SIZE);
  });
});
