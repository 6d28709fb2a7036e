import { gzipSync, zstdCompressSync } from 'zlib';
import { GIB } from '../../../lambda/transfer/blocks/sizes';
import { fixedVhdFooter } from '../../../lambda/transfer/formats/vhd-footer';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import { fixture, MemoryFile, openImage, RAWS, readDisk, REFUSED, sha256, XZ } from '../../harness/formats/fixtures';
import { seekableZstd } from '../../harness/formats/seekable';

let world: EbsHandlerWorld;

afterEach(() => world.close());

/** In ranges that begin and end in the middle of clusters, grains and blocks. */
async function start(): Promise<void> {
  world = await EbsHandlerWorld.start({ ebs: { startWindow: 0 }, rangeBlocks: 7, tick: 1_000 });
}

function wrongChecksum(): Buffer {
  const bytes = seekableZstd(disk(17 * 1024 * 1024), 17 * 1024 * 1024, 'TABLE');
  const lastOfEntry = bytes.length - 9 - 1;
  bytes[lastOfEntry] = (bytes[lastOfEntry] + 1) % 256;
  return bytes;
}

/** A raw disk from its size and digest alone would do, but a failure shall be told by the block. */
async function rawOf(name: string, digest: string): Promise<Buffer> {
  const file = new MemoryFile(fixture(name));
  const raw = await readDisk((await openImage(file))!, file);
  expect(sha256(raw)).toBe(digest);
  return raw;
}

describe('the snapshot is, byte for byte, what qemu-img makes of', () => {
  // The readers have all of them; here is one of each kind.
  const names = [
    '512.qcow2', 'zlib.qcow2', 'zstd.qcow2', 'zstd-2m.qcow2', 'mixed-extended.qcow2',
    'dynamic.vhd', 'fixed.vhd', 'dynamic-1m.vhdx', 'fixed.vhdx', 'overwritten.vmdk', 'stream.vmdk',
  ];
  test(names.join(', '), async () => {
    await start();
    for (const [name, size, digest] of RAWS.filter(([found]) => names.includes(found))) {
      await world.s3.put(IMAGES, name, fixture(name));
      const { SnapshotId, VolumeSize } = await world.stack(name).deploy(properties({ SourceKey: name }));
      expect(VolumeSize).toBe('1');
      const raw = await rawOf(name, digest);
      expect(raw.length).toBe(size);
      world.expectContent(SnapshotId, raw);
    }
  });
});

/** In the middle of the compressed data, where no header or index tells. */
function damagedInside(name: string): Buffer {
  const bytes = fixture(name);
  const middle = Math.floor(bytes.length / 2);
  return bytes.fill(0x55, middle, middle + 8);
}

