import { crc32 } from 'node:zlib';
import { mayPassReading, type ListedBlock } from './block-reader';
import { BLOCK_SIZE } from './blocks';
import { DIGEST_SIZE } from './checksum';
import type { Deadline } from './copy';
import { crc32ToBase64 } from './crc32';
import { once } from './environment';
import { blocksOfPart, partsOfRange, sizeOfPart, type ExportPlan } from './export-layout';
import type { DonePart } from './export-store';
import { mayPassWriting } from './export-target';
import { exportReading, type ExportReading } from './export-things';
import { DELTA_HEADER_SIZE, DeltaTable } from './formats/delta';
import { inOrder } from './in-order';
import { pacerFor, type Pacer } from './pacer';
import { Progress, refuseOverdue } from './progress';
import { ZERO_DIGEST } from './zero';
import type { ExportCopyInput, ExportCopyResult } from '../../src/contract/export';
import { saidBy } from '../shared/errors';
import { log } from '../shared/log';

/** Parts that are uploaded at once. */
const LANES = 4;
/** Blocks of each that are read ahead; of so many there is memory: 16 MiB. What the network brings at 100 ms a block is half of that. */
const AHEAD = 8;
/** A request may take 20 seconds to time out, and what is done has to be saved afterwards. */
const RESERVE_MILLISECONDS = 60_000;
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

  let failure: { readonly error: unknown } | undefined;
  const outOfTime = () => deadline.getRemainingTimeInMillis() < RESERVE_MILLISECONDS;
  const giveUp = () => failure !== undefined || outOfTime();
  // What may pass and only ran out of time is left to the next invocation.
  const fail = (error: unknown) => { if (!(outOfTime() && (mayPassReading(error) || mayPassWriting(error)))) { failure ??= { error }; } };
  const progress = new Progress(async () => {
    const now = [...done];
    await store.exportPlan(exportId);
    await store.saveParts(exportId, n, now, { finished: false });
  });
  const content = await RangeContent.of(aws, exportId, plan, missing, giveUp).catch(fail);
  if (!content) {
    if (failure) { throw (failure as { error: unknown }).error; }
    return { done: false };
  }

  async function copyPart(part: number): Promise<void> {
    let stream!: PartStream;
    const size = sizeOfPart(plan, part);
    const taken = await target.uploadPart(plan, part, size, () => (stream = content!.stream(part)).pieces(), giveUp);
    if (taken !== undefined && taken !== crc32ToBase64(stream.crc32)) {
      throw new Error(`S3 took part ${part} of s3://${plan.bucket}/${plan.key} with CRC32 ${taken} where ${crc32ToBase64(stream.crc32)} was sent`);
    }
    done.push({ part, crc32: stream.crc32, digests: Buffer.concat(stream.digests).toString('base64') });
    progress.made();
  }

  const left = [...missing];
  await Promise.all(Array.from({ length: LANES }, async (_, lane) => {
    // The first lane uploads one part in any case: so every invocation gets on.
    for (let tries = lane; left.length > 0 && (tries === 0 || !giveUp()); tries++) { await copyPart(left.shift()!).catch(fail); }
  }));
  await progress.end();
  if (failure) { throw (failure as { error: unknown }).error; }

  const finished = done.length === partsOfRange(plan, n).length;
  log({ event: finished ? 'range exported' : 'range not exported in time', exportId, range: n, parts: done.length });
  // Throws if the export was cancelled meanwhile: then nobody would remove what is saved now.
  await store.exportPlan(exportId);
  await store.saveParts(exportId, n, done.sort((a, b) => a.part - b.part), { finished });
  return { done: finished };
}

/** What the blocks of a range are. */
class RangeContent {
  public static async of(
    { store, reader }: ExportReading, exportId: string, plan: ExportPlan, parts: readonly number[], giveUp: () => boolean,
  ): Promise<RangeContent> {
    const prelude = plan.sinceId === undefined ? undefined : await store.prelude(exportId);
    const changed = prelude && DeltaTable.read(prelude.subarray(DELTA_HEADER_SIZE)).written();
    const content = new RangeContent(reader, plan, prelude, changed, pacerFor(exportId, plan.getsPerSecond), giveUp);
    await content.list(parts);
    return content;
  }

  /** By index; what is not among them reads as zeros. */
  private readonly listed = new Map<number, ListedBlock>();

  private constructor(
    private readonly reader: ExportReading['reader'],
    private readonly plan: ExportPlan,
    private readonly prelude: Buffer | undefined,
    /** Of a delta: indexes of the blocks it holds. */
    private readonly changed: Uint32Array | undefined,
    private readonly pacer: Pacer,
    private readonly giveUp: () => boolean,
  ) {}

  public stream(part: number): PartStream {
    const { first, count } = blocksOfPart(this.plan, part);
    const indexes = Array.from({ length: count }, (_, i) => this.indexOf(first + i));
    return new PartStream(part === 1 ? this.prelude : undefined, indexes.map(index => () => this.read(index)), this.changed !== undefined);
  }

  private indexOf(block: number): number {
    return this.changed ? this.changed[block] : block;
  }

  private async list(parts: readonly number[]): Promise<void> {
    const [first, last] = [blocksOfPart(this.plan, parts[0]), blocksOfPart(this.plan, parts.at(-1)!)];
    if (last.first + last.count === first.first) { return; }
    const end = this.indexOf(last.first + last.count - 1) + 1;
    for (let token: string | undefined, from = this.indexOf(first.first); ;) {
      const page = await this.reader.list(this.plan.snapshotId, from, token, this.giveUp);
      for (const block of page.blocks) { if (block.index < end) { this.listed.set(block.index, block); } }
      from = (page.blocks.at(-1)?.index ?? from - 1) + 1;
      token = page.next;
      if (token === undefined || from >= end) { return; }
    }
  }

  private async read(index: number) {
    const block = this.listed.get(index);
    return block ? this.reader.block(this.plan.snapshotId, block, this.giveUp, this.pacer) : { bytes: ZEROS, digest: ZERO_DIGEST };
  }
}

/** One part on its way: what was sent of it is known when it has been. */
class PartStream {
  public crc32 = 0;
  public readonly digests: Buffer[] = [];

  constructor(
    private readonly prelude: Buffer | undefined,
    private readonly blocks: readonly (() => Promise<{ readonly bytes: Buffer; readonly digest: Buffer }>)[],
    private readonly withDigests: boolean,
  ) {}

  public async* pieces(): AsyncGenerator<Buffer> {
    if (this.prelude) { yield this.sent(this.prelude); }
    for await (const { bytes, digest } of inOrder(this.blocks, AHEAD)) {
      this.digests.push(digest);
      yield this.sent(this.withDigests ? Buffer.concat([digest, bytes], DIGEST_SIZE + BLOCK_SIZE) : bytes);
    }
  }

  private sent(piece: Buffer): Buffer {
    this.crc32 = crc32(piece, this.crc32);
    return piece;
  }
}
