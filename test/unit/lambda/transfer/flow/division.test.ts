import { BLOCK_SIZE, GIB } from '../../../../../lambda/transfer/blocks/sizes';
import { rangesOf } from '../../../../../lambda/transfer/bucket/plan';
import { divide } from '../../../../../lambda/transfer/flow/division';
import type { TransferLimits as Limits } from '../../../../../src/contract/limits';

function division(gib: number, limits: Limits = {}) {
  const blocks = gib * GIB / BLOCK_SIZE;
  const made = divide(blocks, limits);
  return { ...made, ranges: rangesOf({ ...made, blocks }) };
}

test('as many workers as use the budget up if each has 50 MB/s and pauses between its ranges, and they share it', () => {
  const { workers, putsPerSecond } = division(100);
  expect(workers).toBe(12);
  expect(workers * putsPerSecond).toBeCloseTo(900);
  expect(putsPerSecond * BLOCK_SIZE).toBeLessThan(50e6 * 0.8);
});

test.each<[Limits, number, number]>([
  [{ maxPutsPerSecond: 100 }, 2, 50],
  [{ maxPutsPerSecond: 1_000 }, 14, 1_000 / 14],
  [{ maxConcurrency: 3 }, 3, 300],
  [{ maxConcurrency: 30 }, 30, 30],
  [{ maxConcurrency: 2, maxPutsPerSecond: 50 }, 2, 25],
])('of %j follow %d workers with %d puts a second each', (limits, workers, putsPerSecond) => {
  expect(division(100, limits)).toMatchObject({ workers, putsPerSecond });
});

test.each<[Limits, number]>([
  [{ maxConcurrency: 1_000 }, 40],
  [{ maxConcurrency: 1_000, maxPutsPerSecond: 100 }, 10],
  [{ maxConcurrency: 100, maxPutsPerSecond: 10 }, 1],
])('of %j follow %d workers, so that none gets a share too small to end its puts in time', (limits, workers) => {
  expect(division(100, limits).workers).toBe(workers);
});

test.each([
  // GiB, ranges, workers
  [BLOCK_SIZE / GIB, 1, 1],
  [0.0625, 1, 1],
  [0.07, 2, 2],
  [0.25, 4, 4],
  [1, 12, 12],
  [4, 12, 12],
  [32, 132, 12],
  [1_024, 996, 12],
  [65_536, 996, 12],
])('%d GiB are cut into %d ranges for %d workers', (gib, ranges, workers) => {
  expect(division(gib)).toMatchObject({ ranges, workers });
});

test.each([3, 10, 33, 100, 777, 5_000])('of %d GiB every worker copies the same, but for less than 1 %', gib => {
  const { ranges, workers, rangeBlocks } = division(gib);
  const mine = Math.ceil(ranges / workers) * rangeBlocks;
  expect(mine * workers * BLOCK_SIZE / GIB / gib).toBeLessThan(1.01);
});

test('there are never more than 1,000 ranges', () => {
  for (const maxConcurrency of [1, 7, 12, 39, 40]) { expect(division(65_536, { maxConcurrency }).ranges).toBeLessThanOrEqual(1_000); }
});
