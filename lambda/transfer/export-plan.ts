import { blocksOf, GIB } from './blocks';
import { once } from './environment';
import { exportRangesOf, layOut, MOST_EXPORT_GIB, sizeOfObject, sizeOfPart, MOST_PART_BYTES, type ExportPlan, type SmallExport } from './export-layout';
import { exportReading, type ExportReading } from './export-things';
import { DeltaTable, deltaPrelude } from './formats/delta';
import { refuseOverdue } from './progress';
import type { ExportInput, ExportPlanResult } from '../../src/contract/export';
import { log } from '../shared/log';

const services = once(() => exportReading(4));

export const handler = (input: ExportInput): Promise<ExportPlanResult> => exportPlan(services(), input);

/** Cuts the snapshot into parts, or what changed in it. Tests take smaller ones, and of a smaller volume. */
export async function exportPlan(
  aws: ExportReading, input: ExportInput, small?: SmallExport & { readonly blocks?: number },
): Promise<ExportPlanResult> {
  const { exportId, snapshotId, sinceId, volumeSize } = input;
  const prelude = sinceId === undefined ? undefined : await preludeOf(aws, { ...input, sinceId });
  const blocks = prelude?.blocks ?? small?.blocks ?? blocksOf(volumeSize * GIB);
  const plan: ExportPlan = {
    snapshotId,
    sinceId,
    volumeSize,
    bucket: input.bucket,
    key: input.key,
    uploadId: input.uploadId,
    owner: input.owner,
    deadline: input.deadline,
    ...layOut(blocks, input, small),
    preludeSize: prelude?.bytes.length ?? 0,
  };
  if (sizeOfPart(plan, 1) > MOST_PART_BYTES) {
    throw new Error(`of snapshot ${snapshotId}, ${blocks} blocks changed since ${sinceId}: ${sizeOfObject(plan)} bytes, but an object in S3 has at most ${MOST_EXPORT_GIB} GiB`);
  }
  // For nobody would remove what is saved after the export was cancelled.
  if (!await aws.store.record(exportId)) { throw new Error(`the export ${exportId} was cancelled`); }
  if (prelude) { await aws.store.savePrelude(exportId, prelude.bytes); }
  await aws.store.saveExportPlan(exportId, plan);
  log({ event: 'export planned', exportId, snapshotId, blocks, partBlocks: plan.partBlocks, workers: plan.workers });
  return { exportId, workers: plan.workers, ranges: Array.from({ length: exportRangesOf(plan) }, (_, n) => ({ n })) };
}

/** Lists what changed, whichever way: changed, added, gone. */
async function preludeOf({ reader }: ExportReading, { snapshotId, sinceId, volumeSize, deadline }: ExportInput & { readonly sinceId: string }) {
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
