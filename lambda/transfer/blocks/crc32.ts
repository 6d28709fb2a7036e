/* eslint-disable no-bitwise */

/** As S3 writes it. */
export function crc32ToBase64(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc >>> 0);
  return bytes.toString('base64');
}

export function crc32FromBase64(text: string): number {
  return Buffer.from(text, 'base64').readUInt32BE();
}

/** x^n modulo the polynomial of CRC-32, its bits reversed as in every CRC-32 of the world. */
const POLYNOMIAL = 0xedb88320;

/**
 * The CRC32 of two stretches of bytes, one behind the other, from those of
 * both: so the checksum of a whole object follows from its parts'. The first
 * is moved on by as many zeros as the second is long: a multiplication by
 * x^(8 × length).
 */
export function crc32Combine(first: number, second: number, secondLength: number): number {
  return (multiply(powerOfX(8n * BigInt(secondLength)), first) ^ second) >>> 0;
}

function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) { product ^= b; }
    b = b & 1 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1;
  }
  return product >>> 0;
}

function powerOfX(exponent: bigint): number {
  let power = 0x80000000; // x^0
  for (let square = 0x40000000; exponent > 0n; exponent >>= 1n, square = multiply(square, square)) {
    if (exponent & 1n) { power = multiply(square, power); }
  }
  return power;
}
