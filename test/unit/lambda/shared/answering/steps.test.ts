import { SECRET, SENT, givenEvent, givenState, named } from './given';
import type { ExecutionState } from '../../../../../lambda/shared/answering/execution-state';
import { Steps } from '../../../../../lambda/shared/answering/steps';
import { TooEarly, type Direction } from '../../../../../lambda/shared/direction';
import type { PollResult, ActResult, ResourceEvent } from '../../../../../lambda/shared/resource-event';

let now: number;
jest.mock('node:timers/promises', () => ({ setTimeout: async (milliseconds: number) => { now += milliseconds; } }));

const direction = jest.fn<Promise<Direction>, [ResourceEvent<any>]>();
const act = jest.fn<Promise<ActResult>, [ResourceEvent<any>]>();
const poll = jest.fn<Promise<PollResult>, [ResourceEvent<any>]>();
const ask = jest.fn<Promise<'yes' | 'no' | 'not yet'>, []>();
const put = jest.fn<Promise<void>, [string, string]>();
const leaveToken = jest.fn<Promise<boolean>, [ResourceEvent<any>, string]>();
const returnToken = jest.fn<Promise<void>, [string]>();
const steps = new Steps({ direction, act, poll, leaveToken }, { ask }, put, returnToken);

beforeEach(() => {
  now = SENT + 1_000;
  direction.mockReset().mockResolvedValue('forward');
  act.mockReset().mockResolvedValue({ PhysicalResourceId: 'thing-2', Memo: 'learned', Since: '1' });
  poll.mockReset().mockResolvedValue({ IsComplete: false });
  ask.mockReset().mockResolvedValue('yes');
  put.mockReset().mockResolvedValue(undefined);
  leaveToken.mockReset().mockResolvedValue(true);
  returnToken.mockReset().mockResolvedValue(undefined);
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  jest.spyOn(console, 'log').mockImplementation(() => {});
});
afterEach(() => {
  expect(JSON.stringify((console.log as jest.Mock).mock.calls)).not.toContain(SECRET);
  jest.restoreAllMocks();
});

const acting = (type: 'Create' | 'Update' | 'Delete' = 'Create') => givenState(givenEvent(type));
const polling = (type: 'Create' | 'Update' | 'Delete' = 'Create', begun: ActResult = { PhysicalResourceId: 'thing-2', Since: '1' }) =>
  givenState(givenEvent(type), { next: 'poll', begun });
const answering = (physicalId: string, more: object) => ({ next: 'answer', wait: 0, answer: { physicalId, ...more } });

describe('act', () => {
  const begun = { PhysicalResourceId: 'thing-2', Memo: 'learned', Since: '1' };

  test.each(['Create', 'Update'] as const)('of a %s that makes something new ends with that, so that the execution knows its id before it is finished', async type => {
    expect(await steps.run(acting(type))).toEqual({ ...acting(type), next: 'poll', wait: 0, begun });
    expect(poll).not.toHaveBeenCalled();
  });

  test.each(['Update', 'Delete'] as const)('of a %s that makes nothing new polls at once with what the beginning returned: what is done then needs no other step', async type => {
    act.mockResolvedValue({ ...begun, PhysicalResourceId: 'thing-1' });
    poll.mockResolvedValue({ IsComplete: true, Data: { Id: 'thing-1' } });
    expect(await steps.run(acting(type))).toMatchObject(answering('thing-1', { attributes: { Id: 'thing-1' } }));
    expect(poll).toHaveBeenCalledWith(expect.objectContaining({ ...begun, PhysicalResourceId: 'thing-1', RequestId: acting(type).call.id }));
  });

  test('polls once only', async () => {
    act.mockResolvedValue({ PhysicalResourceId: 'thing-1' });
    expect(await steps.run(acting('Delete'))).toEqual({ ...acting('Delete'), next: 'poll', wait: 1, begun: { PhysicalResourceId: 'thing-1' } });
    expect(poll).toHaveBeenCalledTimes(1);
  });

  test('does not poll after a beginning that took a quarter of the step, or was deferred', async () => {
    act.mockImplementationOnce(async () => {
      now += 30_000;
      return { PhysicalResourceId: 'thing-1' };
    });
    expect(await steps.run(acting('Update'))).toMatchObject({ next: 'poll', wait: 0 });
    act.mockResolvedValueOnce({ PhysicalResourceId: 'thing-1', Deferred: 'true' });
    expect(await steps.run(acting('Update'))).toMatchObject({ next: 'poll', wait: 0 });
    expect(poll).not.toHaveBeenCalled();
  });

  test('fails if its poll fails', async () => {
    act.mockResolvedValue({ PhysicalResourceId: 'thing-1' });
    poll.mockRejectedValue(new Error('broken'));
    expect(await steps.run(acting('Update'))).toMatchObject(answering('thing-1', { reason: 'broken' }));
  });

  test('hands over the event as a request that is named after the call and began when it was sent, with its direction, without URL and service token', async () => {
    await steps.run(acting());
    const { ResponseURL, ...event } = givenEvent('Create');
    const request = { ...event, RequestId: acting().call.id, Since: `${SENT}` };
    expect(direction).toHaveBeenCalledWith(request);
    expect(act).toHaveBeenCalledWith({ ...request, Direction: 'forward' });
  });

  test.each([[1, 1], [19, 1], [20, 2], [50, 5], [200, 5]])('is repeated %d seconds after it was sent in %d while a status may be old, and touches nothing', async (age, wait) => {
    now = SENT + 1000 * age;
    ask.mockResolvedValue('not yet');
    expect(await steps.run(acting())).toEqual({ ...acting(), wait });
    ask.mockResolvedValue('yes');
    direction.mockRejectedValue(new TooEarly());
    expect(await steps.run(acting())).toEqual({ ...acting(), wait });
    expect(act).not.toHaveBeenCalled();
  });

  test('is repeated while its beginning is too early, until the deadline', async () => {
    act.mockRejectedValue(new TooEarly());
    expect(await steps.run(acting())).toEqual({ ...acting(), wait: 1 });
    now = acting().call.deadline;
    expect(await steps.run(acting())).toMatchObject({ next: 'answer' });
  });

  test.each([['Create', /^failed-/], ['Update', /^thing-1$/]] as const)('fails a %s for which CloudFormation does not wait, and touches nothing', async (type, id) => {
    ask.mockResolvedValue('no');
    expect(await steps.run(acting(type))).toMatchObject(answering(expect.stringMatching(id) as any, { reason: expect.stringContaining('does not wait for this resource') }));
    expect(act).not.toHaveBeenCalled();
  });

  test.each([['Create', /^failed-/], ['Update', /^thing-1$/], ['Delete', /^thing-1$/]] as const)('fails a %s whose beginning fails', async (type, id) => {
    act.mockRejectedValue(named('Refused', "'kind' must be a"));
    expect(await steps.run(acting(type))).toMatchObject(answering(expect.stringMatching(id) as any, { reason: "'kind' must be a" }));
  });
});

