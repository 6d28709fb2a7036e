import { crc32 } from 'node:zlib';
import type { ExportReadClients } from './clients';
import { framingOf, type ExportFraming } from './framing';
import { blocksOfPart, type ExportPlan } from './layout';
import { Crc } from '../blocks/crc';
import { ZERO_DIGEST, ZEROS } from '../blocks/zero';
import { inOrder } from '../flow/concurrency';
import { pacerFor, type Pacer } from '../flow/pacer';
import type { BlockReader, ListedBlock, ReadBlock } from '../snapshot/block-reader';

interface ReadOptions {
  readonly giveUp: () => boolean;
  /** Blocks of a part that are read ahead. */
  readonly ahead: number;
}

/** The content of some parts of a range, read from the snapshot. */
export class RangeContent {
  /** Lists the blocks of the parts, which must be in order. */
  public static async open(
    { store, reader }: ExportReadClients, exportId: string, plan: ExportPlan, parts: readonly number[], options: ReadOptions,
  ): Promise<RangeContent> {
    const framing = await framingOf(store, exportId, plan, parts);
    const content = new RangeContent(reader, plan, framing, pacerFor(exportId, plan.getsPerSecond), options);
    await content.list(parts);
    return content;
  }

  /** Keyed by index. Blocks that are missing here read as zeros. */
  private readonly listed = new Map<number, ListedBlock>();

  private constructor(
    private readonly reader: BlockReader,
    private readonly plan: ExportPlan,
    private readonly framing: ExportFraming,
    private readonly pacer: Pacer,
    private readonly options: ReadOptions,
  ) {}

  public stream(part: number): PartStream {
    return new PartStream(part, this.indexesOf(part).map(index => () => this.read(index)), this.framing, this.options.ahead);
  }

  private indexesOf(part: number): number[] {
    const { first, count } = blocksOfPart(this.plan, part);
    return Array.from({ length: count }, (_, i) => this.framing.indexOf(first + i));
  }

  private async list(parts: readonly number[]): Promise<void> {
    const [first, last] = [blocksOfPart(this.plan, parts[0]), blocksOfPart(this.plan, parts.at(-1)!)];
    if (last.first + last.count === first.first) { return; }
    const end = this.framing.indexOf(last.first + last.count - 1) + 1;
    // The snapshot may have any number of other blocks between those of a delta.
    const wanted = new Set(parts.flatMap(part => this.indexesOf(part)));
    for await (const block of this.reader.blocks(this.plan.snapshotId, this.framing.indexOf(first.first), end, this.options.giveUp)) {
      if (wanted.has(block.index)) { this.listed.set(block.index, block); }
    }
  }

  private async read(index: number): Promise<ReadBlock> {
    const block = this.listed.get(index);
    return block ? this.reader.block(this.plan.snapshotId, block, this.options.giveUp, this.pacer) : { bytes: ZEROS, digest: ZERO_DIGEST };
  }
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
