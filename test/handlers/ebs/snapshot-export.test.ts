import { createHash } from 'crypto';
import { crc32 } from 'zlib';
import { readDeltaHeader, readDeltaTable, RECORD_SIZE, recordOffset, tableRange } from '../../../lambda/transfer/formats/delta';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { ACCOUNT } from '../../../world/emulator/environment';
import { THROTTLE, type Fault } from '../../../world/emulator/faults';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';
import { PASSING, Random } from '../../harness/ebs/fault-plan';
import { KILLED } from '../../harness/ebs/mortality';
import { MemoryFile, openImage, readDisk } from '../../harness/formats/fixtures';
import { Stack } from '../../harness/stack';

const EXPORTS = 'exports';
/** Blocks of a volume: 2048 would be a GiB, and take long. */
const VOLUME = 36;
const SMALL: EbsHandlerWorldOptions = { smallExport: { partBlocks: 10, rangeParts: 2, blocks: VOLUME }, ebs: { startWindow: 0 } };

let world: EbsHandlerWorld;
afterEach(() => world.close());

async function start(options: EbsHandlerWorldOptions = {}, { versioned = false } = {}): Promise<EbsHandlerWorld> {
  world = await EbsHandlerWorld.start({ ...SMALL, ...options, ebs: { ...SMALL.ebs, ...options.ebs } });
  world.s3.createBucket(EXPORTS, { versioned });
  return world;
}

function block(seed: string): Buffer {
  return Buffer.alloc(BLOCK_SIZE, createHash('sha256').update(seed).digest());
}

const givenSnapshot = (blocks: Record<number, Buffer>, ParentSnapshotId?: string) => world.givenSnapshot(blocks, { ParentSnapshotId });

function wanted(SnapshotId: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { SnapshotId, Bucket: EXPORTS, Key: 'disk.img', Owner: 'Stack/Export', RemovalPolicy: 'Delete', ...more };
}

async function bytesOf(key: string, versionId?: string): Promise<Buffer> {
  const { content } = world.s3.object(EXPORTS, key, versionId)!;
  return content.read(0, content.size);
}

function volumeOf(snapshotId: string): Buffer {
  const blocks: Buffer[] = [];
  for (const one of world.ebs.read(snapshotId)) {
    blocks.push(one);
    if (blocks.length === VOLUME) { break; }
  }
  return Buffer.concat(blocks);
}

const keys = () => world.s3.buckets.get(EXPORTS)!.versions().map(({ key }) => key);
/** Uploads that cost something. One whose id was lost with the answer stays without parts. */
const uploads = () => [...world.s3.buckets.get(EXPORTS)!.uploads.values()].filter(({ parts }) => parts.size > 0).length;

function expectNothing(): void {
  expect(keys()).toEqual([]);
  expect(uploads()).toBe(0);
  expect(world.transferObjects).toEqual([]);
}

const sparse = () => givenSnapshot({ 0: block('a'), 3: block('b'), 19: block('c'), 20: Buffer.alloc(BLOCK_SIZE), 35: block('d') });

