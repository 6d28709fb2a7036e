import { randomBytes } from 'crypto';
import { createGzip, crc32, gzipSync, zstdCompressSync } from 'zlib';
import { detect } from '../../../../../lambda/transfer/formats/detect';
import { decompressed, type StreamFormat } from '../../../../../lambda/transfer/formats/streams';
import { fixedVhdFooter } from '../../../../../lambda/transfer/formats/vhd-footer';
import { xzFraming } from '../../../../../lambda/transfer/formats/xz';
import { fixture, MemoryFile, openImage, RAWS, readDisk, sha256, streamDisk } from '../../../../harness/formats/fixtures';
import { storedXz } from '../../../../harness/formats/stored-xz';

/** Bytes behind the end of an image are accepted only if nothing is lost by that. */

const CONTENT = randomBytes(65_536);
const [FIRST, SECOND] = [CONTENT.subarray(0, 20_000), CONTENT.subarray(20_000)];
const zeros = (length: number) => Buffer.alloc(length);

async function read(format: StreamFormat, bytes: Buffer, piece = bytes.length): Promise<Buffer> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, i) => bytes.subarray(i * piece, (i + 1) * piece));
  const out: Buffer[] = [];
  for await (const content of decompressed(format, pieces)) { out.push(content); }
  return Buffer.concat(out);
}

/** A member with all that its header can have. */
function decoratedGzip(content: Buffer): Buffer {
  const plain = gzipSync(content);
  const head = Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 0x1f]), plain.subarray(4, 10), Buffer.from([5, 0]), Buffer.from('extra'), Buffer.from('name\0'), Buffer.from(`${'a long comment '.repeat(40)}\0`),
  ]);
  const sum = Buffer.alloc(2);
  sum.writeUInt16LE(crc32(head) % 65_536);
  return Buffer.concat([head, sum, plain.subarray(10)]);
}

