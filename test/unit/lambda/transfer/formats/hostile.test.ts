import { randomBytes } from 'crypto';
import { gzipSync, zstdCompressSync } from 'zlib';
import { DeltaTable } from '../../../../../lambda/transfer/formats/delta';
import type { DiskLayout, ImageFile } from '../../../../../lambda/transfer/formats/layout';
import { decompressed, type StreamFormat } from '../../../../../lambda/transfer/formats/streams';
import { streamOfBlock, xzFraming } from '../../../../../lambda/transfer/formats/xz';
import { LaidOutDisk } from '../../../../../lambda/transfer/image/disk';
import { MemoryFile, openImage, readDisk } from '../../../../harness/formats/fixtures';

/** Images that were made to take up the time or the memory of a function. */

function repeated(unit: Buffer, size: number): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil(size / unit.length) }, () => unit));
}

async function lengthOf(format: StreamFormat, bytes: Buffer): Promise<number> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / 4_194_304) }, (_, i) => bytes.subarray(i * 4_194_304, (i + 1) * 4_194_304));
  let length = 0;
  for await (const piece of decompressed(format, pieces)) { length += piece.length; }
  return length;
}

const frameOfNothing = zstdCompressSync(Buffer.alloc(0));
/** RFC 8878: magic, no size, a window of 2 MiB. Zeros behind it are blocks of no bytes, none of which is the last. */
const openFrame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]);

test.each<[string, StreamFormat, Buffer, string]>([
  ['zstd in frames of nothing', 'ZSTD', repeated(frameOfNothing, 200_000), 'is a zstd stream whose first 1000 frames hold only 0 bytes'],
  ['zstd in frames of a byte', 'ZSTD', repeated(zstdCompressSync(Buffer.from('x')), 200_000), 'is a zstd stream whose first 1000 frames hold only 1000 bytes'],
  ['zstd in blocks of nothing', 'ZSTD', Buffer.concat([openFrame, Buffer.alloc(30_000_000)]), 'hold no content; compress the disk again'],
  ['gzip in members of nothing', 'GZIP', repeated(gzipSync(Buffer.alloc(0)), 30_000_000), 'hold no content; compress the disk again'],
])('%s is given up', async (_, format, bytes, message) => {
  await expect(lengthOf(format, bytes)).rejects.toThrow(message);
});

test('frames of nothing between others, and skippable frames of any length, are passed over', async () => {
  const skippable = Buffer.alloc(20_000_008);
  skippable.writeUInt32LE(0x184d2a50, 0);
  skippable.writeUInt32LE(20_000_000, 4);
  const bytes = Buffer.concat([repeated(frameOfNothing, 900), zstdCompressSync(randomBytes(100_000)), skippable, zstdCompressSync(randomBytes(5))]);
  expect(await lengthOf('ZSTD', bytes)).toBe(100_005);
});

/** A file that is zeros but for its start and its end. */
class HollowFile implements ImageFile {
  public most = 0;

  constructor(private readonly start: Buffer, private readonly hole: number, private readonly end: Buffer) {}

  public get size(): number {
    return this.start.length + this.hole + this.end.length;
  }

  public async read(offset: number, length: number): Promise<Buffer> {
    this.most = Math.max(this.most, length);
    const bytes = Buffer.alloc(length);
    this.start.copy(bytes, 0, Math.min(offset, this.start.length));
    const endAt = this.start.length + this.hole;
    if (offset + length > endAt) { this.end.copy(bytes, Math.max(0, endAt - offset), Math.max(0, offset - endAt)); }
    return bytes;
  }
}

test('a block of xz that is much larger than its content is refused without being read', async () => {
  const whole = streamOfBlock(Buffer.alloc(0), 1, { check: 0, unpadded: 2 ** 30 });
  const file = new HollowFile(whole.subarray(0, 12), 2 ** 30, whole.subarray(12));
  await expect(xzFraming(file)).rejects.toThrow('is a damaged xz image: its index claims to have a block of 1073741824 bytes for 1 bytes of content');
  expect(file.most).toBeLessThan(1_000_000);
});

test('a frame of seekable zstd that holds nothing of what the table says is refused', async () => {
  const table = Buffer.alloc(8 + 8 + 9);
  table.writeUInt32LE(0x184d2a5e, 0);
  table.writeUInt32LE(17, 4);
  table.writeUInt32LE(frameOfNothing.length, 8);
  table.writeUInt32LE(1_000_000, 12);
  table.writeUInt32LE(1, 16);
  table.writeUInt32LE(0x8f92eab1, 21);
  const file = new MemoryFile(Buffer.concat([frameOfNothing, table]));
  await expect(readDisk((await openImage(file))!, file)).rejects.toThrow('has 0 bytes, where 1000000 are needed');
});

test('an image in random order is given up if nearly all that is read is in vain', async () => {
  // A sector every 200 KiB.
  const layout: DiskLayout = {
    format: 'qcow2',
    size: 2 ** 40,
    extents: async (from, to) => Array.from({ length: (to - from) / 512 }, (_, i) => ({ kind: 'data', at: from + i * 512, length: 512, file: (from / 512 + i) * 204_800 })),
  };
  const disk = new LaidOutDisk(layout, async () => {});
  const part = Buffer.alloc(1_048_576);
  const reading = async () => { for (let at = 0; at < 2 ** 30; at += part.length) { await disk.read(at, part); } };
  await expect(reading()).rejects.toThrow('is a qcow2 image in so random an order that');
});

test('a table of a delta as large as it can be is divided without a copy of it', () => {
  const entries = 2 ** 22;
  const bytes = Buffer.alloc(entries * 4);
  for (let i = 0; i < entries; i++) { bytes.writeUInt32LE(i % 3 === 0 ? 0x80000000 + i : i, i * 4); }
  const table = DeltaTable.read(bytes);
  expect(table.records).toBe(entries - Math.ceil(entries / 3));
  expect([...table.written().subarray(0, 4)]).toEqual([1, 2, 4, 5]);
  expect([...table.gone().subarray(0, 4)]).toEqual([0, 3, 6, 9]);
  expect(table.written().length + table.gone().length).toBe(entries);
  // A table that is not aligned reads the same.
  expect([...DeltaTable.read(Buffer.concat([Buffer.alloc(1), bytes.subarray(0, 40)]).subarray(1)).written()]).toEqual([1, 2, 4, 5, 7, 8]);
});
