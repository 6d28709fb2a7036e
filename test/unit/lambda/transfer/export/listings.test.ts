import { listingsOf } from '../../../../../lambda/transfer/export/range-content';

const LAST = 64 * 1024 * 2048 - 1;

test.each<[string, number[], object[]]>([
  ['no block needs no listing', [], []],
  ['a run of blocks needs one for each page', [5, 6, 7, 10_004, 10_005], [{ first: 5, last: 10_004 }, { first: 10_005, last: 10_005 }]],
  ['blocks at both ends of 64 TiB need one each', [0, LAST], [{ first: 0, last: 0 }, { first: LAST, last: LAST }]],
])('%s', (_, indexes, expected) => {
  expect(listingsOf(indexes)).toEqual(expected);
});

test('blocks that are scattered over 64 TiB need no more listings than there are blocks', () => {
  const indexes = Array.from({ length: 1_000 }, (_, i) => i * 130_000);
  expect(listingsOf(indexes)).toHaveLength(1_000);
});
