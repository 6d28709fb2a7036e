import { createHash } from 'crypto';
import { readDeltaHeader, readDeltaTable, RECORD_SIZE, recordOffset, tableRange } from '../../../lambda/transfer/formats/delta';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';
import { KILLED } from '../../harness/ebs/mortality';

const EXPORTS = 'exports';
const GIB_BLOCKS = 2048;
/** Most blocks that a page covers. */
const PAGE = 10_000;

let world: EbsHandlerWorld;
afterEach(() => world.close());

const answered = (operation: string) => world.server.calls.filter(call => call.operation === `ebs:${operation}` && call.status === 200).length;
const block = (seed: string) => Buffer.alloc(BLOCK_SIZE, createHash('sha256').update(seed).digest());

/** Starts a world with two snapshots of a volume that is full, of which few blocks differ. Returns the properties of an export of these. */
async function given(VolumeSize: number, changed: readonly number[], options: EbsHandlerWorldOptions = {}): Promise<Record<string, unknown>> {
  world = await EbsHandlerWorld.start({ ebs: { startWindow: 0, readDelay: 0 }, ...options });
  world.s3.createBucket(EXPORTS);
  const first = await world.givenSnapshot({ 0: block('first') }, { VolumeSize });
  world.ebs.fill(first, block('full'));
  const blocks = Object.fromEntries(changed.map(index => [index, block(`changed ${index}`)]));
  const next = await world.givenSnapshot(blocks, { VolumeSize, ParentSnapshotId: first });
  return { SnapshotId: next, SinceSnapshotId: first, Bucket: EXPORTS, Key: 'disk.delta', Owner: 'Stack/Export', RemovalPolicy: 'Delete' };
}

async function expectDelta(changed: readonly number[]): Promise<void> {
  const { content } = world.s3.object(EXPORTS, 'disk.delta')!;
  const file = await content.read(0, content.size);
  const header = readDeltaHeader(file.subarray(0, 4096), 'it', file.length);
  const { offset, length } = tableRange(header);
  expect([...readDeltaTable(file.subarray(offset, offset + length), header, 'it').written()]).toEqual(changed);
  changed.forEach((index, n) => {
    const record = file.subarray(recordOffset(header, n), recordOffset(header, n) + RECORD_SIZE);
    expect(record.subarray(32).equals(block(`changed ${index}`))).toBe(true);
  });
}

describe('a delta of a full volume with few changes far from each other', () => {
  test('asks for no more pages of blocks than blocks changed, wherever they lie', async () => {
    const changed = [0, 1, 99, 200_000, 200_001, 209_999, 210_001, 524_287];
    const properties = await given(256, changed);
    await world.exports().deploy(properties);
    await expectDelta(changed);
    // From block 0, from 200,000, from 210,001, and at the end.
    expect(answered('ListSnapshotBlocks')).toBe(4);
    expect(answered('ListChangedBlocks')).toBe(Math.ceil(256 * GIB_BLOCKS / PAGE));
    expect(answered('GetSnapshotBlock')).toBe(changed.length);
  });

  test('is planned by as many functions as the pages need that EBS has for the volume, one after the other', async () => {
    const changed = [5, 150_000, 300_000];
    // 53 pages of ten seconds, and five minutes for each function, of which it keeps three.
    const properties = await given(256, changed, {
      ebs: { startWindow: 0, readDelay: 0, listingTime: 10_000 },
      remaining: () => {
        const end = world.clock.now() + 300_000;
        return () => end - world.clock.now();
      },
    });
    await world.exports().deploy(properties);
    await expectDelta(changed);
    expect(world.invocations.exportPlan).toBe(5);
    expect(answered('ListChangedBlocks')).toBe(Math.ceil(256 * GIB_BLOCKS / PAGE));
    expect(world.transferObjects.map(name => name.split('/').at(-1))).toEqual(['record.json', 'result.json']);
  });

  test('of which a function dies while it is planned is complete all the same', async () => {
    const changed = [5, 150_000, 300_000];
    let plans = 0;
    const properties = await given(256, changed, {
      ebs: { startWindow: 0, readDelay: 0, listingTime: 10_000 },
      remaining: () => {
        const end = world.clock.now() + 300_000;
        return () => end - world.clock.now();
      },
      around: async (name, work) => {
        const answer = await world.run(work);
        if (name === 'exportPlan' && plans++ === 2) { throw KILLED; }
        return answer;
      },
    });
    await world.exports().deploy(properties);
    await expectDelta(changed);
  });
});