describe('an export', () => {
  test('is the volume, byte for byte, with its checksum and manifest', async () => {
    await start({ ebs: { readDelay: 60_000, emptyPages: true } });
    const snapshot = await sparse();
    const attributes = await world.exports().deploy(wanted(snapshot));
    const bytes = await bytesOf('disk.img');
    expect(bytes.equals(volumeOf(snapshot))).toBe(true);

    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(bytes));
    const object = world.s3.object(EXPORTS, 'disk.img')!;
    expect(object.checksum).toEqual({ algorithm: 'CRC32', type: 'FULL_OBJECT', value: sum.toString('base64') });
    expect(attributes).toEqual({
      Bucket: EXPORTS, Key: 'disk.img', VersionId: '', ETag: `"${object.etag}"`, ChecksumCrc32: sum.toString('base64'), ObjectSize: `${bytes.length}`, VolumeSize: '1',
    });
    expect(object.parts!.map(({ size }) => size / BLOCK_SIZE)).toEqual([10, 10, 10, 6]);

    const file = await bytesOf('disk.img.manifest');
    // docs/delta-format.md describes it: a line of JSON, and then the digests.
    const digests = file.indexOf('\n') + 1;
    expect(JSON.parse(file.toString('utf8', 0, digests))).toMatchObject({
      format: 'cdk-durable-storage manifest 1', blockSize: BLOCK_SIZE, blocks: VOLUME, snapshotId: snapshot, image: 'RAW', crc32: sum.toString('base64'),
    });
    expect(file.length).toBe(digests + VOLUME * 32);
    for (let i = 0; i < VOLUME; i++) {
      const digest = createHash('sha256').update(bytes.subarray(i * BLOCK_SIZE, (i + 1) * BLOCK_SIZE)).digest();
      expect(file.subarray(digests + i * 32, digests + (i + 1) * 32).equals(digest)).toBe(true);
    }
    expect(uploads()).toBe(0);
    expect(world.transferObjects.map(name => name.split('/')[2])).toEqual(['record.json', 'result.json']);
  });

  test('of a snapshot without any block is all zeros', async () => {
    await start();
    await world.exports().deploy(wanted(await givenSnapshot({})));
    expect((await bytesOf('disk.img')).equals(Buffer.alloc(VOLUME * BLOCK_SIZE))).toBe(true);
  });

  test('goes when it is deleted, with its manifest and nothing else; in a bucket with versions, just its version', async () => {
    await start({}, { versioned: true });
    await world.s3.put(EXPORTS, 'disk.img.manifest.old', 'mine');
    const stack = world.exports();
    const { VersionId } = await stack.deploy(wanted(await sparse()));
    expect(VersionId).not.toBe('');
    const mine = await world.s3.put(EXPORTS, 'disk.img', 'mine');
    await stack.destroy();
    expect(world.s3.buckets.get(EXPORTS)!.versions()).toMatchObject([{ key: 'disk.img', versionId: mine.versionId }, { key: 'disk.img.manifest.old' }]);
    expect(world.transferObjects).toEqual([]);
  });

  test('of another snapshot to another key replaces it; a rollback keeps the old one', async () => {
    await start();
    const stack = world.exports();
    const [first, second] = [await sparse(), await givenSnapshot({ 1: block('e') })];
    await stack.deploy(wanted(first));
    await expect(stack.deploy(wanted(second, { Key: 'second.img' }), { failAfter: true })).rejects.toThrow('another resource failed');
    expect(keys()).toEqual(['disk.img', 'disk.img.manifest']);
    await stack.deploy(wanted(second, { Key: 'second.img' }));
    expect(keys()).toEqual(['second.img', 'second.img.manifest']);
    expect((await bytesOf('second.img')).equals(volumeOf(second))).toBe(true);
    await stack.destroy();
    expectNothing();
  });

  test('overwrites no object, neither somebody else\'s nor another export\'s', async () => {
    await start();
    await world.s3.put(EXPORTS, 'disk.img.manifest', 'mine');
    const snapshot = await sparse();
    await expect(world.exports().deploy(wanted(snapshot))).rejects.toThrow('s3://exports/disk.img.manifest exists already; nothing is overwritten');
    world.s3.buckets.get(EXPORTS)!.remove('disk.img.manifest', 'null');

    const stack = world.exports();
    await stack.deploy(wanted(snapshot));
    const other = await givenSnapshot({ 1: block('e') });
    await expect(stack.deploy(wanted(other))).rejects.toThrow('s3://exports/disk.img exists already, made by another export');
    expect((await bytesOf('disk.img')).equals(volumeOf(snapshot))).toBe(true);
    expect(uploads()).toBe(0);
  });

  test('that meets what somebody wrote meanwhile fails, and leaves that alone', async () => {
    await start();
    const mine = await world.s3.put(IMAGES, 'disk.img', 'mine');
    world.server.faults.before('s3:CompleteMultipartUpload', () => { world.s3.buckets.get(EXPORTS)!.add(mine); });
    await expect(world.exports().deploy(wanted(await sparse()))).rejects.toThrow('somebody wrote s3://exports/disk.img during the export');
    expect(keys()).toEqual(['disk.img']);
    expect((await bytesOf('disk.img')).toString()).toBe('mine');
    expect(uploads()).toBe(0);
    expect(world.transferObjects).toEqual([]);
  });

  test.each<[string, string, RegExp]>([
    ['that cannot be written', 's3:PutObject', /s3:PutObject failed .*access is denied|s3:PutObject failed in transfer bucket/],
    ['whose blocks cannot be read', 'ebs:GetSnapshotBlock', /ebs:GetSnapshotBlock failed for block \d+/],
    ['whose blocks cannot be listed', 'ebs:ListSnapshotBlocks', /ebs:ListSnapshotBlocks failed/],
  ])('%s leaves nothing', async (_, action, message) => {
    await start();
    const snapshot = await sparse();
    world.denied.push(action);
    await expect(world.exports().deploy(wanted(snapshot))).rejects.toThrow(message);
    expectNothing();
  });

  test('whose parts may not be listed, as its end needs, is refused before a block is read', async () => {
    await start();
    const snapshot = await sparse();
    world.denied.push('s3:ListMultipartUploadParts');
    await expect(world.exports().deploy(wanted(snapshot))).rejects.toThrow(/s3:ListMultipartUploadParts failed for s3:\/\/exports\/disk.img: access is denied/);
    expect(world.server.count('ebs:GetSnapshotBlock')).toBe(0);
    expectNothing();
  });

  test('that S3 refuses for another reason than a denial says so in the words of S3', async () => {
    await start();
    const snapshot = await sparse();
    const fault: Fault = { kind: 'error', code: 'InvalidChunkSizeError', status: 403, message: 'Only the last chunk' };
    world.server.faults.inject('s3:UploadPart', fault, { times: Infinity });
    const refused = await world.exports().deploy(wanted(snapshot)).catch((error: Error) => error.message);
    expect(refused).toMatch(/s3:PutObject failed for s3:\/\/exports\/disk.img: InvalidChunkSizeError: Only the last chunk/);
    expectNothing();
  });

  test.each(['taken', 'refused'] as const)('to a key with the segments . and .. is made where S3 takes it, and the error says so where not: %s', async dotSegments => {
    await start({ s3: { dotSegments } });
    const snapshot = await sparse();
    const Key = './releases/../disk.img';
    const deployed = world.exports().deploy(wanted(snapshot, { Key }));
    if (dotSegments === 'refused') {
      await expect(deployed).rejects.toThrow(`s3://exports/${Key}: S3 does not accept this key, which has '.' or '..' between slashes; choose another key`);
      return expectNothing();
    }
    await deployed;
    expect((await bytesOf(Key)).equals(volumeOf(snapshot))).toBe(true);
    expect(keys()).toEqual([Key, `${Key}.manifest`]);
  });

  test('of a function whose clock is wrong by 20 minutes is signed again with the time of the services', async () => {
    await start();
    const snapshot = await sparse();
    world.server.clocksAhead = 20 * 60_000;
    await world.exports().deploy(wanted(snapshot));
    expect((await bytesOf('disk.img')).equals(volumeOf(snapshot))).toBe(true);
  });

  test.each(['exportPlan', 'exportCopy', 'exportFinish'])('that is cancelled during %s leaves nothing', async name => {
    let cancelled: Promise<unknown> | undefined;
    const stack = { given: undefined as ReturnType<EbsHandlerWorld['exports']> | undefined };
    await start({
      around: (called, work) => {
        if (called === name) { cancelled ??= stack.given!.cancel(wanted('snap-00000000')); }
        return world.run(work);
      },
    });
    stack.given = world.exports();
    const snapshot = await sparse();
    await expect(stack.given.deploy(wanted(snapshot))).rejects.toThrow(/was stopped|somebody emptied|was cancelled|does not exist any more/);
    await cancelled;
    expect(cancelled).toBeDefined();
    await world.clock.sleep(900_000);
    expectNothing();
  });

  test('that is deleted while its plan is being made leaves nothing', async () => {
    await start();
    const stack = world.exports();
    const base = await sparse();
    const next = await givenSnapshot({ 1: block('e') }, base);
    let deletion: Promise<unknown> | undefined;
    let over = false;
    const asked = wanted(next, { SinceSnapshotId: base });
    const event = stack.event('Create', asked);
    const started = { ...event, ...await world.handlers.act(event) };
    world.server.faults.choose(operation => {
      if (operation !== 'ebs:ListChangedBlocks' || over) { return undefined; }
      deletion ??= stack.play(stack.event('Delete', asked, { PhysicalResourceId: started.PhysicalResourceId })).then(() => { over = true; });
      return THROTTLE;
    });
    await world.handlers.poll(started);
    await world.clock.sleep(1200_000);
    await deletion;
    expect(over).toBe(true);
    expectNothing();
  });

  test('that is deleted while it is being handed out leaves nothing', async () => {
    await start();
    const stack = world.exports();
    const asked = wanted(await sparse());
    const event = stack.event('Create', asked);
    const started = { ...event, ...await world.handlers.act(event) };
    const { PhysicalResourceId } = started;
    await world.handlers.poll(started);
    await world.clock.sleep(600_000);
    expect(keys()).toContain('disk.img');
    let deletion: Promise<unknown> | undefined;
    let over = false;
    world.server.faults.choose(operation => {
      if (operation !== 's3:PutObject' || over) { return undefined; }
      deletion ??= stack.play(stack.event('Delete', asked, { PhysicalResourceId })).then(() => { over = true; });
      return { kind: 'error', code: 'SlowDown', status: 503, message: 'slow down' };
    });
    await expect(world.handlers.poll(started)).rejects.toThrow('was deleted while it was being handed out');
    await deletion;
    expect(over).toBe(true);
    expectNothing();
  });

  test.each([true, false])('that is cancelled, and would be ready before its deletion comes, leaves nothing (WaitForCompletion %s)', async WaitForCompletion => {
    await start();
    const stack = world.exports();
    const asked = wanted(await sparse(), { WaitForCompletion });
    const event = stack.event('Create', asked);
    const started = { ...event, ...await world.handlers.act(event) };
    world.stacks.statuses.set(stack.stackId, 'DELETE_IN_PROGRESS');
    for (let i = 0; i < 2; i++) {
      expect(await world.handlers.poll(started)).toMatchObject({ IsComplete: false });
      await world.clock.sleep(600_000);
    }
    await stack.cancel(asked);
    expectNothing();
  });

  test.each([true, false])('that is made for a cancelled update after the event of the way back goes when that is over (WaitForCompletion %s)', async WaitForCompletion => {
    await start();
    const stack = world.exports();
    const [before, after] = [wanted(await sparse()), wanted(await sparse(), { Key: 'later.img', WaitForCompletion })];
    await stack.deploy(before);
    const there = keys();
    const event = stack.event('Update', after, { PhysicalResourceId: stack.physicalId, OldResourceProperties: before });
    const started = { ...event, ...await world.handlers.act(event) };
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_COMPLETE');
    expect(await world.handlers.poll(started)).toMatchObject({ IsComplete: false });
    await world.clock.sleep(600_000);
    await expect(world.handlers.poll(started)).rejects.toThrow(/CloudFormation cancelled the operation for which export-\w+ was made/);
    expect(keys()).toEqual(there);
    await stack.destroy();
  });

  test('refuses what is not there, not completed, or too large', async () => {
    await start();
    await expect(world.exports().deploy(wanted('snap-0123456789abcdef0'))).rejects.toThrow('snapshot snap-0123456789abcdef0 does not exist in this Region');
    const large = world.ec2.snapshots.add({ volumeSize: 50_001, startTime: 0, tags: {}, status: () => ({ state: 'completed', progress: 100 }) } as never);
    await expect(world.exports().deploy(wanted(large.snapshotId))).rejects.toThrow(/volume of 50001 GiB .*10000 parts of 5 GiB, which is 50000 GiB/);
    const late = world.ec2.snapshots.add({ volumeSize: 20_000, startTime: 0, tags: {}, status: () => ({ state: 'completed', progress: 100 }) } as never);
    await expect(world.exports().deploy(wanted(late.snapshotId))).rejects.toThrow(/takes at least \d+ minutes.*set 'waitForCompletion' to false/);
    const pending = world.ec2.snapshots.add({ volumeSize: 1, startTime: 0, tags: {}, status: () => ({ state: 'pending', progress: 1 }) } as never);
    await expect(world.exports().deploy(wanted(pending.snapshotId))).rejects.toThrow('is pending; only a completed one can be exported');
    expectNothing();
  });

  test('that nobody waits for is complete when it has begun, and its object comes later', async () => {
    await start({ rule: true });
    const snapshot = await sparse();
    const stack = world.exports();
    expect(await stack.deploy(wanted(snapshot, { WaitForCompletion: false }))).toMatchObject({ Key: 'disk.img', ETag: '' });
    await world.clock.sleep(600_000);
    expect((await bytesOf('disk.img')).equals(volumeOf(snapshot))).toBe(true);
    await stack.destroy();
    expectNothing();
  });

  test('of which the answer to the begin of an upload was lost uses another upload, and leaves the lost one without parts', async () => {
    await start();
    const snapshot = await sparse();
    world.server.faults.inject('s3:CreateMultipartUpload', { kind: 'lost-answer' });
    const stack = world.exports();
    await stack.deploy(wanted(snapshot));
    expect(world.server.count('s3:CreateMultipartUpload')).toBe(2);
    await stack.destroy();
    expectNothing();
  });
});

