import { damaged, type Extent } from './layout';

/** Limit for the memory of the guard. An image that was written in order needs only a few claims. */
const MOST_CLAIMS = 100_000;

interface Claim {
  readonly start: number;
  readonly end: number;
  /** Position on the disk minus position in the file. */
  readonly shift: number;
}

/**
 * Refuses images in which two places of the disk share bytes of the file. Tables that say so are damaged, or were made so that a small
 * file becomes a huge disk.
 */
export class OverlapGuard {
  /** Bytes of the file that are in use, in order and without an overlap. */
  private readonly claims: Claim[] = [];

  constructor(private readonly format: string) {}

  /** Throws if the extent's bytes are in use for another place of the disk. May be repeated for the same place. */
  public add(extent: Extent): void {
    if (extent.kind === 'zeros') { return; }
    // The end of compressed data is known only roughly.
    const length = extent.kind === 'data' ? extent.length : 1;
    this.claim({ start: extent.file, end: extent.file + length, shift: extent.at - extent.file });
  }

  private claim(claim: Claim): void {
    const { claims } = this;
    let [low, high] = [0, claims.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (claims[middle].end < claim.start) { low = middle + 1; } else { high = middle; }
    }
    // All from `low` to before `end` touch it.
    let end = low;
    let { start, end: stop } = claim;
    for (; end < claims.length && claims[end].start <= claim.end; end++) {
      const other = claims[end];
      if (other.shift === claim.shift) {
        start = Math.min(start, other.start);
        stop = Math.max(stop, other.end);
      } else if (other.start < claim.end && other.end > claim.start) {
        const byte = Math.max(claim.start, other.start);
        damaged(this.format, `two places of the disk, bytes ${byte + claim.shift} and ${byte + other.shift}, lie at the same byte ${byte} of the file`);
      }
    }
    const touching = claims.slice(low, end);
    const others = touching.filter(other => other.shift !== claim.shift);
    if (touching.length === others.length && claims.length >= MOST_CLAIMS) { return; }
    const merged = [...others, { start, end: stop, shift: claim.shift }].sort((a, b) => a.start - b.start);
    claims.splice(low, end - low, ...merged);
  }
}
