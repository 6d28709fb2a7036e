/* eslint-disable no-bitwise */
/** A set of block indexes with one bit per block: 16 MiB for the largest volume. */
export class BlockSet {
  public static empty(below: number): BlockSet {
    return new BlockSet(Buffer.alloc(Math.ceil(below / 8)));
  }

  constructor(public readonly bytes: Buffer) {}

  public add(block: number): void {
    this.bytes[block >>> 3] |= 1 << (block & 7);
  }

  /** Returns the number of members from `from` to before `to`. Both must be multiples of 8, or lie beyond the end. */
  public count(from = 0, to = this.bytes.length * 8): number {
    let count = 0;
    for (const byte of this.bytes.subarray(from / 8, Math.ceil(to / 8))) { count += BITS[byte]; }
    return count;
  }

  /** Yields members in ascending order: skips the first `skipped`, then yields at most `most`. */
  public* members(skipped = 0, most = Infinity): Generator<number> {
    let left = skipped;
    let more = most;
    for (let i = 0; i < this.bytes.length; i++) {
      const byte = this.bytes[i];
      if (left >= BITS[byte]) { left -= BITS[byte]; continue; }
      for (let bit = 0; bit < 8; bit++) {
        if ((byte >>> bit) % 2 === 0 || left-- > 0) { continue; }
        if (more-- === 0) { return; }
        yield i * 8 + bit;
      }
      left = 0;
    }
  }
}

/** Number of bits that are set in each byte. */
const BITS = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);
