import * as fc from 'fast-check';
import { Account } from './stacks/account';
import { programs, type Program } from './stacks/program';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';

/**
 * Random deployments of two stacks with imports, machine images and exports, some of which are retained. After each, everything that
 * the templates declare is there and complete, and so is everything that was retained or that somebody else made, and nothing else is:
 *
 *     SEQUENCES=10000 npx jest test/campaigns/ebs/stacks.test.ts    more, from another seed each time
 *     SEED=123 npx jest test/campaigns/ebs/stacks.test.ts           the same ones again
 */
const RUNS = Number(process.env.SEQUENCES ?? 60);
const SEED = Number(process.env.SEED ?? (process.env.SEQUENCES === undefined ? 20_261_130 : Date.now() % 2 ** 31));
/** The longest time that a timer of Node can wait. The number of runs limits this test; a time would fail it on a busy machine. */
const NO_TIME_LIMIT = 2 ** 31 - 1;

async function play(program: Program): Promise<void> {
  const smallExport = { partBlocks: 10, rangeParts: 2, blocks: 12 };
  const world = await EbsHandlerWorld.start({ tick: 1_000, rule: true, ebs: { startWindow: 0 }, smallExport });
  try {
    await new Account(world, program).play();
  } finally {
    await world.close();
  }
}

test(`after each deployment of ${RUNS} random ones, all that is declared or retained is there, and nothing else (seed ${SEED})`, async () => {
  const { SEED_PATH: path, SHRINK } = process.env;
  await fc.assert(fc.asyncProperty(programs, play), { numRuns: RUNS, seed: SEED, path, endOnFailure: SHRINK === undefined });
}, NO_TIME_LIMIT);
