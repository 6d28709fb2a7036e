import type { CopyInput, TransferParent } from '../../../src/contract/transfer';
import { log } from '../../shared/log';
import { DIGEST_SIZE, Digests } from '../blocks/digests';
import { blocksOf, GIB } from '../blocks/sizes';
import { ABSENT_DIGEST, isThere } from '../blocks/zero';
import { type Plan, type PlanParent, rangeOf, rangesOf } from '../bucket/plan';
import type { TransferStore } from '../bucket/store';
import { limiter } from '../flow/limiter';
import { SharePacer, type Pacer } from '../flow/pacer';
import { Progress } from '../flow/progress';
import { type BlockReader, type ListedBlock, type Page } from '../snapshot/block-reader';
import { isTransient } from '../snapshot/errors';

/** EBS gives 1,000 blocks of a snapshot a second, and as many to the account; a tenth is left to others. */
const READS_PER_SECOND = 900;
const GETS_AT_ONCE = 16;
const LEAST_PAGE = 100;

interface ParentServices {
  readonly store: TransferStore;
  readonly reader: BlockReader;
}

/** Where a transfer finds what its parent holds, and up to where there is anything to compare: the image may be smaller. */
export async function planParent(
  { store, reader }: ParentServices, { snapshotId, readGiB }: TransferParent, imageBlocks: number,
): Promise<{ readonly parent: PlanParent; readonly end: number }> {
  if (readGiB === undefined) {
    const { blocks, rangeBlocks, zeroBlocks } = await store.plan(snapshotId);
    return { parent: { snapshotId, recorded: { blocks, rangeBlocks, zeroBlocks } }, end: Math.max(blocks, imageBlocks) };
  }
  const blocks = blocksOf(readGiB * GIB);
  return { parent: { snapshotId, read: { blocks, perSecond: READS_PER_SECOND } }, end: await endOf(reader, snapshotId, imageBlocks, blocks) };
}

/** Workers read at the same time. */
export function shared(parent: PlanParent, workers: number): PlanParent {
  return { ...parent, ...(parent.read && { read: { ...parent.read, perSecond: parent.read.perSecond / workers } }) };
}

/**
 * The digests of what the parent has in a range, whichever way it is divided:
 * recorded when it was imported, or read from it. They are kept with the
 * transfer, for from them and the digests of the new blocks follows which were put.
 * undefined: there was no time to read all of them, and the next invocation goes on.
 */
export async function parentDigests(
  aws: ParentServices, plan: Plan, { snapshotId, n }: CopyInput, giveUp: () => boolean,
): Promise<Buffer | undefined> {
  const { store } = aws;
  const parent = plan.parent!;
  const known = await store.parentDigests(snapshotId, n);
  if (known) { return known; }
  const { first, count } = rangeOf(plan, n);
  const digests = parent.recorded
    ? await recorded(store, parent.snapshotId, parent.recorded, first, count)
    : await new RangeReading(aws, plan, { snapshotId, n }, giveUp).run();
  if (!digests) { return undefined; }
  // Throws if the import was cancelled meanwhile: then nobody would remove what is saved now.
  await store.plan(snapshotId);
  await store.saveParentDigests(snapshotId, n, digests);
  return digests;
}

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
  private readonly inTurn = limiter(GETS_AT_ONCE);
  private readonly pacer: Pacer;
  private tried = 0;
  private failure: { readonly error: unknown } | undefined;

  constructor(
    private readonly aws: ParentServices, private readonly plan: Plan, private readonly input: CopyInput, private readonly outOfTime: () => boolean,
  ) {
    this.pacer = new SharePacer(plan.parent!.read!.perSecond);
  }

  public async run(): Promise<Buffer | undefined> {
    const { store, reader } = this.aws;
    const { snapshotId, n } = this.input;
    const { first, count } = rangeOf(this.plan, n);
    const digests = new Digests(await store.parentProgress(snapshotId, n) ?? Buffer.alloc(count * DIGEST_SIZE));
    const progress = new Progress(async () => {
      const bytes = Buffer.from(digests.bytes);
      await store.plan(snapshotId);
      await store.saveParentProgress(snapshotId, n, bytes);
    });
    const parentId = this.plan.parent!.snapshotId;

    // A larger volume than the parent's is not known to it.
    const end = Math.max(first, Math.min(first + count, this.plan.parent!.read!.blocks));
    for (let index = end; index < first + count; index++) { digests.set(index - first, ABSENT_DIGEST); }
    try {
      let token: string | undefined;
      for (let next = first + (digests.missing()[0] ?? count); next < end;) {
        const page: Page = await reader.list(parentId, next, token, this.giveUp);
        const blocks = page.blocks.filter(({ index }) => index >= next && index < end);
        const last = page.next === undefined || page.blocks.some(({ index }) => index >= end);
        const reached = last ? end : (blocks.at(-1)?.index ?? next - 1) + 1;
        const listed = new Set(blocks.map(({ index }) => index));
        for (let index = next; index < reached; index++) { if (!listed.has(index)) { digests.set(index - first, ABSENT_DIGEST); } }
        const missing = new Set(digests.missing(next - first, reached - first));
        await Promise.all(blocks.filter(({ index }) => missing.has(index - first)).map(block => this.inTurn(() => this.read(block, digest => {
          digests.set(block.index - first, digest);
          progress.made();
        }))));
        if (this.giveUp()) { break; }
        next = reached;
        token = page.next;
      }
    } catch (error) {
      this.fail(error);
    }
    await progress.end();
    if (this.failure) { throw (this.failure as { error: unknown }).error; }
    const missing = digests.missing().length;
    log({ event: missing === 0 ? 'parent read' : 'parent not read in time', snapshotId, range: n, parent: parentId, blocks: count, missing });
    if (missing === 0) { return digests.bytes; }
    await store.plan(snapshotId);
    await store.saveParentProgress(snapshotId, n, digests.bytes);
    return undefined;
  }

  private readonly giveUp = () => this.failure !== undefined || this.outOfTime();

  private async read(block: ListedBlock, done: (digest: Buffer) => void): Promise<void> {
    // One in any case, so that every invocation gets on.
    if (this.failure || (this.tried++ > 0 && this.outOfTime())) { return; }
    try {
      await this.pacer.acquire();
      done(await this.aws.reader.digest(this.plan.parent!.snapshotId, block, this.giveUp));
    } catch (error) {
      this.fail(error);
    }
  }

  /** What may pass and only ran out of time is left to the next invocation. */
  private fail(error: unknown): void {
    if (!(this.outOfTime() && isTransient(error))) { this.failure ??= { error }; }
  }
}

/** One more than the index of the last block that a snapshot has, or `least`, if that is more. Few calls, whatever its size. */
async function endOf(reader: BlockReader, snapshotId: string, least: number, volume: number): Promise<number> {
  let [end, most] = [least, volume];
  for (let from = end; end < most; from = Math.floor((end + most) / 2)) {
    const found = await someFrom(reader, snapshotId, from);
    if (found === undefined) { most = from; } else { end = found + 1; }
  }
  return end;
}

async function someFrom(reader: BlockReader, snapshotId: string, from: number): Promise<number | undefined> {
  for (let token: string | undefined; ;) {
    const { blocks, next }: Page = await reader.list(snapshotId, from, token, () => false, LEAST_PAGE);
    if (blocks.length > 0 || next === undefined) { return blocks.at(-1)?.index; }
    token = next;
  }
}
