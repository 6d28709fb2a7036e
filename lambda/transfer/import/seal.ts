import { ImageCrc } from './image-crc';
import type { SnapshotInput } from '../../../src/contract/transfer';
import { log } from '../../shared/log';
import { DIGEST_SIZE, Digests, LinearChecksum } from '../blocks/digests';
import { digestsOfWritten } from '../blocks/zero';
import { rangeOf, rangesOf } from '../bucket/plan';
import type { TransferStore } from '../bucket/store';
import { nameOfImage, type Source } from '../image/object';
import type { BlockWriter } from '../snapshot/block-writer';

export interface SealServices {
  readonly source: Source;
  readonly store: TransferStore;
  readonly writer: BlockWriter;
}

/** Completes the snapshot, if every block was put and the image is still what it was. */
export async function seal({ source, store, writer }: SealServices, { snapshotId }: SnapshotInput): Promise<void> {
  const plan = await store.plan(snapshotId);
  await source.verify(plan.source);

  const linear = new LinearChecksum();
  const all = new LinearChecksum();
  const crc = new ImageCrc(plan);
  for (let n = 0; n < rangesOf(plan); n++) {
    const range = await store.range(snapshotId, n);
    const { count } = rangeOf(plan, n);
    if (range?.digests.length !== count * DIGEST_SIZE || new Digests(range.digests).missing().length > 0) {
      throw new Error(`range ${n} of snapshot ${snapshotId} was not copied completely; this is a fault of the import itself, please report it`);
    }
    // What was inherited was not put, so that EBS does not count it.
    const parent = plan.parent && await store.parentDigests(snapshotId, n);
    if (plan.parent && parent?.length !== range.digests.length) {
      throw new Error(`range ${n} of snapshot ${snapshotId} was compared with nothing; this is a fault of the import itself, please report it`);
    }
    linear.add(digestsOfWritten(range.digests, plan, parent));
    all.add(range.digests);
    crc.add(n, range.crc);
  }
  crc.compare(nameOfImage(plan.source));

  const checksum = linear.base64();
  const manifest = { snapshotId, blocks: linear.count, checksum, digests: all.base64() };
  // From here on, whoever comes second cannot tell whether the first one's call succeeded. It leaves a note for the first, which may still be at it.
  const alone = await store.createManifest(manifest);
  if (!alone) { await store.saveManifest({ ...manifest, again: true }); }
  await writer.complete(snapshotId, linear.count, checksum, async () => !alone || (await store.manifest(snapshotId))?.again === true);
  log({ event: 'sealed', snapshotId, blocks: linear.count, checksum });
}
