import { createHash } from 'node:crypto';
import { blocksOfPart, partsOf, type ExportPlan } from './layout';
import type { ExportStore } from './store';
import { DIGEST_SIZE } from '../blocks/digests';
import { BLOCK_SIZE } from '../blocks/sizes';
import { DELTA_HEADER_SIZE, DeltaTable } from '../formats/delta';
import { Qcow2Prelude } from '../formats/qcow2-prelude';
import { fixedVhdFooter } from '../formats/vhd-footer';
import type { ReadBlock } from '../snapshot/block-reader';

/** How the blocks of a snapshot are put into an object: which blocks, in which form, and the bytes around them. */
export interface ExportFraming {
  /** Returns the index on the volume of one of the object's blocks, if the block lies in the parts that the framing was made for. */
  indexOf(block: number): number;
  /** Returns a block in the form in which the object has it. */
  record(block: ReadBlock): Buffer;
  /** Returns the bytes of a part before its blocks. */
  before(part: number): Iterable<Buffer>;
  /** Returns the bytes of a part behind its blocks. */
  after(part: number): Iterable<Buffer>;
}

const RAW: ExportFraming = {
  indexOf: block => block,
  record: ({ bytes }) => bytes,
  before: () => [],
  after: () => [],
};

/** Returns the framing for some of the parts, which must be in order. */
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

/** Returns the footer of a VHD. Every export of the same snapshot has the same footer. */
function vhdFooterOf({ snapshotId, blocks }: Pick<ExportPlan, 'snapshotId' | 'blocks'>): Buffer {
  return fixedVhdFooter(blocks * BLOCK_SIZE, createHash('sha256').update(snapshotId).digest().subarray(0, 16));
}
