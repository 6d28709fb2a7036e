import { decide, decideUnread, type BlockDecision, type BlockFacts } from './block-decision';
import { PART_BYTES, PartReader, partsOf, type Part } from './part-reader';
import { RangeMetrics } from './range-metrics';
import type { CopyInput, CopyResult } from '../../../src/contract/transfer';
import { DIGEST_SIZE, digestOf, type Digests } from '../blocks/digests';
import { blocksOf } from '../blocks/sizes';
import { diskSizeOf, rangeOf, type Plan } from '../bucket/plan';
import type { RangeRecord } from '../bucket/range-record';
import type { TransferStore } from '../bucket/store';
import { limiter } from '../flow/concurrency';
import { pacerFor, type Pacer } from '../flow/pacer';
import { Progress } from '../flow/progress';
import type { Shift } from '../flow/shift';
import type { DeltaReading } from '../image/delta';
import type { Disk } from '../image/disk';
import { nameOfImage } from '../image/object';
import type { BlockWriter } from '../snapshot/block-writer';

/** Parts that are read at once; each has a buffer. */
export const READS_AT_ONCE = 12;
export const PUTS_AT_ONCE = 32;

export interface RangeCopyOptions {
  readonly store: TransferStore;
  readonly writer: BlockWriter;
  readonly input: CopyInput;
  readonly plan: Plan;
  readonly shift: Shift;
  /** Blocks that earlier invocations copied. */
  readonly record: RangeRecord;
  /** Digests of the parent's blocks in this range; undefined if there is no parent. */
  readonly parent: Buffer | undefined;
  /** Digests that are known before the blocks are read. */
  readonly known: Digests;
  readonly disk: Disk;
  /** The delta that the image is, if it is one; then the disk is not read. */
  readonly delta: DeltaReading | undefined;
}

/**
 * Copies the missing blocks of one range. Writes every block. With `zeroBlocks: OMIT`, zero blocks are skipped and only their
 * digests are recorded. On top of a parent, only blocks that differ are written; past the end of the image, zeros overwrite
 * whatever the parent has there.
 */
export class RangeCopy {
  /** Index of the first block. */
  private readonly first: number;
  /** Number of blocks; of a stream, the largest possible one. */
  private readonly count: number;
  private readonly parts: PartReader;
  private readonly putInTurn = limiter(PUTS_AT_ONCE);
  private readonly pacer: Pacer;
  private readonly metrics = new RangeMetrics();
  private readonly progress: Progress;
  private hasCopied = false;
  /** Number of blocks that did not have to be read. */
  private unread = 0;

  constructor(private readonly aws: RangeCopyOptions) {
    const { plan, input: { snapshotId, n }, disk } = aws;
    ({ first: this.first, count: this.count } = rangeOf(plan, n));
    this.parts = new PartReader(disk, diskSizeOf(plan.source), this.first, () => this.end);
    this.pacer = pacerFor(snapshotId, plan.putsPerSecond);
    this.progress = new Progress(() => this.saveProgress());
  }

  public async run(): Promise<CopyResult> {
    const { record, disk, shift } = this.aws;
    this.recordUnread();
    await this.copyParts(partsOf(record.missing()));
    await this.progress.end();
    await disk.close?.();
    shift.throwFailure();
    if (!this.hasCopied) { shift.throwDropped('no block could be read and put'); }
    return this.finish();
  }

  /** Records the blocks that do not have to be read. */
  private recordUnread(): void {
    const { record } = this.aws;
    for (const i of record.missing()) {
      const decision = decideUnread(this.factsOf(i));
      if (!decision) { continue; }
      this.recordBlock(i, decision, decision.action === 'omit' ? record.crcOfZeros(i) : undefined);
      this.unread++;
    }
  }

  private async copyParts(parts: readonly Part[]): Promise<void> {
    const { shift } = this.aws;
    const buffers: Buffer[] = [];
    const copyPart = (part: Part, lane: number) => this.copyPart(part, buffers[lane] ??= Buffer.allocUnsafeSlow(PART_BYTES));
    // Always copy one part first, alone. Every invocation then makes progress, and the other lanes start only once EBS knows the snapshot.
    await shift.forEach(parts.slice(0, 1), 1, copyPart, { always: 1 });
    await shift.forEach(parts.slice(1), READS_AT_ONCE, copyPart);
  }

