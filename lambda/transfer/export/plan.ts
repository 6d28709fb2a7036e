import { exportReading, type ExportReading } from './clients';
import { exportRangesOf, layOut, MOST_EXPORT_GIB, sizeOfObject, sizeOfPart, MOST_PART_BYTES, type ExportPlan, type SmallExport } from './layout';
import type { ExportInput, ExportPlanResult } from '../../../src/contract/export';
import { once } from '../../shared/environment';
import { log } from '../../shared/log';
import { BlockSet } from '../blocks/block-set';
import { blocksOf, GIB } from '../blocks/sizes';
import { refuseOverdue } from '../flow/progress';
import { DeltaTable, deltaPrelude } from '../formats/delta';
import { Qcow2Prelude } from '../formats/qcow2-prelude';
import { VHD_FOOTER } from '../formats/vhd';

/** Of one snapshot, at once; none is of less than a page. */
const LISTINGS = 4;
const LEAST_LISTED = 10_000;

const services = once(() => exportReading(4));

export const handler = (input: ExportInput): Promise<ExportPlanResult> => exportPlan(services(), input);

/** Cuts the snapshot into parts, or what changed in it. Tests take smaller ones, and of a smaller volume. */
export async function exportPlan(
  aws: ExportReading, input: ExportInput, small?: SmallExport & { readonly blocks?: number },
): Promise<ExportPlanResult> {
  const { exportId, snapshotId, sinceId, format, volumeSize } = input;
  const volumeBlocks = small?.blocks ?? blocksOf(volumeSize * GIB);
  const { content, save } = await contentOf(aws, input, volumeBlocks);
  const plan: ExportPlan = {
    snapshotId,
    sinceId,
    format,
    volumeSize,
    bucket: input.bucket,
    key: input.key,
    uploadId: input.uploadId,
    owner: input.owner,
    deadline: input.deadline,
    ...layOut(content.blocks, input, small),
    ...content,
  };
  if (sizeOfPart(plan, 1) > MOST_PART_BYTES) {
    throw new Error(`of snapshot ${snapshotId}, there are ${plan.blocks} blocks to export${sinceId === undefined ? '' : `, which changed since ${sinceId}`}: `
      + `${sizeOfObject(plan)} bytes, but an object in S3 has at most ${MOST_EXPORT_GIB} GiB`);
  }
  // For nobody would remove what is saved after the export was cancelled.
  if (!await aws.store.record(exportId)) { throw new Error(`the export ${exportId} was cancelled`); }
  await save();
  await aws.store.saveExportPlan(exportId, plan);
  log({ event: 'export planned', exportId, snapshotId, blocks: plan.blocks, partBlocks: plan.partBlocks, workers: plan.workers });
  return { exportId, workers: plan.workers, ranges: Array.from({ length: exportRangesOf(plan) }, (_, n) => ({ n })) };
}

interface Content {
  /** How many blocks the object has, and what is around them. */
  readonly content: Pick<ExportPlan, 'blocks' | 'volumeBlocks' | 'preludeSize' | 'footerSize'>;
  /** Keeps for the workers which blocks these are, if not all. */
  save(): Promise<void>;
}

async function contentOf({ store, reader }: ExportReading, input: ExportInput, volumeBlocks: number): Promise<Content> {
  const { exportId, sinceId, format } = input;
  if (sinceId !== undefined) {
    const { bytes, blocks } = await deltaPreludeOf(reader, { ...input, sinceId });
    return { content: { blocks, preludeSize: bytes.length }, save: () => store.savePrelude(exportId, bytes) };
  }
  if (format === 'QCOW2') {
    const present = await presentBlocks(reader, input, volumeBlocks);
    const preludeSize = new Qcow2Prelude(volumeBlocks, present).size;
    return { content: { blocks: present.count(), volumeBlocks, preludeSize }, save: () => store.savePresentBlocks(exportId, present) };
  }
  return { content: { blocks: volumeBlocks, preludeSize: 0, footerSize: format === 'VHD' ? VHD_FOOTER : undefined }, save: async () => {} };
}

/** Lists what the snapshot has; of a large one, several parts at once. */
async function presentBlocks(reader: ExportReading['reader'], { snapshotId, deadline }: ExportInput, volumeBlocks: number): Promise<BlockSet> {
  const present = BlockSet.empty(volumeBlocks);
  const share = Math.max(LEAST_LISTED, Math.ceil(volumeBlocks / LISTINGS));
  const starts = Array.from({ length: Math.ceil(volumeBlocks / share) }, (_, i) => i * share);
  await Promise.all(starts.map(async start => {
    for await (const { index } of reader.blocks(snapshotId, start, Math.min(start + share, volumeBlocks), () => false)) {
      if (index % LEAST_LISTED === 0) { refuseOverdue(deadline, 'export'); }
      present.add(index);
    }
  }));
  return present;
}

/** Lists what changed, whichever way: changed, added, gone. */
async function deltaPreludeOf(reader: ExportReading['reader'], { snapshotId, sinceId, volumeSize, deadline }: ExportInput & { readonly sinceId: string }) {
  const changes: { readonly index: number; readonly gone: boolean }[] = [];
  const volumeBlocks = blocksOf(volumeSize * GIB);
  for (let token: string | undefined, from = 0; ;) {
    refuseOverdue(deadline, 'export');
    const page = await reader.changed(sinceId, snapshotId, from, token, () => false);
    // A token that had expired is replaced by a listing from `from` on.
    for (const change of page.blocks) { if (change.index >= from && change.index < volumeBlocks) { changes.push(change); } }
    from = (changes.at(-1)?.index ?? from - 1) + 1;
    token = page.next;
    if (token === undefined) { break; }
  }
  const table = DeltaTable.of(changes);
  return { bytes: deltaPrelude({ volumeSize, baseSnapshotId: sinceId, snapshotId }, table), blocks: table.written().length };
}
