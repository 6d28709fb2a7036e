import { hash, randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { EBSClient, PutSnapshotBlockCommand } from '@aws-sdk/client-ebs';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Measured, PipelineName } from './options';

/**
 * One way to move an image into a snapshot, in a process of its own:
 * `pipeline.js <name> <bytes> <bundle of the copying worker> <whether zero blocks are left out>`. Prints what it took.
 */
const BLOCK = 512 * 1024;
const ZEROS = Buffer.alloc(BLOCK);
const SNAPSHOT_ID = 'snap-0123456789abcdef0';

const pipelines: Record<PipelineName, (size: number, bundle: string, zeros: boolean) => Promise<void>> = {
  /** What no import can do without. */
  sha256: async size => {
    const bytes = randomBytes(64 * 1024 * 1024);
    for (let at = 0; at < size; at += BLOCK) { hash('sha256', bytes.subarray(at % bytes.length, at % bytes.length + BLOCK), 'buffer'); }
  },

  naive: (_size, _bundle, zeros) => sdk(1, zeros),

  concurrent: (_size, _bundle, zeros) => sdk(64, zeros),

  /** The very function that is deployed, with one range of the whole image. */
  worker: async (_size, bundle) => {
    const { handler } = await import(bundle) as { handler: (input: object, context: object) => Promise<{ done: boolean }> };
    const { done } = await handler({ snapshotId: SNAPSHOT_ID, n: 0 }, { getRemainingTimeInMillis: () => 900_000 });
    if (!done) { throw new Error('the worker did not finish'); }
  },
};

/** GetObject as a stream, cut into blocks that are put by clients as they come, so many at once. */
async function sdk(puts: number, zeros: boolean): Promise<void> {
  const [s3, ebs] = [new S3Client({}), new EBSClient({})];
  const put = async (index: number, block: Buffer) => {
    if (zeros && block.equals(ZEROS)) { return; }
    const checksum = hash('sha256', block, 'base64');
    await ebs.send(new PutSnapshotBlockCommand({
      SnapshotId: SNAPSHOT_ID, BlockIndex: index, BlockData: block, DataLength: BLOCK, Checksum: checksum, ChecksumAlgorithm: 'SHA256',
    }));
  };
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'images', Key: 'disk.img' }));
  const underWay = new Set<Promise<void>>();
  let block = Buffer.allocUnsafe(BLOCK);
  let [filled, index] = [0, 0];
  for await (let chunk of Body as Readable as AsyncIterable<Buffer>) {
    while (chunk.length > 0) {
      const taken = chunk.copy(block, filled);
      chunk = chunk.subarray(taken);
      filled += taken;
      if (filled < BLOCK) { continue; }
      const one: Promise<void> = put(index++, block).finally(() => underWay.delete(one));
      underWay.add(one);
      if (underWay.size === puts) { await Promise.race(underWay); }
      block = Buffer.allocUnsafe(BLOCK);
      filled = 0;
    }
  }
  await Promise.all(underWay);
}

async function main([name, size, bundle, zeros]: string[]): Promise<void> {
  const [start, before] = [performance.now(), process.resourceUsage()];
  await pipelines[name as PipelineName](Number(size), bundle, zeros === 'true');
  const after = process.resourceUsage();
  const measured: Measured = {
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: (after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime) / 1e6,
    peakRssMiB: after.maxRSS / 1024,
  };
  console.log(JSON.stringify(measured));
}

main(process.argv.slice(2)).then(() => process.exit(), error => { console.error(error); process.exit(1); });
