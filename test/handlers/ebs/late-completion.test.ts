import { createHash } from 'crypto';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';
import { live, type Fate } from '../../harness/ebs/mortality';
import type { Stack } from '../../harness/stack';

/*
 * S3 may need minutes to complete a multipart upload, and goes on although the caller is dead and the upload was aborted.
 */

jest.mock('../../../lambda/shared/client-config', () => {
  const real = jest.requireActual<typeof import('../../../lambda/shared/client-config')>('../../../lambda/shared/client-config');
  const { mortal } = jest.requireActual<typeof import('../../harness/ebs/mortality')>('../../harness/ebs/mortality');
  return { ...real, clientConfig: mortal(real.clientConfig) };
});

const EXPORTS = 'exports';
const MINUTE = 60_000;
/** Dies while S3 completes the upload. */
const HANGS_UP: Fate = { dies: request => request?.method === 'POST' && 'uploadId' in request.query, hangsUp: true };
/** Dies before it does anything. */
const STILLBORN: Fate = { killAt: 1 };

let world: EbsHandlerWorld;
afterEach(() => world.close());

interface Given extends EbsHandlerWorldOptions {
  readonly versioned?: boolean;
  /** How the invocations of the last function go; the last of them stands for all further ones. */
  readonly fates?: readonly Fate[];
}

/** Starts a world in which S3 completes uploads in five minutes. Returns the properties of an export. */
async function given({ versioned, fates = [{}], ...options }: Given = {}): Promise<Record<string, unknown>> {
  let finishes = 0;
  world = await EbsHandlerWorld.start({
    smallExport: { partBlocks: 10, rangeParts: 2, blocks: 4 },
    ebs: { startWindow: 0 },
    around: (name, work) => name === 'exportFinish' ? live(world, work, fates[Math.min(finishes++, fates.length - 1)]) : world.run(work),
    ...options,
  });
  world.s3.createBucket(EXPORTS, { versioned });
  world.s3.completionDelay = 5 * MINUTE;
  const SnapshotId = await world.givenSnapshot({ 1: Buffer.alloc(BLOCK_SIZE, createHash('sha256').update('one').digest()) });
  return { SnapshotId, Bucket: EXPORTS, Key: 'disk.img', Owner: 'Stack/Export', RemovalPolicy: 'Delete' };
}

const bucket = () => world.s3.buckets.get(EXPORTS)!;
const keys = () => bucket().versions().map(({ key }) => key);

/** Begins an export, and waits until S3 is asked to complete the upload, and a minute more. */
async function givenCompleting(stack: Stack, properties: Record<string, unknown>): Promise<string> {
  const event = stack.event('Create', properties);
  const asked = new Promise<void>(resolve => world.server.faults.before('s3:CompleteMultipartUpload', resolve));
  const started = { ...event, ...await world.handlers.act(event) };
  await world.handlers.poll(started);
  while (await Promise.race([asked.then(() => false), world.clock.sleep(1000).then(() => true)])) { /* Time goes by. */ }
  await world.clock.sleep(MINUTE);
  expect(keys()).toEqual(['disk.img.manifest']);
  return started.PhysicalResourceId as string;
}

const remove = (stack: Stack, properties: Record<string, unknown>, PhysicalResourceId: string) =>
  stack.play(stack.event('Delete', properties, { PhysicalResourceId }));

async function expectNothingComes(): Promise<void> {
  await world.clock.sleep(60 * MINUTE);
  expect([keys(), bucket().uploads.size, world.transferObjects]).toEqual([[], 0, []]);
}

describe.each(['there', 'gone'] as const)('an export that is deleted while S3 completes its upload, which is %s meanwhile,', whileCompleting => {
  test.each([false, true])('leaves no object, although the function died that asked for it (bucket with versions: %s)', async versioned => {
    const properties = await given({ versioned, s3: { whileCompleting }, fates: [HANGS_UP, STILLBORN] });
    const stack = world.exports();
    await remove(stack, properties, await givenCompleting(stack, properties));
    await expectNothingComes();
  });

  test('leaves no object, although the function hears of it', async () => {
    const properties = await given({ s3: { whileCompleting } });
    const stack = world.exports();
    await remove(stack, properties, await givenCompleting(stack, properties));
    await expectNothingComes();
  });

  test.each([false, true])('leaves what somebody else writes to its key meanwhile, and ends (bucket with versions: %s)', async versioned => {
    const properties = await given({ versioned, s3: { whileCompleting }, fates: [HANGS_UP, STILLBORN] });
    const stack = world.exports();
    world.s3.completionDelay = 28 * MINUTE;
    const id = await givenCompleting(stack, properties);
    const mine = await world.s3.put(EXPORTS, 'disk.img', 'mine');
    await world.clock.sleep(25 * MINUTE);
    await remove(stack, properties, id);
    expect(bucket().versions()).toEqual([mine]);
    expect(world.transferObjects).toEqual([]);
  });

  test('is complete if nobody deletes it, although the function died that asked for it', async () => {
    const properties = await given({ s3: { whileCompleting }, fates: [HANGS_UP, {}] });
    const stack = world.exports();
    const { ETag } = await stack.deploy(properties);
    expect(keys()).toEqual(['disk.img', 'disk.img.manifest']);
    expect(ETag).toBe(`"${world.s3.object(EXPORTS, 'disk.img')!.etag}"`);
    await stack.destroy();
    await expectNothingComes();
  });
});

test('an export that fails because no function hears of its object leaves none after the rollback', async () => {
  const properties = await given({ fates: [HANGS_UP, STILLBORN] });
  await expect(world.exports().deploy(properties)).rejects.toThrow('Runtime exited with error');
  await expectNothingComes();
});

test('an export in the background that fails so leaves no object, although nothing polls it', async () => {
  const properties = await given({ rule: true, fates: [HANGS_UP, STILLBORN] });
  const stack = world.exports();
  await stack.deploy({ ...properties, WaitForCompletion: false });
  await world.clock.sleep(60 * MINUTE);
  expect([keys(), bucket().uploads.size]).toEqual([[], 0]);
  await stack.destroy();
  await expectNothingComes();
});

