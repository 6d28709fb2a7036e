import { isMultipart, type Source } from './object';
import type { PinnedSource } from '../../../src/contract/transfer';
import { DIGEST_SIZE, Digests } from '../blocks/digests';
import { blocksOf } from '../blocks/sizes';
import { ABSENT_DIGEST } from '../blocks/zero';
import { type Plan, rangeOf } from '../bucket/plan';

/**
 * The digests of a range's blocks that are known before the blocks are read:
 * those that a manifest tells, or, where S3 proves that the image is what it
 * was, those of the parent. What is known to be in the parent already, or to be
 * zeros that are left out, is neither read nor put.
 *
 * Nothing is believed of a block that is put: EBS compares it with its digest.
 */
export async function knownDigests(source: Source, plan: Plan, n: number, parent: Buffer | undefined): Promise<Digests> {
  const { first, count } = rangeOf(plan, n);
  const known = new Digests(Buffer.alloc(count * DIGEST_SIZE));
  const { manifest, size } = plan.source;
  if (manifest) {
    // On top of a larger parent, a range may lie beyond the image.
    const told = Math.min(count, blocksOf(size) - first);
    if (told > 0) { await source.read(manifest, manifest.digestsAt + first * DIGEST_SIZE, known.bytes.subarray(0, told * DIGEST_SIZE)); }
  } else if (parent) {
    for (const [from, to] of plan.unchanged ?? []) {
      for (let i = Math.max(from - first, 0); i < Math.min(to - first, count); i++) {
        const digest = parent.subarray(i * DIGEST_SIZE, (i + 1) * DIGEST_SIZE);
        // Zeros that the parent's import left out.
        if (!digest.equals(ABSENT_DIGEST)) { known.set(i, digest); }
      }
    }
  }
  return known;
}

/** Whether an increment may find that it need not read some of the image. */
export function mayBeKnown({ etag, image, delta, manifest }: PinnedSource): boolean {
  return manifest !== undefined || (!image && !delta && isMultipart(etag));
}
