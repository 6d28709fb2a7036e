import { setTimeout as sleep } from 'node:timers/promises';
import { exportClients, type ExportClients } from './clients';
import { mayComeLate } from './completion';
import { exportRangesOf, partsOf, sizeOfObject, sizeOfPart, type ExportPlan } from './layout';
import { manifestBody } from './manifest-body';
import type { ExportResult, ExportStore } from './store';
import type { StoredPart } from './target';
import type { ExportIdInput } from '../../../src/contract/export';
import { once } from '../../shared/environment';
import { isNamed, saidBy, withCauses } from '../../shared/errors';
import { log } from '../../shared/log';
import { LONG_PATIENCE_MILLISECONDS, withPatience } from '../../shared/patience';
import { isThrottle } from '../../shared/retry';
import { worker } from '../../shared/worker';
import { Crc } from '../blocks/crc';
import { statusOf } from '../bucket/s3-errors';

/** Tries to complete the upload. S3 refuses one if another worker uploads a part again meanwhile, which gives the part another ETag. */
const MOST_TRIES = 3;
const PAUSE_MILLISECONDS = 10_000;
const CRC32 = Crc.named('CRC32');

const services = once(() => exportClients());

export const handler = worker((input: ExportIdInput) => exportFinish(services(), input));

/** Makes the object from its parts, and the manifest beside it, if all parts are what was read. */
export async function exportFinish(aws: ExportClients, { exportId }: ExportIdInput): Promise<void> {
  const { store } = aws;
  try {
    if (!await store.result(exportId)) {
      const result = await withPatience(LONG_PATIENCE_MILLISECONDS, () => complete(aws, exportId));
      await store.refuseCancelledExport(exportId);
      await store.saveResult(exportId, result);
      log({ event: 'exported', exportId, ...result });
    }
    await store.removeWork(exportId);
  } catch (error) {
    // Another invocation for the same export has ended it. The files of its work are removed with the record.
    if (await store.result(exportId).catch(() => undefined)) { return; }
    await store.saveFailure(exportId, saidBy(error)).catch(() => {});
    throw error;
  }
}

/** The object that the export has to result in. */
interface ExpectedObject {
  readonly plan: ExportPlan;
  readonly place: { readonly exportId: string; readonly bucket: string; readonly bucketOwner?: string; readonly key: string };
  /** Name in errors. */
  readonly name: string;
  readonly size: number;
  /** CRC32 of each part as it was sent. */
  readonly sent: readonly bigint[];
  /** CRC32 of the whole, in base64. */
  readonly crc32: string;
}

async function complete(aws: ExportClients, exportId: string): Promise<ExportResult> {
  const expected = await expectedObject(aws.store, exportId);
  // The manifest comes first, so that an object that is there always has its manifest.
  await writeManifest(aws, expected);
  await makeObject(aws, expected);
  return verifiedObject(aws, expected);
}

async function expectedObject(store: ExportStore, exportId: string): Promise<ExpectedObject> {
  const plan = await store.exportPlan(exportId);
  const { bucket, bucketOwner, key } = plan;
  const sent = await sentChecksums(store, exportId, plan);
  const crc32 = CRC32.base64(sent.reduce((sum, part, i) => CRC32.combine(sum, part, sizeOfPart(plan, i + 1)), 0n));
  return { plan, place: { exportId, bucket, bucketOwner, key }, name: `s3://${bucket}/${key}`, size: sizeOfObject(plan), sent, crc32 };
}

/** Returns the CRC32 of each part as it was sent. Throws if one of them was not uploaded. */
async function sentChecksums(store: ExportStore, exportId: string, plan: ExportPlan): Promise<bigint[]> {
  const all: bigint[] = [];
  for (let n = 0; n < exportRangesOf(plan); n++) {
    for (const { part, crc32 } of await store.parts(exportId, n)) { all[part - 1] = BigInt(crc32); }
  }
  for (let part = 1; part <= partsOf(plan); part++) {
    if (all[part - 1] === undefined) { throw new Error(`part ${part} of export ${exportId} was not uploaded; this is a fault of the export itself, please report it`); }
  }
  return all;
}

/** Writes the manifest. A delta has none. Throws if somebody else wrote one meanwhile. */
async function writeManifest({ store, target }: ExportClients, { plan, place, name, crc32 }: ExpectedObject): Promise<void> {
  if (plan.sinceId !== undefined) { return; }
  const { size, body } = manifestBody(store, place.exportId, plan, crc32);
  if (!await target.putManifest(place, size, body)) {
    throw new Error(`somebody wrote ${name}.manifest during the export; nothing was overwritten: choose another key`);
  }
}

