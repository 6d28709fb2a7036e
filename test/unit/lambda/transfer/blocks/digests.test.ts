import { createHash } from 'crypto';
import { DIGEST_SIZE, digestOf, Digests, LinearChecksum } from '../../../../../lambda/transfer/blocks/digests';

const digests = ['a', 'b', 'c'].map(text => digestOf(Buffer.from(text)));

test('a digest that was not set is missing', () => {
  const range = new Digests(Buffer.alloc(4 * DIGEST_SIZE));
  range.set(1, digests[0]);
  range.set(3, digests[1]);
  expect(range.get(0)).toBeUndefined();
  expect(range.get(3)).toEqual(digests[1]);
  expect(range.missing()).toEqual([0, 2]);
  expect(range.missing(1, 2)).toEqual([]);
  expect(new Digests(range.bytes).missing(1)).toEqual([2]);
});

test('the LINEAR checksum is the SHA-256 of all digests in their order, however they are grouped', () => {
  const [a, b, c] = digests;
  const sum = new LinearChecksum();
  sum.add(a);
  sum.add(Buffer.concat([b, c]));
  expect(sum.count).toBe(3);
  expect(sum.base64()).toBe(createHash('sha256').update(Buffer.concat(digests)).digest('base64'));
});
