import { SENT, givenEvent, givenState, named } from './given';
import { Steps } from '../../../../../lambda/shared/answering/steps';
import { handlersOf } from '../../../../../lambda/shared/event-handlers';
import { inStep } from '../../../../../lambda/shared/patience';
import type { Lifecycle } from '../../../../../lambda/shared/resource-lifecycle';
import { retrying } from '../../../../../lambda/shared/retry';
import { LONGEST_PAUSE_SECONDS, STEP_SECONDS } from '../../../../../src/contract/answering';

let now: number;
jest.mock('node:timers/promises', () => ({ setTimeout: async (milliseconds: number) => { now += milliseconds; } }));

beforeEach(() => {
  now = SENT;
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  jest.spyOn(console, 'log').mockImplementation(() => {});
});
afterEach(() => { jest.restoreAllMocks(); });

/** A lifecycle all of whose calls fail, each after some time. `repeatable`: polls may begin the operation. */
function failing(error: Error, milliseconds: number, repeatable: boolean): Lifecycle<any, object> {
  const call = () => retrying(async () => {
    now += milliseconds;
    throw error;
  });
  return {
    identity: [],
    physicalId: /^thing-/,
    create: call,
    update: call,
    ready: call,
    delete: call,
    gone: call,
    find: call,
    isRepeatable: repeatable,
  } as unknown as Lifecycle<any, object>;
}

const stacks = {
  status: async () => 'UPDATE_IN_PROGRESS',
  describe: async () => ({ id: 'stack', status: 'UPDATE_IN_PROGRESS', rollbackDisabled: false }),
  resource: async () => undefined,
};

describe.each([['after the question for the status', 35_000], ['at once', 0]])('%s', (_, question) => {
  test.each<[string, Error, number]>([
    ['are denied', named('AccessDeniedException'), 100],
    ['are throttled', named('ThrottlingException'), 100],
    ['get no connection', named('TimeoutError'), 5_000],
    ['get no answer', named('TimeoutError'), 20_000],
  ])('a step whose calls %s ends, with its clean-up, before the function is killed', async (_name, error, milliseconds) => {
    for (const repeatable of [true, false]) {
      for (const type of ['Create', 'Update', 'Delete'] as const) {
        for (const next of ['act', 'poll'] as const) {
          const begin = now;
          const event = givenEvent(type, { ResourceType: 'Custom::Thing' });
          const handlers = handlersOf({ 'Custom::Thing': failing(error, milliseconds, repeatable) }, { stacks });
          const ask = async () => {
            now += question;
            return 'yes' as const;
          };
          const state = givenState({ ...event, ResponseURL: event.ResponseURL.replace('20261129T120000Z', timestamp(begin)) },
            { next, ...(next === 'poll' && { begun: { PhysicalResourceId: 'thing-1', Since: `${begin}` } }) });
          await inStep(() => new Steps(handlers, { ask }, async () => {}, async () => {}).run(state));
          expect(now - begin).toBeLessThan(1000 * STEP_SECONDS);
        }
      }
    }
  });
});

const timestamp = (time: number) => new Date(time).toISOString().replace(/[-:]|\.\d+/g, '');

test.each([
  ['are throttled', named('ThrottlingException'), 100],
  ['are denied', named('AccessDeniedException'), 100],
  ['get no answer', named('TimeoutError'), 7_000],
])('a step that cannot leave its token, because its calls %s, makes none after its execution has stopped waiting', async (_, error, milliseconds) => {
  const begin = now;
  let last = begin;
  const lifecycle = {
    leaveToken: () => retrying(async () => {
      last = now;
      now += milliseconds;
      throw error;
    }),
  } as unknown as Lifecycle<any, object>;
  const handlers = handlersOf({ 'Custom::Thing': lifecycle }, { stacks });
  const state = givenState(givenEvent('Create', { ResourceType: 'Custom::Thing' }), { next: 'await', begun: { PhysicalResourceId: 'thing-1', Since: `${begin}` } });
  const steps = new Steps(handlers, { ask: async () => 'yes' }, async () => {}, async () => {});
  await expect(inStep(() => steps.await(state, 'token'))).rejects.toThrow();
  expect(last).toBeGreaterThan(begin);
  expect(last - begin).toBeLessThanOrEqual(1000 * LONGEST_PAUSE_SECONDS);
});
