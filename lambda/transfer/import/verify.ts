import { EBSClient } from '@aws-sdk/client-ebs';
import { importClients } from './clients';
import type { VerifyInput, VerifyResult } from '../../../src/contract/integrity';
import { clientConfig } from '../../shared/client-config';
import { once } from '../../shared/environment';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { withPatience } from '../../shared/patience';
import { worker } from '../../shared/worker';
import { DIGEST_SIZE } from '../blocks/digests';
import { readBackSample } from '../blocks/read-back-sample';
import { isThere } from '../blocks/zero';
import { HASH_ITEM, rangeOf, rangesOf } from '../bucket/plan';
import type { TransferStore } from '../bucket/store';
import { Shift, timeOf, type Deadline } from '../flow/shift';
import { BlockReader, type ListedBlock } from '../snapshot/block-reader';
import { isTransient } from '../snapshot/errors';

/** Fills a worker's network at the latency of a GetSnapshotBlock. Six such workers stay below the quota of 1,000 a second. */
const GETS_AT_ONCE = 16;
/** A request may take 20 seconds to time out. */
const RESERVE_MILLISECONDS = 45_000;

export interface VerifyServices {
  readonly store: TransferStore;
  readonly reader: BlockReader;
}

const services = once((): VerifyServices => ({
  store: importClients().store,
  reader: new BlockReader(new EBSClient(clientConfig({ connections: GETS_AT_ONCE }))),
}));

export const handler = worker((input: VerifyInput, context: Deadline) => verify(services(), input, context));

/** Reads one range back, or as much of it as there is time for. Throws if the snapshot is not what was written. */
export async function verify(aws: VerifyServices, input: VerifyInput, deadline: Deadline): Promise<VerifyResult> {
  if (input.n === HASH_ITEM) { return { ...input, done: true }; }
  const shift = new Shift(deadline, isTransient, { reserveMilliseconds: RESERVE_MILLISECONDS });
  const time = timeOf(deadline);
  const range = await withPatience(time, () => RangeVerification.open(aws, input, shift));
  try {
    await withPatience(time, () => shift.attempt(() => range.run()));
    shift.throwFailure();
  } catch (error) {
    await aws.store.saveFailure(input.snapshotId, saidBy(error)).catch(() => {});
    throw error;
  }
  const { done, reached: from, read } = range;
  log({ event: done ? 'range verified' : 'range not verified in time', snapshotId: input.snapshotId, range: input.n, read });
  return { ...input, ...(!done && { from }), done };
}

class RangeVerification {
  public static async open({ store, reader }: VerifyServices, { snapshotId, n, from }: VerifyInput, shift: Shift): Promise<RangeVerification> {
    const plan = await store.plan(snapshotId);
    const digests = await store.digests(snapshotId, n);
    if (!digests) { throw new Error(`the import of snapshot ${snapshotId} was cancelled`); }
    const { first, count } = rangeOf(plan, n);
    const recorded = new Map<number, Buffer>();
    for (let i = 0; i < count; i++) {
      const digest = digests.subarray(i * DIGEST_SIZE, (i + 1) * DIGEST_SIZE);
      if (isThere(digest, plan.zeroBlocks)) { recorded.set(first + i, digest); }
    }
    const chosen = plan.verify === 'FULL' ? recorded.keys() : readBackSample([...recorded.keys()], count / plan.blocks, `${snapshotId} ${n}`);
    // Blocks of the volume beyond the image belong to the last range.
    const end = n === rangesOf(plan) - 1 ? Infinity : first + count;
    return new RangeVerification(reader, snapshotId, recorded, new Set(chosen), Math.max(from, first), end, shift);
  }

  /** Number of blocks that were read. */
  public read = 0;
  /** Whether the whole range is verified. */
  public done = false;

  private constructor(
    private readonly reader: BlockReader,
    private readonly snapshotId: string,
    /** Digests of the blocks that the snapshot must have, by index. */
    private readonly recorded: ReadonlyMap<number, Buffer>,
    /** Indexes of the blocks whose content is read. */
    private readonly chosen: ReadonlySet<number>,
    /** Index below which all blocks are verified. */
    public reached: number,
    private readonly end: number,
    private readonly shift: Shift,
  ) {}

  /** Verifies the range page by page, until it is done or there is no time. */
  public async run(): Promise<void> {
    let expected = [...this.recorded.keys()].filter(index => index >= this.reached);
    for (let token: string | undefined; ;) {
      const page = await this.reader.list(this.snapshotId, this.reached, token, this.shift.giveUp);
      const blocks = page.blocks.filter(({ index }) => index >= this.reached && index < this.end);
      const last = page.next === undefined || page.blocks.some(({ index }) => index >= this.end);
      expected = this.compareIndexes(expected, blocks, last);
      const unread = await this.compareContents(blocks);
      this.reached = unread ?? (blocks.at(-1)?.index ?? this.reached - 1) + 1;
      this.done = last && unread === undefined;
      if (last || unread !== undefined) { return; }
      token = page.next;
    }
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
  private async compareContents(blocks: readonly ListedBlock[]): Promise<number | undefined> {
    const unread = new Set(blocks.filter(({ index }) => this.chosen.has(index)));
    await this.shift.forEach([...unread], GETS_AT_ONCE, async block => {
      await this.compare(block);
      unread.delete(block);
    });
    const [first] = unread;
    return first?.index;
  }

  private async compare(block: ListedBlock): Promise<void> {
    const digest = await this.reader.digest(this.snapshotId, block, this.shift.giveUp);
    const recorded = this.recorded.get(block.index)!;
    if (!digest.equals(recorded)) {
      throw this.wrong(`reads back another block ${block.index} than was written: its SHA-256 is ${digest.toString('hex')}, not ${recorded.toString('hex')}`);
    }
    this.read++;
  }

  private wrong(how: string): Error {
    return new Error(`snapshot ${this.snapshotId} ${how}`);
  }
}
