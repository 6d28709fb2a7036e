import {
  directionOf, Directions, isCertainlyBack, throwUnlessBack, TooEarly, type Direction, type RequestType,
} from '../../../../lambda/shared/direction';
import type { StackState } from '../../../../lambda/shared/stacks';
import { contextWith } from '../given';

const REQUESTS = ['Create', 'Update', 'Delete'] as const;
const MINUTE = 60_000;

const stack = (status: string, more: Partial<StackState> = {}): StackState => ({ id: 'root', status, rollbackDisabled: false, ...more });
const nested = (status: string): StackState => stack(status, { id: 'nested', rootId: 'root' });
const directions = (root: StackState | undefined, own: StackState | undefined = root, age = MINUTE) =>
  REQUESTS.map(requestType => directionOf({ requestType, root, own, age }));

beforeEach(() => { jest.spyOn(console, 'log').mockImplementation(() => {}); });
afterEach(() => { jest.restoreAllMocks(); });

test.each<[string, Direction, Direction, Direction]>([
  ['REVIEW_IN_PROGRESS', 'forward', 'unknown', 'back'],
  ['CREATE_IN_PROGRESS', 'forward', 'unknown', 'back'],
  ['CREATE_COMPLETE', 'unknown', 'unknown', 'forward'],
  ['UPDATE_COMPLETE', 'unknown', 'unknown', 'forward'],
  ['IMPORT_COMPLETE', 'unknown', 'unknown', 'forward'],
  ['CREATE_FAILED', 'unknown', 'unknown', 'back'],
  ['UPDATE_FAILED', 'unknown', 'unknown', 'back'],
  ['UPDATE_IN_PROGRESS', 'forward', 'forward', 'unknown'],
  ['UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'forward', 'forward', 'forward'],
  ['ROLLBACK_IN_PROGRESS', 'over', 'over', 'back'],
  ['ROLLBACK_FAILED', 'over', 'over', 'back'],
  ['UPDATE_ROLLBACK_IN_PROGRESS', 'over', 'back', 'back'],
  ['UPDATE_ROLLBACK_FAILED', 'over', 'back', 'back'],
  ['UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS', 'over', 'back', 'back'],
  ['ROLLBACK_COMPLETE', 'over', 'over', 'unknown'],
  ['UPDATE_ROLLBACK_COMPLETE', 'over', 'over', 'unknown'],
  ['DELETE_FAILED', 'over', 'over', 'forward'],
  ['DELETE_COMPLETE', 'over', 'over', 'forward'],
  ['IMPORT_IN_PROGRESS', 'unknown', 'unknown', 'unknown'],
  ['IMPORT_ROLLBACK_IN_PROGRESS', 'unknown', 'unknown', 'unknown'],
  ['IMPORT_ROLLBACK_COMPLETE', 'unknown', 'unknown', 'unknown'],
  ['A_STATUS_TO_COME', 'unknown', 'unknown', 'unknown'],
])('in %s a Create is %s, an Update %s, a Delete %s', (status, ...expected) => {
  expect(directions(stack(status))).toEqual(expected);
});

test('an update without rollback may take back a single resource', () => {
  expect(directions(stack('UPDATE_IN_PROGRESS', { rollbackDisabled: true }))).toEqual(['forward', 'unknown', 'unknown']);
});

test.each<[string | undefined, Direction]>([
  ['DELETE_STACK', 'forward'], ['CREATE_STACK', 'back'], ['ROLLBACK', 'back'], ['UPDATE_STACK', 'unknown'], [undefined, 'unknown'],
])('a stack that is deleted by the operation %s goes %s', (operation, expected) => {
  expect(directions(stack('DELETE_IN_PROGRESS', { operation }))).toEqual(['over', 'over', expected]);
});

describe('in a nested stack', () => {
  test.each<[string, string, Direction, Direction, Direction]>([
    ['UPDATE_IN_PROGRESS', 'CREATE_IN_PROGRESS', 'forward', 'forward', 'unknown'],
    ['UPDATE_IN_PROGRESS', 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'forward', 'forward', 'unknown'],
    ['UPDATE_IN_PROGRESS', 'UPDATE_ROLLBACK_IN_PROGRESS', 'over', 'back', 'back'],
    ['CREATE_IN_PROGRESS', 'ROLLBACK_IN_PROGRESS', 'over', 'over', 'back'],
    ['UPDATE_ROLLBACK_IN_PROGRESS', 'UPDATE_IN_PROGRESS', 'over', 'back', 'back'],
    ['UPDATE_ROLLBACK_IN_PROGRESS', 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'over', 'back', 'back'],
    ['UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS', 'DELETE_IN_PROGRESS', 'over', 'back', 'back'],
    ['UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', 'DELETE_IN_PROGRESS', 'over', 'over', 'forward'],
    ['UPDATE_ROLLBACK_FAILED', 'DELETE_IN_PROGRESS', 'over', 'over', 'back'],
    ['UPDATE_IN_PROGRESS', 'DELETE_IN_PROGRESS', 'over', 'over', 'back'],
    ['CREATE_IN_PROGRESS', 'DELETE_IN_PROGRESS', 'over', 'over', 'back'],
  ])('of a root in %s, in %s itself, a Create is %s, an Update %s, a Delete %s', (root, own, ...expected) => {
    expect(directions(stack(root), nested(own))).toEqual(expected);
  });

  test('that is deleted, the operation of the root counts', () => {
    const deleted = (operation: string) => directionOf({ requestType: 'Delete', root: stack('DELETE_IN_PROGRESS', { operation }), own: nested('DELETE_IN_PROGRESS'), age: 0 });
    expect(['DELETE_STACK', 'CREATE_STACK'].map(deleted)).toEqual(['forward', 'back']);
  });

  test('a rollback of its own is known without the root, and nothing else', () => {
    expect(directions(undefined, nested('UPDATE_ROLLBACK_IN_PROGRESS'))).toEqual(['over', 'back', 'back']);
    expect(directions(undefined, nested('UPDATE_IN_PROGRESS'))).toEqual(['unknown', 'unknown', 'unknown']);
  });
});

test('nothing is known if CloudFormation describes no stack', () => {
  expect(directions(undefined, undefined, 0)).toEqual(['unknown', 'unknown', 'unknown']);
});

test.each(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE', 'ROLLBACK_COMPLETE', 'IMPORT_ROLLBACK_COMPLETE', 'ROLLBACK_IN_PROGRESS', 'DELETE_IN_PROGRESS'])(
  'in its first minute, the status %s may be from before a Create or an Update', status => {
    const [create, update, remove] = directions(stack(status), undefined, MINUTE - 1);
    expect([create, update]).toEqual([undefined, undefined]);
    expect(remove).toBeDefined();
  });

describe('CloudFormation', () => {
  const SENT = 1_000_000;
  const describe_ = jest.fn<Promise<StackState | undefined>, [string]>();
  const asked = new Directions({ describe: describe_ });
  const event = (RequestType: RequestType = 'Update') => ({ RequestType, StackId: 'nested', LogicalResourceId: 'Thing' });
  let now: number;
  beforeEach(() => {
    now = SENT + 1_000;
    jest.spyOn(Date, 'now').mockImplementation(() => now);
    describe_.mockReset();
  });

  test('is asked for the stack of the event, and for its root', async () => {
    describe_.mockImplementation(async id => id === 'root' ? stack('UPDATE_ROLLBACK_IN_PROGRESS') : nested('UPDATE_IN_PROGRESS'));
    expect(await asked.ask(event(), SENT)).toBe('back');
    expect(describe_.mock.calls).toEqual([['nested'], ['root']]);
  });

  test('is asked again while the status may be old', async () => {
    describe_.mockResolvedValue(stack('UPDATE_ROLLBACK_COMPLETE'));
    await expect(asked.ask(event(), SENT)).rejects.toThrow(TooEarly);
    now = SENT + MINUTE;
    expect(await asked.ask(event(), SENT)).toBe('over');
  });

  test.each(['AccessDenied', 'TimeoutError'])('says nothing if it answers with %s', async name => {
    describe_.mockRejectedValue(Object.assign(new Error('no'), { name }));
    expect(await asked.ask(event(), SENT)).toBe('unknown');
  });

  test('is asked again while it throttles, for five minutes', async () => {
    describe_.mockRejectedValue(Object.assign(new Error('Rate exceeded'), { name: 'Throttling' }));
    await expect(asked.ask(event(), SENT)).rejects.toThrow(TooEarly);
    now = SENT + 5 * MINUTE;
    expect(await asked.ask(event(), SENT)).toBe('unknown');
  });

  test('is believed for certain a minute after the event was sent, and not before', async () => {
    describe_.mockResolvedValue(stack('UPDATE_ROLLBACK_IN_PROGRESS'));
    await expect(asked.askAgain(event(), SENT)).rejects.toThrow(TooEarly);
    expect(describe_).not.toHaveBeenCalled();
    now = SENT + MINUTE;
    expect(await asked.askAgain(event(), SENT)).toBe('back');
  });
});

describe('a guard over data', () => {
  test.each<[Direction, Direction, boolean]>([
    ['back', 'back', true], ['back', 'forward', false], ['back', 'unknown', false], ['forward', 'back', false], ['unknown', 'back', false],
  ])('that reads %s, and %s a minute later, opens: %p', async (direction, later, expected) => {
    expect(await isCertainlyBack({ direction, certainDirection: async () => later })).toBe(expected);
  });
});

test('an error is thrown unless the event is certainly one of a rollback, where it is only logged', async () => {
  const error = new Error('the thing is gone');
  for (const direction of ['forward', 'unknown'] as const) { await expect(throwUnlessBack(contextWith(direction), error)).rejects.toThrow(error); }
  await throwUnlessBack(contextWith('back'), error);
  expect(console.log).toHaveBeenCalledWith(expect.stringContaining('the thing is gone'));
});
