import { explore, play } from './explore';
import { creation, deployedAgain, update, type Story } from './stories';

/**
 * A model of the protocol between CloudFormation, Lambda, Step Functions and the function: the real receiver, steps and handlers in a
 * world in memory, which decides at each call whether it is late, lost or the process's last. UNUSUAL and RANDOM search deeper.
 */
jest.mock('node:timers/promises', () => ({ setTimeout: (milliseconds: number) => jest.requireActual('./process').sleep(milliseconds) }));

const UNUSUAL = Number(process.env.UNUSUAL ?? 1);
const RANDOM = Number(process.env.RANDOM ?? 600);

const { log } = console;
const counts: string[] = [];
beforeAll(() => { console.log = () => {}; });
afterAll(() => {
  console.log = log;
  process.stdout.write(`The model of the protocol:\n${counts.join('\n')}\n`);
});

const CANCELLED = [0.1, 0.45, 100];
/** Decisions with bad ends that are known: see `known until claims`. */
const KNOWN = /loses its connection|stops Update/;

const STORIES: readonly [string, Story, { readonly never?: RegExp; readonly polls?: number; readonly seconds?: number; readonly refuses?: 'before' | 'after' }?][] = [
  ['a creation', creation()],
  ['a creation that is taken back', creation({ takenBackAfter: 1 })],
  ...CANCELLED.map(cancelledAfter => [`a creation that is cancelled after ${cancelledAfter} s`, creation({ cancelledAfter })] as [string, Story]),
  ['a creation that is cancelled while the thing is made', creation({ cancelledAfter: 3 }), { polls: 2 }],
  ['a creation of a thing that is filled', creation(), { seconds: 10 }],
  ['a creation that is cancelled while the thing is filled', creation({ cancelledAfter: 3 }), { seconds: 10 }],
  ['a creation that fails before it has made something', creation(), { refuses: 'before' }],
  ['a creation that fails after it has made something', creation(), { refuses: 'after' }],
  ['a creation with the request of an earlier one', deployedAgain(0.45), { never: new RegExp(`${KNOWN.source}|arrives after seconds: 3000`) }],
  ['an update', update('in place')],
  ['an update that is taken back', update('in place', { takenBackAfter: 1 })],
  ['a replacement', update('replacement')],
  ['a replacement that is taken back, with the old id', update('replacement', { takenBackAfter: 1 })],
  ['a replacement that is taken back, with the new id', update('replacement', { takenBackAfter: 1, called: 'new' })],
];

describe.each([['that asks whether the stack rolls back', true], ['that does not', undefined]] as const)('no bad end: a resource %s', (kind, asks) => {
  test.each(STORIES)('%s', async (name, story, more = {}) => {
    const { schedules, states, bad } = await explore(story, { unusual: UNUSUAL, random: RANDOM, never: KNOWN, asks, ...more });
    counts.push(`${String(schedules).padStart(7)} schedules, ${String(states).padStart(5)} states: ${name}; a resource ${kind}`);
    expect(bad.slice(0, 3)).toEqual([]);
  });
});

test.each<[string, Story]>([
  ['a creation', creation()],
  ['a creation that is cancelled', creation({ cancelledAfter: 0.45 })],
])('no bad end if Step Functions loses connections, and repeats steps that go on: %s', async (name, story) => {
  const { schedules, states, bad } = await explore(story, { unusual: UNUSUAL, random: RANDOM });
  counts.push(`${String(schedules).padStart(7)} schedules, ${String(states).padStart(5)} states: ${name}, with lost connections`);
  expect(bad.slice(0, 3)).toEqual([]);
});

describe('the model finds a bad end', () => {
  const finds = async (story: Story, leftOut: object, more: object = {}) =>
    (await explore(story, { unusual: 1, first: true, leftOut, ...more })).bad[0]?.fault;

  test('if nobody asks whether CloudFormation waits for the resource', async () => {
    expect(await finds(creation({ cancelledAfter: 0.1 }), { statusQuestion: true })).toBe('there is thing-1 (a1) instead of nothing');
  });

  test('if the deletion of a cancelled creation does not wait', async () => {
    expect(await finds(creation({ cancelledAfter: 0.45 }), { wait: true })).toBe('there is thing-1 (a1) instead of nothing');
  });

  test('if an execution waits for a token without a timeout, and the event of the end of the work is lost', async () => {
    expect(await finds(creation(), { timeout: true }, { seconds: 10 })).toBe('nobody answers Create 1');
  });

  test('if names of executions can be taken again, and nobody asks', async () => {
    expect(await finds(creation({ takenBackAfter: 1 }), { names: true, statusQuestion: true })).toMatch(/instead of nothing$/);
    expect(await finds(update('in place', { takenBackAfter: 1 }), { names: true, statusQuestion: true })).toBe('there is thing-1 (a2) instead of thing-1 (a1)');
  });
});

