import type { SFNClient } from '@aws-sdk/client-sfn';
import { SECRET, SENT, STACK, WAITER, givenEvent, givenState, named } from './given';
import { callOf, executionName } from '../../../../../lambda/shared/answering/call';
import { Receiver, type ExecutionEnd } from '../../../../../lambda/shared/answering/receiver';
import type { Put } from '../../../../../lambda/shared/answering/response';

jest.mock('node:timers/promises', () => ({ setTimeout: async (milliseconds: number) => { now += milliseconds; } }));

let now: number;
const calls: { command: string; input: any }[] = [];
const start = jest.fn<Promise<unknown>, [any]>();
const describeExecution = jest.fn<Promise<unknown>, [any]>();
const put = jest.fn<Promise<void>, Parameters<Put>>();
const client = {
  send: async (command: any) => {
    calls.push({ command: command.constructor.name, input: command.input });
    return command.constructor.name === 'StartExecutionCommand' ? start(command.input) : describeExecution(command.input);
  },
} as unknown as SFNClient;
const receiver = new Receiver(client, { waiterArn: WAITER, stackId: STACK }, put);

beforeEach(() => {
  now = SENT + 1_000;
  calls.length = 0;
  start.mockReset().mockResolvedValue({});
  describeExecution.mockReset().mockRejectedValue(named('ExecutionDoesNotExist'));
  put.mockReset().mockResolvedValue(undefined);
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  jest.spyOn(console, 'log').mockImplementation(() => {});
});
afterEach(() => {
  expect(JSON.stringify((console.log as jest.Mock).mock.calls)).not.toContain(SECRET);
  jest.restoreAllMocks();
});

const DENIED = named('AccessDeniedException', 'not authorized to perform: states:StartExecution');
const NAME = executionName(givenEvent('Create'), callOf(givenEvent('Create'), SENT));
const answers = () => put.mock.calls.map(([url, body]) => ({ url, ...JSON.parse(body) }));

describe('receiving an event', () => {
  test('starts the execution that is named after the call, with the state in which it begins, and answers nothing', async () => {
    await receiver.receive(givenEvent('Create'));
    expect(calls).toEqual([{ command: 'StartExecutionCommand', input: { stateMachineArn: WAITER, name: NAME, input: expect.any(String) } }]);
    expect(JSON.parse(calls[0].input.input)).toEqual(givenState(givenEvent('Create')));
    expect(put).not.toHaveBeenCalled();
  });

  test('does nothing more if the execution exists', async () => {
    start.mockRejectedValue(named('ExecutionAlreadyExists'));
    await receiver.receive(givenEvent('Create'));
    expect(calls.map(({ command }) => command)).toEqual(['StartExecutionCommand']);
    expect(put).not.toHaveBeenCalled();
  });

  test('starts another execution for the same request with another response URL', async () => {
    await receiver.receive(givenEvent('Create'));
    await receiver.receive(givenEvent('Create', { ResponseURL: givenEvent('Create').ResponseURL.replace(SECRET, 'f'.repeat(16)) }));
    expect(new Set(calls.map(({ input }) => input.name)).size).toBe(2);
  });

  test('refuses an event of another stack: starts and answers nothing', async () => {
    await receiver.receive(givenEvent('Create', { StackId: STACK.replace('App', 'Other') }));
    expect([calls, put.mock.calls]).toEqual([[], []]);
  });

  test.each([['IAM is late', DENIED], ['Step Functions throttles', named('ThrottlingException')]])('starts the execution later if %s', async (_, error) => {
    start.mockImplementation(async () => {
      if (now < SENT + 21_000) { throw error; }
      return {};
    });
    await receiver.receive(givenEvent('Create'));
    expect(now).toBeLessThan(SENT + 30_000);
    expect(put).not.toHaveBeenCalled();
  });

  test('says nothing if the start is denied for good but the execution exists: it will answer', async () => {
    start.mockRejectedValue(DENIED);
    describeExecution.mockResolvedValue({});
    await receiver.receive(givenEvent('Create'));
    expect(describeExecution).toHaveBeenCalledWith({ executionArn: `arn:aws:states:eu-west-1:111111111111:execution:Waiter:${NAME}` });
    expect(put).not.toHaveBeenCalled();
  });

  test.each([
    ['Create', /^interrupted-[0-9a-f]{16}$/], ['Update', /^thing-1$/], ['Delete', /^thing-1$/],
  ] as const)('answers FAILED to a %s if the start is denied for good and there is no execution', async (type, id) => {
    start.mockRejectedValue(DENIED);
    await receiver.receive(givenEvent(type));
    expect(answers()).toEqual([expect.objectContaining({
      url: givenEvent(type).ResponseURL,
      Status: 'FAILED',
      PhysicalResourceId: expect.stringMatching(id),
      Reason: expect.stringMatching(/^the state machine of this resource could not be started: .*denied for \d+ seconds.*states:StartExecution/),
    })]);
    expect(now).toBeLessThan(SENT + 120_000);
  });

  test.each([['denied', DENIED], ['throttled', named('ThrottlingException')]])('answers within its time if everything is %s', async (_, error) => {
    start.mockRejectedValue(error);
    describeExecution.mockRejectedValue(error);
    put.mockImplementationOnce(async () => {
      now += 10_000;
      throw new Error('status 503');
    });
    await receiver.receive(givenEvent('Create'));
    expect(answers()).toHaveLength(2);
    expect(now).toBeLessThan(SENT + 1_000 + 120_000);
  });

  test('answers FAILED at once if the state machine is gone', async () => {
    start.mockRejectedValue(named('StateMachineDoesNotExist'));
    await receiver.receive(givenEvent('Delete'));
    expect(answers()).toMatchObject([{ Status: 'FAILED', Reason: expect.stringContaining('StateMachineDoesNotExist') }]);
  });

  test('repeats the answer, and throws if it does not arrive, so that Lambda repeats the event', async () => {
    start.mockRejectedValue(named('StateMachineDoesNotExist'));
    put.mockRejectedValueOnce(new Error('status 503'));
    await receiver.receive(givenEvent('Create'));
    expect(put).toHaveBeenCalledTimes(2);
    put.mockRejectedValue(new Error('status 503'));
    await expect(receiver.receive(givenEvent('Create'))).rejects.toThrow('status 503');
  });
});

