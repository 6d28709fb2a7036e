import { randomBytes } from 'crypto';
import { gzipSync, zstdCompressSync } from 'zlib';
import { decompressed } from '../../../../../lambda/transfer/formats/streams';
import { piecesOf, StreamDisk } from '../../../../../lambda/transfer/image/stream-disk';
import { MemoryFile, streamDisk } from '../../../../harness/formats/fixtures';
import { storedXz } from '../../../../harness/formats/stored-xz';

const CONTENT = Buffer.concat([randomBytes(700_001), Buffer.alloc(600_000), randomBytes(12_345)]);

function given(compressed: Buffer, { size = CONTENT.length, format = 'GZIP' as 'GZIP' | 'ZSTD' } = {}): StreamDisk {
  return streamDisk(format, compressed.length, new MemoryFile(compressed).readInto, size, 'which is all');
}

async function part(disk: StreamDisk, from: number, length: number): Promise<Buffer> {
  const into = Buffer.alloc(length, 0xee);
  await disk.read(from, into);
  return into;
}

const skippable = (length: number) => {
  const frame = Buffer.alloc(8 + length, 0x55);
  frame.writeUInt32LE(0x184d2a53, 0);
  frame.writeUInt32LE(length, 4);
  return frame;
};

test.each<['GZIP' | 'ZSTD', string, Buffer]>([
  ['GZIP', 'one member', gzipSync(CONTENT)],
  ['GZIP', 'members, and zeros behind them', Buffer.concat([gzipSync(CONTENT.subarray(0, 9)), gzipSync(CONTENT.subarray(9)), Buffer.alloc(600)])],
  ['ZSTD', 'one frame', zstdCompressSync(CONTENT)],
  ['ZSTD', 'frames, and skippable ones between them', Buffer.concat([
    skippable(7), zstdCompressSync(CONTENT.subarray(0, 9)), zstdCompressSync(Buffer.alloc(0)), skippable(0),
    zstdCompressSync(CONTENT.subarray(9)), skippable(3_000_000),
  ])],
])('%s of %s', async (format, _, compressed) => {
  const disk = given(compressed, { format, size: 2_000_000 });
  // Asked for in order, all at once; and not everything.
  const [a, b, c] = await Promise.all([part(disk, 0, 100_000), part(disk, 300_000, 900_000), part(disk, 1_200_000, 800_000)]);
  expect(a.equals(CONTENT.subarray(0, 100_000))).toBe(true);
  expect(b.equals(CONTENT.subarray(300_000, 1_200_000))).toBe(true);
  // What the stream does not fill is zeros.
  expect(c.equals(Buffer.concat([CONTENT.subarray(1_200_000), Buffer.alloc(2_000_000 - CONTENT.length)]))).toBe(true);
  expect(disk.endsAt).toBe(CONTENT.length);
  await disk.close();
});

test('a part that was passed cannot be read any more', async () => {
  const disk = given(gzipSync(CONTENT));
  await part(disk, 1000, 1000);
  await expect(part(disk, 0, 1000)).rejects.toThrow('cannot be read again');
  await disk.close();
});

test.each<[string, Buffer, 'GZIP' | 'ZSTD', string]>([
  ['longer than it may be', gzipSync(CONTENT), 'GZIP', 'is a gzip stream of more than 1000000 bytes, which is all'],
  ['a little longer than it may be', gzipSync(CONTENT.subarray(0, 1_000_001)), 'GZIP', 'more than 1000000 bytes'],
  ['cut off', gzipSync(CONTENT).subarray(0, 600_000), 'GZIP', 'is a damaged gzip stream: unexpected end of file'],
  ['cut off in its second frame', Buffer.concat([zstdCompressSync(CONTENT.subarray(0, 100)), zstdCompressSync(CONTENT.subarray(100)).subarray(0, 90_000)]), 'ZSTD',
    'is a damaged zstd stream: unexpected end of file'],
  ['followed by something else', Buffer.concat([zstdCompressSync(CONTENT.subarray(0, 100)), Buffer.alloc(100, 1)]), 'ZSTD', 'is a zstd stream with something at byte 109 that is no zstd frame'],
  // RFC 8878: magic, a window of 2 GiB.
  ['in need of much memory', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0, 0, 0, 0, 0, 0]), 'ZSTD', 'is a zstd stream that needs 2147483648 bytes of memory'],
])('a stream that is %s is refused', async (_, compressed, format, message) => {
  const disk = given(compressed, { format, size: 1_000_000 });
  await expect(part(disk, 0, 1_000_000)).rejects.toThrow(message);
  await disk.close();
});

test.each<['GZIP' | 'ZSTD' | 'XZ', (content: Buffer) => Buffer]>([['GZIP', gzipSync], ['ZSTD', zstdCompressSync], ['XZ', storedXz]])(
  'a %s stream that is left when its decoder has come to the end, ahead of whoever reads it, breaks nothing', async (format, compress) => {
    const turns = async () => { for (let i = 0; i < 20; i++) { await new Promise(resolve => setImmediate(resolve)); } };
    for (const size of [1, 10_000, 80_000]) {
      for await (const piece of decompressed(format, [compress(randomBytes(size))])) {
        expect(piece.length).toBeGreaterThan(0);
        await turns();
        break;
      }
    }
    // The next one is read as ever.
    const content = randomBytes(80_000);
    const pieces: Buffer[] = [];
    for await (const piece of decompressed(format, [compress(content)])) { pieces.push(piece); }
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
  });

test.each<['GZIP' | 'ZSTD' | 'XZ', (content: Buffer) => Buffer]>([['GZIP', gzipSync], ['ZSTD', zstdCompressSync], ['XZ', storedXz]])(
  'a %s stream that is left early, as the handler leaves it when it has seen its start, breaks nothing', async (format, compress) => {
    const compressed = compress(randomBytes(2_000_000));
    const reads: number[] = [];
    const file = new MemoryFile(compressed);
    const readFile = async (offset: number, into: Buffer) => {
      reads.push(offset);
      await file.readInto(offset, into);
    };
    for await (const piece of decompressed(format, piecesOf(compressed.length, readFile, 10_000))) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    const read = reads.length;
    for (let i = 0; i < 20; i++) { await new Promise(resolve => setImmediate(resolve)); }
    // Nor is the rest read: of 200 pieces, at most those of the block of zstd that was begun.
    expect(reads.length).toBeLessThan(read + 20);
    const disk = streamDisk(format, compressed.length, readFile, 2_000_000, 'which is all');
    await part(disk, 0, 5_000);
    await disk.close();
    // The next one is not held up.
    const again = streamDisk(format, compressed.length, readFile, 2_000_000, 'which is all');
    expect((await part(again, 0, 2_000_000)).length).toBe(2_000_000);
    await again.close();
  });

test('a failed read is told as it is, and not as a fault of the stream', async () => {
  const failing = streamDisk('GZIP', 1000, async () => { throw Object.assign(new Error('slow down'), { name: 'SlowDown', code: 'ECONNRESET' }); }, 1000, 'which is all');
  await expect(part(failing, 0, 1000)).rejects.toThrow(/^slow down$/);
  await failing.close();
});
