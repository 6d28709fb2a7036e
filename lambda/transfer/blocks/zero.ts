import { DIGEST_SIZE } from './digests';
import { BLOCK_SIZE } from './sizes';

export const ZEROS = Buffer.alloc(BLOCK_SIZE);
/** SHA-256 of a block of zeros. With `zeroBlocks: OMIT`, it marks a block that was not written. */
export const ZERO_DIGEST = Buffer.from('B4VNL+8pega6gWheZgwzLeNtXRjVRpJ9MNqtbX/aFUE=', 'base64');

/** Whether a block is all zeros. Comparing is ten times as fast as hashing. */
export function isZero(block: Uint8Array): boolean {
  return ZEROS.equals(block);
}

/** Marks a block that a snapshot does not have. No block has this SHA-256. */
export const ABSENT_DIGEST = Buffer.alloc(DIGEST_SIZE, 0xff);

/** Whether the snapshot has the block, either written to it or inherited from its parent. */
export function isThere(digest: Buffer, zeroBlocks: 'OMIT' | undefined): boolean {
  return !digest.equals(zeroBlocks === 'OMIT' ? ZERO_DIGEST : ABSENT_DIGEST);
}

/** Returns the digests of those blocks of a range that were written to the snapshot. `parent` has the digests of the parent's blocks in that range. */
export function digestsOfWritten(digests: Buffer, { zeroBlocks }: { readonly zeroBlocks?: 'OMIT' }, parent?: Buffer): Buffer {
  if (zeroBlocks !== 'OMIT' && !parent) { return digests; }
  const written: Buffer[] = [];
  for (let at = 0; at < digests.length; at += DIGEST_SIZE) {
    const digest = digests.subarray(at, at + DIGEST_SIZE);
    if (isThere(digest, zeroBlocks) && !parent?.subarray(at, at + DIGEST_SIZE).equals(digest)) { written.push(digest); }
  }
  return Buffer.concat(written);
}
