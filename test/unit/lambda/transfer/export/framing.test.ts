import { BlockSet } from '../../../../../lambda/transfer/blocks/block-set';
import { digestOf } from '../../../../../lambda/transfer/blocks/digests';
import { BLOCK_SIZE } from '../../../../../lambda/transfer/blocks/sizes';
import { framingOf } from '../../../../../lambda/transfer/export/framing';
import type { ExportPlan } from '../../../../../lambda/transfer/export/layout';
import { PartStream } from '../../../../../lambda/transfer/export/range-content';
import type { ExportStore } from '../../../../../lambda/transfer/export/store';
import { DeltaTable, deltaPrelude } from '../../../../../lambda/transfer/formats/delta';
import { Qcow2Prelude } from '../../../../../lambda/transfer/formats/qcow2-prelude';
import { checkFixedVhdFooter } from '../../../../../lambda/transfer/formats/vhd';

const planOf = (more: Partial<ExportPlan>) => ({ snapshotId: 'snap-1', blocks: 5, partBlocks: 2, rangeParts: 2, preludeSize: 0, ...more }) as ExportPlan;
const none = {} as ExportStore;
const bytes = Buffer.alloc(BLOCK_SIZE, 7);
const block = { bytes, digest: digestOf(bytes) };

test('a raw image is its blocks', async () => {
  const framing = await framingOf(none, 'export-1', planOf({}), [1, 2, 3]);
  expect([0, 4].map(i => framing.indexOf(i))).toEqual([0, 4]);
  expect([...framing.before(1), ...framing.after(3)]).toEqual([]);
  expect(framing.record(block)).toBe(bytes);
});

test('a VHD has its footer behind the last part', async () => {
  const framing = await framingOf(none, 'export-1', planOf({ format: 'VHD' }), [1, 2, 3]);
  expect([...framing.after(1), ...framing.after(2)]).toEqual([]);
  const [footer] = framing.after(3);
  expect(() => checkFixedVhdFooter(footer, 5 * BLOCK_SIZE)).not.toThrow();
});

test('a qcow2 image has the present blocks, behind a prelude in the first part', async () => {
  const present = BlockSet.empty(90);
  [3, 4, 50, 51, 80].forEach(index => present.add(index));
  const store = { presentBlocks: async () => present } as unknown as ExportStore;
  const plan = planOf({ format: 'QCOW2', volumeBlocks: 90 });
  const framing = await framingOf(store, 'export-1', plan, [2, 3]);
  expect([2, 3, 4].map(i => framing.indexOf(i))).toEqual([50, 51, 80]);
  expect(Buffer.concat([...framing.before(1)]).equals(Buffer.concat([...new Qcow2Prelude(90, present).pieces()]))).toBe(true);
  expect([...framing.before(2)]).toEqual([]);
});

test('a delta has the changed blocks, each behind its digest', async () => {
  const table = DeltaTable.of([{ index: 2, gone: false }, { index: 3, gone: true }, { index: 9, gone: false }]);
  const prelude = deltaPrelude({ volumeSize: 1, baseSnapshotId: 'snap-0', snapshotId: 'snap-1' }, table);
  const store = { prelude: async () => prelude } as unknown as ExportStore;
  const framing = await framingOf(store, 'export-1', planOf({ sinceId: 'snap-0', blocks: 2 }), [1]);
  expect([0, 1].map(i => framing.indexOf(i))).toEqual([2, 9]);
  expect(framing.record(block)).toEqual(Buffer.concat([block.digest, bytes]));
  expect([...framing.before(1)]).toEqual([prelude]);
});

test('a part is sent in order, whatever order its blocks arrive in, and its digests are those of its blocks', async () => {
  const blocks = [1, 2, 3].map(value => Buffer.alloc(BLOCK_SIZE, value)).map(content => ({ bytes: content, digest: digestOf(content) }));
  const framing = await framingOf(none, 'export-1', planOf({ format: 'VHD', blocks: 3, partBlocks: 3 }), [1]);
  const reads = blocks.map((read, i) => async () => {
    for (let turns = 0; turns < 3 - i; turns++) { await new Promise(resolve => setImmediate(resolve)); }
    return read;
  });
  const stream = new PartStream(1, reads, framing, 3);
  const pieces: Buffer[] = [];
  for await (const piece of stream.pieces()) { pieces.push(piece); }
  expect(Buffer.concat(pieces).equals(Buffer.concat([...blocks.map(read => read.bytes), ...framing.after(1)]))).toBe(true);
  expect(stream.digests).toEqual(blocks.map(read => read.digest));
});
