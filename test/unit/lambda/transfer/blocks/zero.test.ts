import { digestOf } from '../../../../../lambda/transfer/blocks/digests';
import { BLOCK_SIZE } from '../../../../../lambda/transfer/blocks/sizes';
import { ABSENT_DIGEST, digestsOfWritten, isThere, isZero, ZERO_DIGEST } from '../../../../../lambda/transfer/blocks/zero';

const [A, B] = ['a', 'b'].map(text => digestOf(Buffer.from(text)));
const join = (...digests: Buffer[]) => Buffer.concat(digests);

test('the digest of zeros is the SHA-256 of a block of zeros', () => {
  expect(digestOf(Buffer.alloc(BLOCK_SIZE))).toEqual(ZERO_DIGEST);
});

test('only a whole block of zeros is zero', () => {
  const block = Buffer.alloc(BLOCK_SIZE);
  expect(isZero(block)).toBe(true);
  block[BLOCK_SIZE - 1] = 1;
  expect(isZero(block)).toBe(false);
  expect(isZero(Buffer.alloc(BLOCK_SIZE - 1))).toBe(false);
});

test('with OMIT, zeros are not in the snapshot; otherwise only absent blocks are not', () => {
  expect([A, ZERO_DIGEST].map(digest => isThere(digest, 'OMIT'))).toEqual([true, false]);
  expect([A, ZERO_DIGEST, ABSENT_DIGEST].map(digest => isThere(digest, undefined))).toEqual([true, true, false]);
});

test('without a parent, all blocks were written, or all but the omitted zeros', () => {
  expect(digestsOfWritten(join(A, ZERO_DIGEST, B), {})).toEqual(join(A, ZERO_DIGEST, B));
  expect(digestsOfWritten(join(A, ZERO_DIGEST, B), { zeroBlocks: 'OMIT' })).toEqual(join(A, B));
});

test('on top of a parent, only blocks that differ from the parent were written', () => {
  const parent = join(A, ABSENT_DIGEST, A, ABSENT_DIGEST);
  expect(digestsOfWritten(join(A, ZERO_DIGEST, B, ABSENT_DIGEST), {}, parent)).toEqual(join(ZERO_DIGEST, B));
});
