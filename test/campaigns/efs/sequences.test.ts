import * as fc from 'fast-check';
import { Deployment } from './sequences/deployment';
import { Oracle } from './sequences/oracle';
import { Scene } from './sequences/scene';
import { sequences, type Sequence } from './sequences/template';
import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';

/**
 * Random sequences of deployments of EFS resources, each compared with an oracle:
 *
 *     SEQUENCES=5000 npx jest test/campaigns/efs/sequences.test.ts     more, from another seed each time
 *     SEED=123 npx jest test/campaigns/efs/sequences.test.ts           the same ones again
 */
const RUNS = Number(process.env.SEQUENCES ?? 500);
const SEED = Number(process.env.SEED ?? (process.env.SEQUENCES === undefined ? 20_261_121 : Date.now() % 2 ** 31));
/** The longest time that a timer of Node can wait. The number of runs limits this test; a time would fail it on a busy machine. */
const NO_TIME_LIMIT = 2 ** 31 - 1;
const QUICK = {
  durations: {
    fileSystemCreating: 4_000, fileSystemUpdating: 4_000, fileSystemDeleting: 8_000, mountTargetCreating: 8_000, mountTargetDeleting: 12_000,
  },
};

let world: EfsHandlerWorld;
beforeAll(async () => { world = await EfsHandlerWorld.start(QUICK); });
afterAll(() => world.close());

/** Calls that were denied to the handlers. */
let denials = 0;

async function play(sequence: Sequence): Promise<void> {
  const scene = new Scene(world);
  const oracle = new Oracle(scene);
  const deployment = new Deployment(scene, oracle, sequence);
  oracle.deployment = deployment;
  await scene.begin(sequence, () => deployment.ownId);
  try {
    for (const step of sequence.steps) {
      switch (step.kind) {
        case 'interfere': await scene.interfere(step.what); break;
        case 'late poll': await deployment.provider.latePoll(step.number); break;
        case 'wait a day': world.clock.advance(25 * 3_600_000); break;
        case 'destroy': await deployment.destroy(); break;
        case 'roll back': await deployment.rollBack(); break;
        case 'deploy': {
          const before = {
            theirs: scene.theirTargets.size,
            left: deployment.left.size + deployment.unfinishedLeft.size,
            changedAt: Math.max(0, ...world.efs.fileSystems.map(({ throughputChangedAt }) => throughputChangedAt ?? 0)),
          };
          oracle.judge(await deployment.deploy(step), step, before);
        }
      }
      oracle.check();
    }
    scene.removeTheirTargets();
    await deployment.destroy();
    oracle.check();
  } finally {
    scene.end();
    denials += scene.denials;
  }
}

test(`after each step of ${RUNS} random sequences, the world is as asked for, or as it was (seed ${SEED})`, async () => {
  const { SEED_PATH: path, SHRINK } = process.env;
  await fc.assert(fc.asyncProperty(sequences, play), { numRuns: RUNS, seed: SEED, path, endOnFailure: SHRINK === undefined });
  // Two thirds of the sequences have policies that IAM applies late.
  expect(denials).toBeGreaterThan(path === undefined ? RUNS : 0);
}, NO_TIME_LIMIT);
