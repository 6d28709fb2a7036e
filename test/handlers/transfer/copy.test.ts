import { createHash } from 'crypto';
import { EBSClient, PutSnapshotBlockCommand, StartSnapshotCommand } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { clientConfig } from '../../../lambda/shared/client-config';
import type { Source } from '../../../lambda/transfer/image/object';
import { cleanUp } from '../../../lambda/transfer/import/clean-up';
import { importClients } from '../../../lambda/transfer/import/clients';
import { copy } from '../../../lambda/transfer/import/copy';
import { plan } from '../../../lambda/transfer/import/plan';
import { seal } from '../../../lambda/transfer/import/seal';
import { BlockReader } from '../../../lambda/transfer/snapshot/block-reader';
import { BlockWriter } from '../../../lambda/transfer/snapshot/block-writer';
import { Snapshots } from '../../../lambda/transfer/snapshot/snapshots';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import type { TransferInput } from '../../../src/contract/transfer';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { checksum } from '../../../world/emulator/s3/checksums';
import { disk, IMAGES, TRANSFERS, World } from '../../harness/ebs/world';

let world: World;
let image: Buffer;
let snapshotId: string;
let input: TransferInput;
let aws: ReturnType<typeof importClients> & { writer: BlockWriter; reader: BlockReader; snapshots: Snapshots };
const plenty = { getRemainingTimeInMillis: () => 900_000 };

beforeEach(async () => {
  world = await World.start({ ebs: { startWindow: 0 } });
  image = disk(40 * BLOCK_SIZE - 1);
  await world.s3.put(IMAGES, 'disk.img', image);
  const ebs = new EBSClient(clientConfig());
  aws = { ...importClients(), writer: new BlockWriter(ebs), reader: new BlockReader(ebs), snapshots: new Snapshots(new EC2Client(clientConfig())) };
  snapshotId = await startSnapshot([{ Key: OWNERSHIP_TAGS.stackId, Value: 'stack' }]);
  input = { snapshotId, source: await aws.source.pin({ bucket: IMAGES, key: 'disk.img' }) };
});

afterEach(() => world.close());

async function startSnapshot(Tags: { Key: string; Value: string }[]): Promise<string> {
  return (await new EBSClient(clientConfig()).send(new StartSnapshotCommand({ VolumeSize: 1, Tags }))).SnapshotId!;
}

const object = async (name: string) => {
  const { content } = world.s3.object(TRANSFERS, `transfers/${snapshotId}/${name}`)!;
  return content.read(0, content.size);
};

describe('plan', () => {
  test('leaves a small disk to one worker, with the whole budget', async () => {
    expect(await plan(aws, input)).toMatchObject({ snapshotId, workers: 1, ranges: [{ n: 0 }] });
    expect(JSON.parse((await object('plan.json')).toString())).toMatchObject({ source: input.source, blocks: 40, rangeBlocks: 40, putsPerSecond: 900 });
  });

  test('keeps to what the user chose', async () => {
    const size = 100 * 1024 ** 3;
    Object.assign(world.s3.object(IMAGES, 'disk.img')!.content, { size });
    const { workers } = await plan(aws, { snapshotId, source: { ...input.source, size }, maxConcurrency: 3, maxPutsPerSecond: 60 });
    expect(workers).toBe(3);
    expect(JSON.parse((await object('plan.json')).toString())).toMatchObject({ putsPerSecond: 20 });
  });

  test('makes at most 1,000 ranges, and answers with nothing but their numbers', async () => {
    const size = 2_500_001 * BLOCK_SIZE;
    Object.assign(world.s3.object(IMAGES, 'disk.img')!.content, { size });
    const { ranges, workers } = await plan(aws, { snapshotId, source: { ...input.source, size } });
    expect(workers).toBe(7);
    expect(ranges).toHaveLength(994);
    expect(ranges[993]).toEqual({ n: 993 });
    expect(JSON.parse((await object('plan.json')).toString())).toMatchObject({ blocks: 2_500_001, rangeBlocks: 2516 });
  });
});

