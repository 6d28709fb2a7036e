import { stateOf, STATES, stateTag } from '../../../../lambda/shared/state-tag';
import { OWNERSHIP_TAGS } from '../../../../src/contract/ownership';

test.each(STATES)('reads the state %s from the tag that records it', state => {
  expect(stateOf([{ Key: 'Name', Value: 'x' }, stateTag(state)])).toBe(state);
});

test.each(['later', 'constructor'])('distinguishes the unknown value %p from a state and from no state', Value => {
  expect(stateOf([{ Key: OWNERSHIP_TAGS.state, Value }])).toBe('unknown');
});

test('reads no state where the value is empty, which one call sets together with other tags', () => {
  expect(stateOf([{ Key: OWNERSHIP_TAGS.state, Value: '' }])).toBeUndefined();
});

test('reads no state if there is no tag', () => {
  expect(stateOf([])).toBeUndefined();
  expect(stateOf(undefined)).toBeUndefined();
});
