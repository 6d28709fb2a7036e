import { digestOf } from '../../../../../lambda/transfer/blocks/digests';
import { BLOCK_SIZE } from '../../../../../lambda/transfer/blocks/sizes';
import { ABSENT_DIGEST, ZERO_DIGEST } from '../../../../../lambda/transfer/blocks/zero';
import { decide, decideUnread } from '../../../../../lambda/transfer/import/block-decision';

const ZEROS = Buffer.alloc(BLOCK_SIZE);
const DATA = Buffer.alloc(BLOCK_SIZE, 1);
const SAME = digestOf(DATA);
const OTHER = digestOf(Buffer.alloc(BLOCK_SIZE, 2));
const NAMES = new Map<Buffer | undefined, string>([
  [undefined, 'none'], [SAME, 'same'], [OTHER, 'other'], [ZERO_DIGEST, 'zeros'], [ABSENT_DIGEST, 'absent'],
]);

type Case = [zeroBlocks: 'OMIT' | undefined, inherited: Buffer | undefined, known: Buffer | undefined, expected: string];
const titled = (cases: readonly Case[]) => cases.map(one => [one[0] ?? 'WRITE', NAMES.get(one[1])!, NAMES.get(one[2])!, one[3], one] as const);
const shown = (decision: { action: string; digest: Buffer } | undefined) => decision && `${decision.action} ${NAMES.get([...NAMES.keys()].find(key => key?.equals(decision.digest)))}`;

describe('a block that was not read', () => {
  test.each(titled([
    [undefined, undefined, undefined, 'read'],
    [undefined, SAME, undefined, 'read'],
    [undefined, undefined, SAME, 'read'],
    [undefined, SAME, SAME, 'inherit same'],
    [undefined, OTHER, SAME, 'read'],
    [undefined, ABSENT_DIGEST, SAME, 'read'],
    [undefined, undefined, ZERO_DIGEST, 'read'],
    [undefined, ZERO_DIGEST, ZERO_DIGEST, 'inherit zeros'],
    [undefined, ABSENT_DIGEST, ZERO_DIGEST, 'read'],
    ['OMIT', undefined, undefined, 'read'],
    ['OMIT', SAME, undefined, 'read'],
    ['OMIT', undefined, SAME, 'read'],
    ['OMIT', SAME, SAME, 'inherit same'],
    ['OMIT', OTHER, SAME, 'read'],
    ['OMIT', undefined, ZERO_DIGEST, 'omit zeros'],
    ['OMIT', ZERO_DIGEST, ZERO_DIGEST, 'omit zeros'],
    ['OMIT', ABSENT_DIGEST, ZERO_DIGEST, 'omit zeros'],
    ['OMIT', SAME, ZERO_DIGEST, 'omit zeros'],
  ]))('zero blocks: %s, parent: %s, known: %s → %s', (_, __, ___, expected, [zeroBlocks, inherited, known]) => {
    expect(shown(decideUnread({ zeroBlocks, inherited, known })) ?? 'read').toBe(expected);
  });
});

describe.each([['inside the image', false], ['beyond the image\'s end', true]])('a block of data %s', (_, beyond) => {
  test.each(titled([
    [undefined, undefined, undefined, 'put same'],
    [undefined, SAME, undefined, 'inherit same'],
    [undefined, OTHER, undefined, 'put same'],
    [undefined, ZERO_DIGEST, undefined, 'put same'],
    [undefined, undefined, SAME, 'put same'],
    [undefined, SAME, SAME, 'inherit same'],
    [undefined, OTHER, SAME, 'put same'],
    // EBS refuses the block, because its content has another digest.
    [undefined, undefined, OTHER, 'put other'],
    ['OMIT', undefined, undefined, 'put same'],
    ['OMIT', SAME, undefined, 'inherit same'],
    ['OMIT', undefined, SAME, 'put same'],
    ['OMIT', undefined, ZERO_DIGEST, 'put zeros'],
  ]))('zero blocks: %s, parent: %s, known: %s → %s', (__, ___, ____, expected, [zeroBlocks, inherited, known]) => {
    expect(shown(decide(DATA, { zeroBlocks, inherited, known }, beyond))).toBe(expected);
  });
});

describe.each([['inside the image', false], ['beyond the image\'s end', true]])('a block of zeros %s', (_, beyond) => {
  test.each(titled([
    [undefined, undefined, undefined, 'put zeros'],
    [undefined, ZERO_DIGEST, undefined, 'inherit zeros'],
    [undefined, SAME, undefined, 'put zeros'],
    // Beyond the end, a block that the parent does not have stays absent.
    [undefined, ABSENT_DIGEST, undefined, beyond ? 'inherit absent' : 'put zeros'],
    [undefined, undefined, ZERO_DIGEST, 'put zeros'],
    [undefined, ABSENT_DIGEST, ZERO_DIGEST, 'put zeros'],
    [undefined, ZERO_DIGEST, ZERO_DIGEST, 'inherit zeros'],
    ['OMIT', undefined, undefined, 'omit zeros'],
    ['OMIT', undefined, ZERO_DIGEST, 'omit zeros'],
    // EBS refuses the block: it should have been data.
    ['OMIT', undefined, OTHER, 'put other'],
    ['OMIT', ABSENT_DIGEST, undefined, 'omit zeros'],
    ['OMIT', ZERO_DIGEST, undefined, 'omit zeros'],
  ]))('zero blocks: %s, parent: %s, known: %s → %s', (__, ___, ____, expected, [zeroBlocks, inherited, known]) => {
    expect(shown(decide(ZEROS, { zeroBlocks, inherited, known }, beyond))).toBe(expected);
  });
});