describe('in a VPC', () => {
  test('checks the way of the answer beside the start of the execution, and waits for the check', async () => {
    let checked = false;
    const checkWay = jest.fn(async () => {
      await new Promise(resolve => setImmediate(resolve));
      checked = true;
    });
    await new Receiver(client, { waiterArn: WAITER, stackId: STACK }, put, checkWay).receive(givenEvent('Create'));
    expect(checkWay).toHaveBeenCalledWith(givenEvent('Create').ResponseURL);
    expect([checked, start.mock.calls.length]).toEqual([true, 1]);
  });
});

describe('the end of an execution without an answer', () => {
  const ARN = `arn:aws:states:eu-west-1:111111111111:execution:Waiter:${NAME}`;
  const end = (status: string): ExecutionEnd => ({ 'detail-type': 'Step Functions Execution Status Change', 'detail': { executionArn: ARN, status } });
  const described = (more: object = {}, event = givenEvent('Update')) =>
    describeExecution.mockResolvedValue({ stateMachineArn: WAITER, input: JSON.stringify(givenState(event)), ...more });

  test.each(['ABORTED', 'TIMED_OUT', 'FAILED'])('%s: answers FAILED with the id of the event', async status => {
    described();
    await receiver.answerFor(end(status));
    expect(answers()).toEqual([expect.objectContaining({
      url: givenEvent('Update').ResponseURL, Status: 'FAILED', PhysicalResourceId: 'thing-1', Reason: `execution ${ARN} ended with status ${status}`,
    })]);
  });

  test('answers with the error of the execution, if there is one', async () => {
    described({ error: 'States.TaskFailed', cause: 'no network' });
    await receiver.answerFor(end('FAILED'));
    expect(answers()).toMatchObject([{ Reason: 'the function of this resource failed again and again, at last with States.TaskFailed: no network' }]);
  });

  test('ignores an execution of another state machine', async () => {
    described({ stateMachineArn: `${WAITER}2` });
    await receiver.answerFor(end('FAILED'));
    expect(put).not.toHaveBeenCalled();
  });

  test.each<[string, () => void]>([
    ['the execution cannot be described', () => describeExecution.mockRejectedValue(named('ExecutionDoesNotExist'))],
    ['the answer does not arrive', () => { described(); put.mockRejectedValue(new Error('status 503')); }],
    ['the input is not a state', () => { describeExecution.mockResolvedValue({ stateMachineArn: WAITER, input: 'no JSON' }); }],
    ['the input is withheld', () => { describeExecution.mockResolvedValue({ stateMachineArn: WAITER }); }],
  ])('throws nothing if %s', async (_, given) => {
    given();
    await receiver.answerFor(end('ABORTED'));
    expect((console.log as jest.Mock).mock.calls.flat().join()).toContain('could not answer for an execution');
  });
});