describe('poll', () => {
  test('hands over what the beginning returned', async () => {
    await steps.run(polling('Update', { PhysicalResourceId: 'thing-2', Memo: 'learned', Since: '1' }));
    expect(poll).toHaveBeenCalledWith(expect.objectContaining({ PhysicalResourceId: 'thing-2', Memo: 'learned', Since: '1', RequestId: acting().call.id }));
  });

  test('succeeds with the attributes and the id of the beginning', async () => {
    poll.mockResolvedValue({ IsComplete: true, Data: { Id: 'thing-2' } });
    expect(await steps.run(polling())).toMatchObject(answering('thing-2', { attributes: { Id: 'thing-2' } }));
  });

  test('succeeds with the id that it found itself, if the beginning was deferred', async () => {
    poll.mockResolvedValue({ IsComplete: true, PhysicalResourceId: 'thing-3', Data: {} });
    expect(await steps.run(polling('Create', { PhysicalResourceId: 'invented', Deferred: 'true' }))).toMatchObject(answering('thing-3', {}));
  });

  test.each<[string, 'Create' | 'Update' | 'Delete', ActResult, RegExp]>([
    ['a creation', 'Create', { PhysicalResourceId: 'thing-2' }, /^thing-2$/],
    ['a creation that was deferred', 'Create', { PhysicalResourceId: 'invented', Deferred: 'true' }, /^failed-/],
    ['a replacement whose new thing exists', 'Update', { PhysicalResourceId: 'thing-2' }, /^thing-2$/],
    ['a replacement that was deferred', 'Update', { PhysicalResourceId: 'thing-1', Deferred: 'true' }, /^thing-1$/],
    ['a deletion', 'Delete', { PhysicalResourceId: 'thing-1' }, /^thing-1$/],
  ])('fails %s', async (_, type, begun, id) => {
    poll.mockRejectedValue(new Error('broken'));
    expect(await steps.run(polling(type, begun))).toMatchObject(answering(expect.stringMatching(id) as any, { reason: 'broken' }));
  });

  test.each([
    [15, 1], [99, 1], [100, 2], [499, 9], [1_000, 20], [3_400, 20],
  ])('leaves the pause to the state machine, by the age of the call: after %d seconds, %d', async (age, wait) => {
    now = SENT + 1000 * age;
    expect(await steps.run(polling())).toEqual({ ...polling(), wait });
    expect(poll).toHaveBeenCalledTimes(1);
  });

  test('polls again itself in the first 15 seconds, after half a second, later after a tenth of the age of the call', async () => {
    const ages: number[] = [];
    poll.mockImplementation(async () => {
      ages.push((now - SENT) / 1000);
      return { IsComplete: false };
    });
    expect(await steps.run(polling())).toEqual({ ...polling(), wait: 1 });
    expect(ages.slice(0, 10)).toEqual([1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5]);
    expect(ages.slice(10).map(age => Math.round(age))).toEqual([6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 16]);
  });

  test('succeeds as soon as one of its polls finds the thing ready', async () => {
    poll.mockResolvedValueOnce({ IsComplete: false }).mockResolvedValueOnce({ IsComplete: true });
    expect(await steps.run(polling())).toMatchObject(answering('thing-2', {}));
    expect(now - SENT).toBe(1_500);
  });

  test('leaves the pause that a poll asks for to the state machine, unless it would be longer anyway', async () => {
    poll.mockResolvedValue({ IsComplete: false, Pause: 7 });
    expect(await steps.run(polling())).toEqual({ ...polling(), wait: 7 });
    now = SENT + 1_000_000;
    expect(await steps.run(polling())).toEqual({ ...polling(), wait: 20 });
    expect(poll).toHaveBeenCalledTimes(2);
  });

  test('leaves a token next if work is under way that returns it, and then polls; a pause if that is not possible', async () => {
    poll.mockResolvedValue({ IsComplete: false, IsUnderWay: true });
    const waiting = await steps.run(polling());
    expect(waiting).toEqual({ ...polling(), next: 'await', wait: 1 });
    expect(await steps.run(waiting)).toEqual(waiting);
    poll.mockResolvedValue({ IsComplete: false });
    now = SENT + 15_000;
    expect(await steps.run(waiting)).toEqual({ ...polling(), wait: 1 });
    expect(poll).toHaveBeenCalledTimes(3);
  });

  test('goes on until the deadline, and fails after it', async () => {
    now = polling().call.deadline;
    expect(await steps.run(polling())).toMatchObject({ next: 'poll' });
    now++;
    expect(await steps.run(polling())).toMatchObject(answering('thing-2', { reason: expect.stringContaining('thing-2 is not ready') }));
  });

  test('succeeds after the deadline if it is ready', async () => {
    now = polling().call.deadline + 1;
    poll.mockResolvedValue({ IsComplete: true });
    expect(await steps.run(polling())).toMatchObject(answering('thing-2', {}));
  });

  test('has the deadline of a shorter ServiceTimeout', async () => {
    const event = givenEvent('Create', { ResourceProperties: { ServiceToken: 'f', ServiceTimeout: '300' } });
    now = SENT + 180_001;
    expect(await steps.run(givenState(event, { next: 'poll', begun: { PhysicalResourceId: 'thing-2' } }))).toMatchObject({ next: 'answer' });
  });
});

