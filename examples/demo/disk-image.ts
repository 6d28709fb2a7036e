import { spawnSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const MIB = 1024 * 1024;
const SIZE = 256 * MIB;

/**
 * Makes a disk image of 256 MiB, about a third of it zeros: an ext4 file
 * system where mke2fs is installed, otherwise bytes of our own, which then
 * end in the middle of a block. `revision` 2 differs from 1 in some places.
 */
export function makeDiskImage(folder: string, revision: number): { path: string; made: string } {
  const path = join(folder, `disk-${revision}.img`);
  const content = join(folder, `content-${revision}`);
  rmSync(content, { recursive: true, force: true });
  mkdirSync(content, { recursive: true });
  for (let i = 0; i < 10; i++) { fill(join(content, `data-${i}.bin`), 16 * MIB, `${i === 3 ? revision : 1}/${i}`); }

  if (spawnSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', content, path, `${SIZE / 1024}`], { stdio: 'ignore' }).status === 0) {
    rmSync(content, { recursive: true });
    return { path, made: 'an ext4 file system, by mke2fs -d' };
  }

  rmSync(content, { recursive: true });
  const file = openSync(path, 'w');
  ftruncateSync(file, SIZE + 1000);
  for (let third = 0; third < 2; third++) { writeRandom(file, third * 96 * MIB, 80 * MIB, `${third === 1 ? revision : 1}/${third}`); }
  // The signature of a boot sector, by which the import knows a disk.
  writeSync(file, Buffer.from([0x55, 0xaa]), 0, 2, 510);
  writeSync(file, `end of revision ${revision}`, SIZE + 900);
  closeSync(file);
  return { path, made: 'bytes of its own (mke2fs is not installed here)' };
}

function fill(path: string, size: number, seed: string): void {
  const file = openSync(path, 'w');
  writeRandom(file, 0, size, seed);
  closeSync(file);
}

/** Bytes that nothing compresses, and always the same for a seed. */
function writeRandom(file: number, offset: number, size: number, seed: string): void {
  const stream = createCipheriv('aes-256-ctr', Buffer.from(seed.padEnd(32, '.')), Buffer.alloc(16));
  const zeros = Buffer.alloc(MIB);
  for (let done = 0; done < size; done += MIB) { writeSync(file, stream.update(zeros), 0, MIB, offset + done); }
}
