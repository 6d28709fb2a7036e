/* eslint-disable no-bitwise */
/** Numbers of blocks, a bit each: 16 MiB for the largest volume that there is. */
export class BlockSet {
  public static empty(below: number): BlockSet {
    return new BlockSet(Buffer.alloc(Math.ceil(below / 8)));
  }

  constructor(public readonly bytes: Buffer) {}

  public add(block: number): void {
    this.bytes[block >>> 3] |= 1 << (block & 7);
  }

  /** How many of them lie from one number to before another; both are multiples of 8, or beyond the end. */
  public count(from = 0, to = this.bytes.length * 8): number {
    let count = 0;
    for (const byte of this.bytes.subarray(from / 8, Math.ceil(to / 8))) { count += BITS[byte]; }
    return count;
  }

  /** In ascending order: after the first so many, the next so many. */
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

/** How many bits of a byte are set. */
const BITS = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);
