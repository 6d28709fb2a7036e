import { readBackSample } from '../../../../../lambda/transfer/blocks/read-back-sample';

const range = (count: number) => Array.from({ length: count }, (_, i) => 1_000 + i);

test('reads one block in 100 of a large image', () => {
  expect(readBackSample(range(10_000), 0.1, 'seed')).toHaveLength(100);
});

test('reads at least 64 blocks of an image, each range its share of them', () => {
  expect(readBackSample(range(1_000), 1, 'seed')).toHaveLength(64);
  expect(readBackSample(range(1_000), 0.25, 'seed')).toHaveLength(16);
});

test('reads every block of a small image', () => {
  expect(readBackSample(range(10), 1, 'seed')).toEqual(range(10));
  expect(readBackSample([], 0, 'seed')).toEqual([]);
});

test('takes one block of each stretch, so that no large stretch is left out', () => {
  const sampled = readBackSample(range(10_000), 0.1, 'seed');
  sampled.forEach((index, i) => expect(Math.floor((index - 1_000) / 100)).toBe(i));
});

test('the seed decides which blocks are read', () => {
  expect(readBackSample(range(10_000), 0.1, 'a')).toEqual(readBackSample(range(10_000), 0.1, 'a'));
  expect(readBackSample(range(10_000), 0.1, 'a')).not.toEqual(readBackSample(range(10_000), 0.1, 'b'));
});
