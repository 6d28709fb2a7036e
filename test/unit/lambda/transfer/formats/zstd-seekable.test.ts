import { randomBytes } from 'crypto';
import { zstdCompressSync } from 'zlib';
import { decompressed } from '../../../../../lambda/transfer/formats/streams';
import { frameChecksums } from '../../../../../lambda/transfer/formats/zstd-seekable';
import { MemoryFile, openImage, readDisk } from '../../../../harness/formats/fixtures';
import { seekableZstd } from '../../../../harness/formats/seekable';

const CONTENT = Buffer.concat([randomBytes(250_000), Buffer.alloc(100_000), randomBytes(150_000)]);

async function read(bytes: Buffer): Promise<Buffer> {
  const file = new MemoryFile(bytes);
  return readDisk((await openImage(file))!, file);
}

test.each(['NONE', 'TABLE', 'BOTH'] as const)('frames are read with checksums in table and frames: %s', async checksums => {
  expect((await read(seekableZstd(CONTENT, 100_000, checksums))).equals(CONTENT)).toBe(true);
});

describe('a turned bit', () => {
  const at = 70_000;

  test.each(['TABLE', 'BOTH'] as const)('is found if there is a checksum in table and frames: %s', async checksums => {
    const bytes = seekableZstd(CONTENT, 100_000, checksums);
    bytes[at] = (bytes[at] + 1) % 256;
    await expect(read(bytes)).rejects.toThrow(/^is a damaged seekable zstd image: what lies at byte \d+ of the file cannot be decompressed/);
  });

  test('is found in the checksum itself', async () => {
    const bytes = seekableZstd(CONTENT, 100_000, 'TABLE');
    const entry = bytes.length - 9 - 1;
    bytes[entry] = (bytes[entry] + 1) % 256;
    await expect(read(bytes)).rejects.toThrow('is a damaged seekable zstd image');
  });

  test('is not found if nothing has a checksum', async () => {
    const bytes = seekableZstd(CONTENT, 100_000, 'NONE');
    bytes[at] = (bytes[at] + 1) % 256;
    expect((await read(bytes)).equals(CONTENT)).toBe(false);
  });
});

test('a frame\'s checksum is the table\'s', () => {
  const bytes = seekableZstd(CONTENT.subarray(0, 1_000), 1_000, 'BOTH');
  const frame = bytes.subarray(0, bytes.length - 9 - 12 - 8);
  expect(frame.subarray(-4).equals(bytes.subarray(-13, -9))).toBe(true);
  expect(zstdCompressSync(CONTENT.subarray(0, 1_000)).length).toBe(frame.length - 4);
});

describe('frames that are too large for parts, so that one function reads them as a stream', () => {
  const MIB = 1024 * 1024;
  const large = Buffer.concat([randomBytes(20 * MIB), randomBytes(5 * MIB)]);
  const readStream = async (bytes: Buffer, file = new MemoryFile(bytes)) => {
    expect(await openImage(file)).toBeUndefined();
    const pieces: Buffer[] = [];
    for await (const piece of decompressed('ZSTD', [bytes], await frameChecksums(file))) { pieces.push(piece); }
    return Buffer.concat(pieces);
  };
  const turned = (checksums: 'TABLE' | 'BOTH' | 'NONE', at: number) => {
    const bytes = seekableZstd(large, 20 * MIB, checksums);
    bytes[at] = (bytes[at] + 1) % 256;
    return bytes;
  };

  test.each(['NONE', 'TABLE', 'BOTH'] as const)('are read with checksums in table and frames: %s', async checksums => {
    expect((await readStream(seekableZstd(large, 20 * MIB, checksums))).equals(large)).toBe(true);
  });

  test.each<[string, number]>([['first', 10 * MIB], ['second', 22 * MIB]])('are damaged if a bit of the %s is turned', async (_, at) => {
    for (const checksums of ['TABLE', 'BOTH'] as const) {
      await expect(readStream(turned(checksums, at))).rejects.toThrow(/^is a damaged zstd stream: .*checksum/);
    }
    expect((await readStream(turned('NONE', at))).equals(large)).toBe(false);
  });
});
