import { createHash } from 'crypto';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';

/** The bucket of the images. */
export const IMAGES = 'images';
/** The bucket in which transfers keep their state. */
export const TRANSFERS = 'transfers';

/** Bytes that differ from block to block, with the signature of a boot sector; every third block is zeros, as in real disks. */
export function disk(size: number, seed = 'disk'): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0, block = 0; at < size; at += BLOCK_SIZE, block++) {
    if (block % 3 === 1) { continue; }
    bytes.fill(createHash('sha256').update(`${seed} ${block}`).digest(), at, Math.min(at + BLOCK_SIZE, size));
  }
  if (size >= 512) { bytes.set([0x55, 0xaa], 510); }
  return bytes;
}

/** The properties of most tests: the image `disk.img`. */
export function properties(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { SourceBucket: IMAGES, SourceKey: 'disk.img', Owner: 'Stack/Image', RemovalPolicy: 'Delete', ...more };
}