describe('await', () => {
  const waiting = givenState(givenEvent('Update'), { next: 'await', begun: { PhysicalResourceId: 'thing-2', Memo: 'learned' } });

  test('leaves the token with the work for the thing that was begun, and does nothing else', async () => {
    await steps.await(waiting, 'token');
    expect(leaveToken.mock.calls).toEqual([[expect.objectContaining({ PhysicalResourceId: 'thing-2', Memo: 'learned', RequestId: waiting.call.id }), 'token']]);
    expect([returnToken.mock.calls, poll.mock.calls, put.mock.calls]).toEqual([[], [], []]);
  });

  test('returns the token itself if the work has ended since the poll', async () => {
    leaveToken.mockResolvedValue(false);
    await steps.await(waiting, 'token');
    expect(returnToken.mock.calls).toEqual([['token']]);
  });

  test('fails if the token cannot be left, so that the execution makes its pause', async () => {
    leaveToken.mockRejectedValue(new Error('no bucket'));
    await expect(steps.await(waiting, 'token')).rejects.toThrow('no bucket');
    expect(returnToken).not.toHaveBeenCalled();
  });
});

describe('answer', () => {
  const state: ExecutionState = { ...acting(), next: 'answer', answer: { physicalId: 'thing-2', attributes: { Id: 'thing-2' } } };

  test('puts the same body each time', async () => {
    await steps.answer(state);
    await steps.answer(state);
    expect(put.mock.calls[0]).toEqual([givenEvent('Create').ResponseURL, expect.stringContaining('"Status":"SUCCESS"')]);
    expect(put.mock.calls[1]).toEqual(put.mock.calls[0]);
  });

  test('puts the failure of an execution whose steps failed again and again', async () => {
    await steps.answer(givenState(givenEvent('Create'), { failure: { Error: 'Sandbox.Timedout', Cause: 'died' } }));
    expect(JSON.parse(put.mock.calls[0][1])).toMatchObject({ Status: 'FAILED', PhysicalResourceId: expect.stringMatching(/^interrupted-/) });
  });

  test('throws if the answer does not arrive, so that the execution repeats it', async () => {
    put.mockRejectedValue(new Error('status 503'));
    await expect(steps.answer(state)).rejects.toThrow('status 503');
  });
});
