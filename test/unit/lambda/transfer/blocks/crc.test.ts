import { createHash } from 'crypto';
import { crc32 } from 'zlib';
import { Crc, CRC_NAMES } from '../../../../../lambda/transfer/blocks/crc';
import { BLOCK_SIZE } from '../../../../../lambda/transfer/blocks/sizes';
import { checksum } from '../../../../../world/emulator/s3/checksums';

/** Bytes that look like nothing. */
const bytes = Buffer.concat(Array.from({ length: 2_000 }, (_, i) => createHash('sha256').update(`${i}`).digest()));

test.each([['CRC32', 'cbf43926'], ['CRC32C', 'e3069283'], ['CRC64NVME', 'ae8b14860a799888']] as const)('%s of the usual nine digits is %s', (name, value) => {
  expect(Crc.named(name).of(Buffer.from('123456789')).toString(16)).toBe(value);
});

describe.each(CRC_NAMES)('%s', name => {
  const crc = Crc.named(name);
  const s3 = (data: Buffer) => checksum(name, [data]).value;

  test.each([0, 1, 7, 8, 15, 16, 17, 31, 32, 1_000, 64_000])('of %d bytes is what S3 computes, wherever they lie', length => {
    for (const at of length > 60_000 ? [0] : [0, 3]) {
      const part = bytes.subarray(at, at + length);
      expect(crc.base64(crc.of(part))).toBe(s3(part));
    }
  });

  test('of a whole block of zeros is what S3 computes', () => {
    const zeros = Buffer.alloc(BLOCK_SIZE);
    expect(crc.base64(crc.of(zeros))).toBe(s3(zeros));
  });

  test.each([[0], [1], [16], [4_097], [63_999], [64_000]])('of all follows from those of the first %d bytes and of the rest', first => {
    const [a, b] = [bytes.subarray(0, first), bytes.subarray(first)];
    expect(crc.base64(crc.combine(crc.of(a), crc.of(b), b.length))).toBe(s3(bytes));
  });

  test('of all follows from those of many parts', () => {
    let all = 0n;
    for (let at = 0; at < bytes.length; at += 777) {
      const part = bytes.subarray(at, at + 777);
      all = crc.combine(all, crc.of(part), part.length);
    }
    expect(crc.base64(all)).toBe(s3(bytes));
  });
});

describe('combining, as an export combines the CRC32s of its parts,', () => {
  const CRC32 = Crc.named('CRC32');

  test('agrees with hashing the whole, for 300 pairs of any lengths', () => {
    for (let i = 0; i < 300; i++) {
      const end = bytes.readUInt16LE(i * 4);
      const [a, b] = [bytes.subarray(0, end), bytes.subarray(end, end + bytes.readUInt16LE(i * 4 + 2))];
      expect(CRC32.combine(BigInt(crc32(a)), BigInt(crc32(b)), b.length)).toBe(BigInt(crc32(Buffer.concat([a, b]))));
    }
  });

  test('agrees with hashing the whole, for parts that are larger than a block', () => {
    const part = Buffer.alloc(5 * BLOCK_SIZE + 512, bytes);
    const whole = [part, part, part.subarray(0, 512)].reduce((sum, piece) => crc32(piece, sum), 0);
    const parts = [part, part, part.subarray(0, 512)].reduce((sum, piece) => CRC32.combine(sum, BigInt(crc32(piece)), piece.length), 0n);
    expect(parts).toBe(BigInt(whole));
  });
});
