import { givenEvent, givenState } from './given';
import { failedCallOf } from '../../../../../lambda/shared/answering/call';
import { answerOf, failed, interrupted, reasonOf } from '../../../../../lambda/shared/answering/outcome';

describe('the physical id of a failure', () => {
  const create = givenEvent('Create');
  const update = givenEvent('Update');

  test.each([
    ['a creation that has made nothing: the one that names its call', givenState(create), /^failed-[0-9a-f]{16}$/],
    ['a creation that has made a thing: its id', givenState(create, { begun: { PhysicalResourceId: 'thing-2' } }), /^thing-2$/],
    ['a creation that was deferred: the one that names its call', givenState(create, { begun: { PhysicalResourceId: 'invented', Deferred: 'true' } }), /^failed-/],
    ['an update: the id of the event', givenState(update), /^thing-1$/],
    ['an update that was begun: the id of the event', givenState(update, { begun: { PhysicalResourceId: 'thing-1' } }), /^thing-1$/],
    ['a replacement before the new thing exists: the id of the event', givenState(update, { begun: { PhysicalResourceId: 'thing-1', Deferred: 'true' } }), /^thing-1$/],
    ['a replacement whose new thing exists: the id of the new thing', givenState(update, { begun: { PhysicalResourceId: 'thing-2' } }), /^thing-2$/],
    ['a deletion: the id of the event', givenState(givenEvent('Delete')), /^thing-1$/],
  ])('%s', (_, state, id) => {
    expect(failed(state, new Error('no'))).toMatchObject({ next: 'answer', wait: 0, answer: { physicalId: expect.stringMatching(id), reason: 'no' } });
  });
});

describe('the physical id of a call that was interrupted', () => {
  test('is of another form if a creation has made nothing yet, because its step may still be running: the deletion has to wait for it', () => {
    const { physicalId } = interrupted(givenState(givenEvent('Create')), 'stopped');
    expect(physicalId).toMatch(/^interrupted-[0-9a-f]{16}$/);
    expect(failedCallOf(physicalId)).toBeUndefined();
  });

  test.each([
    ['of the thing that a creation made', givenState(givenEvent('Create'), { begun: { PhysicalResourceId: 'thing-2' } }), 'thing-2'],
    ['of the event', givenState(givenEvent('Update')), 'thing-1'],
  ])('is the one %s', (_, state, id) => {
    expect(interrupted(state, 'stopped')).toEqual({ physicalId: id, reason: 'stopped' });
  });
});

describe('the answer', () => {
  test('is the one that a step decided', () => {
    const answer = { physicalId: 'thing-1', attributes: { Id: 'thing-1' } };
    expect(answerOf(givenState(givenEvent('Create'), { next: 'answer', answer }))).toBe(answer);
  });

  test('of an execution whose steps failed for want of infrastructure is a failure with the cause', () => {
    const failure = { Error: 'Lambda.TooManyRequestsException', Cause: 'Rate exceeded' };
    expect(answerOf(givenState(givenEvent('Delete'), { failure }))).toEqual({
      physicalId: 'thing-1', reason: 'the function of this resource failed again and again, at last with Lambda.TooManyRequestsException: Rate exceeded',
    });
  });
});

test.each([
  [{ Error: 'Sandbox.Timedout', Cause: '{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 120.00 seconds"}' },
    'Sandbox.Timedout: Task timed out after 120.00 seconds'],
  [{ Error: 'Lambda.Unknown', Cause: 'The cause could not be determined' }, 'Lambda.Unknown: The cause could not be determined'],
  [{ Error: 'Failed', Cause: '{"other":1}' }, 'Failed: {"other":1}'],
  [{ Error: 'Failed' }, 'Failed: '],
  [undefined, 'unknown error: '],
])('the reason of %j', (failure, end) => {
  expect(reasonOf(failure)).toBe(`the function of this resource failed again and again, at last with ${end}`);
});
