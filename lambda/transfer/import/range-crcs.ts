import { Crc } from '../blocks/crc';
import { BLOCK_SIZE } from '../blocks/sizes';
import { ZEROS } from '../blocks/zero';
import { rangeOf, type Plan } from '../bucket/plan';

/** Bytes of a CRC, however wide it is. */
const CRC_SIZE = 8;

/** The CRCs of the blocks of a range, gathered while they are copied, so that the image is read once only. */
export class RangeCrcs {
  /** Of each block; empty if the object has no checksum to compare with. */
  public readonly bytes: Buffer;
  private readonly crc: Crc | undefined;
  private readonly first: number;
  private readonly count: number;
  private ofZeros: bigint | undefined;

  /** `saved`: those that another worker has left. */
  constructor(private readonly plan: Plan, n: number, saved?: Buffer) {
    ({ first: this.first, count: this.count } = rangeOf(plan, n));
    this.crc = plan.checksum && Crc.named(plan.checksum.algorithm);
    // Without a checksum, what another worker has left may be anything behind the digests of a stream that turned out to be shorter.
    this.bytes = this.crc ? saved ?? Buffer.alloc(this.count * CRC_SIZE) : Buffer.alloc(0);
  }

  /** Of one block, of which the image may end in the middle, or before it. */
  public of(i: number, block: Uint8Array): bigint {
    if (!this.crc) { return 0n; }
    const length = this.lengthOf(i);
    return this.crc.of(length === block.length ? block : block.subarray(0, length));
  }

  public zeros(i: number): bigint {
    return this.lengthOf(i) < BLOCK_SIZE ? this.of(i, ZEROS) : this.ofZeros ??= this.of(i, ZEROS);
  }

  public set(i: number, crc: bigint): void {
    if (this.crc) { this.bytes.writeBigUInt64BE(crc, i * CRC_SIZE); }
  }

  /** Of the whole range; empty if there is nothing to compare with. */
  public combined(): Buffer {
    if (!this.crc) { return this.bytes; }
    let crc = 0n;
    for (let i = 0; i < this.count; i++) { crc = this.crc.combine(crc, this.bytes.readBigUInt64BE(i * CRC_SIZE), this.lengthOf(i)); }
    const combined = Buffer.alloc(CRC_SIZE);
    combined.writeBigUInt64BE(crc);
    return combined;
  }

  private lengthOf(i: number): number {
    return Math.max(0, Math.min(BLOCK_SIZE, this.plan.source.size - (this.first + i) * BLOCK_SIZE));
  }
}

/** The CRC of an image, from those of its ranges in their order. */
export class ImageCrc {
  private crc = 0n;

  constructor(private readonly plan: Plan) {}

  public add(n: number, combined: Buffer): void {
    const { checksum, source: { size } } = this.plan;
    if (!checksum) { return; }
    const { first, count } = rangeOf(this.plan, n);
    const length = Math.max(0, Math.min(count * BLOCK_SIZE, size - first * BLOCK_SIZE));
    this.crc = Crc.named(checksum.algorithm).combine(this.crc, combined.readBigUInt64BE(), length);
  }

  /** Throws if S3 says otherwise. `name`: what the image is called. */
  public compare(name: string): void {
    const { checksum } = this.plan;
    if (!checksum) { return; }
    const read = Crc.named(checksum.algorithm).base64(this.crc);
    if (read === checksum.value) { return; }
    throw new Error(`what was read of ${name} is not what S3 says it holds: its ${checksum.algorithm} is ${read}, and should be ${checksum.value}; `
      + 'deploy again, and if that fails too, upload the image anew');
  }
}
