import { crc32 } from 'zlib';
import { streamOfBlock } from '../../../lambda/transfer/formats/xz';

const LARGEST_CHUNK = 65_536;

/** An xz stream of one block in which nothing is compressed: as large as one of anything that does not compress. Node cannot make others. */
export function storedXz(content: Buffer): Buffer {
  // Twelve bytes: no sizes, LZMA2 alone, with a dictionary of a MiB.
  const header = Buffer.from([2, 0, 0x21, 1, 16, 0, 0, 0]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(header));
  const parts: Buffer[] = [header, sum];
  for (let at = 0; at < content.length; at += LARGEST_CHUNK) {
    const chunk = content.subarray(at, at + LARGEST_CHUNK);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(chunk.length - 1);
    parts.push(Buffer.from([at === 0 ? 1 : 2]), length, chunk);
  }
  const block = Buffer.concat([...parts, Buffer.alloc(1)]);
  return streamOfBlock(Buffer.concat([block, Buffer.alloc((4 - block.length % 4) % 4)]), content.length, { check: 0, unpadded: block.length });
}