describe('a compressed disk', () => {
  const raw = disk(9 * BLOCK_SIZE + 12_345);

  test.each<[string, Buffer, { VolumeSize?: number }]>([
    ['gzip', gzipSync(raw), { VolumeSize: 3 }],
    ['gzip in two members', Buffer.concat([gzipSync(raw.subarray(0, 1_000_000)), gzipSync(raw.subarray(1_000_000))]), { VolumeSize: 3 }],
    ['zstd that states its size', zstdCompressSync(raw), {}],
    ['zstd in two frames', Buffer.concat([zstdCompressSync(raw.subarray(0, 1_000_000)), zstdCompressSync(raw.subarray(1_000_000))]), { VolumeSize: 3 }],
    ['seekable zstd', seekableZstd(raw, 700_000), {}],
  ])('by %s is decompressed on the way', async (how, compressed, more) => {
    await start();
    await world.s3.put(IMAGES, 'disk.img', compressed);
    const { SnapshotId, VolumeSize } = await world.stack().deploy(properties({ Verify: 'FULL', ...more }));
    expect(VolumeSize).toBe(`${more.VolumeSize ?? 1}`);
    world.expectContent(SnapshotId, raw);
    // One function reads a stream; a seek table lets several work.
    expect(world.invocations.copy).toBe(how === 'seekable zstd' ? 2 : 1);
  });

  // Node cannot make xz: these were made of the disk of v3.qcow2. Its index tells the size.
  test.each([
    ['in one block', 'one-block.xz', 1],
    ['in several blocks', 'blocks.xz', 3],
    ['in several streams of blocks', 'streams.xz', 3],
  ])('by xz %s is decompressed on the way', async (_, name, functions) => {
    await start();
    const [, size, digest] = XZ.find(([found]) => found === name)!;
    await world.s3.put(IMAGES, 'disk.img', fixture(name));
    // The disk shows no boot signature.
    const { SnapshotId, VolumeSize } = await world.stack().deploy(properties({ SourceFormat: 'XZ' }));
    expect(VolumeSize).toBe('1');
    const content = await rawOf('v3.qcow2', digest);
    expect(content.length).toBe(size);
    world.expectContent(SnapshotId, content);
    // One function reads a single block; of several, each can be read by another one.
    expect(world.invocations.copy).toBe(functions);
  });

  test('that is not finished in time is finished by the next invocation', async () => {
    let invocation = 0;
    world = await EbsHandlerWorld.start({
      ebs: { startWindow: 0 },
      remaining: () => {
      // Time for one part of 8 blocks.
        const first = invocation++ === 0;
        let puts = 0;
        world.server.faults.before('ebs:PutSnapshotBlock', () => { puts++; }, { times: Infinity });
        return () => first && puts > 0 ? 59_000 : 900_000;
      },
    });
    const image = disk(20 * BLOCK_SIZE + 5);
    await world.s3.put(IMAGES, 'disk.img', gzipSync(image));
    const { SnapshotId } = await world.stack().deploy(properties({ VolumeSize: 2 }));
    world.expectContent(SnapshotId, image);
    expect(world.invocations.copy).toBe(2);
  });

  test.each([
    ['gzip without volumeSize', gzipSync(raw), {}, "image s3://images/disk.img is a gzip stream that does not say how large the disk is; set 'volumeSize'"],
    ['zstd of what is not supported', zstdCompressSync(fixture('disk.vdi')), {}, 'is compressed with zstd, and what it holds is a VirtualBox disk (VDI), which is not supported'],
    ['a damaged start', gzipSync(raw).fill(0xff, 12, 40), { VolumeSize: 1 }, 'is a damaged gzip stream'],
  ])('by %s is refused before a snapshot is started', async (_, compressed, more, message) => {
    await start();
    await world.s3.put(IMAGES, 'disk.img', compressed);
    await expect(world.stack().deploy(properties(more))).rejects.toThrow(message);
    expect(world.server.count('ebs:StartSnapshot')).toBe(0);
  });

  test('of another format is refused before a snapshot is started', async () => {
    await start();
    const inside = [
      ['QCOW2', 'zlib.qcow2'], ['VHD', 'dynamic-full.vhd'], ['VHDX', 'dynamic-1m.vhdx'], ['VMDK', 'sparse.vmdk'], ['VMDK', 'stream-full.vmdk'], ['XZ', 'one-block.xz'],
    ];
    for (const [format, name] of inside) {
      const image = fixture(name);
      const compressed: [string, Buffer][] = [['gzip', gzipSync(image, { level: 1 })], ['zstd', zstdCompressSync(image)], ['zstd', seekableZstd(image, 700_000)]];
      for (const [by, bytes] of compressed) {
        await world.s3.put(IMAGES, 'disk.img', bytes);
        await expect(world.stack().deploy(properties({ VolumeSize: 1 }))).rejects.toThrow(
          `image s3://images/disk.img is compressed with ${by}, and what it holds is ${format}, not a raw disk; decompress it first (qcow2 has a compression of its own: qemu-img convert`);
      }
    }
    expect(world.server.count('ebs:StartSnapshot')).toBe(0);
  });

  test.each([
    ['longer than its first frame states', Buffer.concat([zstdCompressSync(raw), zstdCompressSync(raw)]), {}, `is a zstd stream of more than ${raw.length} bytes, which is all that its start states; set 'volumeSize'`],
    ['cut off', gzipSync(raw).subarray(0, -9), { VolumeSize: 1 }, 'is a damaged gzip stream: unexpected end of file'],
    ['cut off, as zstd', zstdCompressSync(raw).subarray(0, -9), {}, 'is a damaged zstd stream: unexpected end of file'],
    ['not what its seek table says, in a frame too large for parts', wrongChecksum(), {}, /s3:\/\/images\/disk.img is a damaged zstd stream: .*checksum/],
    ['damaged, as xz in one block', damagedInside('one-block.xz'), { SourceFormat: 'XZ' }, /s3:\/\/images\/disk.img is a damaged xz stream: /],
    ['damaged, as xz in several', damagedInside('blocks.xz'), { SourceFormat: 'XZ' }, /s3:\/\/images\/disk.img is a damaged xz stream: /],
  ])('that is %s fails, and leaves nothing', async (_, compressed, more, message) => {
    await start();
    await world.s3.put(IMAGES, 'disk.img', compressed);
    await expect(world.stack().deploy(properties(more))).rejects.toThrow(message);
    world.expectNothingLeft();
  });
});

