import { damaged, type Chunk } from './layout';

/** Returns the content of a chunk: at least `needed` bytes, at most `chunk.length`. `bytes` may go on after the compressed data. */
export async function decompress(format: string, chunk: Chunk, bytes: Buffer, needed: number): Promise<Buffer> {
  let content: Buffer;
  try {
    content = await chunk.decode(bytes, chunk);
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    if (code === undefined) { throw error; }
    const how = code === 'ERR_BUFFER_TOO_LARGE' ? `is longer than ${chunk.length} bytes` : `cannot be decompressed: ${message}`;
    return damaged(format, `what lies at byte ${chunk.file} of the file ${how}`);
  }
  if (content.length < needed) { damaged(format, `what lies at byte ${chunk.file} of the file has ${content.length} bytes, where ${needed} are needed`); }
  return content;
}
