import type { Readable } from 'node:stream';
import { GetSnapshotBlockCommand, ListSnapshotBlocksCommand, type EBSClient } from '@aws-sdk/client-ebs';
import { BLOCK_SIZE } from './blocks';
import { digestOf } from './checksum';
import { explainEbs, isNotYetVisible, isPassingRefusal, VISIBILITY_SECONDS } from './ebs-errors';
import { isNamed } from '../shared/errors';
import { passesByItself, retrying } from '../shared/retry';

/** A block that a snapshot has. */
export interface ListedBlock {
  readonly index: number;
  /** For a week, and until the snapshot is listed again, which gives it another one. */
  readonly token: string;
}

export interface Page {
  /** In order; there may be none, even if this is not the last page. */
  readonly blocks: readonly ListedBlock[];
  /** Absent on the last page. Dies after an hour. */
  readonly next?: string;
}

const MOST_RESULTS = 10_000;
const LEAST_RESULTS = 100;
/** A token that is refused although it is new will not get better. */
const MOST_TOKENS = 3;

/**
 * Reads completed snapshots. EBS hears of their completion up to a minute
 * after EC2 does, so what does not exist is asked for again.
 * Errors that may pass are thrown as they are when `giveUp` ended the retries; see `mayPassReading`.
 */
export class BlockReader {
  /** A body that sends nothing for so many milliseconds is given up. */
  constructor(private readonly ebs: EBSClient, private readonly pageBlocks = MOST_RESULTS, private readonly bodyTimeout = 20_000) {}

  /** The page that a token stands for, or, without one or with one that has expired, that from a block on. */
  public async list(snapshotId: string, from: number, token: string | undefined, giveUp: () => boolean, most = this.pageBlocks): Promise<Page> {
    try {
      return await this.page(snapshotId, token === undefined ? { StartingBlockIndex: from } : { NextToken: token }, most, giveUp);
    } catch (error) {
      if (token === undefined || !isRefusedToken(error)) { throw this.explained(error, 'ListSnapshotBlocks', `snapshot ${snapshotId}`, giveUp); }
      return this.list(snapshotId, from, undefined, giveUp, most);
    }
  }

  /** The SHA-256 of what a block reads as. */
  public async digest(snapshotId: string, { index, token }: ListedBlock, giveUp: () => boolean): Promise<Buffer> {
    const what = `block ${index} of snapshot ${snapshotId}`;
    for (let tokens = 1; ; tokens++) {
      try {
        return await retrying(() => this.get(snapshotId, index, token), {
          also: mayPassReading, seconds: VISIBILITY_SECONDS, what: `get ${what}`, giveUp,
        });
      } catch (error) {
        if (!isRefusedToken(error) || tokens === MOST_TOKENS) { throw this.explained(error, 'GetSnapshotBlock', what, giveUp); }
        token = await this.newToken(snapshotId, index, giveUp);
      }
    }
  }

  private async newToken(snapshotId: string, index: number, giveUp: () => boolean): Promise<string> {
    for (let next: string | undefined; ;) {
      const page: Page = await this.list(snapshotId, index, next, giveUp, LEAST_RESULTS);
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
      also: mayPassReading, seconds: VISIBILITY_SECONDS, what: 'list blocks', giveUp,
    });
    return { blocks: Blocks.map(({ BlockIndex, BlockToken }) => ({ index: BlockIndex!, token: BlockToken! })), next: NextToken };
  }

  private async get(snapshotId: string, index: number, token: string): Promise<Buffer> {
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
    const block = Buffer.concat(chunks);
    const digest = digestOf(block);
    // What EBS itself says otherwise of was broken on its way here.
    if (block.length !== BLOCK_SIZE || (Checksum !== undefined && Checksum !== digest.toString('base64'))) { throw brokenBody('arrived damaged'); }
    return digest;
  }

  private explained(error: unknown, action: string, what: string, giveUp: () => boolean): unknown {
    return giveUp() && mayPassReading(error) ? error : explainEbs(error, action, what);
  }
}

/** Whether the same may be read a little later. */
export function mayPassReading(error: unknown): boolean {
  return passesByItself(error) || isNotYetVisible(error) || isPassingRefusal(error);
}

/** Tokens expire, and listing a snapshot again changes them. */
function isRefusedToken(error: unknown): boolean {
  const { Reason } = error as { Reason?: string };
  return isNamed(error, 'ValidationException') && ['INVALID_PAGE_TOKEN', 'INVALID_BLOCK_TOKEN'].includes(Reason ?? '');
}

/** With the name of a broken connection, so that it is retried. */
function brokenBody(how: string): Error {
  return Object.assign(new Error(`the body of a block ${how}`), { name: 'TimeoutError' });
}
