import * as fc from 'fast-check';
import { Account } from './claimants/account';
import { programs, type Program } from './claimants/program';
import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';

/**
 * Random deployments of two stacks that claim the same settings, tags and mount targets of two file systems of others. After each, what
 * a template declares is in force, and the rest is as it was before the first deployment:
 *
 *     SEQUENCES=10000 npx jest test/campaigns/efs/claimants.test.ts    more, from another seed each time
 *     SEED=123 npx jest test/campaigns/efs/claimants.test.ts           the same ones again
 */
const RUNS = Number(process.env.SEQUENCES ?? 200);
const SEED = Number(process.env.SEED ?? (process.env.SEQUENCES === undefined ? 20_261_130 : Date.now() % 2 ** 31));
/** The longest time that a timer of Node can wait. The number of runs limits this test; a time would fail it on a busy machine. */
const NO_TIME_LIMIT = 2 ** 31 - 1;

let world: EfsHandlerWorld;
beforeAll(async () => { world = await EfsHandlerWorld.start(); });
afterAll(() => world.close());

async function play(program: Program): Promise<void> {
  const account = new Account(world, program);
  await account.begin();
  for (const step of program.steps) { await account.play(step); }
  await account.end();
}

test(`after each deployment of ${RUNS} random ones, what is declared is in force, and the rest is as it was (seed ${SEED})`, async () => {
  const { SEED_PATH: path, SHRINK } = process.env;
  await fc.assert(fc.asyncProperty(programs, play), { numRuns: RUNS, seed: SEED, path, endOnFailure: SHRINK === undefined });
}, NO_TIME_LIMIT);