describe('copy', () => {
  test('puts the blocks of its range, and saves their digests', async () => {
    await plan(aws, input, 15);
    expect(await copy(aws, { snapshotId, n: 2 }, plenty)).toEqual({ done: true });

    expect(world.ebs.snapshot(snapshotId)!.writtenIndexes).toEqual([30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
    const padded = Buffer.concat([image, Buffer.alloc(1)]);
    const digests = Array.from({ length: 10 }, (_, i) =>
      createHash('sha256').update(padded.subarray((30 + i) * BLOCK_SIZE, (31 + i) * BLOCK_SIZE)).digest());
    const crc = Buffer.from(checksum('CRC64NVME', [image.subarray(30 * BLOCK_SIZE)]).value, 'base64');
    expect(await object('digests/2')).toEqual(Buffer.concat([...digests, crc]));
  });

  test('of a finished range does nothing', async () => {
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, plenty);
    const puts = world.ebs.putCount;
    expect(await copy(aws, { snapshotId, n: 0 }, plenty)).toEqual({ done: true });
    expect(world.ebs.putCount).toBe(puts);
  });

  test('whose range another worker finished meanwhile has not failed', async () => {
    await plan(aws, input);
    // As EBS refuses once the snapshot is sealed, which nobody does before the range is finished.
    const finished = () => world.transferObjects.includes(`transfers/${snapshotId}/digests/0`);
    world.server.faults.choose(operation => operation !== 'ebs:PutSnapshotBlock' || !finished() ? undefined : {
      kind: 'error', code: 'ValidationException', status: 400, message: 'already completed', members: { Reason: 'INVALID_SNAPSHOT_ID' },
    });
    const both = await Promise.all([copy(aws, { snapshotId, n: 0 }, plenty), copy(aws, { snapshotId, n: 0 }, plenty)]);
    expect(both).toEqual([{ done: true }, { done: true }]);
    expect(world.transferObjects).not.toContain(`transfers/${snapshotId}/failure`);
  });

  test('stops in time, and goes on there', async () => {
    await plan(aws, input);
    // There is time for a first part of 8 blocks, each time.
    let puts = 0;
    world.server.faults.choose(operation => { puts += operation === 'ebs:PutSnapshotBlock' ? 1 : 0; return undefined; });
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

  test('that is refused for a while when its time ends leaves the rest to the next invocation', async () => {
    await plan(aws, input);
    world.server.faults.inject('ebs:PutSnapshotBlock', { kind: 'error', code: 'ThrottlingException', status: 400, message: 'slow down' }, { skip: 12, times: 1000 });
    const end = world.clock.now() + 90_000;
    expect(await copy(aws, { snapshotId, n: 0 }, { getRemainingTimeInMillis: () => end - world.clock.now() })).toEqual({ done: false });
    world.server.faults.clear();
    expect(await copy(aws, { snapshotId, n: 0 }, plenty)).toEqual({ done: true });
    expect(world.ebs.snapshot(snapshotId)).toMatchObject({ putCount: 40 });
  });

  test('never has more than 32 puts under way', async () => {
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
    await copy({ ...aws, source, writer: { put } as unknown as BlockWriter }, { snapshotId, n: 0 }, plenty);
    expect(puts).toBe(blocks);
    expect(most).toBe(32);
  });

  test('saves nothing once the import is cancelled', async () => {
    await plan(aws, input);
    world.server.faults.choose(operation => {
      if (operation === 'ebs:PutSnapshotBlock') { world.s3.buckets.get(TRANSFERS)!.remove(`transfers/${snapshotId}/plan.json`, 'null'); }
      return undefined;
    });
    await expect(copy(aws, { snapshotId, n: 0 }, plenty)).rejects.toThrow(`the import of snapshot ${snapshotId} was cancelled`);
    expect(world.transferObjects).toEqual([]);
  });

  test('lets the signer hash no block: its checksum is the payload\'s digest', async () => {
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

    expect(handle.mock.calls.map(([call]) => call.headers['x-amz-content-sha256'])).toEqual([digest.toString('hex')]);
    expect(hashed).toBe(0);
    // Left to itself, the SDK does it.
    const plain = new EBSClient({ ...clientConfig(), sha256: CountingHash as any });
    await plain.send(new PutSnapshotBlockCommand({
      SnapshotId: snapshotId, BlockIndex: 1, BlockData: block, DataLength: BLOCK_SIZE, Checksum: digest.toString('base64'), ChecksumAlgorithm: 'SHA256',
    }));
    expect(hashed).toBeGreaterThan(BLOCK_SIZE);
  });
});

describe('seal', () => {
  test('refuses while a range is missing', async () => {
    await plan(aws, input, 20);
    await copy(aws, { snapshotId, n: 0 }, plenty);
    await expect(seal(aws, { snapshotId })).rejects.toThrow(`range 1 of snapshot ${snapshotId} was not copied completely`);
    expect(world.server.count('ebs:CompleteSnapshot')).toBe(0);
  });

  test('done again after its function was lost changes nothing', async () => {
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, plenty);
    await seal(aws, { snapshotId });
    await seal(aws, { snapshotId });
    await world.clock.sleep(60_000);
    world.expectContent(snapshotId, image);
  });

  // Two at once: the first looks for others before the second has come, and is overtaken by it.
  test.each([['first', 0], ['second', 1]])('done by two at once succeeds, if it is the %s that EBS refuses', async (_, refused) => {
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, plenty);
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
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, plenty);
    world.server.faults.inject('ebs:CompleteSnapshot', { kind: 'error', code: 'ValidationException', status: 400, message: 'no', members: { Reason: 'INVALID_SNAPSHOT_ID' } });
    await expect(seal(aws, { snapshotId })).rejects.toThrow(`ebs:CompleteSnapshot failed for snapshot ${snapshotId}: ValidationException (INVALID_SNAPSHOT_ID): no`);
  });
});

describe('clean-up', () => {
  const event = () => ({ detail: { input: JSON.stringify(input), status: 'FAILED' as const, startDate: 0, stopDate: 0 } });

  test('removes the snapshot and its objects, as often as it is called', async () => {
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, plenty);
    await cleanUp(aws, event());
    world.expectNothingLeft();
    await cleanUp(aws, { snapshotId });
    world.expectNothingLeft();
  });

  test('of a failed execution removes a snapshot that was completed after all', async () => {
    await plan(aws, input);
    await copy(aws, { snapshotId, n: 0 }, plenty);
    await seal(aws, { snapshotId });
    await world.clock.sleep(60_000);
    world.expectContent(snapshotId, image);
    await cleanUp(aws, event());
    world.expectNothingLeft();
  });

  test('never touches a snapshot that is not ours', async () => {
    const foreign = await startSnapshot([{ Key: 'Name', Value: 'theirs' }]);
    await cleanUp(aws, { snapshotId: foreign });
    expect(world.snapshotIds).toContain(foreign);
  });

  test('removes the objects of one snapshot only', async () => {
    await plan(aws, input);
    await aws.store.savePlan(`${snapshotId}0`, await aws.store.plan(snapshotId));
    await cleanUp(aws, { snapshotId });
    expect(world.transferObjects).toEqual([`transfers/${snapshotId}0/plan.json`]);
  });
});
