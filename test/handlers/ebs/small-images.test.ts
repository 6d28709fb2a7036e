import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';

/** Of a Lambda function: from nothing to its first line. */
const START = 1_000;
/** The pause of the state machine that waits for EBS, and of the one that calls the handlers. */
const POLL = 5_000;
const COMPLETION = 8_000;

let world: EbsHandlerWorld;
afterEach(() => world.close());

/**
 * Lambda as it is: an invocation that finds no idle process of its function
 * waits for a new one. Answers with the starts that followed each other.
 */
function startsProcesses(): Pick<EbsHandlerWorldOptions, 'around'> & { readonly starts: number[] } {
  const idle: Record<string, number> = {};
  const starts: number[] = [];
  return {
    starts,
    around: async (name, work) => {
      if (['act', 'poll', 'ended'].includes(name)) { return world.run(work); }
      const process = ['plan', 'seal', 'settle'].includes(name) ? 'steps' : name;
      if ((idle[process] ??= 0) > 0) {
        idle[process]--;
      } else {
        starts.push(world.clock.now());
        await world.clock.sleep(START);
      }
      try {
        return await world.run(work);
      } finally {
        idle[process]++;
      }
    },
  };
}

/** One import, and what it took. */
async function importOf(
  blocks: number, { rangeBlocks, verify, completionDelay = COMPLETION }: { rangeBlocks?: number; verify?: string; completionDelay?: number } = {},
) {
  const { around, starts } = startsProcesses();
  world = await EbsHandlerWorld.start({ around, rangeBlocks, ebs: { startWindow: 0, completionDelay, readDelay: 3_000 } });
  const image = disk(blocks * BLOCK_SIZE);
  await world.s3.put(IMAGES, 'disk.img', image);
  const stack = world.stack();
  const begin = world.clock.now();
  const { SnapshotId } = await stack.deploy(properties({ Verify: verify }));
  const execution = `arn:aws:states:eu-west-1:111122223333:execution:transfer:${SnapshotId}`;
  const { startDate, stopDate } = world.states.describe(execution);
  world.expectContent(SnapshotId, image);
  return {
    seconds: (stopDate! - startDate) / 1000,
    waited: (world.clock.now() - begin) / 1000,
    starts,
    /** Starts that happened at the same moment hold nobody up more than one does. */
    startsInARow: new Set(starts).size,
    transitions: world.states.transitions(execution),
  };
}

// 4 GiB are twelve ranges for twelve workers: here, ranges of three blocks each.
test.each([
  ['one block', 1, undefined, 1, 9],
  ['4 GiB', 12 * 3, 3, 12, 42],
])('an import of %s costs two starts in a row, and two polls', async (_, blocks, rangeBlocks, copies, transitions) => {
  const took = await importOf(blocks, { rangeBlocks });

  expect(world.invocations).toEqual({ plan: 1, copy: copies, seal: 1 });
  expect(took.startsInARow).toBe(2);
  expect(took.starts).toHaveLength(1 + copies);
  // In no time, the blocks are copied here; EBS takes 8 seconds to complete the snapshot.
  expect(took.seconds).toBeLessThanOrEqual((2 * START + COMPLETION) / 1000 + 1);
  expect(took.waited).toBeLessThanOrEqual((2 * START + COMPLETION + 2 * POLL) / 1000);
  expect(took.transitions).toBe(transitions);
});

test('an import costs six transitions, and three for each range', async () => {
  const { transitions } = await importOf(9, { rangeBlocks: 2 });
  expect(transitions).toBe(6 + 3 * 5);
});

test('EBS may take its time: then the state machine asks, and three transitions are added for each of its polls', async () => {
  const { transitions, seconds } = await importOf(1, { completionDelay: 60_000 });
  expect(seconds).toBeLessThanOrEqual(2 * START / 1000 + 60 + 2 * POLL / 1000);
  expect(world.invocations.settle).toBe(5);
  expect(transitions).toBe(9 + 3 * 5);
});

test('reading a few blocks back adds neither a start nor a transition', async () => {
  const { transitions, startsInARow, seconds } = await importOf(6, { rangeBlocks: 2, verify: 'FULL' });
  expect(startsInARow).toBe(2);
  expect(transitions).toBe(6 + 3 * 3);
  // Blocks can be read three seconds after EC2 calls the snapshot completed, and nobody waits much longer.
  expect(seconds).toBeLessThanOrEqual((2 * START + COMPLETION + 3_000 + POLL) / 1000);
});

test('reading more blocks back adds two transitions, and three for each batch', async () => {
  const { transitions } = await importOf(300, { rangeBlocks: 150, verify: 'FULL' });
  expect(transitions).toBe(6 + 3 * 2 + 2 + 3 * 2);
});
