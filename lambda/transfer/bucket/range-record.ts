import { rangeOf, type Plan } from './plan';
import { Crc } from '../blocks/crc';
import { DIGEST_SIZE, Digests } from '../blocks/digests';
import { BLOCK_SIZE } from '../blocks/sizes';
import { ZEROS } from '../blocks/zero';

/** Bytes of a CRC, whatever its width. */
const CRC_SIZE = 8;

/** A range of which every block was copied. */
export interface FinishedRange {
  /** SHA-256 of each block, in order. */
  readonly digests: Buffer;
  /** CRC of the bytes of the image in this range; empty if the image has no checksum to compare with. */
  readonly crc: Buffer;
}

/**
 * SHA-256 and CRC of each block of a range, gathered while the blocks are copied, so that the image is read only once. In
 * the transfer bucket, an unfinished range is its digests (zeros where a block is missing), then the CRCs of its blocks. A
 * finished range is its digests, then one CRC. There are no CRCs if S3 has no checksum of the image to compare with.
 */
export class RangeRecord {
  /** Restores the record that an earlier invocation saved, or begins a new one. */
  public static parse(plan: Plan, n: number, saved?: Buffer): RangeRecord {
    const { first, count } = rangeOf(plan, n);
    const end = count * DIGEST_SIZE;
    const crc = plan.checksum && Crc.named(plan.checksum.algorithm);
    const digests = new Digests(saved?.subarray(0, end) ?? Buffer.alloc(end));
    // Ignore the rest of `saved` if there is no checksum: after a stream that ended early, the bytes behind the digests are not CRCs.
    const crcs = crc ? saved?.subarray(end) ?? Buffer.alloc(count * CRC_SIZE) : Buffer.alloc(0);
    return new RangeRecord(digests, crcs, crc, plan.source.size - first * BLOCK_SIZE);
  }

  private crcOfWholeZeros: bigint | undefined;

  private constructor(
    private readonly digests: Digests,
    private readonly crcs: Buffer,
    private readonly crc: Crc | undefined,
    /** Bytes of the image from the start of the range on; negative if the image ends before it. */
    private readonly imageBytes: number,
  ) {}

  /** Returns the CRC of what a block holds of the image, which may end in the middle of the block or before it. */
  public crcOf(i: number, block: Uint8Array): bigint {
    if (!this.crc) { return 0n; }
    const length = this.lengthOf(i);
    return this.crc.of(length === block.length ? block : block.subarray(0, length));
  }

  /** Returns the CRC that block `i` has if it is all zeros. */
  public crcOfZeros(i: number): bigint {
    return this.lengthOf(i) < BLOCK_SIZE ? this.crcOf(i, ZEROS) : this.crcOfWholeZeros ??= this.crcOf(i, ZEROS);
  }

  /** Records a block. @param crc May be left out only where the image is not read as a whole, so that it has no checksum. */
  public set(i: number, digest: Buffer, crc?: bigint): void {
    this.digests.set(i, digest);
    if (this.crc && crc !== undefined) { this.crcs.writeBigUInt64BE(crc, i * CRC_SIZE); }
  }

  /** Returns which blocks are not recorded, in order. */
  public missing(from?: number, to?: number): number[] {
    return this.digests.missing(from, to);
  }

  /** Returns a copy of the record as it is saved while blocks are missing. */
  public bytes(): Buffer {
    return Buffer.concat([this.digests.bytes, this.crcs]);
  }

  /** Returns the record as it is saved once `count` blocks, which are all of the range, are copied. */
  public finished(count: number): Buffer {
    return Buffer.concat([this.digests.bytes.subarray(0, count * DIGEST_SIZE), this.combinedCrc(count)]);
  }

  private combinedCrc(count: number): Buffer {
    if (!this.crc) { return this.crcs; }
    let crc = 0n;
    for (let i = 0; i < count; i++) { crc = this.crc.combine(crc, this.crcs.readBigUInt64BE(i * CRC_SIZE), this.lengthOf(i)); }
    const combined = Buffer.alloc(CRC_SIZE);
    combined.writeBigUInt64BE(crc);
    return combined;
  }

  private lengthOf(i: number): number {
    return Math.max(0, Math.min(BLOCK_SIZE, this.imageBytes - i * BLOCK_SIZE));
  }
}

/** Parses a finished range: a CRC is shorter than a digest, so it is the remainder of the length. */
export function parseFinishedRange(bytes: Buffer): FinishedRange {
  const end = bytes.length - bytes.length % DIGEST_SIZE;
  return { digests: bytes.subarray(0, end), crc: bytes.subarray(end) };
}
