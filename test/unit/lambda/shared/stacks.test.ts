import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { Direction } from '../../../../lambda/shared/direction';
import { Stacks } from '../../../../lambda/shared/stacks';

jest.mock('node:timers/promises', () => ({ setTimeout: async (milliseconds: number) => { now += milliseconds; } }));

const send = jest.fn();
const stacks = new Stacks({ send } as unknown as CloudFormationClient);
const BEGUN = 1_000_000;
let now: number;

beforeEach(() => {
  now = BEGUN + 600_000;
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  jest.spyOn(console, 'log').mockImplementation(() => {});
  send.mockReset();
});
afterEach(() => { jest.restoreAllMocks(); });

const statusIs = (StackStatus: string) => send.mockResolvedValue({ Stacks: [{ StackStatus }] });
const DENIED = Object.assign(new Error('not authorized'), { name: 'AccessDenied' });
const UNKNOWN = Object.assign(new Error('Stack with id s does not exist'), { name: 'ValidationError' });

describe('isAwaited', () => {
  const remove = jest.fn();
  const made = { id: 'snap-1', begun: BEGUN, remove };
  const awaited = (direction: Direction = 'forward', more: Partial<typeof made> = {}) => stacks.isAwaited({ stackId: 's', direction }, { ...made, ...more });

  beforeEach(() => { remove.mockReset().mockResolvedValue(undefined); });

  test.each(['CREATE_IN_PROGRESS', 'UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'CREATE_COMPLETE'])('is true in %s', async status => {
    statusIs(status);
    expect(await awaited()).toBe(true);
  });

  test.each([
    'ROLLBACK_IN_PROGRESS', 'UPDATE_ROLLBACK_IN_PROGRESS', 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS', 'UPDATE_ROLLBACK_FAILED',
    'DELETE_IN_PROGRESS', 'CREATE_FAILED', 'UPDATE_FAILED',
  ])(
    'is false in %s, where the next event may still come for the resource, unless the operation is part of the rollback', async status => {
      statusIs(status);
      expect(await awaited('forward')).toBe(false);
      expect(await awaited('back')).toBe(true);
      expect(remove).not.toHaveBeenCalled();
    });

  test.each(['ROLLBACK_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE', 'DELETE_COMPLETE'])('removes the resource and throws in %s, because no event will come', async status => {
    statusIs(status);
    await expect(awaited()).rejects.toThrow('CloudFormation cancelled the operation for which snap-1 was made');
    expect(remove).toHaveBeenCalledTimes(1);
  });

  test('removes nothing in the first minute, when the status may be from before the operation', async () => {
    statusIs('UPDATE_ROLLBACK_COMPLETE');
    now = BEGUN + 59_999;
    expect(await awaited()).toBe(false);
    expect(await awaited('forward', { begun: undefined })).toBe(false);
    expect(remove).not.toHaveBeenCalled();
    now = BEGUN + 60_000;
    await expect(awaited()).rejects.toThrow('cancelled');
  });

  test('is false if the removal fails, so that the next poll tries again', async () => {
    statusIs('UPDATE_ROLLBACK_COMPLETE');
    remove.mockRejectedValue(DENIED);
    expect(await awaited()).toBe(false);
  });

  test('is true if CloudFormation does not answer', async () => {
    send.mockRejectedValue(DENIED);
    expect(await awaited()).toBe(true);
  });
});

test('a stack is described with its root, its latest operation, and whether its rollback is disabled, which it is unless CloudFormation says otherwise', async () => {
  send.mockResolvedValue({
    Stacks: [{
      StackId: 's', StackStatus: 'DELETE_IN_PROGRESS', DisableRollback: false, RootId: 'r', LastOperations: [{ OperationType: 'ROLLBACK' }, { OperationType: 'CREATE_STACK' }],
    }],
  });
  expect(await stacks.describe('s')).toEqual({ id: 's', status: 'DELETE_IN_PROGRESS', rollbackDisabled: false, rootId: 'r', operation: 'ROLLBACK' });
  statusIs('UPDATE_IN_PROGRESS');
  expect(await stacks.describe('s')).toMatchObject({ rollbackDisabled: true });
  send.mockRejectedValue(UNKNOWN);
  expect(await stacks.describe('s')).toBeUndefined();
});

describe('isDeleted', () => {
  test.each([['DELETE_COMPLETE', true], ['DELETE_IN_PROGRESS', false], ['DELETE_FAILED', false]])('in %s is %p', async (status, expected) => {
    statusIs(status);
    expect(await stacks.isDeleted('s')).toBe(expected);
  });

  test('is true for a stack that CloudFormation has forgotten, and throws if it does not answer', async () => {
    send.mockRejectedValue(UNKNOWN);
    expect(await stacks.isDeleted('s')).toBe(true);
    send.mockRejectedValue(DENIED);
    await expect(stacks.isDeleted('s')).rejects.toThrow('not authorized');
  });
});

describe('resources', () => {
  const listed = (more: object = {}) => ({
    PhysicalResourceId: 'fs-1', StackId: 's', LogicalResourceId: 'Files', ResourceType: 'Custom::FileSystem', ResourceStatus: 'CREATE_COMPLETE', ...more,
  });

  test('returns where the id is a resource, without what was deleted there and without its neighbours', async () => {
    send.mockResolvedValue({
      StackResources: [
        listed(), listed({ StackId: 'gone', ResourceStatus: 'DELETE_COMPLETE' }), listed({ StackId: 'left', ResourceStatus: 'DELETE_SKIPPED' }),
        listed({ PhysicalResourceId: 'fs-2' }), listed({ StackId: 'stuck', ResourceStatus: 'DELETE_FAILED' }),
      ],
    });
    expect(await stacks.resources('fs-1')).toEqual(['s', 'stuck'].map(stackId => ({ stackId, logicalId: 'Files', type: 'Custom::FileSystem' })));
  });

  test('returns none if no stack has the id, and throws if CloudFormation does not answer', async () => {
    send.mockRejectedValue(Object.assign(new Error('Stack for fs-1 does not exist'), { name: 'ValidationError' }));
    expect(await stacks.resources('fs-1')).toEqual([]);
    send.mockRejectedValue(DENIED);
    await expect(stacks.resources('fs-1')).rejects.toThrow('not authorized');
  });
});

test('asks for at most 30 seconds', async () => {
  send.mockRejectedValue(Object.assign(new Error('Rate exceeded'), { name: 'Throttling' }));
  const begin = now;
  await expect(stacks.status('s')).rejects.toThrow('Rate exceeded');
  expect(now - begin).toBeLessThanOrEqual(30_000);
  expect(send.mock.calls.length).toBeGreaterThan(3);
});
