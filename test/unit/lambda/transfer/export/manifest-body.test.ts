import { BlockSet } from '../../../../../lambda/transfer/blocks/block-set';
import { digestOf } from '../../../../../lambda/transfer/blocks/digests';
import { ZERO_DIGEST } from '../../../../../lambda/transfer/blocks/zero';
import { volumeDigests } from '../../../../../lambda/transfer/export/manifest-body';

const digest = (block: number) => digestOf(Buffer.from(`${block}`));

test.each<[string, number[], number]>([
  ['none', [], 9],
  ['none of many', [], 20_000],
  ['all', [0, 1, 2], 3],
  ['the first and the last', [0, 19_999], 20_000],
  ['some', [2, 3, 4, 9_000, 9_001, 19_000], 20_000],
])('of a volume that has %s of its blocks, the others have the digest of zeros', async (_, blocks, volumeBlocks) => {
  const present = BlockSet.empty(volumeBlocks);
  blocks.forEach(block => present.add(block));
  // Digests come in groups, those of the parts.
  async function* digests(): AsyncGenerator<Buffer> {
    for (let i = 0; i < blocks.length; i += 4) { yield Buffer.concat(blocks.slice(i, i + 4).map(digest)); }
  }
  const pieces: Buffer[] = [];
  for await (const piece of volumeDigests(digests(), present, volumeBlocks)) { pieces.push(piece); }
  const expected = Array.from({ length: volumeBlocks }, (__, block) => blocks.includes(block) ? digest(block) : ZERO_DIGEST);
  expect(Buffer.concat(pieces).equals(Buffer.concat(expected))).toBe(true);
});
