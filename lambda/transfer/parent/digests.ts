import type { CopyInput, TransferParent } from '../../../src/contract/transfer';
import { log } from '../../shared/log';
import { DIGEST_SIZE, Digests } from '../blocks/digests';
import { blocksOf, GIB } from '../blocks/sizes';
import { ABSENT_DIGEST, isThere } from '../blocks/zero';
import { type Plan, type PlanParent, rangeOf, rangesOf } from '../bucket/plan';
import type { TransferStore } from '../bucket/store';
import { GETS_PER_SECOND } from '../flow/division';
import { SharePacer, type Pacer } from '../flow/pacer';
import { Progress } from '../flow/progress';
import type { Shift } from '../flow/shift';
import { type BlockReader, type ListedBlock, type Page } from '../snapshot/block-reader';

const GETS_AT_ONCE = 16;
const LEAST_PAGE = 100;

interface ParentServices {
  readonly store: TransferStore;
  readonly reader: BlockReader;
}

/** Returns where the digests of a parent are found, and the end of the blocks to compare: the image may be smaller than the parent. */
export async function planParent(
  { store, reader }: ParentServices, { snapshotId, readGiB }: TransferParent, imageBlocks: number,
): Promise<{ readonly parent: PlanParent; readonly end: number }> {
  if (readGiB === undefined) {
    const { blocks, rangeBlocks, zeroBlocks } = await store.plan(snapshotId);
    return { parent: { snapshotId, recorded: { blocks, rangeBlocks, zeroBlocks } }, end: Math.max(blocks, imageBlocks) };
  }
  const blocks = blocksOf(readGiB * GIB);
  return { parent: { snapshotId, read: { blocks, perSecond: GETS_PER_SECOND } }, end: await endOf(reader, snapshotId, imageBlocks, blocks) };
}

/** Divides the rate of reading a parent among workers that read at the same time. */
export function shareReads(parent: PlanParent, workers: number): PlanParent {
  return { ...parent, ...(parent.read && { read: { ...parent.read, perSecond: parent.read.perSecond / workers } }) };
}

/**
 * Returns the digests of the parent's blocks in a range, whichever way the parent is divided: recorded when it was imported,
 * or read from the snapshot. They are saved with the transfer, because seal needs them to find out which blocks were put.
 * Returns undefined if there was no time to read all of them; then the next invocation continues.
 */
export async function parentDigests(
  aws: ParentServices, plan: Plan, { snapshotId, n }: CopyInput, shift: Shift,
): Promise<Buffer | undefined> {
  const { store } = aws;
  const parent = plan.parent!;
  const known = await store.parentDigests(snapshotId, n);
  if (known) { return known; }
  const { first, count } = rangeOf(plan, n);
  const digests = parent.recorded
    ? await recorded(store, parent.snapshotId, parent.recorded, first, count)
    : await new RangeReading(aws, plan, { snapshotId, n }, shift).run();
  if (!digests) { return undefined; }
  await store.refuseCancelled(snapshotId);
  await store.saveParentDigests(snapshotId, n, digests);
  return digests;
}

/** Gathers recorded digests from the parent's own ranges. */
async function recorded(
  store: TransferStore, parentId: string, division: NonNullable<PlanParent['recorded']>, first: number, count: number,
): Promise<Buffer> {
  const found = Buffer.alloc(count * DIGEST_SIZE, ABSENT_DIGEST);
  const end = Math.min(first + count, division.blocks);
  for (let m = Math.floor(first / division.rangeBlocks); m < rangesOf(division) && m * division.rangeBlocks < end; m++) {
    const digests = await store.digests(parentId, m);
    const range = rangeOf(division, m);
    if (digests?.length !== range.count * DIGEST_SIZE) { throw new Error(`the digests of snapshot ${parentId}, which is the parent, have disappeared`); }
    for (let index = Math.max(first, range.first); index < Math.min(end, range.first + range.count); index++) {
      const digest = digests.subarray((index - range.first) * DIGEST_SIZE, (index - range.first + 1) * DIGEST_SIZE);
      if (isThere(digest, division.zeroBlocks)) { digest.copy(found, (index - first) * DIGEST_SIZE); }
    }
  }
  return found;
}

/** Reads the digests of a range from the parent, as far as there is time. */
class RangeReading {
  private readonly parentId: string;
  private readonly first: number;
  /** One more than the index of the last block of the range. */
  private readonly end: number;
  private readonly pacer: Pacer;

