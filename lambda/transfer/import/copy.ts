import { EBSClient } from '@aws-sdk/client-ebs';
import { s3Things } from './clients';
import { RangeCrcs } from './range-crcs';
import { RangeMetrics } from './range-metrics';
import type { CopyInput, CopyResult, PinnedSource } from '../../../src/contract/transfer';
import { clientConfig } from '../../shared/client-config';
import { once } from '../../shared/environment';
import { saidBy } from '../../shared/errors';
import { DIGEST_SIZE, digestOf, Digests } from '../blocks/digests';
import { BLOCK_SIZE, blocksOf } from '../blocks/sizes';
import { ABSENT_DIGEST, isZero, ZERO_DIGEST } from '../blocks/zero';
import { diskSizeOf, rangeOf } from '../bucket/plan';
import type { TransferStore } from '../bucket/store';
import { limiter } from '../flow/limiter';
import { pacerFor } from '../flow/pacer';
import { Progress, refuseOverdue } from '../flow/progress';
import { Shift, type Deadline } from '../flow/shift';
import { DeltaReading } from '../image/delta';
import { knownDigests } from '../image/known-digests';
import { nameOfImage, type Source } from '../image/object';
import { openDisk } from '../image/open-disk';
import { parentDigests } from '../parent/digests';
import { BlockReader } from '../snapshot/block-reader';
import { BlockWriter } from '../snapshot/block-writer';
import { isTransient } from '../snapshot/errors';

/** Blocks that one GET brings at most: 4 MiB. */
const PART_BLOCKS = 8;
/** Parts in memory at once. */
const LANES = 12;
const PUTS_AT_ONCE = 32;

export interface CopyServices {
  readonly source: Source;
  readonly store: TransferStore;
  readonly writer: BlockWriter;
  /** Of parents that were not imported here. */
  readonly reader: BlockReader;
}

const services = once((): CopyServices => ({
  ...s3Things({ connections: LANES }),
  writer: new BlockWriter(new EBSClient(clientConfig({ connections: PUTS_AT_ONCE }))),
  reader: new BlockReader(new EBSClient(clientConfig())),
}));

export const handler = (input: CopyInput, context: Deadline): Promise<CopyResult> => copy(services(), input, context);

/** Copies one range, or as much of it as there is time for. Repeated for what was copied, it does nothing. */
export async function copy(aws: CopyServices, input: CopyInput, deadline: Deadline): Promise<CopyResult> {
  try {
    return await copyRange(aws, input, deadline);
  } catch (error) {
    // Another worker was given the same range, and has finished it: EBS may have taken the snapshot as complete meanwhile.
    if (await aws.store.digests(input.snapshotId, input.n).catch(() => undefined)) { return { done: true }; }
    await aws.store.saveFailure(input.snapshotId, saidBy(error)).catch(() => {});
    throw error;
  }
}

/**
 * Every block is put, zeros too unless they shall be left out: then their digests alone say what they are. On top of a
 * parent, only what differs from it is put; beyond the image's end, zeros where the parent has anything else.
 */
