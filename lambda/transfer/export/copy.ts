import { crc32 } from 'node:zlib';
import { exportReading, type ExportReading } from './clients';
import { framingOf, type ExportFraming } from './framing';
import { blocksOfPart, partsOfRange, sizeOfPart, type ExportPlan } from './layout';
import type { DonePart } from './store';
import { isTransientWrite } from './target';
import type { ExportCopyInput, ExportCopyResult } from '../../../src/contract/export';
import { once } from '../../shared/environment';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { Crc } from '../blocks/crc';
import { BLOCK_SIZE } from '../blocks/sizes';
import { ZERO_DIGEST } from '../blocks/zero';
import { inOrder } from '../flow/in-order';
import { pacerFor, type Pacer } from '../flow/pacer';
import { Progress, refuseOverdue } from '../flow/progress';
import { Shift, type Deadline } from '../flow/shift';
import { type ListedBlock, type ReadBlock } from '../snapshot/block-reader';
import { isTransient } from '../snapshot/errors';

/** Parts that are uploaded at once. */
const LANES = 4;
/** Blocks of each that are read ahead; of so many there is memory: 16 MiB. What the network brings at 100 ms a block is half of that. */
const AHEAD = 8;
const ZEROS = Buffer.alloc(BLOCK_SIZE);

const services = once(() => exportReading(LANES * AHEAD));

export const handler = (input: ExportCopyInput, context: Deadline): Promise<ExportCopyResult> => exportCopy(services(), input, context);

/** Uploads the parts of one range, or as many as there is time for. Repeated for what was uploaded, it does nothing. */
export async function exportCopy(aws: ExportReading, input: ExportCopyInput, deadline: Deadline): Promise<ExportCopyResult> {
  try {
    return await copyRange(aws, input, deadline);
  } catch (error) {
    // Another worker was given the same range, and the export has ended since.
    if (await aws.store.result(input.exportId).catch(() => undefined)) { return { done: true }; }
    await aws.store.saveFailure(input.exportId, saidBy(error)).catch(() => {});
    throw error;
  }
}

async function copyRange(aws: ExportReading, { exportId, n }: ExportCopyInput, deadline: Deadline): Promise<ExportCopyResult> {
  const { store, target } = aws;
  const plan = await store.exportPlan(exportId);
  refuseOverdue(plan.deadline, 'export');
  const done: DonePart[] = [...await store.parts(exportId, n)];
  const missing = partsOfRange(plan, n).filter(part => !done.some(one => one.part === part));
  if (missing.length === 0) { return { done: true }; }

  const shift = new Shift(deadline, error => isTransient(error) || isTransientWrite(error));
  const progress = new Progress(async () => {
    const now = [...done];
    await store.exportPlan(exportId);
    await store.saveParts(exportId, n, now, { finished: false });
  });
  const content = await shift.attempt(() => RangeContent.open(aws, exportId, plan, missing, shift.giveUp));
  if (!content) {
    shift.throwFailure();
    return { done: false };
  }

  async function copyPart(part: number): Promise<void> {
    let stream!: PartStream;
    const size = sizeOfPart(plan, part);
    const taken = await target.uploadPart(plan, part, size, () => (stream = content!.stream(part)).pieces(), shift.giveUp);
    if (taken !== undefined && taken !== stream.base64Crc32) {
      throw new Error(`S3 took part ${part} of s3://${plan.bucket}/${plan.key} with CRC32 ${taken} where ${stream.base64Crc32} was sent`);
    }
    done.push({ part, crc32: stream.crc32, digests: Buffer.concat(stream.digests).toString('base64') });
    progress.made();
  }

  await shift.forEach(missing, LANES, copyPart, { always: 1 });
  await progress.end();
  shift.throwFailure();

  const finished = done.length === partsOfRange(plan, n).length;
  log({ event: finished ? 'range exported' : 'range not exported in time', exportId, range: n, parts: done.length });
  // Throws if the export was cancelled meanwhile: then nobody would remove what is saved now.
  await store.exportPlan(exportId);
  await store.saveParts(exportId, n, done.sort((a, b) => a.part - b.part), { finished });
  return { done: finished };
}

/** What the blocks of a range are. */
class RangeContent {
  public static async open(
    { store, reader }: ExportReading, exportId: string, plan: ExportPlan, parts: readonly number[], giveUp: () => boolean,
  ): Promise<RangeContent> {
    const framing = await framingOf(store, exportId, plan, parts);
    const content = new RangeContent(reader, plan, framing, pacerFor(exportId, plan.getsPerSecond), giveUp);
    await content.list(parts);
    return content;
  }

  /** By index; what is not among them reads as zeros. */
  private readonly listed = new Map<number, ListedBlock>();

  private constructor(
    private readonly reader: ExportReading['reader'],
    private readonly plan: ExportPlan,
    private readonly framing: ExportFraming,
    private readonly pacer: Pacer,
    private readonly giveUp: () => boolean,
  ) {}

  public stream(part: number): PartStream {
    return new PartStream(part, this.indexesOf(part).map(index => () => this.read(index)), this.framing);
  }

  private indexesOf(part: number): number[] {
    const { first, count } = blocksOfPart(this.plan, part);
    return Array.from({ length: count }, (_, i) => this.framing.indexOf(first + i));
  }

  private async list(parts: readonly number[]): Promise<void> {
    const [first, last] = [blocksOfPart(this.plan, parts[0]), blocksOfPart(this.plan, parts.at(-1)!)];
    if (last.first + last.count === first.first) { return; }
    const end = this.framing.indexOf(last.first + last.count - 1) + 1;
    // Between the blocks of a delta there may be any number of others.
    const wanted = new Set(parts.flatMap(part => this.indexesOf(part)));
    for await (const block of this.reader.blocks(this.plan.snapshotId, this.framing.indexOf(first.first), end, this.giveUp)) {
      if (wanted.has(block.index)) { this.listed.set(block.index, block); }
    }
  }

  private async read(index: number): Promise<ReadBlock> {
    const block = this.listed.get(index);
    return block ? this.reader.block(this.plan.snapshotId, block, this.giveUp, this.pacer) : { bytes: ZEROS, digest: ZERO_DIGEST };
  }
}

/** One part on its way: what was sent of it is known when it has been. */
class PartStream {
  public crc32 = 0;
  public readonly digests: Buffer[] = [];

  constructor(
    private readonly part: number, private readonly blocks: readonly (() => Promise<ReadBlock>)[], private readonly framing: ExportFraming,
  ) {}

  public get base64Crc32(): string {
    return Crc.named('CRC32').base64(BigInt(this.crc32));
  }

  public async* pieces(): AsyncGenerator<Buffer> {
    for (const piece of this.framing.before(this.part)) { yield this.sent(piece); }
    for await (const block of inOrder(this.blocks, AHEAD)) {
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
