import { setTimeout as sleep } from 'node:timers/promises';
import { EBSClient, StartSnapshotCommand } from '@aws-sdk/client-ebs';
import { clientConfig } from '../lambda/shared/client-config';
import { digestOf } from '../lambda/transfer/blocks/digests';
import { BLOCK_SIZE } from '../lambda/transfer/blocks/sizes';
import { rangeOf, rangesOf } from '../lambda/transfer/bucket/plan';
import { divide } from '../lambda/transfer/flow/division';
import { SharePacer } from '../lambda/transfer/flow/pacer';
import { BlockWriter } from '../lambda/transfer/snapshot/block-writer';
import { Clock } from '../world/emulator/clock';
import { EbsDirect } from '../world/emulator/ebs';
import { QUOTAS } from '../world/emulator/ebs/quotas';
import { Ec2 } from '../world/emulator/ec2';
import { REGION } from '../world/emulator/environment';
import { Kms } from '../world/emulator/kms';
import { EmulatorServer } from '../world/emulator/server';

/** A twentieth of the quotas, so that neither the emulator nor this machine is the limit. */
const SCALE = 0.05;
const BLOCKS = 1_000;
const WARM_UP_BLOCKS = 8;
const PUTS_AT_ONCE = 32;

/** The emulator in real time. */
class RealClock extends Clock {
  public now(): number {
    return Date.now();
  }

  public async sleep(milliseconds: number): Promise<void> {
    await sleep(milliseconds);
  }

  public work(): () => void {
    return () => {};
  }
}

/**
 * How much of its quota an import uses, and how many of its puts are refused:
 * the plan's arithmetic, and in every worker the real pacer and the real puts,
 * over HTTP against the emulator, in real time, all at a twentieth of the scale.
 */
export async function measureQuota(): Promise<{ utilization: number; rejected: number }> {
  const clock = new RealClock();
  const server = new EmulatorServer(clock);
  const kms = new Kms(clock);
  const ec2 = new Ec2(clock, kms);
  const quotas = { putPerAccount: QUOTAS.putPerAccount * SCALE, putPerSnapshot: QUOTAS.putPerSnapshot * SCALE };
  const ebs = new EbsDirect(clock, ec2, kms, { quotas, keepData: false, startWindow: 0 });
  [kms, ec2, ebs].forEach(service => server.add(service));
  await server.listen();
  const connect = () => new EBSClient({
    ...clientConfig({ connections: PUTS_AT_ONCE }), endpoint: server.url, region: REGION, credentials: EmulatorServer.ADMIN,
  });
  const log = console.log;
  // Retries are counted, not printed.
  console.log = () => {};
  try {
    const { SnapshotId } = await connect().send(new StartSnapshotCommand({ VolumeSize: 1 }));
    const { workers, putsPerSecond } = divide(65_536, {});
    const rangeBlocks = Math.ceil(BLOCKS / workers / 4);
    const ranges = Array.from({ length: rangesOf({ blocks: BLOCKS, rangeBlocks }) }, (_, n) => rangeOf({ blocks: BLOCKS, rangeBlocks }, n));

    const writers = Array.from({ length: workers }, () => new BlockWriter(connect()));
    // Connections and compiled code first: here all share a processor or two, and a second's delay would be a second's burst.
    const gentle = new SharePacer(putsPerSecond * SCALE);
    await Promise.all(writers.map(writer => copyRange(writer, gentle, SnapshotId!, { first: 0, count: WARM_UP_BLOCKS })));
    await sleep(1_500);
    server.calls.length = 0;

    const began = Date.now();
    await Promise.all(writers.map(async writer => {
      const pacer = new SharePacer(putsPerSecond * SCALE);
      for (let range = ranges.shift(); range; range = ranges.shift()) { await copyRange(writer, pacer, SnapshotId!, range); }
    }));
    const seconds = (Date.now() - began) / 1000;

    const puts = server.calls.filter(({ operation }) => operation === 'ebs:PutSnapshotBlock');
    const refused = puts.filter(({ status }) => status === 400).length;
    return { utilization: round((puts.length - refused) / seconds / (QUOTAS.putPerSnapshot * SCALE)), rejected: round(refused / puts.length) };
  } finally {
    console.log = log;
    await server.close();
  }
}

async function copyRange(
  writer: BlockWriter, pacer: SharePacer, snapshotId: string, { first, count }: { first: number; count: number },
): Promise<void> {
  let next = first;
  await Promise.all(Array.from({ length: PUTS_AT_ONCE }, async () => {
    const block = Buffer.alloc(BLOCK_SIZE);
    while (next < first + count) {
      const index = next++;
      block.writeUInt32LE(index);
      await writer.put(snapshotId, index, block, digestOf(block), { pacer });
    }
  }));
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
