import { deflateRawSync, deflateSync, zstdCompressSync } from 'zlib';
import { decompress } from '../../../../../lambda/transfer/formats/chunk';
import { deflateDecoder, zlibDecoder, zstdDecoder } from '../../../../../lambda/transfer/formats/codecs';
import { ImageRefusal, type ChunkDecoder } from '../../../../../lambda/transfer/formats/layout';

const CONTENT = Buffer.alloc(4_096, 'content');

function read(decode: ChunkDecoder, bytes: Buffer, length = CONTENT.length, needed = length): Promise<Buffer> {
  return decompress('qcow2', { kind: 'chunk', at: 0, length, file: 77, fileLength: bytes.length, decode }, bytes, needed);
}

describe.each<[string, ChunkDecoder, (content: Buffer) => Buffer]>([
  ['deflate', deflateDecoder, deflateRawSync],
  ['zlib', zlibDecoder, deflateSync],
  ['zstd', zstdDecoder('qcow2'), content => zstdCompressSync(content)],
])('%s', (_, decode, compress) => {
  test('is decompressed, whatever follows it', async () => {
    expect(await read(decode, compress(CONTENT))).toEqual(CONTENT);
    expect(await read(decode, Buffer.concat([compress(CONTENT), Buffer.alloc(300, 0xab)]))).toEqual(CONTENT);
  });

  test('is refused if its content is longer than the chunk', async () => {
    await expect(read(decode, compress(CONTENT), 4_095)).rejects.toThrow('is a damaged qcow2 image: what lies at byte 77 of the file is longer than 4095 bytes');
  });

  test('is refused if its content is shorter than needed', async () => {
    await expect(read(decode, compress(CONTENT), 5_000)).rejects.toThrow('what lies at byte 77 of the file has 4096 bytes, where 5000 are needed');
  });

  test('is refused if it is damaged', async () => {
    const bytes = compress(CONTENT).fill(0xff, 4);
    await expect(read(decode, bytes)).rejects.toThrow(ImageRefusal);
  });
});

test('an error without a code, such as that of a broken connection, is thrown unchanged', async () => {
  const error = new Error('no fault of the image');
  await expect(read(async () => { throw error; }, CONTENT)).rejects.toBe(error);
});
