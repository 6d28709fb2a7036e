import { BLOCK_SIZE } from '../../../../../lambda/transfer/blocks/sizes';
import type { Disk } from '../../../../../lambda/transfer/image/disk';
import { PART_BYTES, PartReader, partsOf } from '../../../../../lambda/transfer/import/part-reader';

describe('partsOf', () => {
  test('divides missing blocks into parts of at most eight that follow each other', () => {
    expect(partsOf([])).toEqual([]);
    expect(partsOf([0, 1, 2, 5, 6, 7, 8, 9, 20])).toEqual([[0, 1, 2], [5, 6, 7], [8, 9], [20]]);
  });
});

/** A disk whose blocks are full of their own number. */
const content = (from: number, into: Buffer) => { for (let at = 0; at < into.length; at++) { into[at] = Math.floor((from + at) / BLOCK_SIZE) + 1; } };
const diskOf = (size: number, read: Disk['read']): Disk => ({ size, read });

test('each block is passed on as soon as it has arrived, without a copy', async () => {
  const buffer = Buffer.alloc(PART_BYTES);
  const arrivals: string[] = [];
  const disk = diskOf(100 * BLOCK_SIZE, async (from, into, arrived) => {
    content(from, into);
    for (const filled of [100, BLOCK_SIZE - 1, BLOCK_SIZE, BLOCK_SIZE * 2.5, BLOCK_SIZE * 3]) {
      arrivals.push(`${filled / BLOCK_SIZE >= 1 ? Math.floor(filled / BLOCK_SIZE) : 0} here`);
      arrived!(filled);
    }
  });
  await new PartReader(disk, disk.size, 10, () => 8).read([2, 3, 4], buffer, async (i, block) => {
    expect(block.buffer).toBe(buffer.buffer);
    arrivals.push(`${i}: ${block[0]} ${block[BLOCK_SIZE - 1]}`);
  });
  expect(arrivals).toEqual(['0 here', '0 here', '1 here', '2: 13 13', '2 here', '3: 14 14', '3 here', '4: 15 15']);
});

test('the last block of an image is filled up with zeros, and nothing is read beyond the end', async () => {
  const buffer = Buffer.alloc(PART_BYTES, 0xee);
  const taken: number[][] = [];
  const disk = diskOf(BLOCK_SIZE + 10, async (from, into, arrived) => {
    expect([from, into.length]).toEqual([0, BLOCK_SIZE + 10]);
    content(from, into);
    arrived!(into.length);
  });
  await new PartReader(disk, disk.size, 0, () => 3).read([0, 1, 2], buffer, async (i, block) => {
    taken.push([i, block[9], block[10], block[BLOCK_SIZE - 1]]);
  });
  expect(taken).toEqual([[0, 1, 1, 1], [1, 2, 0, 0], [2, 0, 0, 0]]);
});

test('blocks beyond the disk are zeros without a read', async () => {
  const disk = diskOf(BLOCK_SIZE, async () => { throw new Error('read'); });
  const taken: number[] = [];
  await new PartReader(disk, disk.size, 4, () => 2).read([0, 1], Buffer.alloc(PART_BYTES, 1), async (i, block) => {
    expect(block.every(byte => byte === 0)).toBe(true);
    taken.push(i);
  });
  expect(taken).toEqual([0, 1]);
});

test('blocks behind the end of a stream, which the reading reveals, are not passed on', async () => {
  let end = 8;
  const disk = diskOf(100 * BLOCK_SIZE, async (from, into, arrived) => {
    content(from, into.subarray(0, BLOCK_SIZE));
    into.fill(0, BLOCK_SIZE);
    end = 1;
    arrived!(BLOCK_SIZE);
  });
  const taken: number[] = [];
  await new PartReader(disk, disk.size, 0, () => end).read([0, 1, 2], Buffer.alloc(PART_BYTES), async i => { taken.push(i); });
  expect(taken).toEqual([0]);
});

test('a read that fails ends only when all blocks that arrived were taken, because the buffer is used again', async () => {
  let ended = false;
  const disk = diskOf(100 * BLOCK_SIZE, async (_, __, arrived) => {
    arrived!(BLOCK_SIZE);
    throw new Error('broken');
  });
  const reading = new PartReader(disk, disk.size, 0, () => 8).read([0, 1], Buffer.alloc(PART_BYTES), async () => {
    await new Promise(resolve => setTimeout(resolve, 20));
    ended = true;
  });
  await expect(reading).rejects.toThrow('broken');
  expect(ended).toBe(true);
});