  constructor(private readonly aws: ParentServices, private readonly plan: Plan, private readonly input: CopyInput, private readonly shift: Shift) {
    const { snapshotId, read } = plan.parent!;
    this.parentId = snapshotId;
    const { first, count } = rangeOf(plan, input.n);
    this.first = first;
    this.end = first + count;
    this.pacer = new SharePacer(read!.perSecond);
  }

  public async run(): Promise<Buffer | undefined> {
    const { store } = this.aws;
    const { snapshotId, n } = this.input;
    const digests = new Digests(await store.parentProgress(snapshotId, n) ?? Buffer.alloc((this.end - this.first) * DIGEST_SIZE));
    const progress = new Progress(() => this.save(Buffer.from(digests.bytes)));
    await this.shift.attempt(() => this.readInto(digests, progress));
    await progress.end();
    this.shift.throwFailure();

    const missing = digests.missing().length;
    const event = missing === 0 ? 'parent read' : 'parent not read in time';
    log({ event, snapshotId, range: n, parent: this.parentId, blocks: this.end - this.first, missing });
    if (missing === 0) { return digests.bytes; }
    await this.save(digests.bytes);
    return undefined;
  }

  private async save(bytes: Buffer): Promise<void> {
    const { snapshotId, n } = this.input;
    await this.aws.store.refuseCancelled(snapshotId);
    await this.aws.store.saveParentProgress(snapshotId, n, bytes);
  }

  private async readInto(digests: Digests, progress: Progress): Promise<void> {
    // The volume may be larger than the parent's, whose snapshot has no blocks beyond its own.
    const parentEnd = Math.max(this.first, Math.min(this.end, this.plan.parent!.read!.blocks));
    this.markAbsent(digests, parentEnd, this.end);
    const [firstMissing] = digests.missing();
    let next = firstMissing === undefined ? parentEnd : this.first + firstMissing;
    for (let token: string | undefined; next < parentEnd;) {
      const page: Page = await this.aws.reader.list(this.parentId, next, token, this.shift.giveUp);
      const blocks = page.blocks.filter(({ index }) => index >= next && index < parentEnd);
      const last = page.next === undefined || page.blocks.some(({ index }) => index >= parentEnd);
      const reached = last ? parentEnd : (blocks.at(-1)?.index ?? next - 1) + 1;
      this.markAbsent(digests, next, reached, new Set(blocks.map(({ index }) => index)));
      await this.readPage(blocks, digests, progress);
      if (this.shift.giveUp()) { return; }
      next = reached;
      token = page.next;
    }
  }

  /** Marks the blocks from one index to before another that the parent does not have. */
  private markAbsent(digests: Digests, from: number, to: number, listed?: ReadonlySet<number>): void {
    for (let index = from; index < to; index++) {
      if (!listed?.has(index)) { digests.set(index - this.first, ABSENT_DIGEST); }
    }
  }

  /** Reads those blocks of a page whose digests are missing: at least one, so that every invocation makes progress. */
  private async readPage(blocks: readonly ListedBlock[], digests: Digests, progress: Progress): Promise<void> {
    const missing = blocks.filter(({ index }) => !digests.get(index - this.first));
    await this.shift.forEach(missing, GETS_AT_ONCE, async block => {
      await this.pacer.acquire();
      digests.set(block.index - this.first, await this.aws.reader.digest(this.parentId, block, this.shift.giveUp));
      progress.made();
    }, { always: 1 });
  }
}

/** Returns one more than the index of the last block of a snapshot, or `least` if that is more. Needs few calls, whatever the size. */
async function endOf(reader: BlockReader, snapshotId: string, least: number, volume: number): Promise<number> {
  let [end, most] = [least, volume];
  for (let from = end; end < most; from = Math.floor((end + most) / 2)) {
    const found = await someFrom(reader, snapshotId, from);
    if (found === undefined) { most = from; } else { end = found + 1; }
  }
  return end;
}

/** Returns the index of some block from an index on; undefined if there is none. */
async function someFrom(reader: BlockReader, snapshotId: string, from: number): Promise<number | undefined> {
  for (let token: string | undefined; ;) {
    const { blocks, next }: Page = await reader.list(snapshotId, from, token, () => false, LEAST_PAGE);
    if (blocks.length > 0 || next === undefined) { return blocks.at(-1)?.index; }
    token = next;
  }
}
