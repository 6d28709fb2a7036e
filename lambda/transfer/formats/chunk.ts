import { promisify } from 'node:util';
import { constants, inflate, inflateRaw, zstdDecompress } from 'node:zlib';
import { damaged, type Chunk, type XzBlock } from './layout';
import { decompressed as streamed } from './streams';
import { u64le } from './tables';
import { GRAIN_MARKER } from './vmdk';
import { streamOfBlock } from './xz';
import { frameLength } from './zstd';

const inflating = promisify(inflate);
const inflatingRaw = promisify(inflateRaw);
const unzstd = promisify(zstdDecompress);

/** What a chunk holds: at least `needed` bytes, at most as many as it has on the disk. `bytes` may go on after the compressed data. */
export async function decompress(format: string, chunk: Chunk, bytes: Buffer, needed: number): Promise<Buffer> {
  let content: Buffer;
  try {
    content = await decompressed(format, chunk, bytes);
  } catch (error) {
    if ((error as { code?: string }).code === undefined) { throw error; }
    const how = (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE' ? `is longer than ${chunk.length} bytes` : `cannot be decompressed: ${(error as Error).message}`;
    return damaged(format, `what lies at byte ${chunk.file} of the file ${how}`);
  }
  if (content.length < needed) { damaged(format, `what lies at byte ${chunk.file} of the file has ${content.length} bytes, where ${needed} are needed`); }
  return content;
}

async function decompressed(format: string, { at, length, codec }: Chunk, bytes: Buffer): Promise<Buffer> {
  // Its end is not always known exactly, so that no end is no error: the length of the content tells.
  const options = { maxOutputLength: length, finishFlush: constants.Z_SYNC_FLUSH };
  switch (codec) {
    case 'deflate': return inflatingRaw(bytes, options);
    case 'zstd': return unzstd(bytes.subarray(0, frameLength(bytes) ?? damaged(format, 'a compressed cluster is no zstd')), { maxOutputLength: length });
    case 'grain': {
      if (bytes.length < GRAIN_MARKER || u64le(bytes, 0) * 512 !== at) { damaged(format, `where the grain for byte ${at} of the disk should be, there is another, or none`); }
      const end = GRAIN_MARKER + bytes.readUInt32LE(8);
      if (end > bytes.length) { damaged(format, `the grain for byte ${at} of the disk is cut off`); }
      return inflating(bytes.subarray(GRAIN_MARKER, end), options);
    }
    default: return xzBlock(bytes, length, codec);
  }
}

async function xzBlock(bytes: Buffer, length: number, block: XzBlock): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let total = 0;
  for await (const piece of streamed('XZ', [streamOfBlock(bytes, length, block)])) {
    pieces.push(piece);
    total += piece.length;
    if (total > length) { throw Object.assign(new Error('it is longer than its index says'), { code: 'ERR_BUFFER_TOO_LARGE' }); }
  }
  return Buffer.concat(pieces);
}