describe('a fixed VHD that is compressed', () => {
  const ID = Buffer.alloc(16, 7);
  const raw = disk(2 * BLOCK_SIZE);
  const vhd = Buffer.concat([raw, fixedVhdFooter(raw.length, ID)]);
  const odd = disk(BLOCK_SIZE + 7 * 512);
  const small = fixture('small.vhd').subarray(0, -512);

  test('is imported without its footer', async () => {
    await start();
    const cases: [string, Buffer, Buffer, { VolumeSize?: number; SourceFormat?: string }][] = [
      ['gzip', gzipSync(vhd), raw, { VolumeSize: 2 }],
      ['zstd that states its size', zstdCompressSync(vhd), raw, {}],
      ['zstd in frames of which the last one has nothing but a part of the footer', Buffer.concat([
        zstdCompressSync(vhd.subarray(0, -100)), zstdCompressSync(vhd.subarray(-100, -60)), zstdCompressSync(vhd.subarray(-60)),
      ]), raw, { VolumeSize: 1 }],
      ['an end within a block', gzipSync(Buffer.concat([odd, fixedVhdFooter(odd.length, ID)])), odd, { VolumeSize: 1 }],
      ['seekable zstd', seekableZstd(vhd, 700_000), raw, {}],
      ['xz in one block', fixture('small.vhd.xz'), small, { SourceFormat: 'XZ' }],
      ['xz in several blocks', fixture('small-blocks.vhd.xz'), small, { SourceFormat: 'XZ' }],
    ];
    for (const [how, compressed, content, more] of cases) {
      await world.s3.put(IMAGES, 'disk.img', compressed);
      const { SnapshotId } = await world.stack(how.replaceAll(' ', '')).deploy(properties(more));
      world.expectContent(SnapshotId, content);
      // Nothing of the footer anywhere.
      expect([how, world.ebs.snapshot(SnapshotId)!.presentIndexes.length]).toEqual([how, Math.ceil(content.length / BLOCK_SIZE)]);
    }
  });

  test('needs no larger volume for the footer', async () => {
    await start();
    // A frame that states 2 GiB and 512 bytes, and then is cut off: nobody waits for that.
    const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x38, 0, 0, 0, 0, 0, 0, 0, 0]);
    header.writeBigUInt64LE(BigInt(2 * GIB + 512), 6);
    const block = Buffer.alloc(3 + 2 ** 17);
    block.writeUIntLE(2 ** 17 * 8, 0, 3);
    await world.s3.put(IMAGES, 'disk.img', Buffer.concat([header, block, block, block]));
    const { VolumeSize } = await world.stack().deploy(properties({ WaitForCompletion: false }));
    expect(VolumeSize).toBe('2');
  });

  test('fails if its footer is another one\'s, and leaves nothing', async () => {
    await start();
    const wrongSum = Buffer.from(vhd);
    wrongSum[raw.length + 30] += 1;
    const cases: [Buffer, string][] = [
      [wrongSum, 'is compressed with gzip, and what it holds is a damaged VHD image: the checksum of its footer is wrong'],
      [Buffer.concat([vhd.subarray(0, 512), vhd.subarray(1_024)]), `what it holds is a damaged fixed VHD image: its footer tells of a disk of ${raw.length} bytes, but there are ${raw.length - 512} before it`],
      [Buffer.concat([raw, fixture('dynamic.vhd').subarray(-512)]), 'what it holds is a damaged VHD image: its footer is that of type 3, which is not fixed'],
    ];
    for (const [image, message] of cases) {
      await world.s3.put(IMAGES, 'disk.img', gzipSync(image));
      await expect(world.stack().deploy(properties({ VolumeSize: 1 }))).rejects.toThrow(message);
      world.expectNothingLeft();
      await world.s3.put(IMAGES, 'disk.img', seekableZstd(image, 700_000));
      await expect(world.stack().deploy(properties({ VolumeSize: 1 }))).rejects.toThrow(message.replace('gzip', 'zstd'));
    }
    // Those that can be read anywhere are refused before a snapshot is started.
    expect(world.server.count('ebs:StartSnapshot')).toBe(cases.length);
  });
});

