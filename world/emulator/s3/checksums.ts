/* eslint-disable no-bitwise */
import { createHash } from 'crypto';
import { crc32 } from 'zlib';

export const ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type Algorithm = typeof ALGORITHMS[number];
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

export interface Checksum {
  readonly algorithm: Algorithm;
  /** Base64; of a composite one, with `-<number of parts>`. */
  readonly value: string;
  readonly type: ChecksumType;
}

export function checksum(algorithm: Algorithm, data: Buffer[]): Checksum {
  return { algorithm, value: digest(algorithm, data).toString('base64'), type: 'FULL_OBJECT' };
}

/** The checksum of the parts' checksums. */
export function composite(algorithm: Algorithm, parts: Checksum[]): Checksum {
  const value = digest(algorithm, parts.map(part => Buffer.from(part.value, 'base64'))).toString('base64');
  return { algorithm, value: `${value}-${parts.length}`, type: 'COMPOSITE' };
}

export function headerOf(algorithm: Algorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

export function headersOf({ algorithm, value, type }: Checksum): Record<string, string> {
  return { [headerOf(algorithm)]: value, 'x-amz-checksum-type': type };
}

function digest(algorithm: Algorithm, data: Buffer[]): Buffer {
  switch (algorithm) {
    case 'CRC32': return uint32(data.reduce((crc, chunk) => crc32(chunk, crc), 0));
    case 'CRC32C': return uint32(crc32c(data));
    case 'CRC64NVME': return crc64nvme(data);
    case 'SHA1':
    case 'SHA256': return data.reduce((hash, chunk) => hash.update(chunk), createHash(algorithm)).digest();
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

const CRC32C = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) { crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1; }
  return crc;
});

function crc32c(data: Buffer[]): number {
  let crc = 0xffffffff;
  for (const chunk of data) {
    for (let i = 0; i < chunk.length; i++) { crc = CRC32C[(crc ^ chunk[i]) & 0xff] ^ (crc >>> 8); }
  }
  return crc ^ 0xffffffff;
}

/** The table in two halves, for BigInt is far too slow byte by byte. */
const CRC64_HIGH = new Uint32Array(256);
const CRC64_LOW = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = BigInt(byte);
  for (let bit = 0; bit < 8; bit++) { crc = crc & 1n ? (crc >> 1n) ^ 0x9a6c9329ac4bc9b5n : crc >> 1n; }
  CRC64_HIGH[byte] = Number(crc >> 32n);
  CRC64_LOW[byte] = Number(crc & 0xffffffffn);
}

function crc64nvme(data: Buffer[]): Buffer {
  let high = 0xffffffff;
  let low = 0xffffffff;
  for (const chunk of data) {
    for (let i = 0; i < chunk.length; i++) {
      const index = (low ^ chunk[i]) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ CRC64_LOW[index];
      high = (high >>> 8) ^ CRC64_HIGH[index];
    }
  }
  return Buffer.concat([uint32(~high), uint32(~low)]);
}
