import { createHash } from 'crypto';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import type { Fault } from '../../../world/emulator/faults';
import type { StoredObject } from '../../../world/emulator/s3/bucket';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld } from '../../harness/ebs/ebs-handler-world';
import { BLOWS, faultOf, faultPlan, type Blow, type FaultPlan } from '../../harness/ebs/fault-plan';
import { live } from '../../harness/ebs/mortality';
import type { Stack } from '../../harness/stack';

/**
 * Imports in which everything goes wrong, from seeds. `npx projen faults` runs 1,000 of them in slices; here:
 *
 *     SEEDS=1000 npx jest test/campaigns/ebs/faults.test.ts
 *     FIRST_SEED=123 SEEDS=1 npx jest test/campaigns/ebs/faults.test.ts     one of them again
 */
const SEEDS = Number(process.env.SEEDS ?? 20);
const FIRST_SEED = Number(process.env.FIRST_SEED ?? 1);
/** Ends a hang; no working run takes this long, however busy the machine is. */
const HANG_MILLISECONDS = 3600_000 + SEEDS * 60_000;
/** The longest time that CloudFormation waits for an import, in emulated milliseconds. */
const DEADLINE = 3600_000;
/** How long the product waits for an answer. The clients of this test wait 3 s of real time instead, which a busy machine does not reach either. */
const STALL = 20_000;

jest.mock('../../../lambda/transfer/http/client', () => {
  const real = jest.requireActual<typeof import('../../../lambda/transfer/http/client')>('../../../lambda/transfer/http/client');
  const { mortalWire } = jest.requireActual<typeof import('../../harness/ebs/mortality')>('../../harness/ebs/mortality');
  return { ...real, Wire: mortalWire(real.Wire, 3_000) };
});
jest.mock('../../../lambda/shared/client-config', () => {
  const real = jest.requireActual<typeof import('../../../lambda/shared/client-config')>('../../../lambda/shared/client-config');
  const { mortal } = jest.requireActual<typeof import('../../harness/ebs/mortality')>('../../harness/ebs/mortality');
  return { ...real, clientConfig: mortal(real.clientConfig, 3_000) };
});

/** What a deployment may say after which blow. Without one, it must succeed. */
const REASONS: Record<Blow, RegExp> = {
  'image replaced': /was replaced or deleted while it was being imported|was replaced while its import was being started/,
  'image deleted': /was replaced or deleted while it was being imported|does not exist/,
  'puts denied': /ebs:PutSnapshotBlock failed for block \d+ .*AccessDenied/,
  'completion denied': /ebs:CompleteSnapshot failed .*AccessDenied/,
  'objects denied': /s3:PutObject failed in transfer bucket transfers: AccessDenied|no worker wrote the reason into the transfer bucket/,
  'snapshot in error': /EBS could not complete snapshot|SNAPSHOT_NOT_FOUND/,
  'snapshot in error after seal': /EBS could not complete snapshot/,
  'snapshot deleted': /somebody deleted it|was deleted while|SNAPSHOT_NOT_FOUND/,
  'execution stopped': /the transfer was stopped/,
  'cancelled': /the transfer was stopped|somebody deleted it|was deleted while|SNAPSHOT_NOT_FOUND|was cancelled|no transfer fills it|no longer exists/,
  'refused for good': /ServiceQuotaExceededException/,
  'dead service': /no block could be read and put in 14 minutes: ThrottlingException|ebs:PutSnapshotBlock failed/,
  'bits rot': /reads back another block \d+ than was written|has lost block \d+|has a block \d+ that was never written/,
  'account encrypts': /'zeroBlocks' is OMIT, but this account encrypts by default/,
};

interface Run {
  readonly plan: FaultPlan;
  readonly world: EbsHandlerWorld;
  readonly stack: Stack;
  readonly other: StoredObject;
  cancelling?: Promise<unknown>;
}

let world: EbsHandlerWorld | undefined;
afterEach(async () => world?.close());

