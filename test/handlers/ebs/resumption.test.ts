import { createHash } from 'crypto';
import { DIGEST_SIZE, Digests } from '../../../lambda/transfer/blocks/digests';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties, TRANSFERS } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import { live } from '../../harness/ebs/mortality';

jest.mock('../../../lambda/transfer/http/client', () => {
  const real = jest.requireActual<typeof import('../../../lambda/transfer/http/client')>('../../../lambda/transfer/http/client');
  const { mortalWire } = jest.requireActual<typeof import('../../harness/ebs/mortality')>('../../harness/ebs/mortality');
  return { ...real, Wire: mortalWire(real.Wire, 20_000) };
});
jest.mock('../../../lambda/shared/client-config', () => {
  const real = jest.requireActual<typeof import('../../../lambda/shared/client-config')>('../../../lambda/shared/client-config');
  const { mortal } = jest.requireActual<typeof import('../../harness/ebs/mortality')>('../../harness/ebs/mortality');
  return { ...real, clientConfig: mortal(real.clientConfig, 20_000) };
});

const BLOCKS = 96;

let world: EbsHandlerWorld;
afterEach(() => world.close());

/** What a worker left when it died, and what was put from then on. */
interface Death {
  readonly recorded: number[];
  readonly putBefore: number;
  /** What the first one had under way may still arrive then: blocks that it could not record. */
  readonly putAfter: Set<number>;
}

async function importWithDeathAt(request: number): Promise<Death> {
  const puts: number[] = [];
  let recorded: number[] | undefined;
  let putBefore = 0;
  let slow = true;
  world = await EbsHandlerWorld.start({
    rangeBlocks: BLOCKS,
    ebs: { startWindow: 0 },
    around: (name, work) => {
      if (name !== 'copy') { return live(world, work); }
      if (world.invocations.copy === 1) { return live(world, work, { killAt: request }).finally(() => { slow = false; }); }
      recorded = recordedBlocks();
      putBefore = puts.length;
      return live(world, work);
    },
  });
  const image = disk(BLOCKS * BLOCK_SIZE);
  await world.s3.put(IMAGES, 'disk.img', image);
  const handle = world.ebs.handle.bind(world.ebs);
  world.ebs.handle = call => {
    const index = /\/blocks\/(\d+)$/.exec(call.path)?.[1];
    if (call.method === 'PUT' && index !== undefined) {
      puts.push(Number(index));
      // Slowly enough for progress to be saved: every half a minute.
      if (slow) { world.clock.advance(4_000); }
    }
    return handle(call);
  };

  const { SnapshotId } = await world.stack().deploy(properties());

  world.expectContent(SnapshotId, image);
  expect(world.invocations.copy).toBe(2);
  // One execution, which never failed.
  expect(world.invocations.plan).toBe(1);
  return { recorded: recorded!, putBefore, putAfter: new Set(puts.slice(putBefore)) };
}

function recordedBlocks(): number[] {
  const [snapshotId] = world.snapshotIds;
  const saved = world.s3.object(TRANSFERS, `transfers/${snapshotId}/progress/0`);
  if (!saved) { return []; }
  const bytes = (saved.content as unknown as { parts: Buffer[] }).parts[0];
  const missing = new Digests(bytes.subarray(0, BLOCKS * DIGEST_SIZE)).missing();
  return Array.from({ length: BLOCKS }, (_, i) => i).filter(i => !missing.includes(i));
}

test('a worker that is killed in the middle is followed by one that puts only what was not recorded', async () => {
  const { recorded, putBefore, putAfter } = await importWithDeathAt(90);

  expect(putBefore).toBeGreaterThan(recorded.length);
  expect(recorded.length).toBeGreaterThanOrEqual(10);
  const rest = Array.from({ length: BLOCKS }, (_, i) => i).filter(i => !recorded.includes(i));
  expect([...putAfter].sort((a, b) => a - b)).toEqual(rest);
});

test('a worker that is killed before anything was recorded is followed by one that puts it all', async () => {
  const { recorded, putAfter } = await importWithDeathAt(8);
  expect(recorded).toEqual([]);
  expect(putAfter.size).toBe(BLOCKS);
});

test('a worker that is killed while it hashes is followed by one that begins with what was not hashed', async () => {
  let requests = 0;
  let killed = false;
  world = await EbsHandlerWorld.start({
    rangeBlocks: 2 * BLOCKS,
    ebs: { startWindow: 0 },
    around: (name, work) => {
      // The first of two workers hashes.
      const hashes = name === 'copy' && (world.invocations.copy === 1 || killed);
      return live(world, work, { dies: () => hashes && !killed && requests >= 8 && (killed = true) });
    },
  });
  const image = disk(2 * BLOCKS * BLOCK_SIZE);
  await world.s3.put(IMAGES, 'disk.img', image);
  const { content } = world.s3.object(IMAGES, 'disk.img')!;
  const read = content.read.bind(content);
  const pieces: number[] = [];
  content.read = (from, to) => {
    if (to - from > 4 * 1024 * 1024) {
      pieces.push(from);
      requests++;
      // Slowly enough for progress to be saved: every half a minute.
      world.clock.advance(40_000);
    }
    return read(from, to);
  };
  const { SnapshotId } = await world.stack().deploy(properties({ SourceSha256: createHash('sha256').update(image).digest('hex') }));

  world.expectContent(SnapshotId, image);
  expect(killed).toBe(true);
  expect(world.invocations.plan).toBe(1);
  // Twelve pieces of 8 MiB: the second worker did not begin with the first.
  expect(pieces.filter(from => from === 0)).toEqual([0]);
  expect(new Set(pieces).size).toBe(12);
});