describe('two exports to one key', () => {
  /** Begins an export and lets its copying begin too. */
  async function begun(stack: Stack, asked: Record<string, unknown>) {
    const event = stack.event('Create', asked);
    const started = { ...event, ...await world.handlers.act(event) };
    return { id: started.PhysicalResourceId as string, ended: () => stack.play(started) };
  }
  const remove = (stack: Stack, asked: Record<string, unknown>, id: string) => stack.play(stack.event('Delete', asked, { PhysicalResourceId: id }));

  test.each(['Stack', 'Other'])('leave each other\'s upload alone when one of them is deleted while the other one runs (the other one in stack %s)', async name => {
    await start();
    const [first, second] = [wanted(await sparse()), wanted(await givenSnapshot({ 1: block('e') }))];
    const stack = world.exports();
    const other = world.told(new Stack(world.clock, world.handlers, 'Custom::SnapshotExport', 'Other', name));
    const one = await begun(stack, first);
    const two = await begun(other, second);
    expect(world.s3.buckets.get(EXPORTS)!.uploads.size).toBe(2);
    await remove(stack, first, one.id);
    expect(world.s3.buckets.get(EXPORTS)!.uploads.size).toBe(1);
    await two.ended();
    expect((await bytesOf('disk.img')).equals(volumeOf(second.SnapshotId as string))).toBe(true);
    await remove(other, second, two.id);
    expectNothing();
  });

  test('end with the object of the one that is first, and the other one fails and leaves nothing', async () => {
    await start();
    const [first, second] = [wanted(await sparse()), wanted(await givenSnapshot({ 1: block('e') }))];
    const [stack, other] = ['Export', 'Other'].map(id => world.told(new Stack(world.clock, world.handlers, 'Custom::SnapshotExport', id)));
    const one = await begun(stack, first);
    const two = await begun(other, second);
    await one.ended();
    await expect(two.ended()).rejects.toThrow(/somebody wrote s3:\/\/exports\/disk.img(.manifest)? during the export; nothing was overwritten: choose another key/);
    expect((await bytesOf('disk.img')).equals(volumeOf(first.SnapshotId as string))).toBe(true);
    expect(uploads()).toBe(0);
    await remove(other, second, two.id);
    expect(keys()).toEqual(['disk.img', 'disk.img.manifest']);
    await remove(stack, first, one.id);
    expectNothing();
  });
});

