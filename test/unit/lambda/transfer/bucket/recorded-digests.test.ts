import { LinearChecksum } from '../../../../../lambda/transfer/blocks/digests';
import type { Plan } from '../../../../../lambda/transfer/bucket/plan';
import { recordedBlocks } from '../../../../../lambda/transfer/bucket/recorded-digests';
import type { Manifest, TransferStore } from '../../../../../lambda/transfer/bucket/store';

/** 20 blocks in ranges of 2, more than are read at once. */
const PLAN = { blocks: 20, rangeBlocks: 2 } as Plan;

let ranges: (Buffer | undefined)[];
let manifest: Manifest | undefined;
let plan: Plan | undefined;

beforeEach(() => {
  ranges = Array.from({ length: 10 }, (_, n) => Buffer.alloc(64, n + 1));
  const all = new LinearChecksum();
  ranges.forEach(digests => all.add(digests!));
  manifest = { snapshotId: 'snap-1', blocks: 20, checksum: 'of what was put', digests: all.base64() };
  plan = PLAN;
});

const recorded = () => recordedBlocks({
  manifest: async () => manifest, findPlan: async () => plan, digests: async (_: string, n: number) => ranges[n],
} as unknown as TransferStore, 'snap-1');

test('digests that match the manifest are believed', async () => {
  expect(await recorded()).toBe(PLAN);
});

test('a manifest of an earlier release has only one checksum', async () => {
  manifest = { snapshotId: 'snap-1', blocks: 20, checksum: manifest!.digests! };
  expect(await recorded()).toBe(PLAN);
});

test.each<[string, () => void, string]>([
  ['without a manifest', () => { manifest = undefined; }, 'its manifest is missing'],
  ['without a plan', () => { plan = undefined; }, 'its manifest is missing'],
  ['with the manifest of another snapshot', () => { manifest = { ...manifest!, snapshotId: 'snap-2' }; }, 'its manifest is that of snapshot snap-2'],
  ['without a range', () => { ranges[9] = undefined; }, 'a part of its manifest is missing'],
  ['with a range that is too short', () => { ranges[3] = Buffer.alloc(32, 4); }, 'a part of its manifest is missing'],
  ['with another digest', () => { ranges[8]![63] = 0; }, 'its manifest does not match its checksum'],
  ['in another order', () => { [ranges[0], ranges[1]] = [ranges[1], ranges[0]]; }, 'its manifest does not match its checksum'],
])('digests %s are not believed', async (_, change, expected) => {
  change();
  expect(await recorded()).toBe(expected);
});
