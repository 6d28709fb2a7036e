import { gzipSync, zstdCompressSync } from 'zlib';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import type { StoredObject } from '../../../world/emulator/s3/bucket';
import { ALGORITHMS, checksum, composite, type Checksum } from '../../../world/emulator/s3/checksums';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';
import { storedXz } from '../../harness/formats/stored-xz';

const CRCS = ['CRC32', 'CRC32C', 'CRC64NVME'] as const;
/** Five blocks, of which the last is hardly begun, and two are zeros. */
const image = disk(4 * BLOCK_SIZE + 1);

let world: EbsHandlerWorld;
afterEach(() => world.close());

async function given(options?: EbsHandlerWorldOptions): Promise<StoredObject> {
  world = await EbsHandlerWorld.start({ rangeBlocks: 2, ...options });
  await world.s3.put(IMAGES, 'disk.img', image);
  return world.s3.object(IMAGES, 'disk.img')!;
}

/** Between S3 and whoever reads it, one bit of a byte turns. */
function turnBit(object: StoredObject, at: number): void {
  const { content } = object;
  const read = content.read.bind(content);
  content.read = async (start, end) => {
    const bytes = Buffer.from(await read(start, end));
    if (start <= at && at < end) { bytes[at - start]++; }
    return bytes;
  };
}

function claim(object: StoredObject, value: Checksum | undefined): void {
  Object.assign(object, { checksum: value });
}

async function expectRefused(algorithm: string, options?: Record<string, unknown>): Promise<void> {
  await expect(world.stack().deploy(properties(options)))
    .rejects.toThrow(new RegExp(`what was read of image s3://images/disk.img is not what S3 says it holds: its ${algorithm} is \\S+=, and should be \\S+=; `));
  expect(world.server.count('ebs:CompleteSnapshot')).toBe(0);
  world.expectNothingLeft();
}

describe.each(CRCS)('an image of which S3 knows the %s', algorithm => {
  test('is imported if that is right', async () => {
    claim(await given(), checksum(algorithm, [image]));
    const { SnapshotId } = await world.stack().deploy(properties());
    world.expectContent(SnapshotId, image);
  });

  test.each([['in the first block', 0], ['in the last byte', 4 * BLOCK_SIZE]])('is refused if it arrives otherwise %s', async (_, at) => {
    const object = await given();
    claim(object, checksum(algorithm, [image]));
    turnBit(object, at);
    await expectRefused(algorithm);
  });

  test('is refused if that is of something else', async () => {
    claim(await given(), checksum(algorithm, [image.subarray(1)]));
    await expectRefused(algorithm);
  });
});

describe.each<[string, (content: Buffer) => Buffer]>([['gzip', gzipSync], ['zstd', zstdCompressSync], ['xz', storedXz]])('an image that is compressed by %s', (_, compress) => {
  const compressed = compress(image);
  const options = { VolumeSize: 1 };

  test.each(CRCS)('is imported if the %s of the object is right, and refused otherwise', async algorithm => {
    await given();
    const object = await world.s3.put(IMAGES, 'disk.img', compressed);
    claim(object, checksum(algorithm, [compressed]));
    const { SnapshotId } = await world.stack('Right').deploy(properties(options));
    world.expectContent(SnapshotId, image);
    const completed = world.server.count('ebs:CompleteSnapshot');
    claim(object, checksum(algorithm, [compressed.subarray(1)]));
    await expect(world.stack('Wrong').deploy(properties(options))).rejects.toThrow(`is not what S3 says it holds: its ${algorithm} is `);
    expect(world.server.count('ebs:CompleteSnapshot')).toBe(completed);
  });
});

test('zeros that are left out count all the same', async () => {
  const object = await given();
  const { SnapshotId } = await world.stack().deploy(properties({ ZeroBlocks: 'OMIT' }));
  const omitted = [1, 4].filter(i => image.subarray(i * BLOCK_SIZE, (i + 1) * BLOCK_SIZE).every(byte => byte === 0));
  world.expectContent(SnapshotId, image, { omitted });
  claim(object, checksum('CRC64NVME', [image.subarray(1)]));
  await expect(world.stack('Other').deploy(properties({ ZeroBlocks: 'OMIT' }))).rejects.toThrow('is not what S3 says it holds');
});

test('a range that is copied in several invocations is compared as a whole', async () => {
  let invocations = 0;
  // Time for a single part of eight blocks, each time but the last.
  const late = { rangeBlocks: 100, remaining: () => { const short = ++invocations % 3 > 0; return () => short ? 10_000 : 900_000; } };
  const large = disk(20 * BLOCK_SIZE + 5);
  await given(late);
  const object = await world.s3.put(IMAGES, 'disk.img', large);
  const { SnapshotId } = await world.stack().deploy(properties());
  world.expectContent(SnapshotId, large);
  expect(world.invocations.copy).toBe(3);
  turnBit(object, 0);
  await expect(world.stack('Other').deploy(properties())).rejects.toThrow('is not what S3 says it holds');
});

// SHA-256 of a whole does not follow from that of its blocks; a composite checksum is not of the content at all.
test.each<[string, Checksum | undefined]>([
  ['nothing', undefined],
  ...ALGORITHMS.filter(name => name.startsWith('SHA')).map((name): [string, Checksum] => [`the ${name}`, checksum(name, [image.subarray(1)])]),
  ['the CRC32C of its parts\' CRC32Cs', composite('CRC32C', [checksum('CRC32C', [image])])],
])('an image of which S3 knows %s is imported without a comparison', async (_, value) => {
  claim(await given(), value);
  const { SnapshotId } = await world.stack().deploy(properties());
  world.expectContent(SnapshotId, image);
});
