import { createHash, hash } from 'node:crypto';

/** Length of a SHA-256 in bytes. */
export const DIGEST_SIZE = 32;

export function digestOf(block: Uint8Array): Buffer {
  return hash('sha256', block, 'buffer');
}

/**
 * EBS's checksum with the aggregation method LINEAR: the SHA-256 of all blocks' raw digests, in ascending order of their indexes.
 * Digests are added in the form in which the transfer bucket holds them.
 */
export class LinearChecksum {
  /** Number of digests that were added. */
  public count = 0;
  private readonly sum = createHash('sha256');

  public add(digests: Buffer): void {
    this.sum.update(digests);
    this.count += digests.length / DIGEST_SIZE;
  }

  public base64(): string {
    return this.sum.digest('base64');
  }
}

const NO_DIGEST = Buffer.alloc(DIGEST_SIZE);

/** The digests of a range's blocks, as the transfer bucket holds them. Zeros stand for a missing digest, because no block has that SHA-256. */
export class Digests {
  constructor(public readonly bytes: Buffer) {}

  public set(i: number, digest: Buffer): void {
    digest.copy(this.bytes, i * DIGEST_SIZE);
  }

  /** Returns undefined if the digest is missing. */
  public get(i: number): Buffer | undefined {
    const digest = this.bytes.subarray(i * DIGEST_SIZE, (i + 1) * DIGEST_SIZE);
    return digest.equals(NO_DIGEST) ? undefined : digest;
  }

  /** Returns the indexes of missing digests, in order. */
  public missing(from = 0, to = this.bytes.length / DIGEST_SIZE): number[] {
    const missing: number[] = [];
    for (let i = from; i < to; i++) {
      if (!this.get(i)) { missing.push(i); }
    }
    return missing;
  }
}
