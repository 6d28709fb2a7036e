import { readBackSample, sampleSize, sampleSizeOf } from '../../../../../lambda/transfer/blocks/read-back-sample';

const range = (count: number) => Array.from({ length: count }, (_, i) => 1_000 + i);

test.each([
  [10, 10],
  [64, 64],
  [1_000, 64],
  [6_401, 65],
  [1_000_000, 10_000],
])('of %d blocks, %d are read: one in 100, at least 64, or all', (blocks, size) => {
  expect(sampleSize(blocks)).toBe(size);
});

test.each([[2_048, 171], [24_576, 512], [204_800, 512], [37, 5], [1_000_003, 997]])('the ranges of %d blocks share the sample, %d blocks each', (blocks, rangeBlocks) => {
  const firsts = Array.from({ length: Math.ceil(blocks / rangeBlocks) }, (_, n) => n * rangeBlocks);
  const sizes = firsts.map(first => sampleSizeOf({ first, count: Math.min(rangeBlocks, blocks - first) }, blocks));
  expect(sizes.reduce((sum, size) => sum + size)).toBe(sampleSize(blocks));
  const whole = sizes.slice(0, -1);
  expect(Math.max(...whole) - Math.min(...whole)).toBeLessThanOrEqual(1);
});

test('reads as many as are wanted, or all', () => {
  expect(readBackSample(range(10_000), 100, 'seed')).toHaveLength(100);
  expect(readBackSample(range(10), 64, 'seed')).toEqual(range(10));
  expect(readBackSample([], 0, 'seed')).toEqual([]);
});

test('takes one block of each stretch, so that no large stretch is left out', () => {
  const sampled = readBackSample(range(10_000), 100, 'seed');
  sampled.forEach((index, i) => expect(Math.floor((index - 1_000) / 100)).toBe(i));
});

test('the seed decides which blocks are read', () => {
  expect(readBackSample(range(10_000), 100, 'a')).toEqual(readBackSample(range(10_000), 100, 'a'));
  expect(readBackSample(range(10_000), 100, 'a')).not.toEqual(readBackSample(range(10_000), 100, 'b'));
});