describe('an export in another format', () => {
  /** In three parts and two ranges of qcow2, with gaps before, between and behind its blocks. */
  const many = () => givenSnapshot(Object.fromEntries(Array.from({ length: 24 }, (_, i) => [i + 2 + Math.floor(i / 7), i === 5 ? Buffer.alloc(BLOCK_SIZE) : block(`${i}`)])));
  /** docs/delta-format.md: behind a line of JSON. */
  const manifestOf = async (key: string) => {
    const file = await bytesOf(`${key}.manifest`);
    const end = file.indexOf('\n') + 1;
    return { line: JSON.parse(file.toString('utf8', 0, end)), digests: file.subarray(end) };
  };

  test('has the same disk in it, its own checksum, and the manifest of the volume; and imported again, it is the same', async () => {
    await start({ ebs: { emptyPages: true }, pageBlocks: 9 });
    const snapshot = await many();
    const volume = volumeOf(snapshot);
    const blocks = Array.from({ length: VOLUME }, (_, i) => volume.subarray(i * BLOCK_SIZE, (i + 1) * BLOCK_SIZE));
    const ofVolume = Buffer.concat(blocks.map(data => createHash('sha256').update(data).digest()));
    for (const [Format, Key, parts, size] of [
      ['QCOW2', 'disk.qcow2', [15, 10, 4], 29 * BLOCK_SIZE],
      ['VHD', 'disk.vhd', [10, 10, 10, 6 + 512 / BLOCK_SIZE], VOLUME * BLOCK_SIZE + 512],
    ] as const) {
      const { ChecksumCrc32, ObjectSize } = await world.exports(Format).deploy(wanted(snapshot, { Format, Key }));
      const [bytes, object] = [await bytesOf(Key), world.s3.object(EXPORTS, Key)!];
      expect([bytes.length, ObjectSize]).toEqual([size, `${size}`]);
      expect(object.parts!.map(part => part.size / BLOCK_SIZE)).toEqual(parts);
      expect(Buffer.from(ChecksumCrc32, 'base64').readUInt32BE()).toBe(crc32(bytes));

      const { line, digests } = await manifestOf(Key);
      expect(line).toMatchObject({ blocks: VOLUME, snapshotId: snapshot, image: Format, crc32: ChecksumCrc32 });
      expect(digests.equals(ofVolume)).toBe(true);

      await world.s3.put(IMAGES, Key, bytes);
      const { SnapshotId } = await world.stack(Format).deploy(properties({ SourceKey: Key, SourceFormat: Format }));
      world.expectContent(SnapshotId, volume);
    }
  });

  test('of a snapshot without any block is all zeros, as qcow2 in its tables alone', async () => {
    await start();
    await world.exports().deploy(wanted(await givenSnapshot({}), { Format: 'QCOW2' }));
    const file = new MemoryFile(await bytesOf('disk.img'));
    // Header, two tables of refcounts, the L1 table.
    expect(file.size).toBe(4 * BLOCK_SIZE);
    expect((await readDisk((await openImage(file))!, file)).equals(Buffer.alloc(VOLUME * BLOCK_SIZE))).toBe(true);
    const { digests } = await manifestOf('disk.img');
    expect(digests.equals(Buffer.alloc(VOLUME * 32, createHash('sha256').update(Buffer.alloc(BLOCK_SIZE)).digest()))).toBe(true);
  });

  test('is another export, which overwrites nothing', async () => {
    await start();
    const snapshot = await sparse();
    const stack = world.exports();
    await stack.deploy(wanted(snapshot));
    await expect(stack.deploy(wanted(snapshot, { Format: 'VHD' }))).rejects.toThrow('s3://exports/disk.img exists already');
    expect((await bytesOf('disk.img')).equals(volumeOf(snapshot))).toBe(true);
    await stack.deploy(wanted(snapshot, { Format: 'QCOW2', Key: 'disk.qcow2' }));
    expect(keys()).toEqual(['disk.qcow2', 'disk.qcow2.manifest']);
    await stack.destroy();
    expectNothing();
  });

  test('is refused where there is none, before anything is made', async () => {
    await start();
    const large = world.ec2.snapshots.add({ volumeSize: 2_041, startTime: 0, tags: {}, status: () => ({ state: 'completed', progress: 100 }) } as never);
    await expect(world.exports().deploy(wanted(large.snapshotId, { Format: 'VHD' })))
      .rejects.toThrow(`snapshot ${large.snapshotId} is of a volume of 2041 GiB, but a VHD has at most 2040 GiB; export it as qcow2 or raw`);
    await expect(world.exports().deploy(wanted(large.snapshotId, { Format: 'VMDK' }))).rejects.toThrow("'format' must be one of RAW, QCOW2, VHD, got VMDK");
    await expect(world.exports().deploy(wanted(large.snapshotId, { Format: 'VHD', SinceSnapshotId: await sparse() })))
      .rejects.toThrow("'format' is VHD, but with 'since' there is no image");
    expectNothing();
  });
});