/** Completes the upload. Throws, and removes the manifest, if that does not result in an object of this export. */
async function makeObject(aws: ExportClients, expected: ExpectedObject): Promise<void> {
  const { target } = aws;
  const { plan, place, name } = expected;
  try {
    await completeUpload(aws, expected);
  } catch (error) {
    if (!isNamed(error, 'PreconditionFailed', 'NoSuchUpload')) { throw error; }
    // The object of this export exists, or will, if only the answer to an earlier call was lost.
    if (await isMade(aws, place, error)) { return; }
    if (plan.sinceId === undefined) { await target.deleteManifest(place); }
    throw isNamed(error, 'PreconditionFailed')
      ? new Error(`somebody wrote ${name} during the export; nothing was overwritten: choose another key`)
      : new Error(`the multipart upload to ${name} does not exist any more; was it aborted, by a lifecycle rule of the bucket maybe?`);
  }
}

async function completeUpload(aws: ExportClients, expected: ExpectedObject): Promise<void> {
  for (let tries = 1; ; tries++) {
    const parts = await aws.target.parts(expected.plan);
    refuseOtherParts(expected.plan, expected.sent, parts);
    try {
      return await completeOnce(aws, expected, parts);
    } catch (error) {
      if (!isNamed(error, 'InvalidPart') || tries === MOST_TRIES) { throw error; }
    }
  }
}

/** Asks S3 to complete the upload. Until S3 has answered, the record says so, because a Delete has to wait for the object. */
async function completeOnce(
  { store, target }: ExportClients, { plan, place, size, crc32 }: ExpectedObject, parts: readonly StoredPart[],
): Promise<void> {
  const { exportId } = place;
  // An earlier invocation may have died, and S3 may still be at work on its call.
  let isAnswered = (await store.record(exportId))?.completing === undefined;
  if (!await store.beginCompletion(exportId, { since: Date.now(), size, crc32 })) {
    if (plan.sinceId === undefined) { await target.deleteManifest(place); }
    throw new Error(`the export ${exportId} was cancelled`);
  }
  const heard = (error: unknown) => { isAnswered &&= isRefusal(error); };
  try {
    await target.complete(plan, parts, { size, crc32 }, heard);
  } catch (error) {
    heard(error);
    if (isAnswered) { await store.endCompletion(exportId); }
    throw error;
  }
  await store.endCompletion(exportId);
}

/** Whether S3 has answered that it does nothing. */
function isRefusal(error: unknown): boolean {
  return isThrottle(error) || withCauses(error).some(each => statusOf(each) !== undefined && statusOf(each)! < 500);
}

/** Whether the object of the export is there. Waits for it if S3 has not answered a call that completes the upload. */
async function isMade({ store, target }: ExportClients, { exportId, ...place }: ExpectedObject['place'], error: unknown): Promise<boolean> {
  for (const end = Date.now() + LONG_PATIENCE_MILLISECONDS; ;) {
    if (await target.find({ exportId, ...place })) { return true; }
    const { completing, removed } = await store.record(exportId) ?? {};
    if (!completing || removed || !mayComeLate(completing) || !isNamed(error, 'NoSuchUpload') || Date.now() > end) { return false; }
    await sleep(PAUSE_MILLISECONDS);
  }
}

/** Throws if the parts that S3 has are not the parts that were sent. */
export function refuseOtherParts(plan: ExportPlan, sent: readonly bigint[], stored: readonly StoredPart[]): void {
  const wrong = sent.findIndex((sum, i) => !isWhatWasSent(stored[i], i + 1, sizeOfPart(plan, i + 1), sum));
  if (wrong < 0 && stored.length === sent.length) { return; }
  throw new Error(`part ${wrong + 1} of s3://${plan.bucket}/${plan.key} is not what was sent: S3 has ${JSON.stringify(stored[wrong])}`);
}

function isWhatWasSent(stored: StoredPart | undefined, part: number, size: number, crc32: bigint): boolean {
  return stored?.part === part && stored.size === size && (stored.crc32 === undefined || stored.crc32 === CRC32.base64(crc32));
}

/** Returns the object as S3 has it. Throws if its content is not what was sent. */
async function verifiedObject({ target }: ExportClients, { place, name, size, crc32 }: ExpectedObject): Promise<ExportResult> {
  const made = await target.find(place);
  if (!made) { throw new Error(`${name} was made, and then replaced or deleted by somebody else`); }
  if (made.size !== size || made.crc32 !== crc32) {
    throw new Error(`${name} is not what was exported: S3 has ${made.size} bytes with CRC32 ${made.crc32}, where ${size} with ${crc32} were sent`);
  }
  return made;
}
