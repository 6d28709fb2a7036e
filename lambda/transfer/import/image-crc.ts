import { Crc } from '../blocks/crc';
import { compareChecksum } from '../blocks/image-checksum';
import { BLOCK_SIZE } from '../blocks/sizes';
import { rangeOf, type Plan } from '../bucket/plan';

/** The CRC of an image, computed from the CRCs of its ranges in their order. Does nothing if S3 has no checksum of the image. */
export class ImageCrc {
  private crc = 0n;

  constructor(private readonly plan: Plan) {}

  /** Appends a finished range. */
  public add(n: number, rangeCrc: Buffer): void {
    const { checksum, source: { size } } = this.plan;
    if (!checksum) { return; }
    const { first, count } = rangeOf(this.plan, n);
    const length = Math.max(0, Math.min(count * BLOCK_SIZE, size - first * BLOCK_SIZE));
    this.crc = Crc.named(checksum.algorithm).combine(this.crc, rangeCrc.readBigUInt64BE(), length);
  }

  /** Throws if the CRC differs from S3's. @param name Name of the image for the error. */
  public compare(name: string): void {
    const { checksum } = this.plan;
    if (checksum) { compareChecksum(checksum, this.crc, name); }
  }
}
