import { rangesOf, type Plan } from '../../../../../lambda/transfer/bucket/plan';
import type { TransferStore } from '../../../../../lambda/transfer/bucket/store';
import { divide } from '../../../../../lambda/transfer/flow/division';
import { batchesOf, rangesOfBatch, verifyRanges } from '../../../../../lambda/transfer/import/verify';
import type { BlockReader } from '../../../../../lambda/transfer/snapshot/block-reader';

const digest = (index: number) => Buffer.alloc(32, index + 1);
const range = (first: number) => Buffer.concat([0, 1, 2, 3].map(i => digest(first + i)));

let present: Map<number, Buffer>;
let read: number[];
let failures: string[];
let left: number;
let failWith: ((index: number) => Error | undefined) | undefined;

/** An image of 8 blocks in 2 ranges, all of which are read back, in pages of 3. */
const PLAN = { blocks: 8, rangeBlocks: 4, verify: 'FULL' } as Plan;
const store = {
  digests: async (_: string, n: number) => range(4 * n),
  saveFailure: async (_: string, sentence: string) => { failures.push(sentence); },
} as unknown as TransferStore;
const reader = {
  list: async (_: string, from: number, token: string | undefined) => {
    const all = [...present.keys()].sort((a, b) => a - b).filter(index => index >= Number(token ?? from));
    return { blocks: all.slice(0, 3).map(index => ({ index, token: '' })), next: all.length > 3 ? String(all[3]) : undefined };
  },
  digest: async (_: string, { index }: { index: number }) => {
    const error = failWith?.(index);
    if (error) { throw error; }
    read.push(index);
    return present.get(index)!;
  },
} as unknown as BlockReader;
const deadline = { getRemainingTimeInMillis: () => left };

/** Reads some ranges back. */
const run = (first: number, end: number, from = 0) => verifyRanges({ store, reader }, { snapshotId: 'snap-1', n: 0, from }, PLAN, { first, end }, deadline);

beforeEach(() => {
  jest.spyOn(console, 'log').mockImplementation(() => {});
  present = new Map([0, 1, 2, 3, 4, 5, 6, 7].map(index => [index, digest(index)]));
  [read, failures, left, failWith] = [[], [], 900_000, undefined];
});
afterEach(() => jest.restoreAllMocks());

test('ranges that are what was written are done', async () => {
  expect(await run(0, 2)).toEqual({ snapshotId: 'snap-1', n: 0, from: 0, done: true });
  expect(read.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('ranges of other batches are left out', async () => {
  expect(await run(1, 2)).toMatchObject({ done: true });
  expect(read).toEqual([4, 5, 6, 7]);
});

test('a block that reads back otherwise fails', async () => {
  present.set(2, digest(99));
  await expect(run(0, 2)).rejects.toThrow('snapshot snap-1 reads back another block 2 than was written');
  expect(failures).toHaveLength(1);
});

test.each([0, 2, 3, 4, 7])('block %s that is lost fails', async index => {
  present.delete(index);
  await expect(run(0, 2)).rejects.toThrow(`snapshot snap-1 has lost block ${index}`);
});

test('a block beyond the image that was never written fails, in the last range', async () => {
  present.set(100, digest(100));
  await expect(run(1, 2)).rejects.toThrow('snapshot snap-1 has a block 100 that was never written');
  await expect(run(0, 1)).resolves.toMatchObject({ done: true });
});

test('what is not read in time goes on at the first block that was not read', async () => {
  failWith = index => { if (index === 1) { left = 0; } return undefined; };
  // Blocks 0 and 1 have begun when time is up.
  const { from, done } = await run(0, 1);
  expect({ from, done }).toEqual({ from: 2, done: false });
  left = 900_000;
  failWith = undefined;
  expect(await run(0, 2, from)).toMatchObject({ done: true });
  expect(read).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('ranges that there is no time for are begun by the next invocation', async () => {
  failWith = index => { if (index === 3) { left = 0; } return undefined; };
  const { from, done } = await run(0, 2);
  expect(done).toBe(false);
  left = 900_000;
  failWith = undefined;
  expect(await run(0, 2, from)).toMatchObject({ done: true });
  expect([...new Set(read)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('a transient error when time is up leaves its block to the next invocation', async () => {
  const throttled = Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
  failWith = index => { if (index !== 1) { return undefined; } left = 0; return throttled; };
  expect(await run(0, 1)).toMatchObject({ from: 1, done: false });
  expect(failures).toEqual([]);
});

test('a transient error fails while there is time', async () => {
  failWith = () => Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
  await expect(run(0, 2)).rejects.toThrow('slow down');
  expect(failures).toHaveLength(1);
});

test.each([
  // GiB, how, batches
  [0.1, 'FULL', 1],
  [0.2, 'FULL', 4],
  [11, 'SAMPLE', 1],
  [13, 'SAMPLE', 6],
  [100, 'SAMPLE', 6],
  [1_024, 'SAMPLE', 6],
  [100, 'FULL', 50],
  [65_536, 'FULL', 250],
] as const)('%d GiB, verified %s, are read back in %d batches', (gib, how, batches) => {
  const blocks = Math.ceil(gib * 2048);
  expect(batchesOf({ blocks, rangeBlocks: divide(blocks, {}).rangeBlocks, verify: how })).toBe(batches);
});

test.each(['SAMPLE', 'FULL'] as const)('every range is in one batch (%s)', how => {
  for (const gib of [13, 20, 100, 777, 65_536]) {
    const blocks = gib * 2048;
    const plan = { blocks, rangeBlocks: divide(blocks, {}).rangeBlocks, verify: how };
    const batches = Array.from({ length: batchesOf(plan) }, (_, n) => rangesOfBatch(plan, n));
    expect(batches[0].first).toBe(0);
    batches.forEach(({ first, end }, n) => {
      expect(end).toBeGreaterThan(first);
      expect(batches[n + 1]?.first ?? rangesOf(plan)).toBe(end);
    });
  }
});
