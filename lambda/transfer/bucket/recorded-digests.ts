import { type Plan, rangeOf, rangesOf } from './plan';
import type { TransferStore } from './store';
import { DIGEST_SIZE, LinearChecksum } from '../blocks/digests';

/** Ranges that are read at once; each has at most 4 MiB of digests. */
const AT_ONCE = 8;

/**
 * Returns the plan of a snapshot that was imported here, if all of its digests are there and match the checksum with which
 * the snapshot was sealed. Otherwise returns what is wrong with them, as a part of a sentence.
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
