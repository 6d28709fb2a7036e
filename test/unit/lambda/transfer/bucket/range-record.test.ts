import { BLOCK_SIZE } from '../../../../../lambda/transfer/blocks/sizes';
import { ZERO_DIGEST } from '../../../../../lambda/transfer/blocks/zero';
import type { Plan } from '../../../../../lambda/transfer/bucket/plan';
import { parseFinishedRange, RangeRecord } from '../../../../../lambda/transfer/bucket/range-record';
import { checksum } from '../../../../../world/emulator/s3/checksums';

/** Ranges of 4 blocks; the image ends in the middle of its tenth block, and the range behind it belongs to a larger parent. */
const IMAGE_SIZE = 9 * BLOCK_SIZE + 1234;
const image = Buffer.alloc(IMAGE_SIZE);
for (let i = 0; i < 10; i++) { image.fill(i, i * BLOCK_SIZE, Math.min((i + 1) * BLOCK_SIZE, IMAGE_SIZE)); }

const plan = (algorithm?: 'CRC32' | 'CRC64NVME', blocks = 12): Plan => ({
  source: { bucket: 'images', key: 'disk.img', etag: '""', size: IMAGE_SIZE },
  ...(algorithm && { checksum: { algorithm, value: '' } }),
  blocks,
  rangeBlocks: 4,
  putsPerSecond: 900,
});
const digest = (i: number) => Buffer.alloc(32, i + 1);

function blockOf(index: number): Buffer {
  const block = Buffer.alloc(BLOCK_SIZE);
  image.subarray(index * BLOCK_SIZE, (index + 1) * BLOCK_SIZE).copy(block);
  return block;
}

/** The CRC that S3 has of these bytes, as a range keeps it. */
function crcOf(algorithm: 'CRC32' | 'CRC64NVME', bytes: Buffer): Buffer {
  const crc = Buffer.from(checksum(algorithm, [bytes]).value, 'base64');
  return Buffer.concat([Buffer.alloc(8 - crc.length), crc]);
}

test('a new record has no block', () => {
  expect(RangeRecord.parse(plan(), 0).missing()).toEqual([0, 1, 2, 3]);
});

test('a record knows which blocks are missing, within limits if they are given', () => {
  const record = RangeRecord.parse(plan(), 0);
  record.set(1, digest(1), 0n);
  expect(record.missing()).toEqual([0, 2, 3]);
  expect(record.missing(0, 3)).toEqual([0, 2]);
});

test('without a checksum, an unfinished range is its digests, with zeros where a block is missing', () => {
  const record = RangeRecord.parse(plan(), 0);
  record.set(0, digest(0), 7n);
  record.set(2, digest(2));
  expect(record.bytes()).toEqual(Buffer.concat([digest(0), Buffer.alloc(32), digest(2), Buffer.alloc(32)]));
});

test('with a checksum, the CRCs of the blocks follow, eight bytes each', () => {
  const record = RangeRecord.parse(plan('CRC32'), 0);
  record.set(1, digest(1), 0x01020304n);
  const expected = Buffer.alloc(4 * 32 + 4 * 8);
  digest(1).copy(expected, 32);
  expected.writeUInt32BE(0x01020304, 4 * 32 + 8 + 4);
  expect(record.bytes()).toEqual(expected);
});

test('what is saved does not change with the record', () => {
  const record = RangeRecord.parse(plan('CRC32'), 0);
  const bytes = record.bytes();
  record.set(0, digest(0), 1n);
  expect(bytes).toEqual(Buffer.alloc(4 * 40));
});

test.each(['CRC32', 'CRC64NVME'] as const)('another worker goes on with a record, and its %s is that of the bytes of the image in the range', algorithm => {
  const first = RangeRecord.parse(plan(algorithm), 1);
  for (const i of [0, 3]) { first.set(i, digest(i), first.crcOf(i, blockOf(4 + i))); }
  const second = RangeRecord.parse(plan(algorithm), 1, first.bytes());
  expect(second.missing()).toEqual([1, 2]);
  for (const i of [1, 2]) { second.set(i, digest(i), second.crcOf(i, blockOf(4 + i))); }
  const { digests, crc } = parseFinishedRange(second.finished(4));
  expect(digests).toEqual(Buffer.concat([0, 1, 2, 3].map(digest)));
  expect(crc).toEqual(crcOf(algorithm, image.subarray(4 * BLOCK_SIZE, 8 * BLOCK_SIZE)));
});

test('only the bytes of the image count, not the zeros behind its end', () => {
  const record = RangeRecord.parse(plan('CRC64NVME'), 2);
  for (const i of [0, 1, 2, 3]) { record.set(i, digest(i), record.crcOf(i, blockOf(8 + i))); }
  expect(parseFinishedRange(record.finished(4)).crc).toEqual(crcOf('CRC64NVME', image.subarray(8 * BLOCK_SIZE)));
});

test('zeros have the same CRC whether they are read or left out, also at the end of the image', () => {
  const record = RangeRecord.parse(plan('CRC64NVME'), 2);
  const zeros = Buffer.alloc(BLOCK_SIZE);
  for (const i of [0, 1, 2, 3]) { expect(record.crcOfZeros(i)).toBe(record.crcOf(i, zeros)); }
  expect(record.crcOfZeros(0)).not.toBe(record.crcOfZeros(1));
});

test('without a checksum, a finished range is its digests only', () => {
  const record = RangeRecord.parse(plan(), 0);
  [0, 1, 2, 3].forEach(i => record.set(i, digest(i)));
  expect(record.finished(4)).toEqual(Buffer.concat([0, 1, 2, 3].map(digest)));
  expect(parseFinishedRange(record.finished(4)).crc).toHaveLength(0);
});

test('a stream that ended early has only the digests up to its end', () => {
  const record = RangeRecord.parse(plan(), 0);
  [0, 1].forEach(i => record.set(i, digest(i)));
  expect(record.finished(2)).toEqual(Buffer.concat([digest(0), digest(1)]));
});

test('what another worker left behind the digests of a stream that turned out to be shorter is no CRC', () => {
  const longer = RangeRecord.parse(plan(), 0);
  [0, 1, 2, 3].forEach(i => longer.set(i, i < 2 ? digest(i) : ZERO_DIGEST));
  const shorter = RangeRecord.parse({ ...plan(), blocks: 2, rangeBlocks: 2 }, 0, longer.bytes());
  expect(shorter.missing()).toEqual([]);
  expect(shorter.finished(2)).toEqual(Buffer.concat([digest(0), digest(1)]));
});
