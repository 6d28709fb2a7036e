import { BLOCK_SIZE, GIB } from '../../../../../lambda/transfer/blocks/sizes';
import { rangesOf } from '../../../../../lambda/transfer/bucket/plan';
import { divide } from '../../../../../lambda/transfer/flow/division';
import type { TransferLimits as Limits } from '../../../../../src/contract/limits';

function division(gib: number, limits: Limits = {}) {
  const blocks = gib * GIB / BLOCK_SIZE;
  const made = divide(blocks, limits);
  return { ...made, ranges: rangesOf({ ...made, blocks }) };
}

test('as many workers as it takes to use the budget up, and they share it', () => {
  const { workers, putsPerSecond } = division(100);
  expect(workers).toBe(7);
  expect(workers * putsPerSecond).toBeCloseTo(900);
  // Their network carries it.
  expect(putsPerSecond * BLOCK_SIZE).toBeLessThan(75e6);
});

test.each<[Limits, number, number]>([
  [{ maxPutsPerSecond: 100 }, 1, 100],
  [{ maxPutsPerSecond: 1_000 }, 7, 1_000 / 7],
  [{ maxConcurrency: 3 }, 3, 300],
  [{ maxConcurrency: 30 }, 30, 30],
  [{ maxConcurrency: 2, maxPutsPerSecond: 50 }, 2, 25],
])('of %j follow %d workers with %d puts a second each', (limits, workers, putsPerSecond) => {
  expect(division(100, limits)).toMatchObject({ workers, putsPerSecond });
});

test.each([
  // GiB, ranges, workers
  [BLOCK_SIZE / GIB, 1, 1],
  [0.25, 1, 1],
  [0.26, 2, 2],
  [1, 4, 4],
  [2, 7, 7],
  [4, 7, 7],
  [32, 63, 7],
  [1_024, 994, 7],
  [65_536, 994, 7],
])('%d GiB are cut into %d ranges for %d workers', (gib, ranges, workers) => {
  expect(division(gib)).toMatchObject({ ranges, workers });
});

test.each([3, 10, 33, 100, 777, 5_000])('of %d GiB every worker copies the same, but for less than 1 %', gib => {
  const { ranges, workers, rangeBlocks } = division(gib);
  const mine = Math.ceil(ranges / workers) * rangeBlocks;
  expect(mine * workers * BLOCK_SIZE / GIB / gib).toBeLessThan(1.01);
});

test('there are never more than 1,000 ranges', () => {
  for (const maxConcurrency of [1, 7, 300, 999, 1_000]) { expect(division(65_536, { maxConcurrency }).ranges).toBeLessThanOrEqual(1_000); }
});
