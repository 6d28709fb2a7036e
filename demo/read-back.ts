import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EBSClient, GetSnapshotBlockCommand, paginateListSnapshotBlocks } from '@aws-sdk/client-ebs';
import type { Emulator } from '../world/emulator/emulator';

const BLOCK = 512 * 1024;
const ZEROS = Buffer.alloc(BLOCK);

export function sha256OfFile(path: string): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  const buffer = Buffer.alloc(BLOCK);
  for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) { hash.update(buffer.subarray(0, read)); }
  closeSync(file);
  return hash.digest('hex');
}

/** SHA-256 of a snapshot's first bytes, as many as the image has, read block by block as any client of the EBS direct APIs would. */
export async function sha256OfSnapshot(emulator: Emulator, snapshotId: string, imagePath: string): Promise<string> {
  const client = new EBSClient(emulator.config);
  const size = statSync(imagePath).size;
  const hash = createHash('sha256');
  let position = 0;
  const add = (bytes: Uint8Array) => { position += take(hash, bytes, size - position); };
  const zerosUntil = (end: number) => { while (position < Math.min(end, size)) { add(ZEROS); } };

  emulator.clock.advance(60_000); // A completed snapshot can be read a moment later.
  await sleep(0);
  for await (const page of paginateListSnapshotBlocks({ client }, { SnapshotId: snapshotId, MaxResults: 1000 })) {
    for (const { BlockIndex, BlockToken } of page.Blocks ?? []) {
      zerosUntil(BlockIndex! * BLOCK);
      const block = await client.send(new GetSnapshotBlockCommand({ SnapshotId: snapshotId, BlockIndex, BlockToken }));
      add(await block.BlockData!.transformToByteArray());
    }
  }
  zerosUntil(size);
  client.destroy();
  return hash.digest('hex');
}

function take(hash: Hash, bytes: Uint8Array, most: number): number {
  const part = bytes.subarray(0, Math.max(0, most));
  hash.update(part);
  return part.length;
}
