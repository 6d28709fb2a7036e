import { exportRangesOf, type ExportPlan } from './layout';
import type { ExportStore } from './store';
import type { BlockSet } from '../blocks/block-set';
import { DIGEST_SIZE } from '../blocks/digests';
import { ZERO_DIGEST } from '../blocks/zero';
import { manifestLine } from '../formats/manifest';

const ZEROS_AT_ONCE = 8_192;
const ZERO_DIGESTS = Buffer.alloc(ZEROS_AT_ONCE * DIGEST_SIZE, ZERO_DIGEST);

/** The manifest of an export. `body` makes it anew each time, because it is too large for the memory. */
export interface ManifestBody {
  readonly size: number;
  readonly body: () => AsyncIterable<Buffer>;
}

export function manifestBody(store: ExportStore, exportId: string, plan: ExportPlan, crc32: string): ManifestBody {
  const { volumeSize, snapshotId, format = 'RAW', volumeBlocks = plan.blocks } = plan;
  const line = manifestLine({ blocks: volumeBlocks, volumeSize, snapshotId, image: format, crc32 });
  return {
    size: line.length + volumeBlocks * DIGEST_SIZE,
    async* body() {
      yield line;
      const digests = objectDigests(store, exportId, plan);
      yield* format === 'QCOW2' ? volumeDigests(digests, await store.presentBlocks(exportId), volumeBlocks) : digests;
    },
  };
}

/** Yields the digests of the object's blocks, in order. */
async function* objectDigests(store: ExportStore, exportId: string, plan: ExportPlan): AsyncGenerator<Buffer> {
  for (let n = 0; n < exportRangesOf(plan); n++) {
    for (const { digests } of await store.parts(exportId, n)) { yield Buffer.from(digests, 'base64'); }
  }
}

/** Yields the digests of all blocks of the volume, from those of the present blocks. Absent blocks read as zeros. */
export async function* volumeDigests(digests: AsyncIterable<Buffer>, present: BlockSet, volumeBlocks: number): AsyncGenerator<Buffer> {
  const members = present.members();
  let next = 0;
  function* absent(before: number): Generator<Buffer> {
    for (; next < before; next += Math.min(ZEROS_AT_ONCE, before - next)) { yield ZERO_DIGESTS.subarray(0, (before - next) * DIGEST_SIZE); }
  }
  for await (const some of digests) {
    let from = 0;
    for (let at = 0; at < some.length; at += DIGEST_SIZE, next++) {
      const member = members.next().value!;
      if (member === next) { continue; }
      if (at > from) { yield some.subarray(from, at); }
      yield* absent(member);
      from = at;
    }
    yield some.subarray(from);
  }
  yield* absent(volumeBlocks);
}
