import type { ReadFile } from './disk';
import { Crc } from '../blocks/crc';
import { compareChecksum, type ImageChecksum } from '../blocks/image-checksum';
import { BLOCK_SIZE } from '../blocks/sizes';

/**
 * Returns a function that reads an object in order, and throws at its end if the content differs from S3's checksum.
 * @param name Name of the image for the error.
 */
export function checkedReading(readFile: ReadFile, size: number, checksum: ImageChecksum, name: string): ReadFile {
  const sum = Crc.named(checksum.algorithm);
  let [position, crc] = [0, 0n];
  return async (offset, into, arrived) => {
    if (offset !== position) { throw new Error(`${name} was to be read in order, but byte ${offset} was asked for after byte ${position}`); }
    await readFile(offset, into, arrived);
    position += into.length;
    for (let at = 0; at < into.length; at += BLOCK_SIZE) {
      const block = into.subarray(at, at + BLOCK_SIZE);
      crc = sum.combine(crc, sum.of(block), block.length);
    }
    if (position === size) { compareChecksum(checksum, crc, name); }
  };
}
