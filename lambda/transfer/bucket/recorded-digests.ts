import { type Plan, rangeOf, rangesOf } from './plan';
import type { TransferStore } from './store';
import { DIGEST_SIZE, LinearChecksum } from '../blocks/digests';

/** Digests are 4 MiB at most for each range. */
const AT_ONCE = 8;

/**
 * How the digests of a snapshot that was imported here are divided, if all of
 * them are there and are those that it was sealed with. Otherwise a part of a
 * sentence says what is wrong with them.
 */
export async function recordedBlocks(store: TransferStore, snapshotId: string): Promise<Plan | string> {
  const [manifest, plan] = await Promise.all([store.manifest(snapshotId), store.findPlan(snapshotId)]);
  if (!manifest || !plan) { return 'its manifest is missing'; }
  if (manifest.snapshotId !== snapshotId) { return `its manifest is that of snapshot ${manifest.snapshotId}`; }

  const all = new LinearChecksum();
  for (let n = 0; n < rangesOf(plan); n += AT_ONCE) {
    const ranges = Array.from({ length: Math.min(AT_ONCE, rangesOf(plan) - n) }, (_, i) => n + i);
    for (const [i, digests] of (await Promise.all(ranges.map(range => store.digests(snapshotId, range)))).entries()) {
      if (digests?.length !== rangeOf(plan, ranges[i]).count * DIGEST_SIZE) { return 'a part of its manifest is missing'; }
      all.add(digests);
    }
  }
  return all.base64() === (manifest.digests ?? manifest.checksum) ? plan : 'its manifest does not match its checksum';
}
