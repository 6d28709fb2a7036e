import { isMultipart, type Source } from './object';
import type { PinnedSource } from '../../../src/contract/transfer';
import { DIGEST_SIZE, Digests } from '../blocks/digests';
import { blocksOf } from '../blocks/sizes';
import { ABSENT_DIGEST } from '../blocks/zero';
import { type Plan, rangeOf } from '../bucket/plan';

/**
 * Returns the digests of a range's blocks that are known before the blocks are read: from a manifest, or from the parent
 * where S3 proves that the image did not change. Blocks that are known to be in the parent already, or to be zeros that are
 * left out, are neither read nor put. If a block is put, EBS compares it with its digest.
 */
export async function knownDigests(source: Source, plan: Plan, n: number, parent: Buffer | undefined): Promise<Digests> {
  const { first, count } = rangeOf(plan, n);
  const known = new Digests(Buffer.alloc(count * DIGEST_SIZE));
  const { manifest, size } = plan.source;
  if (manifest) {
    // On top of a larger parent, a range may lie beyond the image.
    const imageBlocks = Math.min(count, blocksOf(size) - first);
    const into = known.bytes.subarray(0, Math.max(0, imageBlocks) * DIGEST_SIZE);
    if (into.length > 0) { await source.read(manifest, manifest.digestsAt + first * DIGEST_SIZE, into); }
  } else if (parent) {
    for (const [from, to] of plan.unchanged ?? []) {
      for (let i = Math.max(from - first, 0); i < Math.min(to - first, count); i++) {
        const digest = parent.subarray(i * DIGEST_SIZE, (i + 1) * DIGEST_SIZE);
        // The parent's import left out zeros here.
        if (!digest.equals(ABSENT_DIGEST)) { known.set(i, digest); }
      }
    }
  }
  return known;
}

/** Returns whether an increment may not have to read all of the image. */
export function mayBeKnown({ etag, image, delta, manifest }: PinnedSource): boolean {
  return manifest !== undefined || (!image && !delta && isMultipart(etag));
}
