import { BLOCK_SIZE } from '../../../../../lambda/transfer/blocks/sizes';
import { sizeOf, unchangedBlocks } from '../../../../../lambda/transfer/blocks/unchanged-parts';

const parts = (sizes: number[], sha256 = 'same') => sizes.map(size => ({ size, sha256 }));

test.each<[string, number[], number[], number[][]]>([
  ['a part that begins elsewhere', [BLOCK_SIZE, BLOCK_SIZE, 5], [BLOCK_SIZE + 1, BLOCK_SIZE, 5], []],
  ['a last block that went on before', [BLOCK_SIZE, BLOCK_SIZE - 5, 9], [BLOCK_SIZE, BLOCK_SIZE - 5], [[0, 1]]],
  ['a last block that goes on now', [BLOCK_SIZE, BLOCK_SIZE - 5], [BLOCK_SIZE, BLOCK_SIZE - 5, 9], [[0, 1]]],
  ['a last block that ends as before', [BLOCK_SIZE, BLOCK_SIZE - 5], [BLOCK_SIZE, BLOCK_SIZE - 5], [[0, 2]]],
  ['a block across two parts that are the same', [BLOCK_SIZE - 5, BLOCK_SIZE + 5, 3], [BLOCK_SIZE - 5, BLOCK_SIZE + 5, 4], [[0, 2]]],
])('unchanged blocks of %s', (_, before, now, unchanged) => {
  expect(unchangedBlocks(parts(before), parts(now))).toEqual(unchanged);
});

test('a part with another SHA-256 has changed, and so have the blocks that it shares with others', () => {
  const size = BLOCK_SIZE + 5;
  const now = [...parts([size]), ...parts([size], 'other'), ...parts([2 * size])];
  expect(unchangedBlocks(parts([size, size, 2 * size]), now)).toEqual([[0, 1], [3, 5]]);
});

test('the size of an image is the sum of its parts', () => {
  expect(sizeOf(parts([1, 2, 3]))).toBe(6);
});