describe('a delta', () => {
  async function deltaOf(since: string, snapshot: string) {
    await world.exports().deploy(wanted(snapshot, { SinceSnapshotId: since }));
    const file = await bytesOf('disk.img');
    const header = readDeltaHeader(file.subarray(0, 4096), 'it', file.length);
    const { offset, length } = tableRange(header);
    return { file, header, table: readDeltaTable(file.subarray(offset, offset + length), header, 'it') };
  }

  function applied(base: Buffer, { file, header, table }: Awaited<ReturnType<typeof deltaOf>>): Buffer {
    const bytes = Buffer.from(base);
    table.gone().forEach(index => bytes.fill(0, index * BLOCK_SIZE, (index + 1) * BLOCK_SIZE));
    table.written().forEach((index, n) => {
      const record = file.subarray(recordOffset(header, n), recordOffset(header, n) + RECORD_SIZE);
      expect(createHash('sha256').update(record.subarray(32)).digest().equals(record.subarray(0, 32))).toBe(true);
      record.copy(bytes, index * BLOCK_SIZE, 32);
    });
    return bytes;
  }

  test('has what changed and what was added, and leads from the base to the snapshot', async () => {
    await start({ ebs: { emptyPages: true } });
    const base = await sparse();
    const changed = Object.fromEntries(Array.from({ length: 24 }, (_, i) => [i + 2, block(`new ${i}`)]));
    const next = await givenSnapshot({ ...changed, 35: Buffer.alloc(BLOCK_SIZE) }, base);
    const delta = await deltaOf(base, next);
    expect(delta.header).toEqual({ blockSize: BLOCK_SIZE, volumeSize: 1, baseSnapshotId: base, snapshotId: next, entries: 25, records: 25 });
    expect(applied(volumeOf(base), delta).equals(volumeOf(next))).toBe(true);
    expect(keys()).toEqual(['disk.img']);
  });

  test('can be imported on top of its base, whose other blocks it inherits, and of nothing else', async () => {
    await start();
    const base = await sparse();
    const next = await givenSnapshot({ 3: block('x'), 7: block('y'), 21: Buffer.alloc(BLOCK_SIZE) }, base);
    const { file } = await deltaOf(base, next);
    await world.s3.put(IMAGES, 'a.delta', file);
    const delta = properties({ SourceKey: 'a.delta', SourceFormat: 'DELTA', ParentSnapshotId: base });
    const { SnapshotId } = await world.stack().deploy(delta);
    expect(volumeOf(SnapshotId).equals(volumeOf(next))).toBe(true);
    expect(world.ebs.snapshot(SnapshotId)).toMatchObject({ state: 'completed', parentSnapshotId: base, volumeSize: 1, writtenIndexes: [3, 7, 21] });

    await expect(world.stack('Other').deploy({ ...delta, ParentSnapshotId: next }))
      .rejects.toThrow(`delta s3://images/a.delta is what changed since snapshot ${base}, and can be applied to nothing else, but parent is ${next}`);
    const damaged = Buffer.from(file);
    damaged[damaged.length - 1] += 1;
    await world.s3.put(IMAGES, 'damaged.delta', damaged);
    await expect(world.stack('Other').deploy({ ...delta, SourceKey: 'damaged.delta' })).rejects.toThrow(/block 21 of .* is damaged/);
    await world.s3.put(IMAGES, 'cut.delta', file.subarray(0, -1));
    await expect(world.stack('Other').deploy({ ...delta, SourceKey: 'cut.delta' })).rejects.toThrow(/is a damaged delta: it has \d+ bytes where its header wants \d+/);
  });

  test('says what is gone', async () => {
    await start();
    const base = await sparse();
    const next = await givenSnapshot({ 3: block('x'), 7: block('y') }, base);
    const back = await deltaOf(next, base);
    expect([...back.table.gone()]).toEqual([7]);
    expect([...back.table.written()]).toEqual([3]);
    expect(applied(volumeOf(next), back).equals(volumeOf(base))).toBe(true);
  });

  test('of nothing is a header', async () => {
    await start();
    const base = await sparse();
    const next = await givenSnapshot({}, base);
    expect((await deltaOf(base, next)).file.length).toBe(4096);
  });

  test('of unrelated snapshots is refused', async () => {
    await start();
    await expect(world.exports().deploy(wanted(await sparse(), { SinceSnapshotId: await givenSnapshot({ 0: disk(BLOCK_SIZE) }) })))
      .rejects.toThrow(/UNRELATED_SNAPSHOTS/);
    expectNothing();
  });
});

