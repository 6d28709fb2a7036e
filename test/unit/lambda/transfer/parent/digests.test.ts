import { ABSENT_DIGEST, ZERO_DIGEST } from '../../../../../lambda/transfer/blocks/zero';
import type { Plan, PlanParent } from '../../../../../lambda/transfer/bucket/plan';
import type { TransferStore } from '../../../../../lambda/transfer/bucket/store';
import { Shift } from '../../../../../lambda/transfer/flow/shift';
import { parentDigests, shareReads } from '../../../../../lambda/transfer/parent/digests';
import type { BlockReader } from '../../../../../lambda/transfer/snapshot/block-reader';

const THROTTLED = Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
const digest = (index: number) => Buffer.alloc(32, index + 1);

let objects: Map<string, Buffer>;
let cancelled: boolean;
let present: number[];
let read: number[];
let left: number;
let failWith: ((index: number) => Error | undefined) | undefined;

const store = {
  parentDigests: async (_: string, n: number) => objects.get(`parent/${n}`),
  parentProgress: async (_: string, n: number) => objects.get(`reading/${n}`),
  saveParentDigests: async (_: string, n: number, bytes: Buffer) => { objects.set(`parent/${n}`, bytes); },
  saveParentProgress: async (_: string, n: number, bytes: Buffer) => { objects.set(`reading/${n}`, Buffer.from(bytes)); },
  digests: async (id: string, n: number) => objects.get(`${id}/digests/${n}`),
  refuseCancelled: async () => { if (cancelled) { throw new Error('cancelled'); } },
} as unknown as TransferStore;

/** Pages of 2 blocks. */
const reader = {
  list: async (_: string, from: number, token: string | undefined) => {
    const all = present.filter(index => index >= Number(token ?? from));
    return { blocks: all.slice(0, 2).map(index => ({ index, token: '' })), next: all.length > 2 ? String(all[2]) : undefined };
  },
  digest: async (_: string, { index }: { index: number }) => {
    const error = failWith?.(index);
    if (error) { throw error; }
    read.push(index);
    return digest(index);
  },
} as unknown as BlockReader;

const READ: PlanParent = { snapshotId: 'snap-parent', read: { blocks: 10, perSecond: 1e6 } };

function digestsOf(n: number, parent: PlanParent): Promise<Buffer | undefined> {
  const plan = { blocks: 12, rangeBlocks: 4, parent } as unknown as Plan;
  return parentDigests({ store, reader }, plan, { snapshotId: 'snap-1', n }, new Shift({ getRemainingTimeInMillis: () => left }, error => error === THROTTLED));
}

beforeEach(() => {
  jest.spyOn(console, 'log').mockImplementation(() => {});
  objects = new Map();
  [cancelled, present, read, left, failWith] = [false, [0, 1, 2, 3, 4, 6, 7, 8, 9], [], 900_000, undefined];
});
afterEach(() => jest.restoreAllMocks());

describe('the digests of a parent that is read', () => {
  test('are those of its blocks, and a mark where it has none', async () => {
    expect(await digestsOf(1, READ)).toEqual(Buffer.concat([digest(4), ABSENT_DIGEST, digest(6), digest(7)]));
    expect(objects.get('parent/1')).toEqual(Buffer.concat([digest(4), ABSENT_DIGEST, digest(6), digest(7)]));
  });

  test('are marks beyond its volume', async () => {
    expect(await digestsOf(2, READ)).toEqual(Buffer.concat([digest(8), digest(9), ABSENT_DIGEST, ABSENT_DIGEST]));
  });

  test('are read only once', async () => {
    await digestsOf(0, READ);
    await digestsOf(0, READ);
    expect(read).toEqual([0, 1, 2, 3]);
  });

  test('are read in several invocations, each of which reads at least one block', async () => {
    left = 0;
    for (let i = 0; i < 4; i++) {
      expect(await digestsOf(0, READ)).toEqual(i < 3 ? undefined : Buffer.concat([0, 1, 2, 3].map(digest)));
      expect(read).toEqual([0, 1, 2, 3].slice(0, i + 1));
    }
  });

  test('are left to the next invocation if EBS throttles until time is up', async () => {
    failWith = index => { if (index !== 1) { return undefined; } left = 0; return THROTTLED; };
    expect(await digestsOf(0, READ)).toBeUndefined();
    expect(objects.get('reading/0')).toEqual(Buffer.concat([digest(0), Buffer.alloc(96)]));
  });

  test('fail with the error of a block', async () => {
    failWith = index => index === 2 ? new Error('access denied') : undefined;
    await expect(digestsOf(0, READ)).rejects.toThrow('access denied');
    expect([...objects.keys()]).toEqual([]);
  });

  test.each([['finished', 900_000], ['unfinished', 0]])('are not saved %s after the import was cancelled', async (_, remaining) => {
    [cancelled, left] = [true, remaining];
    await expect(digestsOf(0, READ)).rejects.toThrow('cancelled');
    expect([...objects.keys()]).toEqual([]);
  });
});

describe('the digests of a parent that was imported here', () => {
  /** 10 blocks in ranges of 3. */
  const recorded = (zeroBlocks?: 'OMIT'): PlanParent => ({ snapshotId: 'snap-parent', recorded: { blocks: 10, rangeBlocks: 3, zeroBlocks } });
  beforeEach(() => {
    for (const [n, indexes] of [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]].entries()) {
      objects.set(`snap-parent/digests/${n}`, Buffer.concat(indexes.map(index => index === 5 ? ZERO_DIGEST : digest(index))));
    }
  });

  test('are gathered from its own ranges', async () => {
    expect(await digestsOf(1, recorded())).toEqual(Buffer.concat([digest(4), ZERO_DIGEST, digest(6), digest(7)]));
    expect(await digestsOf(2, recorded())).toEqual(Buffer.concat([digest(8), digest(9), ABSENT_DIGEST, ABSENT_DIGEST]));
    expect(read).toEqual([]);
  });

  test('are marks where its import left out zeros', async () => {
    expect(await digestsOf(1, recorded('OMIT'))).toEqual(Buffer.concat([digest(4), ABSENT_DIGEST, digest(6), digest(7)]));
  });

  test.each([undefined, Buffer.alloc(32)])('fail if they have disappeared, or a part of them', async bytes => {
    if (bytes) { objects.set('snap-parent/digests/1', bytes); } else { objects.delete('snap-parent/digests/1'); }
    await expect(digestsOf(0, recorded())).rejects.toThrow('the digests of snapshot snap-parent, which is the parent, have disappeared');
  });
});

test('workers that read at the same time share the rate', () => {
  expect(shareReads({ snapshotId: 'snap-parent', read: { blocks: 10, perSecond: 900 } }, 3).read!.perSecond).toBe(300);
  expect(shareReads({ snapshotId: 'snap-parent' }, 3)).toEqual({ snapshotId: 'snap-parent' });
});
