import { SFNClient } from '@aws-sdk/client-sfn';
import { STACK, WAITER, givenEvent, givenState } from './given';
import { answering, type Invocation } from '../../../../../lambda/shared/answering/handler';
import { put } from '../../../../../lambda/shared/answering/response';
import type { EventHandlers } from '../../../../../lambda/shared/resource-event';
import { ANSWERING_ENVIRONMENT } from '../../../../../src/contract/answering';

jest.mock('../../../../../lambda/shared/answering/response', () => ({
  ...jest.requireActual('../../../../../lambda/shared/answering/response'), put: jest.fn(),
}));

const send = jest.spyOn(SFNClient.prototype, 'send');
const handlers: jest.Mocked<EventHandlers> = { direction: jest.fn(), act: jest.fn(), poll: jest.fn(), leaveToken: jest.fn() };
let invoke: (invocation: Invocation) => Promise<unknown>;

beforeEach(() => {
  process.env.AWS_REGION = 'eu-west-1';
  process.env[ANSWERING_ENVIRONMENT.waiter] = WAITER;
  process.env[ANSWERING_ENVIRONMENT.stackId] = STACK;
  jest.spyOn(console, 'log').mockImplementation(() => {});
  jest.mocked(put).mockResolvedValue(undefined);
  handlers.direction.mockResolvedValue('forward');
  handlers.act.mockResolvedValue({ PhysicalResourceId: 'thing-1' });
  handlers.poll.mockResolvedValue({ IsComplete: true, Data: {} });
  invoke = answering(handlers);
});

const begun = { PhysicalResourceId: 'thing-1' };
const answer = { physicalId: 'thing-1', attributes: {} };

test('an event of CloudFormation starts an execution, and nothing else', async () => {
  send.mockResolvedValue({} as never);
  expect(await invoke(givenEvent('Delete'))).toBeUndefined();
  expect(send).toHaveBeenCalledTimes(1);
  expect([handlers.act.mock.calls, jest.mocked(put).mock.calls]).toEqual([[], []]);
});

test('a step returns the next state', async () => {
  expect(await invoke({ state: givenState(givenEvent('Delete')) })).toMatchObject({ next: 'answer', begun, answer });
  expect(await invoke({ state: givenState(givenEvent('Delete'), { next: 'poll', begun }) })).toMatchObject({ next: 'answer', answer });
  expect(put).not.toHaveBeenCalled();
});

test('a step with a token leaves it with the work, or returns it, and returns no state', async () => {
  send.mockResolvedValue({} as never);
  const state = givenState(givenEvent('Create'), { next: 'await', begun });
  handlers.leaveToken.mockResolvedValueOnce(true).mockResolvedValueOnce(false);
  expect(await invoke({ state, token: 'secret' })).toBeUndefined();
  expect(send).not.toHaveBeenCalled();
  expect(await invoke({ state, token: 'secret' })).toBeUndefined();
  expect(send.mock.calls.map(([{ input }]) => input)).toEqual([{ taskToken: 'secret', output: '{}' }]);
  expect([handlers.act.mock.calls, handlers.poll.mock.calls, jest.mocked(put).mock.calls]).toEqual([[], [], []]);
  expect(JSON.stringify(jest.mocked(console.log).mock.calls)).not.toContain('secret');
});

test.each(['TaskTimedOut', 'InvalidToken', 'TaskDoesNotExist'])('a token that the step may not return any longer is nothing to speak of: %s', async name => {
  send.mockRejectedValue(Object.assign(new Error(name), { name }) as never);
  handlers.leaveToken.mockResolvedValue(false);
  expect(await invoke({ state: givenState(givenEvent('Create'), { next: 'await', begun }), token: 'secret' })).toBeUndefined();
});

test('the last step sends the answer', async () => {
  expect(await invoke({ state: givenState(givenEvent('Delete'), { next: 'answer', answer }) })).toBeUndefined();
  expect(put).toHaveBeenCalledTimes(1);
});

test.each(['act', 'poll'] as const)('after steps that failed again and again, the last step answers with the failure instead of another step: %s', async next => {
  await invoke({ state: givenState(givenEvent('Delete'), { next, begun, failure: { Error: 'Sandbox.Timedout', Cause: 'died' } }) });
  expect([handlers.act.mock.calls, handlers.poll.mock.calls]).toEqual([[], []]);
  expect(jest.mocked(put).mock.calls[0][1]).toContain('"Status":"FAILED"');
});

test('the end of an execution is answered', async () => {
  send.mockResolvedValue({ stateMachineArn: WAITER, input: JSON.stringify(givenState(givenEvent('Delete'))) } as never);
  await invoke({ 'detail-type': 'Step Functions Execution Status Change', 'detail': { executionArn: `${WAITER}:1`, status: 'ABORTED' } });
  expect(jest.mocked(put).mock.calls[0][1]).toContain('ended with status ABORTED');
});

test.each(['act', 'poll', 'answer'] as const)('a step for another stack is refused before it does anything: %s', async next => {
  const StackId = STACK.replace('App', 'Other');
  await expect(invoke({ state: givenState(givenEvent('Update', { StackId }), { next, begun, answer }) })).rejects.toThrow(
    `refused a step for another stack: ${StackId}`);
  expect([handlers.act.mock.calls, handlers.poll.mock.calls, jest.mocked(put).mock.calls]).toEqual([[], [], []]);
});
