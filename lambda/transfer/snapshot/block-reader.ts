import type { Readable } from 'node:stream';
import { GetSnapshotBlockCommand, ListChangedBlocksCommand, ListSnapshotBlocksCommand, type EBSClient } from '@aws-sdk/client-ebs';
import { explainEbs, isTransient } from './errors';
import { isNamed } from '../../shared/errors';
import { isThrottle, retrying, RETRY_POLICIES } from '../../shared/retry';
import { digestOf } from '../blocks/digests';
import { BLOCK_SIZE } from '../blocks/sizes';
import type { Pacer } from '../flow/pacer';

/** A block that a snapshot has. */
export interface ListedBlock {
  readonly index: number;
  /** Valid for a week, or until the snapshot is listed again, which gives the block another token. */
  readonly token: string;
}

export interface Page {
  /** In order; possibly none, even if this is not the last page. */
  readonly blocks: readonly ListedBlock[];
  /** Token of the next page, valid for an hour. Absent on the last page. */
  readonly next?: string;
}

/** Blocks that differ between two snapshots. */
export interface ChangedPage {
  /** In order. `gone`: only the first snapshot has the block. */
  readonly blocks: readonly { readonly index: number; readonly gone: boolean }[];
  readonly next?: string;
}

export interface ReadBlock {
  readonly bytes: Buffer;
  /** SHA-256 of the bytes. */
  readonly digest: Buffer;
}

/** Most blocks of a page. */
export const MOST_RESULTS = 10_000;
const LEAST_RESULTS = 100;
/** A block whose new tokens are refused so often will not be readable. */
const MOST_TOKENS = 5;

/**
 * Reads completed snapshots. EBS direct may not find a snapshot until a minute after EC2 shows it as completed, so such
 * errors are retried. Transient errors are thrown as they are if `giveUp` ended the retries; see `isTransient`.
 */
export class BlockReader {
  /** @param bodyTimeout Milliseconds after which a body that sends nothing is given up. */
  constructor(private readonly ebs: EBSClient, private readonly pageBlocks = MOST_RESULTS, private readonly bodyTimeout = 20_000) {}

  /** Returns the page of a token. Without a token, or if it has expired, returns the page from a block on. @param wanted Blocks that are of use. */
  public async list(snapshotId: string, from: number, token: string | undefined, giveUp: () => boolean, wanted = Infinity): Promise<Page> {
    const most = Math.min(this.pageBlocks, Math.max(LEAST_RESULTS, wanted));
    try {
      return await this.page(snapshotId, token === undefined ? { StartingBlockIndex: from } : { NextToken: token }, most, giveUp);
    } catch (error) {
      if (token === undefined || !isRefusedToken(error)) { throw this.explained(error, 'ListSnapshotBlocks', `snapshot ${snapshotId}`, giveUp); }
      return this.list(snapshotId, from, undefined, giveUp, wanted);
    }
  }

  /** Yields the blocks from one index to before another, in order. */
  public async* blocks(snapshotId: string, from: number, end: number, giveUp: () => boolean): AsyncGenerator<ListedBlock> {
    for (let next = from, token: string | undefined; next < end;) {
      // No more than there can be.
      const most = Math.min(this.pageBlocks, Math.max(LEAST_RESULTS, end - next));
      const page: Page = await this.list(snapshotId, next, token, giveUp, most);
      for (const block of page.blocks) { if (block.index < end) { yield block; } }
      next = (page.blocks.at(-1)?.index ?? next - 1) + 1;
      token = page.next;
      if (token === undefined) { return; }
    }
  }

  /** Does the same as `list` for the blocks that differ between two snapshots of one lineage. */
  public async changed(first: string, second: string, from: number, token: string | undefined, giveUp: () => boolean): Promise<ChangedPage> {
    const command = new ListChangedBlocksCommand({
      FirstSnapshotId: first,
      SecondSnapshotId: second,
      MaxResults: this.pageBlocks,
      ...token === undefined ? { StartingBlockIndex: from } : { NextToken: token },
    });
    try {
      const { ChangedBlocks = [], NextToken } = await retrying(() => this.ebs.send(command), {
        policy: RETRY_POLICIES.SNAPSHOT_VISIBILITY, retryIf: isTransient, what: 'list changed blocks', giveUp,
      });
      const blocks = ChangedBlocks.map(({ BlockIndex, SecondBlockToken }) => ({ index: BlockIndex!, gone: SecondBlockToken === undefined }));
      return { blocks, next: NextToken };
    } catch (error) {
      if (token !== undefined && isRefusedToken(error)) { return this.changed(first, second, from, undefined, giveUp); }
      throw this.explained(error, 'ListChangedBlocks', `snapshots ${first} and ${second}`, giveUp);
    }
  }

