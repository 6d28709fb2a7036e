import type { VerifyInput, VerifyResult } from '../../../src/contract/integrity';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { withPatience } from '../../shared/patience';
import { DIGEST_SIZE } from '../blocks/digests';
import { readBackSample, sampleSize, sampleSizeOf } from '../blocks/read-back-sample';
import { isThere } from '../blocks/zero';
import { rangeOf, rangesOf, type Plan } from '../bucket/plan';
import type { TransferStore } from '../bucket/store';
import { limiter } from '../flow/concurrency';
import { Shift, timeOf, type Deadline } from '../flow/shift';
import type { BlockReader, ListedBlock } from '../snapshot/block-reader';
import { isTransient } from '../snapshot/errors';

/** Fills a worker's network at the latency of a GetSnapshotBlock. Six such workers stay below the quota of 1,000 a second. */
export const GETS_AT_ONCE = 16;
/** A range has few blocks of a sample, so that listing it takes as long as reading them. */
const RANGES_AT_ONCE = 8;
/** A request may take 20 seconds to time out. */
const RESERVE_MILLISECONDS = 45_000;
/** The sample of 12 GiB. Reading more by one function takes longer than starting others. */
const FEW_BLOCKS = 240;
/** Batches that are read at once at most; see `VERIFIERS` in src/private/ebs/transfer.ts. */
const BATCHES_AT_ONCE = 6;
/** Blocks to be read in a batch, if there are more than that: by smaller ones, functions of unlike speed end at about the same time. */
const GOOD_BATCH = 4_096;
/** Each makes 11 events in the history of the execution. */
const MOST_BATCHES = 250;

export interface VerifyServices {
  readonly store: TransferStore;
  readonly reader: BlockReader;
}

/** Whether the function that has sealed the snapshot reads it back by itself. */
export function isFewToRead(plan: Pick<Plan, 'blocks' | 'verify'>): boolean {
  return blocksToRead(plan) <= FEW_BLOCKS;
}

/** Returns the number of batches in which a snapshot is read back. */
export function batchesOf(plan: Pick<Plan, 'blocks' | 'rangeBlocks' | 'verify'>): number {
  if (isFewToRead(plan)) { return 1; }
  return Math.min(rangesOf(plan), MOST_BATCHES, Math.max(BATCHES_AT_ONCE, Math.ceil(blocksToRead(plan) / GOOD_BATCH)));
}

/** Returns the first range of a batch, and the one behind its last. */
export function rangesOfBatch(plan: Parameters<typeof batchesOf>[0], n: number): { readonly first: number; readonly end: number } {
  const [first, end] = [n, n + 1].map(batch => Math.floor(batch * rangesOf(plan) / batchesOf(plan)));
  return { first, end };
}

/** Reads one batch back, or as much of it as there is time for. Throws if the snapshot is not what was written. */
export async function verify(aws: VerifyServices, input: VerifyInput, deadline: Deadline): Promise<VerifyResult> {
  const plan = await withPatience(timeOf(deadline), () => aws.store.plan(input.snapshotId));
  return verifyRanges(aws, input, plan, rangesOfBatch(plan, input.n), deadline);
}

/** Reads ranges back, as far as there is time for. Throws if the snapshot is not what was written. */
export async function verifyRanges(
  aws: VerifyServices, input: VerifyInput, plan: Plan, { first, end }: { readonly first: number; readonly end: number }, deadline: Deadline,
): Promise<VerifyResult> {
  const { snapshotId } = input;
  const shift = new Shift(deadline, isTransient, { reserveMilliseconds: RESERVE_MILLISECONDS });
  const left = Array.from({ length: end - first }, (_, i) => new RangeVerification(aws, plan, { ...input, n: first + i }, shift))
    .filter(range => !range.isBefore(input.from));
  const inTurn = limiter(GETS_AT_ONCE);
  try {
    await withPatience(timeOf(deadline), () => shift.forEach(left, RANGES_AT_ONCE, range => range.run(inTurn), { always: 1 }));
    shift.throwFailure();
  } catch (error) {
    await aws.store.saveFailure(snapshotId, saidBy(error)).catch(() => {});
    throw error;
  }
  const undone = left.find(range => !range.done);
  const read = left.reduce((sum, range) => sum + range.read, 0);
  log({ event: undone ? 'batch not verified in time' : 'batch verified', snapshotId, batch: input.n, read });
  return { ...input, ...(undone && { from: undone.reached }), done: undone === undefined };
}

