import { EBSClient } from '@aws-sdk/client-ebs';
import { s3Things } from './clients';
import type { VerifyInput, VerifyResult } from '../../../src/contract/integrity';
import { clientConfig } from '../../shared/client-config';
import { once } from '../../shared/environment';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { DIGEST_SIZE } from '../blocks/digests';
import { readBackSample } from '../blocks/read-back-sample';
import { isThere } from '../blocks/zero';
import { rangeOf, rangesOf } from '../bucket/plan';
import type { TransferStore } from '../bucket/store';
import { limiter } from '../flow/limiter';
import { BlockReader, type ListedBlock } from '../snapshot/block-reader';
import { isTransient } from '../snapshot/errors';

/** What a worker's network can bring at the latency of a GetSnapshotBlock; six such workers stay below the quota of 1,000 a second. */
const GETS_AT_ONCE = 16;
/** A request may take 20 seconds to time out. */
const RESERVE_MILLISECONDS = 45_000;

export interface VerifyServices {
  readonly store: TransferStore;
  readonly reader: BlockReader;
}

const services = once((): VerifyServices => ({
  store: s3Things().store,
  reader: new BlockReader(new EBSClient(clientConfig({ connections: GETS_AT_ONCE }))),
}));

export const handler = (input: VerifyInput, context: { getRemainingTimeInMillis(): number }): Promise<VerifyResult> =>
  verify(services(), input, context);

/** Reads one range back, or as much of it as there is time for. Throws if the snapshot is not what was written. */
export async function verify(
  aws: VerifyServices, input: VerifyInput, deadline: { getRemainingTimeInMillis(): number },
): Promise<VerifyResult> {
  const giveUp = () => deadline.getRemainingTimeInMillis() < RESERVE_MILLISECONDS;
  const range = await RangeVerification.of(aws, input, giveUp);
  try {
    const from = await range.run();
    log({ event: from === undefined ? 'range verified' : 'range not verified in time', snapshotId: input.snapshotId, range: input.n, read: range.read });
    return { ...input, ...(from !== undefined && { from }), done: from === undefined };
  } catch (error) {
    // What may pass and only ran out of time is left to the next invocation.
    if (giveUp() && isTransient(error)) { return { ...input, from: range.reached, done: false }; }
    await aws.store.saveFailure(input.snapshotId, saidBy(error)).catch(() => {});
    throw error;
  }
}

class RangeVerification {
  public static async of({ store, reader }: VerifyServices, { snapshotId, n, from }: VerifyInput, giveUp: () => boolean): Promise<RangeVerification> {
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
    // What the disk has beyond the image belongs to the last range.
    const end = n === rangesOf(plan) - 1 ? Infinity : first + count;
    return new RangeVerification(reader, snapshotId, recorded, new Set(chosen), Math.max(from, first), end, giveUp);
  }

  /** Blocks that were read. */
  public read = 0;
  private readonly inTurn = limiter(GETS_AT_ONCE);

  private constructor(
    private readonly reader: BlockReader,
    private readonly snapshotId: string,
    private readonly recorded: ReadonlyMap<number, Buffer>,
    private readonly chosen: ReadonlySet<number>,
    /** All blocks below are verified. */
    public reached: number,
    private readonly end: number,
    private readonly giveUp: () => boolean,
  ) {}

  /** undefined: all of it is verified; otherwise the index to go on from. */
  public async run(): Promise<number | undefined> {
    let expected = [...this.recorded.keys()].filter(index => index >= this.reached);
    for (let token: string | undefined; ;) {
      const page = await this.reader.list(this.snapshotId, this.reached, token, this.giveUp);
      const blocks = page.blocks.filter(({ index }) => index >= this.reached && index < this.end);
      const last = page.next === undefined || page.blocks.some(({ index }) => index >= this.end);
      expected = this.compareIndexes(expected, blocks, last);
      const unread = await this.compareContents(blocks);
      if (unread !== undefined) { return unread; }
      if (last) { return undefined; }
      this.reached = (blocks.at(-1)?.index ?? this.reached - 1) + 1;
      token = page.next;
    }
  }

  /** Exactly the recorded blocks must be there. Answers with those that later pages have to show. */
  private compareIndexes(expected: readonly number[], blocks: readonly ListedBlock[], last: boolean): number[] {
    blocks.forEach(({ index }, i) => {
      if (index === expected[i]) { return; }
      throw this.wrong(index < (expected[i] ?? Infinity) ? `has a block ${index} that was never written` : `has lost block ${expected[i]}`);
    });
    const left = expected.slice(blocks.length);
    if (last && left.length > 0) { throw this.wrong(`has lost block ${left[0]}`); }
    return left;
  }

  /** The first block that there was no time for. */
  private async compareContents(blocks: readonly ListedBlock[]): Promise<number | undefined> {
    let unread: number | undefined;
    let failed = false;
    await Promise.all(blocks.filter(({ index }) => this.chosen.has(index)).map(block => this.inTurn(async () => {
      if (failed) { return; }
      if (this.giveUp()) {
        unread = Math.min(unread ?? Infinity, block.index);
        return;
      }
      try {
        await this.compare(block);
      } catch (error) {
        failed = true;
        throw error;
      }
    })));
    return unread;
  }

  private async compare(block: ListedBlock): Promise<void> {
    const digest = await this.reader.digest(this.snapshotId, block, this.giveUp);
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