  /** Reads a block and returns its SHA-256. */
  public async digest(snapshotId: string, block: ListedBlock, giveUp: () => boolean): Promise<Buffer> {
    return (await this.block(snapshotId, block, giveUp)).digest;
  }

  /** Reads a block. */
  public async block(snapshotId: string, { index, token }: ListedBlock, giveUp: () => boolean, pacer?: Pacer): Promise<ReadBlock> {
    const what = `block ${index} of snapshot ${snapshotId}`;
    for (let tokens = 1; ; tokens++) {
      try {
        return await retrying(() => this.paced(() => this.get(snapshotId, index, token), pacer), {
          policy: RETRY_POLICIES.SNAPSHOT_VISIBILITY, retryIf: isTransient, what: `get ${what}`, giveUp,
        });
      } catch (error) {
        if (!isRefusedToken(error) || tokens === MOST_TOKENS) { throw this.explained(error, 'GetSnapshotBlock', what, giveUp); }
        token = await this.newToken(snapshotId, index, giveUp);
      }
    }
  }

  private async newToken(snapshotId: string, index: number, giveUp: () => boolean): Promise<string> {
    for (let next: string | undefined; ;) {
      const page: Page = await this.list(snapshotId, index, next, giveUp, 1);
      const [found] = page.blocks;
      if (found?.index === index) { return found.token; }
      if (found !== undefined || page.next === undefined) {
        throw new Error(`snapshot ${snapshotId} listed block ${index}, and then did not`);
      }
      next = page.next;
    }
  }

  private async page(
    snapshotId: string, where: { NextToken?: string; StartingBlockIndex?: number }, most: number, giveUp: () => boolean,
  ): Promise<Page> {
    const command = new ListSnapshotBlocksCommand({ SnapshotId: snapshotId, MaxResults: most, ...where });
    const { Blocks = [], NextToken } = await retrying(() => this.ebs.send(command), {
      policy: RETRY_POLICIES.SNAPSHOT_VISIBILITY, retryIf: isTransient, what: 'list blocks', giveUp,
    });
    return { blocks: Blocks.map(({ BlockIndex, BlockToken }) => ({ index: BlockIndex!, token: BlockToken! })), next: NextToken };
  }

  private async paced<T>(get: () => Promise<T>, pacer: Pacer | undefined): Promise<T> {
    await pacer?.acquire();
    try {
      const got = await get();
      pacer?.succeeded();
      return got;
    } catch (error) {
      if (isThrottle(error)) { pacer?.throttled(); }
      throw error;
    }
  }

  private async get(snapshotId: string, index: number, token: string): Promise<ReadBlock> {
    const command = new GetSnapshotBlockCommand({ SnapshotId: snapshotId, BlockIndex: index, BlockToken: token });
    const { BlockData, Checksum } = await this.ebs.send(command);
    const body = BlockData as Readable;
    const silence = setTimeout(() => body.destroy(brokenBody('sent nothing')), this.bodyTimeout);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        silence.refresh();
      }
    } finally {
      clearTimeout(silence);
    }
    const bytes = Buffer.concat(chunks);
    const digest = digestOf(bytes);
    // If EBS has another checksum, the body was damaged on its way.
    if (bytes.length !== BLOCK_SIZE || (Checksum !== undefined && Checksum !== digest.toString('base64'))) { throw brokenBody('arrived damaged'); }
    return { bytes, digest };
  }

  private explained(error: unknown, action: string, what: string, giveUp: () => boolean): unknown {
    return giveUp() && isTransient(error) ? error : explainEbs(error, action, what);
  }
}

/** Tokens expire, and listing a snapshot again changes them. */
function isRefusedToken(error: unknown): boolean {
  const { Reason } = error as { Reason?: string };
  return isNamed(error, 'ValidationException') && ['INVALID_PAGE_TOKEN', 'INVALID_BLOCK_TOKEN'].includes(Reason ?? '');
}

/** Makes an error with the name of a broken connection, so that it is retried. */
function brokenBody(how: string): Error {
  return Object.assign(new Error(`the body of a block ${how}`), { name: 'TimeoutError' });
}
