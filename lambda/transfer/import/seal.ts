import { ImageCrc } from './image-crc';
import type { SnapshotInput } from '../../../src/contract/transfer';
import { log } from '../../shared/log';
import { DIGEST_SIZE, Digests, LinearChecksum } from '../blocks/digests';
import { digestsOfWritten } from '../blocks/zero';
import { rangeOf, rangesOf, type Plan } from '../bucket/plan';
import type { Manifest, TransferStore } from '../bucket/store';
import { inOrder } from '../flow/concurrency';
import { comparePin } from '../image/content-pin';
import { nameOfImage, type Source } from '../image/object';
import type { BlockWriter } from '../snapshot/block-writer';

/** Ranges whose digests are read at once. */
const READS_AT_ONCE = 16;

export interface SealServices {
  readonly source: Source;
  readonly store: TransferStore;
  readonly writer: BlockWriter;
}

/** Completes the snapshot, if every block was put and the image did not change meanwhile. */
export async function seal({ source, store, writer }: SealServices, { snapshotId }: SnapshotInput): Promise<void> {
  const plan = await store.plan(snapshotId);
  await source.verify(plan.source);
  await refuseOtherContent(source, store, snapshotId, plan);
  const manifest = await manifestOf(store, snapshotId, plan);
  const { blocks, checksum } = manifest;
  // A retried function may seal twice. The second caller cannot know whether the first call to CompleteSnapshot succeeded,
  // so it marks the manifest; the first reads that mark if EBS refuses its call.
  const alone = await store.createManifest(manifest);
  if (!alone) { await store.saveManifest({ ...manifest, again: true }); }
  await writer.complete(snapshotId, blocks, checksum, async () => !alone || (await store.manifest(snapshotId))?.again === true);
  log({ event: 'sealed', snapshotId, blocks, checksum });
}

/** Throws if the user has pinned the image, and the object has another SHA-256. */
async function refuseOtherContent(source: Source, store: TransferStore, snapshotId: string, { source: image }: Plan): Promise<void> {
  const { pin } = image;
  if (!pin) { return; }
  const sha256 = pin.computed ? await store.sha256(snapshotId) : await source.sha256(image);
  comparePin(pin, sha256, nameOfImage(image));
}

/** Computes count and checksums from the ranges. Throws if a block is missing, or if the image that was read differs from S3's checksum. */
async function manifestOf(store: TransferStore, snapshotId: string, plan: Plan): Promise<Manifest> {
  const written = new LinearChecksum();
  const all = new LinearChecksum();
  const crc = new ImageCrc(plan);
  const readings = Array.from({ length: rangesOf(plan) }, (_, n) => async () => ({
    n, range: await store.range(snapshotId, n), parent: plan.parent && await store.parentDigests(snapshotId, n),
  }));
  for await (const { n, range, parent } of inOrder(readings, READS_AT_ONCE)) {
    const { count } = rangeOf(plan, n);
    if (range?.digests.length !== count * DIGEST_SIZE || new Digests(range.digests).missing().length > 0) {
      throw new Error(`range ${n} of snapshot ${snapshotId} was not copied completely; this is a fault of the import itself, please report it`);
    }
    if (plan.parent && parent?.length !== range.digests.length) {
      throw new Error(`range ${n} of snapshot ${snapshotId} was compared with nothing; this is a fault of the import itself, please report it`);
    }
    // EBS counts only blocks that were put, not those that are inherited.
    written.add(digestsOfWritten(range.digests, plan, parent));
    all.add(range.digests);
    crc.add(n, range.crc);
  }
  crc.compare(nameOfImage(plan.source));
  return { snapshotId, blocks: written.count, checksum: written.base64(), digests: all.base64() };
}