async function copyRange({ source, store, writer, reader }: CopyServices, { snapshotId, n }: CopyInput, deadline: Deadline): Promise<CopyResult> {
  if (await store.digests(snapshotId, n)) { return { done: true }; }
  const plan = await store.plan(snapshotId);
  refuseOverdue(plan.deadline);
  const { first, count } = rangeOf(plan, n);
  const delta = await DeltaReading.of(source, plan.source);
  const saved = await store.progress(snapshotId, n);
  const digests = new Digests(saved?.subarray(0, count * DIGEST_SIZE) ?? Buffer.alloc(count * DIGEST_SIZE));
  const crcs = new RangeCrcs(plan, n, saved?.subarray(count * DIGEST_SIZE));

  const shift = new Shift(deadline, isTransient);
  const { giveUp } = shift;
  const parent = plan.parent && await parentDigests({ store, reader }, plan, { snapshotId, n }, shift);
  if (plan.parent && !parent) { return { done: false }; }
  const inherited = (i: number) => parent?.subarray(i * DIGEST_SIZE, (i + 1) * DIGEST_SIZE);
  const known = await knownDigests(source, plan, n, parent);
  const metrics = new RangeMetrics();
  const isOmitted = (digest: Buffer) => plan.zeroBlocks === 'OMIT' && digest.equals(ZERO_DIGEST);
  // What is known to be there already, or to be left out, is not even read.
  const unread = digests.missing().filter(i => known.get(i) && (inherited(i)?.equals(known.get(i)!) || isOmitted(known.get(i)!)));
  for (const i of unread) {
    const digest = known.get(i)!;
    if (isOmitted(digest)) { crcs.set(i, crcs.zeros(i)); }
    digests.set(i, digest);
    metrics.copied({ put: false });
  }
  const parts = partsOf(digests.missing());
  const disk = await openDisk(source, plan.source, giveUp);
  // Of a stream, the end is known when it is reached.
  const imageBlocks = () => blocksOf(disk.endsAt ?? diskSizeOf(plan.source));
  // A parent may have something beyond it, which must become zeros.
  const end = () => disk.endsAt === undefined || parent ? count : Math.min(count, imageBlocks() - first);
  const putInTurn = limiter(PUTS_AT_ONCE);
  const pacer = pacerFor(snapshotId, plan.putsPerSecond);
  const progress = new Progress(async () => {
    const bytes = Buffer.concat([digests.bytes, crcs.bytes]);
    await store.refuseCancelled(snapshotId);
    await store.saveProgress(snapshotId, n, bytes);
  });

  async function put(i: number, block: Buffer): Promise<void> {
    if (shift.hasFailed) { return; }
    const told = known.get(i);
    if (plan.zeroBlocks === 'OMIT' && isZero(block) && (told ?? ZERO_DIGEST).equals(ZERO_DIGEST)) {
      crcs.set(i, crcs.zeros(i));
      digests.set(i, ZERO_DIGEST);
      return metrics.copied({ put: false });
    }
    const digest = told ?? (first + i < imageBlocks() || !inherited(i)?.equals(ABSENT_DIGEST) ? digestOf(block) : ABSENT_DIGEST);
    const crc = crcs.of(i, block);
    if (inherited(i)?.equals(digest)) {
      crcs.set(i, crc);
      digests.set(i, digest);
      return metrics.copied({ put: false });
    }
    await writer.put(snapshotId, first + i, block, digest, {
      giveUp,
      pacer,
      onRetry: error => metrics.retried(error),
      // The ranges are copied in their order, more or less.
      progress: Math.floor((first + i + 1) / plan.blocks * 100),
    }).catch(error => { throw told && !digestOf(block).equals(told) ? notAsTold(plan.source, first + i) : error; });
    crcs.set(i, crc);
    digests.set(i, digest);
    metrics.copied({ put: true });
    progress.made();
  }

  /** What a delta says nothing of is what the parent has there. */
  async function copyDelta(part: readonly number[], buffer: Buffer): Promise<void> {
    for (const i of part) {
      const block = await delta!.read(first + i, buffer, giveUp);
      if (block) {
        await putInTurn(() => put(i, block));
      } else {
        digests.set(i, inherited(i)!);
        metrics.copied({ put: false });
      }
    }
  }

  async function copyPart(part: readonly number[], buffer: Buffer): Promise<void> {
    if (delta) { return copyDelta(part, buffer); }
    const [start] = part;
    const blocks = part.length;
    const offset = (first + start) * BLOCK_SIZE;
    const length = Math.max(0, Math.min(blocks * BLOCK_SIZE, diskSizeOf(plan.source) - offset));
    const missing = [...part];
    const puts: Promise<void>[] = [];
    // As soon as it has arrived: then a block is still in the processor's cache when it is hashed and sent.
    const putWhatIsThere = (bytes: number) => {
      while (missing.length > 0 && (missing[0] - start + 1) * BLOCK_SIZE <= bytes) {
        const i = missing.shift()!;
        const at = (i - start) * BLOCK_SIZE;
        puts.push(shift.attempt(() => putInTurn(() => put(i, buffer.subarray(at, at + BLOCK_SIZE)))));
      }
    };
    try {
      if (length > 0) { await disk.read(offset, buffer.subarray(0, length), putWhatIsThere); }
      // The image's last block is filled up with zeros: the buffer was used before.
      buffer.fill(0, length);
      putWhatIsThere(Math.min(blocks, end() - start) * BLOCK_SIZE);
    } finally {
      await Promise.all(puts);
    }
  }

  const buffers: Buffer[] = [];
  const copyInLane = (part: readonly number[], lane: number) => copyPart(part, buffers[lane] ??= Buffer.allocUnsafeSlow(PART_BLOCKS * BLOCK_SIZE));
  // Always copy one part first, alone. Every invocation then makes progress, and the other lanes start only once EBS knows the snapshot.
  await shift.forEach(parts.slice(0, 1), 1, copyInLane, { always: 1 });
  await shift.forEach(parts.slice(1), LANES, copyInLane);
  await progress.end();
  await disk.close?.();
  shift.throwFailure();

  const missing = digests.missing(0, end()).length;
  const event = missing === 0 ? 'range copied' : 'range not finished in time';
  metrics.report(plan.owner ?? snapshotId, { event, snapshotId, range: n, blocks: count, missing, unread: unread.length });
  await store.refuseCancelled(snapshotId);
  if (missing === 0 && end() < count) {
    // Now it is known how large the disk is; nobody else reads it.
    const image = { ...plan.source.image!, diskSize: disk.endsAt! };
    await store.savePlan(snapshotId, { ...plan, source: { ...plan.source, image }, blocks: end(), rangeBlocks: end() });
  }
  await (missing === 0
    ? store.saveDigests(snapshotId, n, digests.bytes.subarray(0, end() * DIGEST_SIZE), crcs.combined())
    : store.saveProgress(snapshotId, n, Buffer.concat([digests.bytes, crcs.bytes])));
  return { done: missing === 0 };
}

/** Blocks that one GET brings: they follow each other. */
function partsOf(missing: readonly number[]): number[][] {
  const parts: number[][] = [];
  for (const i of missing) {
    const last = parts.at(-1);
    if (last?.at(-1) === i - 1 && i % PART_BLOCKS > 0) { last.push(i); } else { parts.push([i]); }
  }
  return parts;
}

function notAsTold(image: PinnedSource, index: number): Error {
  return new Error(`block ${index} of ${nameOfImage(image)} is not what its manifest says; deploy again, and if that fails too, leave 'manifest' out`);
}
