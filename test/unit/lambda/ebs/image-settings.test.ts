import { deprecationChange, permissionChanges } from '../../../../lambda/ebs/image-settings';

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 10, 29, 12);
const at = (minutes: number) => new Date(NOW + minutes * MINUTE).toISOString();

describe('the deprecation date', () => {
  test.each<[string, string | undefined, string | undefined, number | 'never' | 'as it is']>([
    ['is set', undefined, at(60), 60],
    ['is moved', at(60), at(90), 90],
    ['stays if it is the same minute', at(60), at(60.9), 'as it is'],
    ['is removed', at(60), undefined, 'never'],
    ['stays absent', undefined, undefined, 'as it is'],
    ['that has passed means in two minutes, which EC2 accepts', undefined, at(-60), 2],
    ['that has passed is not set again once the image is deprecated', at(-30), at(-60), 'as it is'],
    ['that has passed replaces one that is to come', at(60), at(-60), 2],
  ])('%s', (_, actual, wanted, expected) => {
    const change = deprecationChange(actual, wanted, NOW);
    if (expected === 'as it is') { return expect(change).toBeUndefined(); }
    expect(change).toEqual({ at: expected === 'never' ? undefined : new Date(NOW + expected * MINUTE) });
  });
});

test('launch permissions become exactly the wanted ones, and equal ones stay', () => {
  const organization = { OrganizationArn: 'arn:aws:organizations::111122223333:organization/o-abcdefghij' };
  expect(permissionChanges(
    [{ UserId: '444455556666' }, { Group: 'all' }],
    [{ UserId: '444455556666' }, { UserId: '777788889999' }, organization],
  )).toEqual({ add: [{ UserId: '777788889999' }, organization], remove: [{ Group: 'all' }] });
});
