import * as fc from 'fast-check';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { disk, IMAGES, properties, TRANSFERS } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import type { Stack } from '../../harness/stack';

/**
 * Random chains of increments, each compared with the image that it was made from:
 *
 *     CHAINS=200 npx jest test/campaigns/ebs/increment-chains.test.ts     more, from another seed each time
 *     SEED=123 npx jest test/campaigns/ebs/increment-chains.test.ts       the same ones again
 */
const RUNS = Number(process.env.CHAINS ?? 4);
const SEED = Number(process.env.SEED ?? (process.env.CHAINS === undefined ? 20_261_121 : Date.now() % 2 ** 31));
const MOST_BLOCKS = 64;

type Mutation =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'grow'; readonly bytes: number; readonly zeros: boolean }
  | { readonly kind: 'truncate'; readonly part: number }
  | { readonly kind: 'byte'; readonly at: number }
  | { readonly kind: 'zero' | 'move'; readonly from: number; readonly blocks: number; readonly to: number };

interface Step {
  readonly mutations: readonly Mutation[];
  readonly rangeBlocks: number;
  readonly volumeSize: number;
  readonly encrypted: boolean;
  readonly verify: 'NONE' | 'FULL';
  readonly background: boolean;
  /** What happens before, or at, the deployment. */
  readonly event: 'none' | 'lost manifest' | 'lost parent' | 'puts denied' | 'rollback' | 'worker out of time' | 'destroyed';
}

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.constant({ kind: 'nothing' as const }),
  fc.record({ kind: fc.constant('grow' as const), bytes: fc.integer({ min: 1, max: 5 * BLOCK_SIZE }), zeros: fc.boolean() }),
  fc.record({ kind: fc.constant('truncate' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ kind: fc.constant('byte' as const), at: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
  fc.record({
    kind: fc.constantFrom('zero' as const, 'move' as const),
    from: fc.integer({ min: 0, max: 12 }),
    blocks: fc.integer({ min: 1, max: 4 }),
    to: fc.integer({ min: 0, max: 12 }),
  }),
);
const step: fc.Arbitrary<Step> = fc.record({
  mutations: fc.array(mutation, { minLength: 1, maxLength: 3 }),
  rangeBlocks: fc.integer({ min: 1, max: 20 }),
  volumeSize: fc.constantFrom(1, 1, 1, 1, 2),
  encrypted: fc.constantFrom(false, false, false, true),
  verify: fc.constantFrom('NONE' as const, 'FULL' as const),
  background: fc.constantFrom(false, false, true),
  event: fc.constantFrom('none', 'none', 'none', 'none', 'lost manifest', 'lost parent', 'puts denied', 'rollback', 'worker out of time', 'destroyed'),
});
const chains = fc.record({
  size: fc.integer({ min: 1, max: 12 * BLOCK_SIZE }),
  seed: fc.nat(),
  large: fc.integer({ min: 0, max: 9 }),
  steps: fc.array(step, { minLength: 2, maxLength: 5 }),
});

function mutated(image: Buffer, change: Mutation, seed: number): Buffer {
  const next = Buffer.from(image);
  switch (change.kind) {
    case 'nothing': return next;
    case 'grow': {
      const more = change.zeros ? Buffer.alloc(change.bytes) : disk(change.bytes, `grow ${seed}`);
      return Buffer.concat([next, more]).subarray(0, MOST_BLOCKS * BLOCK_SIZE);
    }
    case 'truncate': return next.subarray(0, Math.max(1, Math.floor(change.part * next.length)));
    case 'byte': next[Math.floor(change.at * next.length)] += 1; return next;
    case 'zero': return next.fill(0, Math.min(next.length, change.from * BLOCK_SIZE), Math.min(next.length, (change.from + change.blocks) * BLOCK_SIZE));
    case 'move': {
      image.subarray(change.from * BLOCK_SIZE, (change.from + change.blocks) * BLOCK_SIZE).copy(next, Math.min(next.length, change.to * BLOCK_SIZE));
      return next;
    }
  }
}

/** What a snapshot has at each index, after a full import. */
function blocksOf(image: Buffer): Buffer[] {
  const padded = Buffer.alloc(Math.ceil(image.length / BLOCK_SIZE) * BLOCK_SIZE);
  image.copy(padded);
  return Array.from({ length: padded.length / BLOCK_SIZE }, (_, i) => padded.subarray(i * BLOCK_SIZE, (i + 1) * BLOCK_SIZE));
}
const ZEROS = Buffer.alloc(BLOCK_SIZE);

let world: EbsHandlerWorld;
let late = 0;
const puts: number[] = [];

beforeAll(async () => {
  const remaining = () => {
    const short = late-- > 0;
    return () => short ? 10_000 : 900_000;
  };
  world = await EbsHandlerWorld.start({ ebs: { startWindow: 0 }, tick: 1_000, rule: true, remaining });
});
afterAll(() => world.close());

interface Deployed {
  readonly id: string;
  readonly image: Buffer;
  readonly blocks: readonly Buffer[];
  readonly volumeSize: number;
  readonly encrypted: boolean;
}

/** The model: an image, and the snapshot that is deployed, block by block. */
class Chain {
  private static count = 0;
  private readonly key = `disk-${++Chain.count}.img`;
  private readonly stack: Stack = world.stack(`Stack${Chain.count}`);
  private deployed: Deployed | undefined;
  private revision = 0;

  constructor(private image: Buffer) {}

  public async play(wanted: Step): Promise<void> {
    const { rangeBlocks, volumeSize, encrypted, event, background } = wanted;
    if (this.revision > 0) { wanted.mutations.forEach(change => { this.image = mutated(this.image, change, this.revision); }); }
    await world.s3.put(IMAGES, this.key, this.image);
    Object.assign((world as any).options, { rangeBlocks });
    if (event === 'destroyed' && this.deployed) { await this.destroy(); }
    if (event === 'lost manifest' && this.deployed) { world.s3.buckets.get(TRANSFERS)!.remove(`transfers/${this.deployed.id}/manifest.json`, 'null'); }
    if (event === 'lost parent' && this.deployed) { world.ec2.snapshots.remove(this.deployed.id); }

    const before = this.deployed;
    const usable = before && !event.startsWith('lost') && before.encrypted === encrypted && before.volumeSize <= volumeSize;
    const parent = usable ? before.blocks : [];
    const own = blocksOf(this.image);
    const blocks = Array.from({ length: Math.max(own.length, parent.length) }, (_, i) => own[i] ?? ZEROS);
    const changed = blocks.flatMap((block, i) => parent[i]?.equals(block) ? [] : [i]);
    const fails = event === 'puts denied' && changed.length > 0;

    if (event === 'puts denied') { world.denied.push('ebs:PutSnapshotBlock'); }
    late = event === 'worker out of time' ? 2 : 0;
    const waits = !background || fails || event === 'rollback';
    const outcome = await this.stack.deploy(properties({
      // Mutations leave no boot signature.
      SourceFormat: 'RAW',
      SourceKey: this.key,
      SourceRevision: `${++this.revision}`,
      VolumeSize: volumeSize,
      Verify: wanted.verify,
      ...(encrypted && { Encrypted: true }),
      ...(!waits && { WaitForCompletion: false }),
    }), { failAfter: event === 'rollback' }).catch((error: Error) => error);
    if (!waits) { await world.clock.sleep(900_000); }
    world.denied.length = 0;
    late = 0;

    if (outcome instanceof Error) {
      if (!fails && event !== 'rollback') { throw outcome; }
      if (before) { this.expectOnly(before.id, before.image); } else { this.deployed = undefined; }
      return;
    }
    expect(fails || event === 'rollback').toBe(false);
    expect(outcome.ParentSnapshotId).toBe(usable ? before.id : '');
    const { writtenIndexes, putCount } = world.ebs.snapshot(outcome.SnapshotId)!;
    expect(writtenIndexes).toEqual(changed);
    expect(putCount).toBe(changed.length);
    puts.push(putCount);
    this.expectOnly(outcome.SnapshotId, this.image);
    this.deployed = { id: outcome.SnapshotId, image: this.image, blocks, volumeSize, encrypted };
  }

  public async destroy(): Promise<void> {
    await this.stack.destroy();
    world.expectNothingLeft();
    this.deployed = undefined;
  }

  private expectOnly(id: string, image: Buffer): void {
    world.expectContent(id, image);
    expect(world.snapshotIds).toEqual([id]);
    expect(world.transferObjects.filter(name => !name.startsWith(`transfers/${id}/`))).toEqual([]);
  }
}

test(`in ${RUNS} chains of imports, each snapshot is its image, and as many blocks were put as differ (seed ${SEED})`, async () => {
  await fc.assert(fc.asyncProperty(chains, async ({ size, seed, large, steps }) => {
    const chain = new Chain(disk(large === 0 ? MOST_BLOCKS * BLOCK_SIZE - seed % 1000 : size, String(seed)));
    for (const each of steps) { await chain.play(each); }
    await chain.destroy();
  }), { numRuns: RUNS, seed: SEED, path: process.env.SEED_PATH, endOnFailure: process.env.SHRINK === undefined });
  process.stdout.write(`${puts.length} imports put ${puts.reduce((sum, count) => sum + count, 0)} blocks\n`);
}, 60_000 + RUNS * 60_000);
