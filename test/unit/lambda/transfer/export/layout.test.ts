import { BLOCK_SIZE, GIB } from '../../../../../lambda/transfer/blocks/sizes';
import {
  blocksOfPart, exportRangesOf, layOut, MOST_EXPORT_GIB, MOST_PART_BYTES, partsOf, partsOfRange, refuseTooLarge, sizeOfObject, sizeOfPart,
  type ExportPlan,
} from '../../../../../lambda/transfer/export/layout';
import { RECORD_SIZE } from '../../../../../lambda/transfer/formats/delta';

const planOf = (blocks: number, more: Partial<ExportPlan> = {}) => ({ ...layOut(blocks, {}), preludeSize: 0, ...more }) as ExportPlan;
const blocksOfGib = (gib: number) => gib * GIB / BLOCK_SIZE;

test.each([0, 1, 63, 64, 65, 1_000, 2_048, 100_000, 1_000_000, blocksOfGib(MOST_EXPORT_GIB)])('%d blocks are divided without a gap, within the limits of S3', blocks => {
  const plan = planOf(blocks, { preludeSize: 100, footerSize: 512 });
  const ranges = Array.from({ length: exportRangesOf(plan) }, (_, n) => partsOfRange(plan, n));
  const parts = ranges.flat();
  expect(parts).toEqual(Array.from({ length: partsOf(plan) }, (_, i) => i + 1));
  let next = 0;
  let size = 0;
  for (const part of parts) {
    const { first, count } = blocksOfPart(plan, part);
    expect(first).toBe(next);
    next += count;
    size += sizeOfPart(plan, part);
  }
  expect(next).toBe(blocks);
  expect(size).toBe(sizeOfObject(plan));
  expect(parts.length).toBeLessThanOrEqual(10_000);
  expect(ranges.length).toBeLessThanOrEqual(1_000);
  expect(plan.partBlocks * BLOCK_SIZE).toBeLessThanOrEqual(MOST_PART_BYTES);
});

test('an object has its prelude in the first part, its footer in the last one, and digests before the blocks of a delta', () => {
  const plan = planOf(70, { preludeSize: 1_000, footerSize: 512, sinceId: 'snap-1' });
  expect(sizeOfPart(plan, 1)).toBe(1_000 + 64 * RECORD_SIZE);
  expect(sizeOfPart(plan, 2)).toBe(6 * RECORD_SIZE + 512);
  expect(sizeOfPart(planOf(3), 1)).toBe(3 * BLOCK_SIZE);
});

test('the workers share the rate', () => {
  const { workers, getsPerSecond } = layOut(blocksOfGib(100), { maxGetsPerSecond: 500 });
  expect(workers).toBeGreaterThan(1);
  expect(workers * getsPerSecond).toBeCloseTo(500);
  expect(layOut(blocksOfGib(100), { maxConcurrency: 2 }).workers).toBe(2);
});

test('a range that does not exist is refused', () => {
  const plan = planOf(10);
  expect(() => partsOfRange(plan, 1)).toThrow('there is no range 1 among 1 parts');
  expect(() => partsOfRange(plan, -1)).toThrow('there is no range -1');
});

test('a volume that no object or no VHD can hold is refused', () => {
  expect(() => refuseTooLarge('snap-1', MOST_EXPORT_GIB, undefined)).not.toThrow();
  expect(() => refuseTooLarge('snap-1', MOST_EXPORT_GIB + 1, undefined)).toThrow('an object in S3 has at most 10000 parts of 5 GiB, which is 50000 GiB');
  expect(() => refuseTooLarge('snap-1', 2_040, 'VHD')).not.toThrow();
  expect(() => refuseTooLarge('snap-1', 2_041, 'VHD')).toThrow('a VHD has at most 2040 GiB');
});
