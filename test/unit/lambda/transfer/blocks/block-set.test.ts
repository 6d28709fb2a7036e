import { BlockSet } from '../../../../../lambda/transfer/blocks/block-set';

const BLOCKS = [0, 7, 8, 9, 23, 24, 63, 70];

function setOf(blocks: readonly number[], below = 71): BlockSet {
  const set = BlockSet.empty(below);
  blocks.forEach(block => set.add(block));
  return set;
}

test('an empty set has no members', () => {
  expect([...BlockSet.empty(71).members()]).toEqual([]);
  expect(BlockSet.empty(71).count()).toBe(0);
});

test('members come in ascending order, once, whatever order they were added in', () => {
  expect([...setOf([...BLOCKS, ...BLOCKS].reverse()).members()]).toEqual(BLOCKS);
});

test('a set is restored from its bytes', () => {
  expect([...new BlockSet(Buffer.from(setOf(BLOCKS).bytes)).members()]).toEqual(BLOCKS);
});

test.each([[0, 1], [0, 3], [1, 3], [3, 2], [5, 100], [8, 1], [100, 1], [2, 0]])('skipping %d members, the next %d are the same slice of all', (skipped, most) => {
  expect([...setOf(BLOCKS).members(skipped, most)]).toEqual(BLOCKS.slice(skipped, skipped + most));
});

test.each([[0, 8, 2], [8, 24, 3], [24, 64, 2], [64, 128, 1], [0, 72, 8]])('from %d to before %d, %d blocks are counted', (from, to, count) => {
  expect(setOf(BLOCKS).count(from, to)).toBe(count);
});