describe('gzip', () => {
  test.each<[string, Buffer]>([
    ['one member', gzipSync(CONTENT)],
    ['two members', Buffer.concat([gzipSync(FIRST), gzipSync(SECOND)])],
    ['members without content', Buffer.concat([gzipSync(zeros(0)), gzipSync(CONTENT), gzipSync(zeros(0))])],
    ['zeros to the very end', Buffer.concat([gzipSync(FIRST), gzipSync(SECOND), zeros(70_000)])],
    ['a header with everything that there is', Buffer.concat([decoratedGzip(FIRST), decoratedGzip(SECOND)])],
  ])('of %s is read whole, however it arrives', async (_, bytes) => {
    for (const piece of [bytes.length, 4_096, 301]) { expect([piece, (await read('GZIP', bytes, piece)).equals(CONTENT)]).toEqual([piece, true]); }
  });

  test('of thousands of members is read whole', async () => {
    const member = gzipSync(Buffer.from('x'.repeat(100)));
    expect((await read('GZIP', Buffer.concat(Array.from({ length: 5_000 }, () => member)))).length).toBe(500_000);
  });

  test.each<[string, Buffer, string]>([
    ['zeros between members', Buffer.concat([gzipSync(FIRST), zeros(512), gzipSync(SECOND)]), 'has zeros behind the end of its gzip data, which is at byte 20'],
    ['one zero, and something', Buffer.concat([gzipSync(CONTENT), zeros(1), Buffer.from('x')]), 'something else behind them, so a part of it may be lost'],
    ['zeros, and something far behind', Buffer.concat([gzipSync(CONTENT), zeros(3_000_000), Buffer.from('x')]), 'so a part of it may be lost; upload it again'],
    ['a signature, as the images of OpenWrt have it', Buffer.concat([gzipSync(CONTENT), Buffer.from('# fake certificate\nFWx0')]),
      'has something behind its end that is no gzip, and that is not supported; decompress it first with gzip -d'],
    ['a single byte', Buffer.concat([gzipSync(CONTENT), Buffer.from('\n')]), 'has something behind its end that is no gzip, and that is not supported'],
    ['a single byte behind its second member', Buffer.concat([gzipSync(FIRST), gzipSync(SECOND), Buffer.from('x')]), 'has something behind its end that is no gzip'],
    ['the first byte of another member', Buffer.concat([gzipSync(CONTENT), Buffer.from([0x1f])]), 'has something behind its end that is no gzip'],
    ['two bytes of a header', Buffer.concat([gzipSync(CONTENT), Buffer.from([0x1f, 0x8b])]), 'is a damaged gzip stream: unexpected end of file'],
    ['half of a header', Buffer.concat([gzipSync(CONTENT), gzipSync(CONTENT).subarray(0, 5)]), 'is a damaged gzip stream: unexpected end of file'],
    ['a header that gzip does not have', Buffer.concat([gzipSync(CONTENT), Buffer.from([0x1f, 0x8b, 7, 0, 0, 0, 0, 0, 0, 0])]), 'is a damaged gzip stream: unknown compression method'],
  ])('with %s behind its end is refused', async (_, bytes, message) => {
    for (const piece of [bytes.length, 1_000]) { await expect(read('GZIP', bytes, piece)).rejects.toThrow(message); }
  });

  test.each<[string, (bytes: Buffer) => Buffer, string]>([
    ['checksum', bytes => { bytes[bytes.length - 8] = (bytes[bytes.length - 8] + 1) % 256; return bytes; }, 'incorrect data check'],
    ['length', bytes => { bytes[bytes.length - 4] = (bytes[bytes.length - 4] + 1) % 256; return bytes; }, 'incorrect length check'],
    ['checksum of the header', bytes => { bytes[14] = (bytes[14] + 1) % 256; return bytes; }, 'header crc mismatch'],
    ['end', bytes => bytes.subarray(0, -3), 'unexpected end of file'],
  ])('is damaged if its %s is', async (_, damage, message) => {
    await expect(read('GZIP', damage(decoratedGzip(CONTENT)))).rejects.toThrow(`is a damaged gzip stream: ${message}`);
  });

  test('is cut off wherever it ends too early', async () => {
    const bytes = Buffer.concat([gzipSync(FIRST), decoratedGzip(zeros(300)), gzipSync(Buffer.from('x'), { level: 0 })]);
    const ends = Array.from({ length: bytes.length - gzipSync(FIRST).length - 2 }, (_, i) => bytes.length - 1 - i);
    const second = gzipSync(FIRST).length + decoratedGzip(zeros(300)).length;
    // The end of the second member is a good one, and a byte behind it is no header.
    for (const end of ends.filter(each => each !== second && each !== second + 1)) {
      await expect(read('GZIP', bytes.subarray(0, end))).rejects.toThrow('is a damaged gzip stream: unexpected end of file');
    }
  });

  test('keeps few of its bytes in memory', async () => {
    const gzip = createGzip({ level: 1 });
    void (async () => {
      for (let i = 0; i < 16; i++) { if (!gzip.write(randomBytes(1_048_576))) { await new Promise(resolve => gzip.once('drain', resolve)); } }
      gzip.end();
    })();
    let [length, most] = [0, 0];
    for await (const piece of decompressed('GZIP', gzip as AsyncIterable<Buffer>)) { [length, most] = [length + piece.length, Math.max(most, piece.length)]; }
    expect(length).toBe(16 * 1_048_576);
    expect(most).toBeLessThanOrEqual(1_048_576);
  });
});

test.each<[string, Buffer]>([
  ['zeros', zeros(512)], ['something', Buffer.from('# fake certificate\nFWx0')], ['a single byte', Buffer.from('x')],
])('zstd with %s behind its end is refused', async (_, behind) => {
  await expect(read('ZSTD', Buffer.concat([zstdCompressSync(CONTENT), behind]))).rejects.toThrow(/^is a zstd stream with something at byte \d+ that is no zstd frame, which is not supported/);
});