async function importWith(plan: FaultPlan): Promise<string> {
  const image = disk(plan.size);
  const invocations: Record<string, number> = {};
  const times = [...plan.shortTimes];
  world = await EbsHandlerWorld.start({
    ebs: plan.ebs,
    rangeBlocks: plan.rangeBlocks,
    rule: plan.rule,
    tick: 1_000,
    around: (name, work) => live(world!, work, plan.fates.get(`${name} ${invocations[name] = (invocations[name] ?? 0) + 1}`)),
    remaining: () => {
      const end = world!.clock.now() + (times.shift() ?? 900_000);
      return () => end - world!.clock.now();
    },
  });
  await givenImage(world, 'disk.img', image);
  const { arn: key } = world.kms.createKey();
  const stack = world.stack();
  stack.deliveries = plan.deliveries;
  const run: Run = { plan, world, stack, other: await givenImage(world, 'other.img', disk(plan.size, 'other')) };
  world.server.faults.choose(chooser(run), { byChance: true });

  const begin = world.clock.now();
  const wanted = properties({
    // Some images are too short for a boot signature.
    SourceFormat: 'RAW',
    ZeroBlocks: plan.zeroBlocks,
    Verify: plan.verify,
    ...(plan.encrypted && { KmsKeyId: key }),
    ...(plan.pinned && { SourceSha256: createHash('sha256').update(image).digest('hex') }),
  });
  world.ec2.encryptionByDefault = plan.blow?.kind === 'account encrypts';
  const outcome = await stack.deploy(wanted).then(({ SnapshotId }) => ({ SnapshotId }), (error: Error) => ({ error }));
  const took = world.clock.now() - begin;
  await run.cancelling;
  world.server.faults.clear();
  world.denied.length = 0;
  // Workers that nobody waits for any more.
  await world.clock.sleep(900_000);

  expect(took).toBeLessThanOrEqual(DEADLINE);
  if ('error' in outcome) {
    const { message } = outcome.error;
    if (!plan.blow || !REASONS[plan.blow.kind].test(message)) { throw new Error(`unexpected failure: ${message}`); }
    world.expectNothingLeft();
    return `failed: ${plan.blow.kind}`;
  }
  if (run.cancelling) {
    world.expectNothingLeft();
    return 'cancelled';
  }
  world.expectContent(outcome.SnapshotId, image, { omitted: plan.zeroBlocks === 'OMIT' ? zerosOf(image) : [] });
  expect(world.snapshotIds).toEqual([outcome.SnapshotId]);
  expect(world.transferObjects.filter(name => !/\/(plan\.json|manifest\.json|record\.json|digests\/\d+|progress\/\d+|hashing\.json|sha256|finished)$/.test(name))).toEqual([]);
  await stack.destroy();
  world.expectNothingLeft();
  return plan.blow ? `completed in spite of: ${plan.blow.kind}` : 'completed';
}

function zerosOf(image: Buffer): number[] {
  return Array.from({ length: Math.ceil(image.length / BLOCK_SIZE) }, (_, i) => i)
    .filter(i => image.subarray(i * BLOCK_SIZE, (i + 1) * BLOCK_SIZE).every(byte => byte === 0));
}

/** S3's own checksums of an image take as long as all the rest: each image is put once, in all of the worlds, unless it is a large one. */
const stored = new Map<string, StoredObject>();
const LARGEST_STORED = 9 * BLOCK_SIZE;
async function givenImage(aws: EbsHandlerWorld, key: string, content: Buffer): Promise<StoredObject> {
  const bucket = aws.s3.buckets.get(IMAGES)!;
  const name = `${key} ${content.length}`;
  const object = stored.get(name) ?? await aws.s3.put(IMAGES, key, content);
  if (content.length <= LARGEST_STORED) { stored.set(name, object); }
  bucket.add(object);
  return object;
}

/** Decides for each call of the world what becomes of it, and strikes the blow when its time has come. */
function chooser(run: Run): (operation: string) => Fault | undefined {
  const { plan, world: { server, clock } } = run;
  const calls: Record<string, number> = {};
  let lasting: ((operation: string) => Fault | undefined) | undefined;
  plan.bursts.forEach(({ operation, fault, skip, times }) => server.faults.inject(operation, fault, { skip, times, byChance: true }));
  return operation => {
    const count = calls[operation] = (calls[operation] ?? 0) + 1;
    if (plan.blow?.operation === operation && plan.blow.at === count) { lasting = strike(run); }
    const fault = lasting?.(operation);
    if (fault) { return fault; }
    if (!plan.random.chance(plan.noise)) { return undefined; }
    if (plan.random.chance(0.01)) {
      clock.advance(STALL);
      return { kind: 'stall' };
    }
    return faultOf(operation, plan.random);
  };
}