/** Again with one of them: FIRST_SEED=7 SEEDS=1. */
const SEEDS = Number(process.env.SEEDS ?? 4);
const FIRST_SEED = Number(process.env.FIRST_SEED ?? 1);
const REFUSED_TOKEN: Fault = {
  kind: 'error', code: 'ValidationException', status: 400, message: 'The block token is invalid or expired', members: { Reason: 'INVALID_BLOCK_TOKEN' },
};

describe('an export that is imported by its manifest', () => {
  const byManifest = (more: Record<string, unknown> = {}) => properties({ SourceBucket: EXPORTS, Manifest: true, ...more });

  async function givenExported(options?: EbsHandlerWorldOptions, blocks: Record<number, Buffer> = { 0: block('a'), 3: block('b'), 19: block('c'), 35: block('d') }): Promise<string> {
    await start(options);
    const snapshot = await givenSnapshot(blocks);
    await world.exports().deploy(wanted(snapshot));
    return snapshot;
  }

  /** Writes another manifest. */
  async function change(how: (manifest: Buffer) => Buffer | string): Promise<void> {
    await world.s3.put(EXPORTS, 'disk.img.manifest', how(Buffer.from(await bytesOf('disk.img.manifest'))));
  }

  /** Of what it says, not where the digests lie. */
  const said = (more: Record<string, unknown>) => (manifest: Buffer) => {
    const digests = manifest.indexOf('\n') + 1;
    return Buffer.concat([Buffer.from(`${JSON.stringify({ ...JSON.parse(manifest.toString('utf8', 0, digests)), ...more })}\n`), manifest.subarray(digests)]);
  };
  const withDigest = (index: number, digest: Buffer) => (manifest: Buffer) => {
    digest.copy(manifest, manifest.indexOf('\n') + 1 + 32 * index);
    return manifest;
  };
  const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

  test('is the same again; a later one is read only where it differs, and verified everywhere', async () => {
    // Whatever it begins with, it is the disk.
    const first = await givenExported({ rangeBlocks: 7 }, { 0: Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), block('a')], BLOCK_SIZE), 3: block('b'), 19: block('c') });
    const stack = world.stack();
    const base = await stack.deploy(byManifest());
    world.expectContent(base.SnapshotId, volumeOf(first));

    const second = await givenSnapshot({ 3: block('x'), 7: block('y'), 8: block('z'), 19: Buffer.alloc(BLOCK_SIZE) }, first);
    await world.exports('Second').deploy(wanted(second, { Key: 'second.img' }));
    const read = world.readsOf(EXPORTS, 'second.img');
    const next = await stack.deploy(byManifest({ SourceKey: 'second.img', Verify: 'SAMPLE' }));
    expect(next.ParentSnapshotId).toBe(base.SnapshotId);
    world.expectContent(next.SnapshotId, volumeOf(second));
    expect(world.ebs.snapshot(next.SnapshotId)!.writtenIndexes).toEqual([3, 7, 8, 19]);
    expect(read.bytes).toBe(4 * BLOCK_SIZE);

    // Nobody imports again for how it was read.
    expect(await stack.deploy(byManifest({ SourceKey: 'second.img', Manifest: false }))).toEqual(next);
  });

  /** A second image, whose manifest says that block 3 is still that of the first. */
  async function givenLie(options?: EbsHandlerWorldOptions) {
    const first = await givenExported(options);
    const stack = world.stack();
    const base = await stack.deploy(byManifest());
    const second = await givenSnapshot({ 3: block('mended') }, first);
    await world.exports('Second').deploy(wanted(second, { Key: 'second.img' }));
    await world.s3.put(EXPORTS, 'second.img.manifest', withDigest(3, digestOf(block('b')))(Buffer.from(await bytesOf('second.img.manifest'))));
    return { stack, base, second };
  }

  test('is read as a whole and hashed if all of it shall be verified, so that the snapshot is the object whatever its manifest says', async () => {
    const { stack, base, second } = await givenLie({ rangeBlocks: 7 });
    const read = world.readsOf(EXPORTS, 'second.img');
    const next = await stack.deploy(byManifest({ SourceKey: 'second.img', Verify: 'FULL' }));
    expect(next.ParentSnapshotId).toBe(base.SnapshotId);
    world.expectContent(next.SnapshotId, volumeOf(second));
    expect(world.ebs.snapshot(next.SnapshotId)!.writtenIndexes).toEqual([3]);
    expect(read.bytes).toBe(VOLUME * BLOCK_SIZE);
  });

  test('and read as a whole is compared with the checksum of the object', async () => {
    const { stack } = await givenLie();
    const { content } = world.s3.object(EXPORTS, 'second.img')!;
    const read = content.read.bind(content);
    jest.spyOn(content, 'read').mockImplementation(async (from, to) => {
      const bytes = Buffer.from(await read(from, to));
      if (from <= 7 * BLOCK_SIZE && to > 7 * BLOCK_SIZE) { bytes[7 * BLOCK_SIZE - from] = 1; }
      return bytes;
    });
    await expect(stack.deploy(byManifest({ SourceKey: 'second.img', Verify: 'FULL' })))
      .rejects.toThrow('what was read of image s3://exports/second.img is not what S3 says it holds');
  });

  describe('of a bucket of another account', () => {
    const OWNER = '999988887777';
    const NOT_BELIEVED = `manifest s3://exports/disk.img.manifest is not used, because its bucket is not known to be of this account (${ACCOUNT})`;

    async function givenForeign(): Promise<string> {
      const snapshot = await givenExported();
      const arn = `arn:aws:s3:::${EXPORTS}`;
      const policy = { Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:*', Resource: [arn, `${arn}/*`] }] };
      Object.assign(world.s3.buckets.get(EXPORTS)!, { owner: OWNER, policy });
      return snapshot;
    }

    test.each([undefined, OWNER])('is refused before anything is made (with bucketOwner: %s)', async SourceBucketOwner => {
      await givenForeign();
      const started = world.server.count('ebs:StartSnapshot');
      await expect(world.stack().deploy(byManifest({ SourceBucketOwner }))).rejects.toThrow(NOT_BELIEVED);
      expect(world.server.count('ebs:StartSnapshot')).toBe(started);
    });

    test.each([undefined, OWNER])('is imported by it if the user allows that (with bucketOwner: %s)', async SourceBucketOwner => {
      const snapshot = await givenForeign();
      const { SnapshotId } = await world.stack().deploy(byManifest({ SourceBucketOwner, ForeignManifest: true }));
      world.expectContent(SnapshotId, volumeOf(snapshot));
    });

    test('is imported without it if it is an export of this app', async () => {
      const snapshot = await givenForeign();
      const manifest = world.readsOf(EXPORTS, 'disk.img.manifest');
      const { SnapshotId } = await world.stack().deploy(byManifest({ SourceETag: `"${world.s3.object(EXPORTS, 'disk.img')!.etag}"` }));
      world.expectContent(SnapshotId, volumeOf(snapshot));
      expect(manifest.bytes).toBe(0);
    });
  });

  test('is read only where it has something, if zeros are left out', async () => {
    const snapshot = await givenExported();
    const read = world.readsOf(EXPORTS, 'disk.img');
    const { SnapshotId } = await world.stack().deploy(byManifest({ ZeroBlocks: 'OMIT' }));
    expect(volumeOf(SnapshotId).equals(volumeOf(snapshot))).toBe(true);
    expect(world.ebs.snapshot(SnapshotId)!.writtenIndexes).toEqual([0, 3, 19, 35]);
    expect(read.bytes).toBe(4 * BLOCK_SIZE);
  });

  const OTHER = /block [34] of image s3:\/\/exports\/disk.img is not what its manifest says; deploy again, and if that fails too, leave 'manifest' out/;
  test.each<[string, Record<string, unknown>, number, Buffer, RegExp]>([
    ['a wrong digest', {}, 3, digestOf(block('x')), OTHER],
    ['something where there are zeros', { ZeroBlocks: 'OMIT' }, 4, digestOf(block('x')), OTHER],
    ['zeros where there are none', { ZeroBlocks: 'OMIT' }, 3, digestOf(Buffer.alloc(BLOCK_SIZE)), /what was read of image s3:\/\/exports\/disk.img is not what S3 says it holds: its CRC32 is/],
  ])('is not hashed: %s in the manifest fails it, and nothing is left', async (_, more, index, digest, message) => {
    await givenExported();
    await change(withDigest(index, digest));
    const before = [world.snapshotIds, world.transferObjects];
    await expect(world.stack().deploy(byManifest(more))).rejects.toThrow(message);
    expect([world.snapshotIds, world.transferObjects]).toEqual(before);
  });

  test('is refused, before anything is made, unless the manifest is its own', async () => {
    const snapshot = await givenExported();
    const manifest = await bytesOf('disk.img.manifest');
    const started = world.server.count('ebs:StartSnapshot');
    const expectRefused = async (message: RegExp, more?: Record<string, unknown>) => {
      await expect(world.stack().deploy(byManifest(more))).rejects.toThrow(message);
      await change(() => manifest);
    };
    await world.s3.put(EXPORTS, 'alone.img', 'alone');
    await expectRefused(/manifest s3:\/\/exports\/alone.img.manifest does not exist/, { SourceKey: 'alone.img' });
    await change(said({ image: 'QCOW2' }));
    await expectRefused(/manifest s3:\/\/exports\/disk.img.manifest is that of an image in the format QCOW2, and only raw images are read with theirs/);
    await change(() => 'something else');
    await expectRefused(/manifest s3:\/\/exports\/disk.img.manifest is no manifest that an export of this library made/);
    await change(() => '');
    await expectRefused(/is no manifest/);
    await change(said({ format: 'cdk-durable-storage manifest 2' }));
    await expectRefused(/is no manifest/);
    await change(bytes => bytes.subarray(0, -1));
    await expectRefused(/is damaged: it has \d+ bytes, where 36 digests need \d+/);
    await change(bytes => said({ blocks: 35 })(bytes.subarray(0, -32)));
    await expectRefused(/is that of another object: of 18350080 bytes, and the image s3:\/\/exports\/disk.img has 18874368/);
    await change(said({ crc32: 'AAAAAA==' }));
    await expectRefused(/is that of another object: with CRC32 AAAAAA==, and the image s3:\/\/exports\/disk.img has \S+==/);
    await expectRefused(/image s3:\/\/exports\/disk.img is no longer what was exported; somebody replaced it/, { SourceETag: '"0"' });
    // A copy of which S3 made another checksum.
    await world.s3.put(EXPORTS, 'disk.img', await bytesOf('disk.img'));
    await expectRefused(/image s3:\/\/exports\/disk.img cannot be compared with its manifest, for S3 knows no CRC32 of the whole object/);
    expect(world.server.count('ebs:StartSnapshot')).toBe(started);
    expect(world.snapshotIds).toEqual([snapshot]);
  });
});

