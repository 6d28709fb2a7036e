import { damaged, type Extent } from './layout';

/** Beyond this, nothing more is remembered; an image written in order needs a few only. */
const MOST_CLAIMS = 100_000;

interface Claim {
  readonly start: number;
  readonly end: number;
  /** How far the bytes are from their place on the disk. */
  readonly shift: number;
}

/**
 * Which bytes of the file are already in use, so that no two places of the disk
 * have the same: tables that say so are damaged, or made to let a small file become a huge disk.
 */
export class Claims {
  /** In order, and without an overlap. */
  private readonly claims: Claim[] = [];

  constructor(private readonly format: string) {}

  /** Repeated for the same place, it says nothing. */
  public add(extent: Extent): void {
    if (extent.kind === 'zeros') { return; }
    // Where compressed data ends is known roughly.
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
        damaged(this.format, `two places of the disk, bytes ${claim.start + claim.shift} and ${claim.start + other.shift}, lie at the same byte ${claim.start} of the file`);
      }
    }
    const touching = claims.slice(low, end);
    const others = touching.filter(other => other.shift !== claim.shift);
    if (touching.length === others.length && claims.length >= MOST_CLAIMS) { return; }
    const merged = [...others, { start, end: stop, shift: claim.shift }].sort((a, b) => a.start - b.start);
    claims.splice(low, end - low, ...merged);
  }
}
