import { seeded, Service, SimulatedImport, Simulation } from './simulation';
import { QUOTAS } from '../../../../../world/emulator/ebs/quotas';

/** 32 GiB. */
const BLOCKS = 65_536;

interface Course {
  /** When each import begins, in seconds. */
  readonly starts: number[];
  /** Puts per second of somebody else in the account. */
  readonly foreign?: number;
  readonly blocks?: number;
  /** Network of each worker. */
  readonly network?: number;
}

async function simulate(seed: number, { starts, foreign = 0, blocks = BLOCKS, network = 75e6 }: Course) {
  const simulation = new Simulation();
  const random = seeded(seed);
  const service = new Service(simulation, random);
  const imports = starts.map(() => new SimulatedImport(simulation, service, random, blocks, network));
  const others = { sent: 0, taken: 0 };
  let ended = false;

  await simulation.run(async () => {
    const begun = imports.map(async (one, i) => {
      await simulation.sleep(starts[i] * 1000);
      await one.run();
    });
    const somebodyElse = (async () => {
      while (foreign > 0 && !ended) {
        await simulation.sleep(-Math.log(1 - random()) * 1000 / foreign);
        others.sent++;
        void service.put().then(taken => { others.taken += taken ? 1 : 0; });
      }
    })();
    await Promise.all(begun);
    ended = true;
    await somebodyElse;
  });

  for (const one of imports) { expect(one.taken).toHaveLength(blocks); }
  // While all of them run.
  const [from, to] = [Math.max(...imports.map(({ taken }) => taken[0])), Math.min(...imports.map(({ taken }) => taken.at(-1)!))];
  const taken = imports.map(one => one.takenBetween(from, to));
  const rejected = imports.reduce((sum, one) => sum + one.rejected, 0);
  return {
    taken,
    /** Of what the quota leaves to the imports. */
    utilization: taken.reduce((sum, count) => sum + count) / ((to - from) / 1000) / (QUOTAS.putPerAccount - foreign),
    rejected: rejected / (rejected + imports.length * blocks),
    othersRejected: 1 - others.taken / others.sent,
    workers: imports[0].workers,
  };
}

describe('32 GiB against the quotas of EBS', () => {
  test.each([[1, 75e6], [2, 75e6], [1, 50e6], [2, 50e6]])('one import uses 88 % of its quota, and nothing is refused (seed %d, %d bytes/s for every worker)', async (seed, network) => {
    const { utilization, rejected, workers } = await simulate(seed, { starts: [0], network });
    expect(workers).toBe(12);
    expect(utilization).toBeGreaterThanOrEqual(0.88);
    expect(utilization).toBeLessThan(0.95);
    expect(rejected).toBe(0);
  });

  test.each([1, 2])('two at once share the quota of the account, and hardly anything is refused (seed %d)', async seed => {
    const { utilization, rejected, taken: [one, other] } = await simulate(seed, { starts: [0, 0] });
    expect(utilization).toBeGreaterThanOrEqual(0.9);
    expect(rejected).toBeLessThan(0.01);
    expect(Math.abs(one - other) / Math.max(one, other)).toBeLessThan(0.1);
  });

  test('one that comes later gets its half, and no more than a little above it', async () => {
    const { utilization, rejected, taken: [first, second] } = await simulate(1, { starts: [0, 20] });
    expect(utilization).toBeGreaterThanOrEqual(0.9);
    expect(rejected).toBeLessThan(0.01);
    expect(second / (first + second)).toBeGreaterThan(0.45);
    expect(second / (first + second)).toBeLessThan(0.55);
  });

  test('beside somebody else it uses what is left', async () => {
    const { utilization, rejected, othersRejected } = await simulate(1, { starts: [0], foreign: 400 });
    expect(utilization).toBeGreaterThanOrEqual(0.9);
    expect(rejected).toBeLessThan(0.01);
    expect(othersRejected).toBeLessThan(0.01);
  });
});

test('the same seed gives the same course', async () => {
  const course = { starts: [0], foreign: 400, blocks: 8_192 };
  expect(await simulate(3, course)).toEqual(await simulate(3, course));
});