/** What it answers decides on all calls from then on. */
function strike(run: Run): ((operation: string) => Fault | undefined) | undefined {
  const { plan, stack, world: { s3, ebs, ec2, states, denied, snapshotIds: [snapshotId] } } = run;
  const images = s3.buckets.get(IMAGES)!;
  switch (plan.blow!.kind) {
    case 'image replaced': images.add({ ...run.other, key: 'disk.img' }); return undefined;
    case 'image deleted': images.remove('disk.img', 'null'); return undefined;
    case 'puts denied': denied.push('ebs:PutSnapshotBlock'); return undefined;
    case 'completion denied': denied.push('ebs:CompleteSnapshot'); return undefined;
    case 'objects denied': denied.push('s3:PutObject'); return undefined;
    case 'snapshot in error': if (snapshotId) { ebs.fail(snapshotId); } return undefined;
    case 'snapshot in error after seal': {
      let sealed = false;
      return operation => {
        if (sealed && ebs.snapshot(snapshotId)?.state === 'pending') { ebs.fail(snapshotId); }
        sealed ||= operation === 'ebs:CompleteSnapshot';
        return undefined;
      };
    }
    case 'bits rot': {
      const { writtenIndexes } = ebs.snapshot(snapshotId)!;
      const index = writtenIndexes.length > 0 && plan.random.chance(0.8) ? plan.random.of(writtenIndexes) : 2_000;
      run.world.tamper(snapshotId, index, index < 2_000 && plan.random.chance(0.3) ? undefined : Buffer.alloc(BLOCK_SIZE, 'rotten'));
      return undefined;
    }
    case 'account encrypts': return undefined;
    case 'snapshot deleted': if (snapshotId) { ec2.snapshots.remove(snapshotId); } return undefined;
    case 'execution stopped': if (snapshotId) { stop(states, snapshotId); } return undefined;
    case 'refused for good': return operation => operation === 'ebs:PutSnapshotBlock'
      ? { kind: 'error', code: 'ServiceQuotaExceededException', status: 402, message: 'too much', members: { Reason: 'DEPENDENCY_SERVICE_QUOTA_EXCEEDED' } }
      : undefined;
    case 'dead service': return operation => operation === 'ebs:PutSnapshotBlock'
      ? { kind: 'error', code: 'ThrottlingException', status: 400, message: 'Rate exceeded' } : undefined;
    case 'cancelled': {
      const deletion = stack.event('Delete', properties(), { PhysicalResourceId: snapshotId });
      if (snapshotId) { run.cancelling = stack.play(deletion); }
      return undefined;
    }
  }
}

function stop(states: EbsHandlerWorld['states'], snapshotId: string): void {
  const execution = `arn:aws:states:eu-west-1:111122223333:execution:transfer:${snapshotId}`;
  try {
    (states as unknown as { execution(name: string): { stop(): void } }).execution(execution).stop();
  } catch {
    // Not started yet.
  }
}

test(`of ${SEEDS} imports, each ends in an identical snapshot or in a clear failure that leaves nothing behind, within its deadline`, async () => {
  const tally: Record<string, number> = {};
  const wrong: string[] = [];
  const begin = process.hrtime.bigint();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    try {
      const outcome = await importWith(faultPlan(seed));
      tally[outcome] = (tally[outcome] ?? 0) + 1;
    } catch (error) {
      wrong.push(`seed ${seed}: ${(error as Error).message}`);
    } finally {
      await world?.close();
      world = undefined;
    }
  }
  const seconds = Number((process.hrtime.bigint() - begin) / 1_000_000n) / 1000;
  process.stdout.write(`${SEEDS} seeds in ${seconds.toFixed(1)} seconds\n${Object.entries(tally).sort().map(([what, n]) => `${String(n).padStart(6)} ${what}`).join('\n')}\n`);
  expect(wrong).toEqual([]);
  if (SEEDS >= 1000) { BLOWS.forEach(blow => expect(tally[`failed: ${blow}`] ?? (blow === 'cancelled' ? tally.cancelled : 0)).toBeGreaterThan(0)); }
}, HANG_MILLISECONDS);
