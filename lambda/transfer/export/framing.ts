import { createHash } from 'node:crypto';
import { blocksOfPart, partsOf, type ExportPlan } from './layout';
import type { ExportStore } from './store';
import { DIGEST_SIZE } from '../blocks/digests';
import { BLOCK_SIZE } from '../blocks/sizes';
import { DELTA_HEADER_SIZE, DeltaTable } from '../formats/delta';
import { Qcow2Prelude } from '../formats/qcow2-prelude';
import { fixedVhdFooter } from '../formats/vhd-footer';
import type { ReadBlock } from '../snapshot/block-reader';

/** What an object is beside the blocks of its snapshot: which of them, how, and what is around them. */
export interface ExportFraming {
  /** Index on the volume of one of the object's blocks, if that lies in the parts that were asked for. */
  indexOf(block: number): number;
  /** A block, as it is in the object. */
  record(block: ReadBlock): Buffer;
  /** What a part has before its blocks, and behind them. */
  before(part: number): Iterable<Buffer>;
  after(part: number): Iterable<Buffer>;
}

const RAW: ExportFraming = {
  indexOf: block => block,
  record: ({ bytes }) => bytes,
  before: () => [],
  after: () => [],
};

/** Of some of the parts, which are in order. */
export async function framingOf(store: ExportStore, exportId: string, plan: ExportPlan, parts: readonly number[]): Promise<ExportFraming> {
  if (plan.sinceId !== undefined) { return delta(await store.prelude(exportId)); }
  switch (plan.format) {
    case 'QCOW2': {
      const present = await store.presentBlocks(exportId);
      const [first, last] = [blocksOfPart(plan, parts[0]).first, blocksOfPart(plan, parts.at(-1)!)];
      const indexes = Uint32Array.from(present.members(first, last.first + last.count - first));
      const pieces = () => new Qcow2Prelude(plan.volumeBlocks!, present).pieces();
      return { ...RAW, indexOf: block => indexes[block - first], before: part => part === 1 ? pieces() : [] };
    }
    case 'VHD': {
      const footer = vhdFooterOf(plan);
      return { ...RAW, after: part => part === partsOf(plan) ? [footer] : [] };
    }
    default: return RAW;
  }
}

function delta(prelude: Buffer): ExportFraming {
  const changed = DeltaTable.read(prelude.subarray(DELTA_HEADER_SIZE)).written();
  return {
    ...RAW,
    indexOf: block => changed[block],
    record: ({ digest, bytes }) => Buffer.concat([digest, bytes], DIGEST_SIZE + BLOCK_SIZE),
    before: part => part === 1 ? [prelude] : [],
  };
}

/** The same for the same snapshot, whoever makes it. */
function vhdFooterOf({ snapshotId, blocks }: Pick<ExportPlan, 'snapshotId' | 'blocks'>): Buffer {
  return fixedVhdFooter(blocks * BLOCK_SIZE, createHash('sha256').update(snapshotId).digest().subarray(0, 16));
}
