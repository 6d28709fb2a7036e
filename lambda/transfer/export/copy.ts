import { exportReadClients, type ExportReadClients } from './clients';
import { partsOfRange, sizeOfPart, type ExportPlan } from './layout';
import { RangeContent, type PartStream } from './range-content';
import type { DonePart } from './store';
import { isTransientWrite } from './target';
import type { ExportCopyInput, ExportCopyResult } from '../../../src/contract/export';
import { once } from '../../shared/environment';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { withPatience } from '../../shared/patience';
import { worker } from '../../shared/worker';
import { isOverdue, overdueReason, recordRefusals } from '../bucket/overdue';
import { Progress } from '../flow/progress';
import { Shift, timeOf, type Deadline } from '../flow/shift';
import { isTransient } from '../snapshot/errors';

/** Parts that are uploaded at once. */
const LANES = 4;
/** Blocks of each part that are read ahead. They take 16 MiB of memory in all lanes. At 100 ms a block, the network brings half of that. */
const AHEAD = 8;

const services = once(() => exportReadClients(LANES * AHEAD));

export const handler = worker((input: ExportCopyInput, context: Deadline) => exportCopy(services(), input, context));

/** Uploads the parts of one range, or as many as there is time for. Skips parts that are uploaded already. */
export async function exportCopy(aws: ExportReadClients, input: ExportCopyInput, deadline: Deadline): Promise<ExportCopyResult> {
  try {
    return await withPatience(timeOf(deadline), () => exportRange(aws, input, deadline));
  } catch (error) {
    // Another worker was given the same range, and the export has ended since.
    if (await aws.store.result(input.exportId).catch(() => undefined)) { return { done: true }; }
    await aws.store.saveFailure(input.exportId, saidBy(error)).catch(() => {});
    throw error;
  }
}

async function exportRange(aws: ExportReadClients, input: ExportCopyInput, deadline: Deadline): Promise<ExportCopyResult> {
  const { store } = aws;
  const { exportId, n } = input;
  const plan = await store.exportPlan(exportId);
  await recordRefusals(store, exportId, input);
  if (isOverdue(plan.deadline)) { throw new Error(await overdueReason(store, exportId, 'export')); }
  const wanted = partsOfRange(plan, n);
  const done: DonePart[] = [...await store.parts(exportId, n)];
  const missing = wanted.filter(part => !done.some(one => one.part === part));
  if (missing.length === 0) { return { done: true }; }

  const save = async ({ finished }: { finished: boolean }) => {
    const now = [...done].sort((a, b) => a.part - b.part);
    await store.refuseCancelledExport(exportId);
    await store.saveParts(exportId, n, now, { finished });
  };
  const shift = new Shift(deadline, error => isTransient(error) || isTransientWrite(error));
  const progress = new Progress(() => save({ finished: false }));
  const content = await shift.attempt(() => RangeContent.open(aws, exportId, plan, missing, { giveUp: shift.giveUp, ahead: AHEAD }));
  if (!content) {
    shift.throwFailure();
    return { done: false };
  }
  const uploadNext = async (part: number) => {
    await content.list(part);
    done.push(await uploadPart(aws, plan, part, () => content.stream(part), shift.giveUp));
    progress.made();
  };
  await shift.forEach(missing, LANES, uploadNext, { always: 1 });
  await progress.end();
  shift.throwFailure();

  const finished = done.length === wanted.length;
  log({ event: finished ? 'range exported' : 'range not exported in time', exportId, range: n, parts: done.length });
  await save({ finished });
  return { done: finished };
}

/** Uploads one part. Throws if S3 computed another checksum than that of the bytes that were sent. `stream` makes the part anew for each attempt. */
async function uploadPart(
  { target }: ExportReadClients, plan: ExportPlan, part: number, stream: () => PartStream, giveUp: () => boolean,
): Promise<DonePart> {
  let sent!: PartStream;
  const crc32 = await target.uploadPart(plan, part, sizeOfPart(plan, part), () => (sent = stream()).pieces(), giveUp);
  if (crc32 !== undefined && crc32 !== sent.base64Crc32) {
    throw new Error(`S3 took part ${part} of s3://${plan.bucket}/${plan.key} with CRC32 ${crc32} where ${sent.base64Crc32} was sent`);
  }
  return { part, crc32: sent.crc32, digests: Buffer.concat(sent.digests).toString('base64') };
}