describe('an increment', () => {
  const before = disk(20 * BLOCK_SIZE, 'before');
  const shorter = Buffer.concat([before.subarray(0, 4 * BLOCK_SIZE), disk(3 * BLOCK_SIZE + 99, 'after')]);

  async function after(image: Buffer) {
    await start();
    await world.s3.put(IMAGES, 'disk.img', before);
    const stack = world.stack();
    const old = await stack.deploy(properties({ VolumeSize: 1 }));
    await world.s3.put(IMAGES, 'disk.img', image);
    const made = await stack.deploy(properties({ VolumeSize: 1, SourceRevision: '2', Verify: 'FULL' }));
    expect(made.ParentSnapshotId).toBe(old.SnapshotId);
    return made.SnapshotId;
  }

  test.each<[string, (image: Buffer) => Buffer]>([
    ['a stream that does not say where it ends', gzipSync],
    ['a stream that states its size', zstdCompressSync],
    ['a stream that several read', image => seekableZstd(image, 700_000)],
  ])('by %s leaves nothing of a longer parent behind it', async (_, compressed) => {
    const id = await after(compressed(shorter));
    world.expectContent(id, shorter);
    // Four blocks are the parent's still.
    expect(world.ebs.snapshot(id)!.writtenIndexes.filter(index => index < 4)).toEqual([]);
  });

  test('in another format, of the same disk, puts nothing', async () => {
    const id = await after(gzipSync(before));
    world.expectContent(id, before);
    expect(world.ebs.snapshot(id)!.putCount).toBe(0);
  });
});

describe('before a snapshot is started,', () => {
  test('what is not supported is refused, by its name', async () => {
    await start();
    for (const [name, words] of REFUSED) {
      await world.s3.put(IMAGES, 'disk.img', fixture(name));
      await expect(world.stack().deploy(properties())).rejects.toThrow(words);
    }
    expect(world.server.count('ebs:StartSnapshot')).toBe(0);
  });

  test('a container that shall be raw is refused, unless it is meant', async () => {
    await start();
    const container = fixture('zlib.qcow2');
    await world.s3.put(IMAGES, 'disk.img', container);
    await expect(world.stack().deploy(properties({ SourceFormat: 'RAW' }))).rejects.toThrow(
      "looks like QCOW2, but 'format' is RAW, with which that file itself would be the disk; leave 'format' out, or set 'containerAsRaw' if that is meant");
    expect(world.server.count('ebs:StartSnapshot')).toBe(0);
    const { SnapshotId } = await world.stack('Meant').deploy(properties({ SourceFormat: 'RAW', ContainerAsRaw: true }));
    world.expectContent(SnapshotId, container);
  });

  test('a format that is not the one that was said is refused', async () => {
    await start();
    await world.s3.put(IMAGES, 'disk.img', fixture('zlib.qcow2'));
    await expect(world.stack().deploy(properties({ SourceFormat: 'VMDK' }))).rejects.toThrow("is not VMDK, as 'format' says, but QCOW2; leave 'format' out, or correct it");
    await expect(world.stack().deploy(properties({ SourceFormat: 'ISO' }))).rejects.toThrow('format must be one of AUTO, RAW, QCOW2');
  });

  test('the size of the disk counts, not that of the file', async () => {
    await start();
    await world.s3.put(IMAGES, 'disk.img', fixture('large.qcow2'));
    await expect(world.stack().deploy(properties({ VolumeSize: 100 }))).rejects.toThrow("'volumeSize' is 100 GiB, but the image s3://images/disk.img needs 3072 GiB");
    await expect(world.stack().deploy(properties())).rejects.toThrow('is too large to be imported during a deployment: 6291456 blocks of 512 KiB');
    expect(world.server.count('ebs:StartSnapshot')).toBe(0);
  });
});