describe('random snapshots in a bad world', () => {
  test.each(Array.from({ length: SEEDS }, (_, i) => FIRST_SEED + i))('are exported and imported again, whole and as deltas (seed %i)', async seed => {
    const random = new Random(seed);
    const times = Array.from({ length: random.between(0, 3) }, () => random.between(10_000, 80_000));
    const fates = new Set(Array.from({ length: random.between(0, 2) }, () => `${random.of(['exportPlan', 'exportCopy', 'exportFinish'])} ${random.between(1, 3)}`));
    const seen: Record<string, number> = {};
    await start({
      smallExport: { partBlocks: random.between(10, 14), rangeParts: random.between(1, 3), blocks: VOLUME },
      ebs: { readDelay: random.of([0, 20_000, 60_000]), emptyPages: random.chance(0.5), seed },
      rule: random.chance(0.5),
      tick: 1_000,
      remaining: () => {
        const end = world.clock.now() + (times.shift() ?? 900_000);
        return () => end - world.clock.now();
      },
      around: async (name, work) => {
        const unheard = fates.has(`${name} ${seen[name] = (seen[name] ?? 0) + 1}`);
        // Both do the same, and the state machine hears of neither.
        const other = unheard ? world.run(work).catch(() => {}) : undefined;
        const answer = await world.run(work);
        await other;
        if (unheard) { throw KILLED; }
        return answer;
      },
    });
    const blocks = () => Object.fromEntries(Array.from({ length: random.between(0, 9) }, () =>
      [random.between(0, VOLUME - 1), random.chance(0.2) ? Buffer.alloc(BLOCK_SIZE) : block(`${random.next()}`)]));
    const base = await givenSnapshot(blocks());
    const next = await givenSnapshot(blocks(), base);
    const noise = random.of([0, 0.03, 0.1]);
    world.server.faults.choose(operation => {
      if (!/^(ebs:|s3:)/.test(operation) || !random.chance(noise)) { return undefined; }
      const fault = random.of(operation === 'ebs:GetSnapshotBlock' && random.chance(0.4) ? [REFUSED_TOKEN] : PASSING);
      return fault.kind === 'error' && operation.startsWith('s3:') ? { ...fault, status: 503, code: 'SlowDown' } : fault;
    }, { byChance: true });

    const format = random.of(['RAW', 'QCOW2', 'VHD']);
    await world.exports('Whole').deploy(wanted(next, { Format: format }));
    await world.exports('Delta').deploy(wanted(next, { Key: 'disk.delta', SinceSnapshotId: base }));
    const again = await world.stack('Again').deploy(properties({ SourceBucket: EXPORTS, Manifest: format === 'RAW' || undefined, ParentSnapshotId: base }));
    world.server.faults.clear();
    const [file, delta] = [new MemoryFile(await bytesOf('disk.img')), await bytesOf('disk.delta')];
    const layout = (await openImage(file))!;
    expect(layout.format).toBe({ RAW: 'raw', QCOW2: 'qcow2', VHD: 'fixed VHD' }[format]);
    const image = await readDisk(layout, file);
    expect(image.equals(volumeOf(next))).toBe(true);
    await world.s3.put(IMAGES, 'disk.delta', delta);
    const { SnapshotId } = await world.stack().deploy(properties({ SourceKey: 'disk.delta', SourceFormat: 'DELTA', ParentSnapshotId: base }));
    expect(volumeOf(SnapshotId).equals(image)).toBe(true);
    expect(volumeOf(again.SnapshotId).equals(image)).toBe(true);
    await world.clock.sleep(900_000);
    expect(keys()).toEqual(['disk.delta', 'disk.img', 'disk.img.manifest']);
    expect(uploads()).toBe(0);
  });
});
