import { crc32 } from 'node:zlib';
import type { ExportReadClients } from './clients';
import { framingOf, type ExportFraming } from './framing';
import { blocksOfPart, type ExportPlan } from './layout';
import { Crc } from '../blocks/crc';
import { ZERO_DIGEST, ZEROS } from '../blocks/zero';
import { inOrder } from '../flow/concurrency';
import { pacerFor, SharePacer, type Pacer } from '../flow/pacer';
import { MOST_RESULTS, type BlockReader, type ListedBlock, type ReadBlock } from '../snapshot/block-reader';

/** Of all workers. EBS direct lists 50 pages a second for an account, and this quota cannot be raised. */
const LISTINGS_PER_SECOND = 40;

interface ReadOptions {
  readonly giveUp: () => boolean;
  /** Blocks of a part that are read ahead. */
  readonly ahead: number;
}

/** Blocks that are listed together: one page has all that lie between them. */
interface Listing {
  readonly first: number;
  readonly last: number;
  /** There once it was begun. */
  done?: Promise<void>;
}

/** The content of some parts of a range, read from the snapshot. */
export class RangeContent {
  /** The parts must be in order. */
  public static async open(
    { store, reader }: ExportReadClients, exportId: string, plan: ExportPlan, parts: readonly number[], options: ReadOptions,
  ): Promise<RangeContent> {
    const framing = await framingOf(store, exportId, plan, parts);
    return new RangeContent(reader, plan, parts, framing, pacerFor(exportId, plan.getsPerSecond), options);
  }

  /** Keyed by index. Blocks that are missing here read as zeros. */
  private readonly listed = new Map<number, ListedBlock>();
  private readonly wanted: ReadonlySet<number>;
  private readonly listPacer: Pacer;
  private readonly listings: readonly Listing[];

  private constructor(
    private readonly reader: BlockReader,
    private readonly plan: ExportPlan,
    parts: readonly number[],
    private readonly framing: ExportFraming,
    private readonly pacer: Pacer,
    private readonly options: ReadOptions,
  ) {
    const indexes = parts.flatMap(part => this.indexesOf(part));
    this.wanted = new Set(indexes);
    this.listings = listingsOf(indexes);
    this.listPacer = new SharePacer(LISTINGS_PER_SECOND / plan.workers);
  }

  /** Lists the blocks of a part, unless they were listed with those of another one. */
  public async list(part: number): Promise<void> {
    const indexes = this.indexesOf(part);
    const needed = this.listings.filter(({ first, last }) => first <= indexes.at(-1)! && last >= indexes[0]);
    for (const listing of needed) {
      listing.done ??= this.read(listing);
      await listing.done;
    }
  }

  public stream(part: number): PartStream {
    return new PartStream(part, this.indexesOf(part).map(index => () => this.block(index)), this.framing, this.options.ahead);
  }

  private indexesOf(part: number): number[] {
    const { first, count } = blocksOfPart(this.plan, part);
    return Array.from({ length: count }, (_, i) => this.framing.indexOf(first + i));
  }

  private async read({ first, last }: Listing): Promise<void> {
    await this.listPacer.acquire();
    for await (const block of this.reader.blocks(this.plan.snapshotId, first, last + 1, this.options.giveUp)) {
      // The snapshot may have any number of other blocks between those of a delta.
      if (this.wanted.has(block.index)) { this.listed.set(block.index, block); }
    }
  }

  private async block(index: number): Promise<ReadBlock> {
    const block = this.listed.get(index);
    return block ? this.reader.block(this.plan.snapshotId, block, this.options.giveUp, this.pacer) : { bytes: ZEROS, digest: ZERO_DIGEST };
  }
}

/**
 * Cuts the indexes of blocks, in order, into as few listings as pages can have. What lies between is not listed, so a few blocks of a volume
 * of terabytes need as many pages as there are blocks at most.
 */
export function listingsOf(indexes: readonly number[]): Listing[] {
  const listings: { first: number; last: number }[] = [];
  for (const index of indexes) {
    const current = listings.at(-1);
    if (current && index < current.first + MOST_RESULTS) { current.last = index; } else { listings.push({ first: index, last: index }); }
  }
  return listings;
}

/** One part while it is sent. Its checksum and digests are complete when all pieces were taken. */
export class PartStream {
  public crc32 = 0;
  /** SHA-256 of each block. */
  public readonly digests: Buffer[] = [];

  constructor(
    private readonly part: number, private readonly blocks: readonly (() => Promise<ReadBlock>)[],
    private readonly framing: ExportFraming, private readonly ahead: number,
  ) {}

  /** The checksum in S3's notation. */
  public get base64Crc32(): string {
    return Crc.named('CRC32').base64(BigInt(this.crc32));
  }

  public async* pieces(): AsyncGenerator<Buffer> {
    for (const piece of this.framing.before(this.part)) { yield this.sent(piece); }
    for await (const block of inOrder(this.blocks, this.ahead)) {
      this.digests.push(block.digest);
      yield this.sent(this.framing.record(block));
    }
    for (const piece of this.framing.after(this.part)) { yield this.sent(piece); }
  }

  private sent(piece: Buffer): Buffer {
    this.crc32 = crc32(piece, this.crc32);
    return piece;
  }
}