  private copyPart(part: Part, buffer: Buffer): Promise<void> {
    const { delta, shift } = this.aws;
    return delta
      ? this.copyDeltaPart(part, buffer, delta)
      : this.parts.read(part, buffer, (i, block) => shift.attempt(() => this.putInTurn(() => this.copyBlock(i, block))));
  }

  private async copyDeltaPart(part: Part, buffer: Buffer, delta: DeltaReading): Promise<void> {
    for (const i of part) {
      const block = await delta.read(this.first + i, buffer, this.aws.shift.giveUp);
      if (block) {
        await this.putInTurn(() => this.copyBlock(i, block));
      } else {
        // Blocks that are not in the delta are inherited from the parent.
        this.recordBlock(i, { action: 'inherit', digest: this.factsOf(i).inherited! });
      }
    }
  }

  private async copyBlock(i: number, block: Buffer): Promise<void> {
    const { shift, record } = this.aws;
    if (shift.hasFailed) { return; }
    const decision = decide(block, this.factsOf(i), this.first + i >= this.imageBlocks);
    const crc = decision.action === 'omit' ? record.crcOfZeros(i) : record.crcOf(i, block);
    if (decision.action === 'put') { await this.put(i, block, decision.digest); }
    this.recordBlock(i, decision, crc);
    this.hasCopied = true;
    if (decision.action === 'put') { this.progress.made(); }
  }

  private async put(i: number, block: Buffer, digest: Buffer): Promise<void> {
    const { writer, input: { snapshotId }, plan, known, shift: { giveUp } } = this.aws;
    const index = this.first + i;
    try {
      await writer.put(snapshotId, index, block, digest, {
        giveUp,
        pacer: this.pacer,
        onRetry: error => this.metrics.retried(error),
        // The ranges are copied more or less in order.
        progress: Math.floor((index + 1) / plan.blocks * 100),
      });
    } catch (error) {
      const knownDigest = known.get(i);
      if (!knownDigest || digestOf(block).equals(knownDigest)) { throw error; }
      throw new Error(`block ${index} of ${nameOfImage(plan.source)} is not what its manifest says; deploy again, and if that fails too, leave 'manifest' out`);
    }
  }

  private recordBlock(i: number, { action, digest }: BlockDecision, crc?: bigint): void {
    this.aws.record.set(i, digest, crc);
    this.metrics.copied({ put: action === 'put' });
  }

  private factsOf(i: number): BlockFacts {
    const { plan: { zeroBlocks }, parent, known } = this.aws;
    return { zeroBlocks, inherited: parent?.subarray(i * DIGEST_SIZE, (i + 1) * DIGEST_SIZE), known: known.get(i) };
  }

  /** Blocks of the image. The size of a stream is known only once its end is reached. */
  private get imageBlocks(): number {
    const { disk, plan } = this.aws;
    return blocksOf(disk.endsAt ?? diskSizeOf(plan.source));
  }

  /** Blocks of the range that have to be copied: up to the end of a stream, or all of them on top of a parent, which may be larger. */
  private get end(): number {
    const { disk, parent } = this.aws;
    return disk.endsAt === undefined || parent ? this.count : Math.min(this.count, this.imageBlocks - this.first);
  }

  private async finish(): Promise<CopyResult> {
    const { store, input: { snapshotId, n }, plan, record } = this.aws;
    const missing = record.missing(0, this.end).length;
    const event = missing === 0 ? 'range copied' : 'range not finished in time';
    this.metrics.report(plan.owner ?? snapshotId, { event, snapshotId, range: n, blocks: this.count, missing, unread: this.unread });
    if (missing > 0) {
      await this.saveProgress();
      return { done: false };
    }
    await store.refuseCancelled(snapshotId);
    if (this.end < this.count) { await this.saveStreamSize(); }
    await store.saveRange(snapshotId, n, record.finished(this.end));
    return { done: true };
  }

  private async saveProgress(): Promise<void> {
    const { store, input: { snapshotId, n }, record } = this.aws;
    const bytes = record.bytes();
    await store.refuseCancelled(snapshotId);
    await store.saveProgress(snapshotId, n, bytes);
  }

  /** Saves the size of a stream in the plan, now that its end was reached. No other worker reads the stream. */
  private async saveStreamSize(): Promise<void> {
    const { store, input: { snapshotId }, plan, disk } = this.aws;
    const image = { ...plan.source.image!, diskSize: disk.endsAt! };
    await store.savePlan(snapshotId, { ...plan, source: { ...plan.source, image }, blocks: this.end, rangeBlocks: this.end });
  }
}