function blocksToRead({ blocks, verify: how }: Pick<Plan, 'blocks' | 'verify'>): number {
  switch (how) {
    case 'FULL': return blocks;
    case 'SAMPLE': return sampleSize(blocks);
    default: return 0;
  }
}

class RangeVerification {
  /** Number of blocks that were read. */
  public read = 0;
  /** Whether the whole range is verified. */
  public done = false;
  /** Index below which all blocks of the range are verified. */
  public reached: number;

  /** Index behind the last block. Blocks of the volume beyond the image belong to the last range. */
  private readonly end: number;
  /** Digests of the blocks that the snapshot must have, by index. */
  private readonly recorded = new Map<number, Buffer>();
  /** Indexes of the blocks whose content is read. */
  private chosen = new Set<number>();

  constructor(
    private readonly aws: VerifyServices, private readonly plan: Plan, private readonly input: VerifyInput, private readonly shift: Shift,
  ) {
    const { first, count } = rangeOf(plan, input.n);
    this.end = input.n === rangesOf(plan) - 1 ? Infinity : first + count;
    this.reached = Math.max(input.from, first);
  }

  public isBefore(block: number): boolean {
    return this.end <= block;
  }

  /** Verifies the range page by page, until it is done or there is no time. */
  public async run(inTurn: ReturnType<typeof limiter>): Promise<void> {
    await this.open();
    let expected = [...this.recorded.keys()].filter(index => index >= this.reached);
    for (let token: string | undefined; ;) {
      const page = await this.aws.reader.list(this.input.snapshotId, this.reached, token, this.shift.giveUp, this.end - this.reached + 1);
      const blocks = page.blocks.filter(({ index }) => index >= this.reached && index < this.end);
      const last = page.next === undefined || page.blocks.some(({ index }) => index >= this.end);
      expected = this.compareIndexes(expected, blocks, last);
      const unread = await this.compareContents(blocks, inTurn);
      this.reached = unread ?? (blocks.at(-1)?.index ?? this.reached - 1) + 1;
      this.done = last && unread === undefined;
      if (last || unread !== undefined || this.shift.hasFailed) { return; }
      token = page.next;
    }
  }

  private async open(): Promise<void> {
    const { aws: { store }, plan, input: { snapshotId, n } } = this;
    const digests = await store.digests(snapshotId, n);
    if (!digests) { throw new Error(`the import of snapshot ${snapshotId} was cancelled`); }
    const { first, count } = rangeOf(plan, n);
    for (let i = 0; i < count; i++) {
      const digest = digests.subarray(i * DIGEST_SIZE, (i + 1) * DIGEST_SIZE);
      if (isThere(digest, plan.zeroBlocks)) { this.recorded.set(first + i, digest); }
    }
    const all = [...this.recorded.keys()];
    this.chosen = new Set(plan.verify === 'FULL' ? all : readBackSample(all, sampleSizeOf({ first, count }, plan.blocks), `${snapshotId} ${n}`));
  }

  /** Throws unless the page has exactly the recorded blocks. Returns the indexes that later pages have to show. */
  private compareIndexes(expected: readonly number[], blocks: readonly ListedBlock[], last: boolean): number[] {
    blocks.forEach(({ index }, i) => {
      if (index === expected[i]) { return; }
      throw this.wrong(index < (expected[i] ?? Infinity) ? `has a block ${index} that was never written` : `has lost block ${expected[i]}`);
    });
    const left = expected.slice(blocks.length);
    if (last && left.length > 0) { throw this.wrong(`has lost block ${left[0]}`); }
    return left;
  }

  /** Reads the chosen ones of these blocks. Returns the index of the first that there was no time for. */
  private async compareContents(blocks: readonly ListedBlock[], inTurn: ReturnType<typeof limiter>): Promise<number | undefined> {
    const unread = new Set(blocks.filter(({ index }) => this.chosen.has(index)));
    await this.shift.forEach([...unread], GETS_AT_ONCE, block => inTurn(async () => {
      if (this.shift.hasFailed) { return; }
      await this.compare(block);
      unread.delete(block);
    }));
    const [first] = unread;
    return first?.index;
  }

  private async compare(block: ListedBlock): Promise<void> {
    const digest = await this.aws.reader.digest(this.input.snapshotId, block, this.shift.giveUp);
    const recorded = this.recorded.get(block.index)!;
    if (!digest.equals(recorded)) {
      throw this.wrong(`reads back another block ${block.index} than was written: its SHA-256 is ${digest.toString('hex')}, not ${recorded.toString('hex')}`);
    }
    this.read++;
  }

  private wrong(how: string): Error {
    return new Error(`snapshot ${this.input.snapshotId} ${how}`);
  }
}