describe('sequences that broke earlier drafts end well', () => {
  const BOTH = { leftOut: { names: true, statusQuestion: true } } as const;
  const QUESTION = { leftOut: { statusQuestion: true } } as const;
  const WAIT = { leftOut: { wait: true } } as const;

  test.each(([
    ['D1 a: the creation arrives again after the stack is gone', creation({ takenBackAfter: 1 }), ['Create 1 arrives again after seconds: 400'], BOTH],
    ['D1 a: the process dies after the answer', creation({ takenBackAfter: 1 }), ['Create 1.answer answers: the process dies after']],
    ['D1 b: an update arrives again after it was taken back', update('in place', { takenBackAfter: 1 }), ['Update 1 arrives again after seconds: 100'], BOTH],
    ['D1 c: the deletion overtakes the creation', creation({ cancelledAfter: 0.1 }), ['Create 1 arrives after seconds: 250'], QUESTION],
    ['D1 c: the creation begins in the minute in which the status is old', creation({ cancelledAfter: 0.1 }),
      ['Create 1 arrives after seconds: 8', 'DELETE_IN_PROGRESS of the resource shows after seconds: 59', 'ROLLBACK_IN_PROGRESS of the stack shows after seconds: 59'], WAIT],
    ['D1 c: CloudFormation returns no status', creation({ cancelledAfter: 0.1 }), ['CloudFormation returns statuses: never', 'Create 1 arrives after seconds: 250'], WAIT],
    ['D1 c: CloudFormation throttles as the creation arrives', creation({ cancelledAfter: 0.1 }),
      ['Create 1 arrives after seconds: 250', 'CloudFormation throttles for seconds: 15']],
    ['D1 d: the creation arrives twice at once', creation(), ['Create 1 arrives again after seconds: 1']],
    ['D1 d: two instances create at once', creation(), ['Step Functions loses its connection to Create 1.act: yes', 'Create 1.act makes the thing: takes effect after some seconds']],
    ['D5: the same request with another response URL', deployedAgain(0.45), []],
    ['D8: the execution is stopped in the middle of the creation', creation(),
      ['somebody stops Create 1 after seconds: 0.3', 'Create 1.act makes the thing: takes effect after some seconds'], WAIT],
    ['D8: the execution is stopped, and the event of its end is lost', creation(),
      ['somebody stops Create 1 after seconds: 0.3', 'the event of the end of Create 1: is lost']],
    ['D8: the answer does not arrive at first', creation(), ['Create 1.answer answers: status 503']],
    ['D8: the function dies after it has started the execution', creation(), ['Create 1 starts the execution: the process dies after']],
    ['L23: the deletion is tried again with the same request, and its first execution is lost', creation({ takenBackAfter: 1 }),
      ['somebody stops Delete 2 after seconds: 0.12', 'the event of the end of Delete 2: is lost']],
    ['L23: the deletion is tried again while its first execution works', creation({ takenBackAfter: 1 }), ['Delete 2 arrives after seconds: 3000', 'Delete 2.act deletes: takes effect late']],
  ] as [string, Story, string[], object?][]).map(([name, story, happens, without]) => [name, story, happens, without] as const))('%s', async (_, story, happens, without) => {
    expect(await play(story, happens)).toBeUndefined();
    if (without) { expect(await play(story, happens, without)).toMatch(/ instead of /); }
  });
});

/** Bad ends that only claims prevent, which name the latest call of a thing. With them, these tests have to move. */
describe('known until claims', () => {
  test.each<[string, Story, string[], string]>([
    ['an update that arrives while the rollback of it is in progress changes the thing after the rollback', update('in place', { cancelledAfter: 0.1 }),
      ['Update 1 arrives after seconds: 8', 'Update 2.act looks: returns late'], 'there is thing-1 (a2) instead of thing-1 (a1)'],
    ['a change that was on its way when CloudFormation cancelled the update', update('in place', { cancelledAfter: 0.4 }),
      ['Update 1.act changes the value: takes effect after some seconds'], 'there is thing-1 (a2) instead of thing-1 (a1)'],
    ['a change of an update whose execution was stopped', update('in place'),
      ['somebody stops Update 1 after seconds: 30', 'Update 1.act changes the value: takes effect late'], 'there is thing-1 (a2) instead of thing-1 (a1)'],
    ['a replacement whose creation was on its way when CloudFormation cancelled the update', update('replacement', { cancelledAfter: 0.4 }),
      ['Update 1.act makes the thing: takes effect after some seconds'], 'there is thing-1 (a1), thing-2 (b1) instead of thing-1 (a1)'],
    ['a replacement whose execution was stopped in the middle of the creation', update('replacement'),
      ['somebody stops Update 1 after seconds: 0.3', 'Update 1.act makes the thing: takes effect late'], 'there is thing-1 (a1), thing-2 (b1) instead of thing-1 (a1)'],
    ['a creation that arrives while the same resource is created anew', deployedAgain(0.45),
      ['Create 1 arrives after seconds: 3000', 'Create 1 arrives after seconds: 3000'], 'there is thing-1 (a1), thing-2 (a1) instead of thing-2 (a1)'],
    ['a step that Step Functions lost and repeated makes a second thing after the first is taken back', creation({ takenBackAfter: 1 }),
      ['Step Functions loses its connection to Create 1.act: yes', 'Create 1.act makes the thing: takes effect after some seconds'], 'there is thing-2 (a1) instead of nothing'],
  ])('%s', async (_, story, happens, fault) => {
    expect(await play(story, happens)).toBe(fault);
  });
});
