import { exportThings, type ExportThings } from './clients';
import { exportRangesOf, partsOf, sizeOfObject, sizeOfPart, type ExportPlan } from './layout';
import type { ExportResult, ExportStore } from './store';
import type { StoredPart } from './target';
import type { ExportIdInput } from '../../../src/contract/export';
import { once } from '../../shared/environment';
import { isNamed, saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import type { BlockSet } from '../blocks/block-set';
import { Crc } from '../blocks/crc';
import { DIGEST_SIZE } from '../blocks/digests';
import { ZERO_DIGEST } from '../blocks/zero';
import { manifestLine } from '../formats/manifest';

/** A part that another worker has just uploaded once more has another ETag. */
const MOST_TRIES = 3;
const CRC32 = Crc.named('CRC32');

const services = once(exportThings);

export const handler = (input: ExportIdInput): Promise<void> => exportFinish(services(), input);

/** Makes the object of its parts, and the manifest beside it, if all of them are what was read. */
export async function exportFinish(aws: ExportThings, { exportId }: ExportIdInput): Promise<void> {
  const { store } = aws;
  try {
    if (!await store.result(exportId)) {
      const result = await complete(aws, exportId);
      // Throws if the export was cancelled meanwhile, and what it made was removed, or shall be.
      await store.exportPlan(exportId);
      await store.saveResult(exportId, result);
      log({ event: 'exported', exportId, ...result });
    }
    await store.removeWork(exportId);
  } catch (error) {
    // Another one was invoked for the same, and has ended it; what its work needed goes with the record.
    if (await store.result(exportId).catch(() => undefined)) { return; }
    await store.saveFailure(exportId, saidBy(error)).catch(() => {});
    throw error;
  }
}

async function complete({ store, target }: ExportThings, exportId: string): Promise<ExportResult> {
  const plan = await store.exportPlan(exportId);
  const place = { exportId, bucket: plan.bucket, key: plan.key };
  const name = `s3://${plan.bucket}/${plan.key}`;
  const size = sizeOfObject(plan);
  const sent = await checksums({ store, target }, exportId, plan);
  const crc32 = CRC32.base64(sent.reduce((sum, part, i) => CRC32.combine(sum, part, sizeOfPart(plan, i + 1)), 0n));

  // It comes first: whoever finds the object finds its manifest.
  const isDelta = plan.sinceId !== undefined;
  if (!isDelta && !await putManifest({ store, target }, exportId, plan, crc32)) {
    throw new Error(`somebody wrote ${name}.manifest during the export; nothing was overwritten: choose another key`);
  }
  try {
    await completeUpload({ store, target }, plan, sent, size, crc32);
  } catch (error) {
    // The answer may have been lost, and then it exists; or somebody else's does.
    if (!isNamed(error, 'PreconditionFailed', 'NoSuchUpload')) { throw error; }
    if (!await target.find(place)) {
      if (!isDelta) { await target.deleteManifest(place); }
      throw isNamed(error, 'PreconditionFailed')
        ? new Error(`somebody wrote ${name} during the export; nothing was overwritten: choose another key`)
        : new Error(`the multipart upload to ${name} does not exist any more; was it aborted, by a lifecycle rule of the bucket maybe?`);
    }
  }
  const made = await target.find(place);
  if (!made) { throw new Error(`${name} was made, and then replaced or deleted by somebody else`); }
  if (made.size !== size || made.crc32 !== crc32) {
    throw new Error(`${name} is not what was exported: S3 has ${made.size} bytes with CRC32 ${made.crc32}, where ${size} with ${crc32} were sent`);
  }
  const record = await store.record(exportId);
  // Others of it may have been begun, whose ids were lost with the answer.
  if (record) { await target.abort({ ...record, uploadId: undefined }); }
  return made;
}

/** The CRC32 of every part, as it was read. */
async function checksums({ store }: ExportThings, exportId: string, plan: ExportPlan): Promise<bigint[]> {
  const all: bigint[] = [];
  for (let n = 0; n < exportRangesOf(plan); n++) {
    for (const { part, crc32 } of await store.parts(exportId, n)) { all[part - 1] = BigInt(crc32); }
  }
  for (let part = 1; part <= partsOf(plan); part++) {
    if (all[part - 1] === undefined) { throw new Error(`part ${part} of export ${exportId} was not uploaded; this is a fault of the export itself, please report it`); }
  }
  return all;
}

async function completeUpload({ target }: ExportThings, plan: ExportPlan, sent: readonly bigint[], size: number, crc32: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    const parts = await target.parts(plan);
    const wrong = sent.findIndex((sum, i) => !isWhatWasSent(parts[i], i + 1, sizeOfPart(plan, i + 1), sum));
    if (wrong >= 0 || parts.length !== sent.length) {
      throw new Error(`part ${wrong + 1} of s3://${plan.bucket}/${plan.key} is not what was sent: S3 has ${JSON.stringify(parts[wrong])}`);
    }
    try {
      return await target.complete(plan, parts, size, crc32);
    } catch (error) {
      if (!isNamed(error, 'InvalidPart') || tries === MOST_TRIES) { throw error; }
    }
  }
}

function isWhatWasSent(stored: StoredPart | undefined, part: number, size: number, crc32: bigint): boolean {
  return stored?.part === part && stored.size === size && (stored.crc32 === undefined || stored.crc32 === CRC32.base64(crc32));
}

function putManifest({ store, target }: ExportThings, exportId: string, plan: ExportPlan, crc32: string): Promise<boolean> {
  const { volumeSize, snapshotId, format = 'RAW', volumeBlocks = plan.blocks } = plan;
  const line = manifestLine({ blocks: volumeBlocks, volumeSize, snapshotId, image: format, crc32 });
  return target.putManifest({ exportId, bucket: plan.bucket, key: plan.key }, line.length + volumeBlocks * DIGEST_SIZE, async function* () {
    yield line;
    yield* format === 'QCOW2' ? withAbsent(digestsOf(store, exportId, plan), await store.presentBlocks(exportId), volumeBlocks) : digestsOf(store, exportId, plan);
  });
}

/** Of the blocks that the object has, in order. */
async function* digestsOf(store: ExportStore, exportId: string, plan: ExportPlan): AsyncGenerator<Buffer> {
  for (let n = 0; n < exportRangesOf(plan); n++) {
    for (const { digests } of await store.parts(exportId, n)) { yield Buffer.from(digests, 'base64'); }
  }
}

/** Of all blocks of the volume: those that the snapshot does not have read as zeros. */
async function* withAbsent(digests: AsyncIterable<Buffer>, present: BlockSet, volumeBlocks: number): AsyncGenerator<Buffer> {
  const members = present.members();
  let next = 0;
  function* absent(before: number): Generator<Buffer> {
    for (; next < before; next += Math.min(ZEROS_AT_ONCE, before - next)) { yield ZERO_DIGESTS.subarray(0, (before - next) * DIGEST_SIZE); }
  }
  for await (const some of digests) {
    let from = 0;
    for (let at = 0; at < some.length; at += DIGEST_SIZE, next++) {
      const member = members.next().value!;
      if (member === next) { continue; }
      if (at > from) { yield some.subarray(from, at); }
      yield* absent(member);
      from = at;
    }
    yield some.subarray(from);
  }
  yield* absent(volumeBlocks);
}

const ZEROS_AT_ONCE = 8_192;
const ZERO_DIGESTS = Buffer.alloc(ZEROS_AT_ONCE * DIGEST_SIZE, ZERO_DIGEST);
