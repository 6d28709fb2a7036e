import { exportReadClients, type ExportReadClients } from './clients';
import { exportRangesOf, layOut, MOST_EXPORT_GIB, sizeOfObject, sizeOfPart, MOST_PART_BYTES, type ExportPlan, type SmallExport } from './layout';
import type { ExportInput, ExportPlanInput, ExportPlanResult, ExportPlanUnfinished } from '../../../src/contract/export';
import { once } from '../../shared/environment';
import { log } from '../../shared/log';
import { LONG_PATIENCE_MILLISECONDS, withPatience } from '../../shared/patience';
import { worker } from '../../shared/worker';
import { BlockSet } from '../blocks/block-set';
import { blocksOf, GIB } from '../blocks/sizes';
import { refuseOverdue } from '../bucket/overdue';
import { refuseOtherExecution } from '../flow/execution-name';
import type { Deadline } from '../flow/shift';
import { DeltaTable, deltaPrelude } from '../formats/delta';
import { Qcow2Prelude } from '../formats/qcow2-prelude';
import { VHD_FOOTER } from '../formats/vhd';

/** Listings of one snapshot at once. A page takes a third of a second, and EBS direct lists 50 a second for an account. */
const LISTINGS = 12;
/** Blocks that one listing covers at least: a page. */
const LEAST_LISTED = 10_000;

/** Time that is kept for a page that is throttled, and for the end of the invocation. */
const RESERVE_MILLISECONDS = 15 * 60_000 - LONG_PATIENCE_MILLISECONDS;

const services = once(() => exportReadClients(LISTINGS));

export const handler = worker((input: ExportPlanInput, context: Deadline) => exportPlan(services(), input, context));

/** What tests choose: smaller parts, and a smaller volume. */
type Small = SmallExport & { readonly blocks?: number };

/** Divides the snapshot, or the blocks that changed in it, into parts. */
export async function exportPlan(
  aws: ExportReadClients, { plan, execution }: ExportPlanInput, deadline: Deadline, small?: Small,
): Promise<ExportPlanResult | ExportPlanUnfinished> {
  refuseOtherExecution(plan.exportId, execution);
  return withPatience(LONG_PATIENCE_MILLISECONDS, () => makePlan(aws, plan, deadline, small));
}

async function makePlan(
  aws: ExportReadClients, input: ExportInput, deadline: Deadline, small?: Small,
): Promise<ExportPlanResult | ExportPlanUnfinished> {
  const { exportId, snapshotId, sinceId, format, volumeSize } = input;
  const volumeBlocks = small?.blocks ?? blocksOf(volumeSize * GIB);
  const found = await contentOf(aws, input, volumeBlocks, deadline);
  if (!found) { return { ...input, done: false }; }
  const { content, save } = found;
  const plan: ExportPlan = {
    snapshotId,
    sinceId,
    format,
    volumeSize,
    bucket: input.bucket,
    bucketOwner: input.bucketOwner,
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
  await aws.store.refuseDeletedExport(exportId);
  if (await aws.store.result(exportId)) { throw new Error(`export ${exportId} was completed before; nothing is done`); }
  await save();
  await aws.store.saveExportPlan(exportId, plan);
  log({ event: 'export planned', exportId, snapshotId, blocks: plan.blocks, partBlocks: plan.partBlocks, workers: plan.workers });
  const ranges = Array.from({ length: exportRangesOf(plan) }, (_, n) => ({ n }));
  return { done: true, exportId, workers: plan.workers, ranges, background: input.background === true };
}

interface Content {
  /** Number of the object's blocks, and the bytes around them. */
  readonly content: Pick<ExportPlan, 'blocks' | 'volumeBlocks' | 'preludeSize' | 'footerSize'>;
  /** Saves for the workers which blocks the object has, if it does not have all. */
  save(): Promise<void>;
}

/** undefined: the time of the invocation is over. */
async function contentOf(
  { store, reader }: ExportReadClients, input: ExportInput, volumeBlocks: number, deadline: Deadline,
): Promise<Content | undefined> {
  const { exportId, sinceId, format, snapshotId, volumeSize } = input;
  if (sinceId !== undefined) {
    const table = await changesSince({ store, reader }, { ...input, sinceId }, deadline);
    if (!table) { return undefined; }
    const bytes = deltaPrelude({ volumeSize, baseSnapshotId: sinceId, snapshotId }, table);
    const blocks = table.records;
    return { content: { blocks, preludeSize: bytes.length }, save: () => store.savePrelude(exportId, bytes) };
  }
  if (format === 'QCOW2') {
    const present = await presentBlocks(reader, input, volumeBlocks);
    const preludeSize = new Qcow2Prelude(volumeBlocks, present).size;
    return { content: { blocks: present.count(), volumeBlocks, preludeSize }, save: () => store.savePresentBlocks(exportId, present) };
  }
  return { content: { blocks: volumeBlocks, preludeSize: 0, footerSize: format === 'VHD' ? VHD_FOOTER : undefined }, save: async () => {} };
}

/** Lists the blocks that the snapshot has. Lists several parts of a large snapshot at once. */
async function presentBlocks(reader: ExportReadClients['reader'], { snapshotId, deadline }: ExportInput, volumeBlocks: number): Promise<BlockSet> {
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

/**
 * Lists the blocks that were changed, added or removed since the base snapshot. EBS needs a page for every 10,000 blocks that the snapshots have,
 * also if none of them changed, and says where a page ends only to whoever asks for the next one. Saves what is listed and returns undefined if
 * the time of the invocation is over before the last page.
 */
async function changesSince(
  { store, reader }: Pick<ExportReadClients, 'store' | 'reader'>, input: ExportInput & { readonly sinceId: string }, context: Deadline,
): Promise<DeltaTable | undefined> {
  const { exportId, snapshotId, sinceId, volumeSize, deadline } = input;
  const listed = await store.listing(exportId);
  const changes = DeltaTable.growing(listed?.changes);
  const volumeBlocks = blocksOf(volumeSize * GIB);
  for (let { from, token }: { from: number; token?: string } = listed ?? { from: 0 }; ;) {
    refuseOverdue(deadline, 'export');
    const page = await reader.changed(sinceId, snapshotId, from, token, () => false);
    // If the token has expired, the page comes from a new listing that begins at `from`.
    for (const change of page.blocks) {
      if (change.index < from || change.index >= volumeBlocks) { continue; }
      changes.add(change);
      from = change.index + 1;
    }
    token = page.next;
    if (token === undefined) { return changes.table(); }
    if (context.getRemainingTimeInMillis() < RESERVE_MILLISECONDS) {
      await store.refuseDeletedExport(exportId);
      await store.saveListing(exportId, { from, token, changes: changes.table() });
      log({ event: 'changes not listed in time', exportId, snapshotId, listed: changes.table().length });
      return undefined;
    }
  }
}
