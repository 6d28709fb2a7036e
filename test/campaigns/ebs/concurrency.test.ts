import { Clock } from '../../../world/emulator/clock';
import { Principal } from '../../../world/emulator/iam';
import type { Lambda } from '../../../world/emulator/lambda';
import { Concurrency, NEW_ACCOUNT_CONCURRENCY } from '../../../world/emulator/lambda/concurrency';
import { StepFunctions } from '../../../world/emulator/states';
import { Random } from '../../harness/ebs/fault-plan';
import { synthesizedMachines } from '../../harness/ebs/synthesized-machines';

/*
 * Imports that share Lambda's concurrency, by the state machine of the template and its own retriers, in the emulated Step Functions.
 * The functions only take their time. SEEDS=200 plays more of it, FIRST_SEED=7 SEEDS=1 one case again.
 */

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

const [FIRST, SEEDS] = [Number(process.env.FIRST_SEED ?? 1), Number(process.env.SEEDS ?? 2)];
/** A range of 256 MiB at 75 puts a second. */
const RANGE_SECONDS = 7;
const MINUTES = 60_000;

interface Load {
  readonly imports: number;
  readonly gibibytes: number;
  readonly concurrency: number;
  /** Executions of other functions of the account: all of it is taken for so many minutes. */
  readonly busyMinutes?: number;
  /** CloudFormation does not wait for the imports. */
  readonly background?: boolean;
}

/** Plays imports that begin together. Returns how they ended, and the minutes that took. */
async function play(machine: Json, seed: number, { imports, gibibytes, concurrency: limit, busyMinutes = 0, background = false }: Load) {
  const clock = new Clock(undefined, 0);
  const random = new Random(seed);
  const concurrency = new Concurrency(() => 0, limit);
  const ranges = Array.from({ length: 4 * gibibytes }, (_, n) => ({ n }));
  const answers: Record<string, (input: Json) => object> = {
    plan: ({ snapshotId }) => ({ snapshotId, workers: 12, ranges, background, increment: false }),
    copy: () => ({ done: true }),
    seal: () => ({ completed: true, verify: false, seconds: 5 }),
  };
  const lambda = {
    authorizeInvoke: () => {},
    invoke: async (functionArn: string, payload: Json) => {
      const name = functionArn.endsWith(':steps') ? Object.keys(payload)[0] : functionArn.split(':').at(-1)!;
      const leave = concurrency.take();
      await clock.sleep(name === 'copy' ? RANGE_SECONDS * 1000 * (0.9 + random.next() / 5) : 1_000);
      leave();
      return { payload: answers[name](payload[name] ?? payload), executedVersion: '$LATEST', requestId: '0' };
    },
  } as unknown as Lambda;
  const states = new StepFunctions(clock, lambda, seed);
  const arn = states.create({ name: 'transfer', definition: machine, role: Principal.ADMIN });
  const begin = clock.now();
  const taken = Array.from({ length: busyMinutes > 0 ? limit : 0 }, () => concurrency.take());
  void clock.sleep(busyMinutes * MINUTES).then(() => taken.forEach(leave => leave()));
  const ended = new Promise<void>(resolve => {
    let left = imports;
    states.onStatusChange(({ detail }) => { if (detail.status !== 'RUNNING' && --left === 0) { resolve(); } });
  });
  const executions = Array.from({ length: imports }, (_, i) => states.start(arn, { snapshotId: `snap-${i}` }, `snap-${i}`));
  await ended;
  const ends = executions.map(execution => states.describe(execution));
  return {
    statuses: ends.map(({ status }) => status),
    errors: ends.map(({ error }) => error).filter(error => error !== undefined),
    minutes: (Math.max(...ends.map(({ stopDate }) => stopDate!)) - begin) / MINUTES,
    refused: concurrency.refused,
    events: Math.max(...executions.map(execution => states.events(execution))),
  };
}

const machine = synthesizedMachines().imports;
const seeds = Array.from({ length: SEEDS }, (_, i) => FIRST + i);

describe.each(seeds)('with seed %s', seed => {
  test('two imports of 100 GiB share the concurrency of a new account', async () => {
    const { statuses, minutes, refused } = await play(machine, seed, { imports: 2, gibibytes: 100, concurrency: NEW_ACCOUNT_CONCURRENCY });

    expect(statuses).toEqual(['SUCCEEDED', 'SUCCEEDED']);
    expect(refused).toBeGreaterThan(0);
    // 800 ranges of 7 seconds by ten workers are 9.3 minutes.
    expect(minutes).toBeLessThan(13);
  }, 60_000);

  test('as many ranges as an import may have fit into the history of its execution', async () => {
    const { statuses, events } = await play(machine, seed, { imports: 2, gibibytes: 250, concurrency: NEW_ACCOUNT_CONCURRENCY });

    expect(statuses).toEqual(['SUCCEEDED', 'SUCCEEDED']);
    expect(events).toBeLessThan(20_000);
  }, 60_000);

  test('five imports of 50 GiB share it, too', async () => {
    const { statuses, minutes } = await play(machine, seed, { imports: 5, gibibytes: 50, concurrency: NEW_ACCOUNT_CONCURRENCY });

    expect(new Set(statuses)).toEqual(new Set(['SUCCEEDED']));
    expect(minutes).toBeLessThan(19);
  }, 60_000);

  test('an import waits for hours while other functions have all of it, and then begins within a minute', async () => {
    const load = { imports: 1, gibibytes: 8, concurrency: NEW_ACCOUNT_CONCURRENCY, busyMinutes: 180, background: true };
    const { statuses, minutes, events } = await play(machine, seed, load);

    expect(statuses).toEqual(['SUCCEEDED']);
    expect(minutes).toBeLessThan(180 + 3);
    expect(events).toBeLessThan(5_000);
  }, 60_000);
});

test('the same imports fail by the retriers that the state machine had before', async () => {
  const before = { ErrorEquals: ['Lambda.TooManyRequestsException'], IntervalSeconds: 2, BackoffRate: 2, MaxAttempts: 6 };
  const old = JSON.parse(JSON.stringify(machine), (key, value) => key === 'Retry' ? [before] : value) as Json;

  const { statuses, errors, minutes } = await play(old, 1, { imports: 2, gibibytes: 100, concurrency: NEW_ACCOUNT_CONCURRENCY });

  expect(statuses).toContain('FAILED');
  expect(errors).toContain('Lambda.TooManyRequestsException');
  expect(minutes).toBeLessThan(5);
}, 60_000);

test('an import that is refused for longer than any may take fails by that name', async () => {
  const { errors, minutes, events } = await play(machine, 1, { imports: 1, gibibytes: 1, concurrency: 0 });

  expect(errors).toEqual(['Lambda.TooManyRequestsException']);
  expect(minutes).toBeGreaterThan(12 * 60);
  expect(events).toBeLessThan(10_000);
}, 60_000);
