import { callDigits, claimsIn, claimTag, holderOf, isNewer, type Claim } from '../../../../../lambda/efs/claims/claim';
import { foundText, wantedItems, itemsIn, foundItems, agree, itemOf } from '../../../../../lambda/efs/claims/items';

const CLAIM: Claim = {
  claimant: '0123456789abcdef',
  state: 'held',
  since: 1_790_000_000,
  stack: 'e71f9cc132784ec38d07985d88d0ee5a',
  wanted: 'abcdefghijkl',
  found: '-',
  call: callDigits('1e86f0a51e86f0a5'),
  sent: 1_790_000_000_123,
  id: 'fs-053f6b9993b413c8e',
  owner: 'Stack/Thing',
};

test('is read as it was written', () => {
  expect(claimsIn([claimTag('policy', CLAIM)], CLAIM.id, 'policy', CLAIM.claimant)).toEqual({ own: CLAIM, others: [] });
  expect(claimsIn([claimTag('policy', CLAIM)], CLAIM.id, 'policy', 'another')).toEqual({ own: undefined, others: [CLAIM] });
  expect(claimsIn([claimTag('policy', CLAIM)], CLAIM.id, 'tags', CLAIM.claimant)).toEqual({ own: undefined, others: [] });
});

test('of a copy is void', () => {
  expect(claimsIn([claimTag('policy', CLAIM)], 'fs-00000000000000000', 'policy', CLAIM.claimant)).toEqual({ own: undefined, others: [] });
});

test('that is no claim is none, and one of a later release is known by its version', () => {
  const tag = (Value: string) => [{ Key: claimTag('policy', CLAIM).Key, Value }];
  for (const value of ['', 'hello', '1 held', '0 held a b c d e f g h', '1 lost a b c d e f g h']) {
    expect(claimsIn(tag(value), CLAIM.id, 'policy', 'another').others).toEqual([]);
  }
  const [newer] = claimsIn(tag('2 whatever'), CLAIM.id, 'policy', 'another').others;
  expect(isNewer(newer)).toBe(true);
  expect(holderOf('policy', newer)).toBe('a resource of a later release of this library (tag cdk-durable-storage:policy:0123456789abcdef)');
});

test('names its holder and its tag, as far as the owner fits', () => {
  expect(holderOf('policy', CLAIM)).toBe('Stack/Thing of stack e71f9cc1-3278-4ec3-8d07-985d88d0ee5a (tag cdk-durable-storage:policy:0123456789abcdef)');
  const long = claimTag('policy', { ...CLAIM, owner: `Stack/${'Nested/'.repeat(60)}` });
  expect(long.Value).toHaveLength(256);
  expect(claimsIn([long], CLAIM.id, 'policy', CLAIM.claimant).own).toMatchObject({ owner: expect.stringMatching(/^Stack\/Nested/) });
});

describe('of a tag set', () => {
  const tags = (count: number, value = 'x') => Array.from({ length: count }, (_, n) => ({ Key: `key${n}`, Value: `${value}${n}` }));

  test('has room for 30 tags, all of which were found', () => {
    const wanted = wantedItems(tags(30));
    const found = foundText(wanted, tags(30).map(itemOf));
    const claim: Claim = { ...CLAIM, state: 'claiming', wanted, found, id: 'fsap-053f6b9993b413c8e' };
    expect(claimsIn([claimTag('tags', claim)], claim.id, 'tags', claim.claimant).own).toMatchObject({ wanted, found, id: claim.id });
    expect(foundItems(claim)).toEqual(itemsIn(wanted));
  });

  test('has the found tags in any order of the tags, those that it has changed since too, and no others', () => {
    const [first, second, third] = tags(3);
    const wanted = wantedItems([third, second, first]);
    expect(wanted).toBe(wantedItems([first, second, third]));
    expect(foundItems({ wanted, found: foundText(wanted, [itemOf(second)]) })).toEqual([itemOf(second)]);
    const changed = { ...third, Value: 'before' };
    expect(foundItems({ wanted, found: foundText(wanted, [itemOf(first), itemOf(changed), itemOf({ Key: 'other', Value: '' })]) }))
      .toEqual([itemOf(first), itemOf(changed)]);
    expect(foundItems({ wanted, found: foundText(wanted, []) })).toEqual([]);
    expect(itemsIn(wantedItems([]))).toEqual([]);
  });

  test('agrees with another one that has no key with another value', () => {
    const [first, second] = tags(2);
    expect(agree(wantedItems([first]), wantedItems([second]))).toBe(true);
    expect(agree(wantedItems([first, second]), wantedItems([second]))).toBe(true);
    expect(agree(wantedItems([first, second]), wantedItems([{ ...second, Value: 'y' }]))).toBe(false);
    expect(agree(wantedItems([]), wantedItems([second]))).toBe(true);
  });
});
