import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { SECRET, SENT, STACK, givenEvent, named } from './given';
import { Awaited } from '../../../../../lambda/shared/answering/awaited';
import { callOf } from '../../../../../lambda/shared/answering/call';
import { Stacks } from '../../../../../lambda/shared/stacks';

jest.mock('node:timers/promises', () => ({ setTimeout: async (milliseconds: number) => { now += milliseconds; } }));

const send = jest.fn();
let now: number;
const ask = (type: 'Create' | 'Update' | 'Delete', age: number) => {
  now = SENT + 1000 * age;
  const event = givenEvent(type);
  return new Awaited(new Stacks({ send } as unknown as CloudFormationClient)).ask(event, callOf(event, now));
};

beforeEach(() => {
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  jest.spyOn(console, 'log').mockImplementation(() => {});
  send.mockReset();
});
afterEach(() => {
  expect(JSON.stringify((console.log as jest.Mock).mock.calls)).not.toContain(SECRET);
  jest.restoreAllMocks();
});

const statusIs = (ResourceStatus: string | undefined) => send.mockResolvedValue({ StackResourceDetail: { ResourceStatus } });
const OTHERS = [
  'CREATE_COMPLETE', 'CREATE_FAILED', 'UPDATE_COMPLETE', 'UPDATE_FAILED', 'DELETE_IN_PROGRESS', 'DELETE_COMPLETE', 'DELETE_FAILED', 'ROLLBACK_IN_PROGRESS',
  'UPDATE_ROLLBACK_COMPLETE', 'IMPORT_IN_PROGRESS', undefined,
];

test.each(['CREATE_IN_PROGRESS', 'UPDATE_IN_PROGRESS'])('CloudFormation waits for a resource in %s, at any age of the call', async status => {
  statusIs(status);
  expect(await Promise.all([0, 59, 61, 3_000].map(age => ask('Create', age)))).toEqual(['yes', 'yes', 'yes', 'yes']);
  expect(send.mock.calls[0][0].input).toEqual({ StackName: STACK, LogicalResourceId: 'Thing' });
});

test.each(OTHERS)('it does not in %s; in the first minute, that may be the status from before the call', async status => {
  statusIs(status);
  expect(await ask('Create', 0)).toBe('not yet');
  expect(await ask('Update', 59)).toBe('not yet');
  expect(await ask('Create', 60)).toBe('no');
  expect(await ask('Update', 3_000)).toBe('no');
});

test('it does not wait for a resource that the stack does not have', async () => {
  send.mockRejectedValue(named('ValidationError', 'Resource Thing does not exist for stack App'));
  expect(await ask('Create', 59)).toBe('not yet');
  expect(await ask('Create', 60)).toBe('no');
});

test.each([
  ['the question is denied', named('AccessDenied', 'not authorized to perform: cloudformation:DescribeStackResource')],
  ['the parameters are refused', named('ValidationError', 'something else')],
])('the call counts for five minutes if %s', async (_, error) => {
  send.mockRejectedValue(error);
  expect(await ask('Create', 0)).toBe('yes');
  expect(await ask('Update', 299)).toBe('yes');
  expect(await ask('Create', 300)).toBe('no');
  expect(send).toHaveBeenCalledTimes(3);
});

test('the question is repeated for some seconds only if CloudFormation throttles it', async () => {
  send.mockRejectedValue(named('ThrottlingException'));
  expect(await ask('Create', 0)).toBe('not yet');
  expect(send.mock.calls.length).toBeGreaterThan(3);
  expect(now).toBeLessThanOrEqual(SENT + 10_000);
  send.mockReset().mockRejectedValueOnce(named('ThrottlingException')).mockResolvedValue({ StackResourceDetail: { ResourceStatus: 'CREATE_IN_PROGRESS' } });
  expect(await ask('Create', 0)).toBe('yes');
});

test('the step asks again for five minutes if CloudFormation throttles it, since a deletion does not wait so long for a creation that begins without a status', async () => {
  send.mockRejectedValue(named('ThrottlingException'));
  expect(await ask('Create', 280)).toBe('not yet');
  expect(await ask('Create', 300)).toBe('no');
});

test('a deletion counts always, and nobody is asked', async () => {
  expect(await ask('Delete', 3_000)).toBe('yes');
  expect(send).not.toHaveBeenCalled();
});