describe('xz', () => {
  test('of two streams is read whole, wherever it is divided', async () => {
    const [first, second] = [storedXz(FIRST), storedXz(SECOND)];
    const bytes = Buffer.concat([first, zeros(4), second]);
    for (const piece of [bytes.length, first.length, first.length + 4, 10_000]) { expect([piece, (await read('XZ', bytes, piece)).equals(CONTENT)]).toEqual([piece, true]); }
  });

  test('with zeros behind its end is read', async () => {
    const bytes = Buffer.concat([storedXz(CONTENT), zeros(512)]);
    expect((await xzFraming(new MemoryFile(bytes)))?.size).toBe(CONTENT.length);
    expect((await read('XZ', bytes)).equals(CONTENT)).toBe(true);
  });

  test.each<[string, Buffer]>([['a signature', Buffer.from('# fake certificate\nFWx0x')], ['two zeros', zeros(2)]])('with %s behind its end is refused', async (_, behind) => {
    await expect(xzFraming(new MemoryFile(Buffer.concat([storedXz(CONTENT), behind])))).rejects.toThrow('is an xz file that does not end as xz does: its end is missing, or something else is behind it');
  });
});

describe('a VMDK whose directory is named at its end, as VMware writes it,', () => {
  const [, , digest] = RAWS.find(([name]) => name === 'stream.vmdk')!;
  const image = fixture('stream.vmdk');
  const header = Buffer.from(image.subarray(0, 512));
  // The header says: see the copy at the end, before one last sector of zeros.
  image.fill(0xff, 56, 64);
  const whole = Buffer.concat([image, zeros(512), header, zeros(512)]);

  test.each([0, 512, 10_240, 3_000_001])('with %s zeros behind its end is read', async length => {
    const file = new MemoryFile(Buffer.concat([whole, zeros(length)]));
    expect(sha256(await readDisk((await openImage(file))!, file))).toBe(digest);
  });

  test.each<[string, Buffer]>([
    ['something behind its end', Buffer.concat([whole, Buffer.from('x'.repeat(512))])],
    ['no end', whole.subarray(0, -1_024)],
    ['zeros in the place of its end', Buffer.concat([image, zeros(1_536)])],
  ])('with %s is refused', async (_, bytes) => {
    await expect(openImage(new MemoryFile(bytes))).rejects.toThrow('so its end is missing, or something else is behind it');
  });
});

describe('a fixed VHD', () => {
  const vhd = Buffer.concat([CONTENT, fixedVhdFooter(CONTENT.length, Buffer.alloc(16, 7))]);
  const cases: [string, Buffer, string][] = [
    ['zeros behind its footer', Buffer.concat([vhd, zeros(4_096)]), 'is a fixed VHD with 4096 bytes behind its footer, which is not supported; cut them off, with: truncate -s 66048'],
    ['something behind its footer', Buffer.concat([vhd, Buffer.from('x')]), 'is a fixed VHD with 1 bytes behind its footer'],
    ['a footer of 511 bytes', vhd.subarray(0, -1), 'is a fixed VHD with a footer of 511 bytes, as old versions of Virtual PC wrote it, which is not supported; append 1 zero bytes, with: truncate -s 66048'],
  ];

  test.each(cases)('with %s is refused', async (_, bytes, message) => {
    await expect(detect(new MemoryFile(bytes))).rejects.toThrow(message);
  });

  test.each(cases)('with %s is refused within gzip', async (_, bytes, message) => {
    const compressed = gzipSync(bytes);
    const disk = streamDisk('GZIP', compressed.length, new MemoryFile(compressed).readInto, 1_000_000, '');
    await expect(disk.read(0, Buffer.alloc(1_000_000))).rejects.toThrow(`is compressed with gzip, and what it holds ${message}`);
  });
});
