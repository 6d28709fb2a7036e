import { promisify } from 'node:util';
import { constants, inflate, inflateRaw, zstdDecompress } from 'node:zlib';
import { damaged, type ChunkDecoder } from './layout';
import { frameHeader, frameLength, refuseDictionary, withChecksum } from './zstd';

const inflating = promisify(inflate);
const inflatingRaw = promisify(inflateRaw);
const unzstd = promisify(zstdDecompress);

/** The end of the compressed data is not always known exactly, so a missing end is no error. `decompress` checks the length of the content instead. */
const withoutEnd = (maxOutputLength: number) => ({ maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH });

/** Decompresses raw deflate. */
export const deflateDecoder: ChunkDecoder = (bytes, { length }) => inflatingRaw(bytes, withoutEnd(length));

/** Decompresses deflate with zlib's header. */
export const zlibDecoder: ChunkDecoder = (bytes, { length }) => inflating(bytes, withoutEnd(length));

/** Decompresses one frame of zstd. `format` names the image in errors. `checksum` is that of the content, which the frame itself may lack. */
export function zstdDecoder(format: string, checksum?: number): ChunkDecoder {
  return async (bytes, { length }) => {
    const header = frameHeader(bytes);
    if (header) { refuseDictionary(header); }
    const end = frameLength(bytes) ?? damaged(format, 'a compressed cluster is no zstd');
    const frame = bytes.subarray(0, end);
    return unzstd(checksum === undefined ? frame : withChecksum(frame, checksum), { maxOutputLength: length });
  };
}
