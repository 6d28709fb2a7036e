/* eslint-disable no-bitwise */
import { crc32 } from 'node:zlib';
import { crcModule, DATA, STEP, TABLES, type CrcModule } from './crc-module';
import { BLOCK_SIZE } from './sizes';

/** S3's checksums that can be combined: the checksum of a whole follows from those of its parts. */
const POLYNOMIALS = {
  CRC32: { width: 32, polynomial: 0xedb88320n },
  CRC32C: { width: 32, polynomial: 0x82f63b78n },
  CRC64NVME: { width: 64, polynomial: 0x9a6c9329ac4bc9b5n },
} as const;

export type CrcName = keyof typeof POLYNOMIALS;
export const CRC_NAMES = Object.keys(POLYNOMIALS) as CrcName[];

/**
 * One of S3's CRCs. All of them are reflected, start with all bits set, and end inverted.
 * Bit 0 of a value is the highest power of x, which is why bits are shifted to the right.
 */
export class Crc {
  public static named(name: CrcName): Crc {
    return known[name] ??= new Crc(name);
  }

  private readonly width: number;
  private readonly polynomial: bigint;
  private readonly ones: bigint;
  private readonly table: BigUint64Array;
  private readonly module: CrcModule | undefined;
  /** Powers of x: element n is x to the power of 2ⁿ. */
  private readonly squares: bigint[];
  private readonly shifts = new Map<number, bigint>();

  private constructor(name: CrcName) {
    ({ width: this.width, polynomial: this.polynomial } = POLYNOMIALS[name]);
    this.ones = (1n << BigInt(this.width)) - 1n;
    this.table = this.makeTables();
    // Node.js itself has CRC32 only.
    this.module = name === 'CRC32' ? undefined : crcModule(this.table, BLOCK_SIZE);
    this.squares = [1n << BigInt(this.width - 2)];
  }

  /** Returns the CRC of at most one block. */
  public of(bytes: Uint8Array): bigint {
    if (!this.module) { return BigInt(crc32(bytes)); }
    const { memory, crc } = this.module;
    const even = bytes.length - bytes.length % STEP;
    let value = this.ones;
    if (even > 0) {
      memory.set(even === bytes.length ? bytes : bytes.subarray(0, even), DATA);
      value = BigInt.asUintN(64, crc(value, DATA, DATA + even));
    }
    for (const byte of bytes.subarray(even)) { value = this.table[Number((value ^ BigInt(byte)) & 0xffn)] ^ (value >> 8n); }
    return value ^ this.ones;
  }

  /** Returns the CRC of two parts together, from the CRC of each and the length of the second in bytes. */
  public combine(first: bigint, second: bigint, secondLength: number): bigint {
    return this.multiply(this.shift(secondLength), first) ^ second;
  }

  /** Returns a CRC in S3's notation. */
  public base64(value: bigint): string {
    return Buffer.from(value.toString(16).padStart(this.width / 4, '0'), 'hex').toString('base64');
  }

  /** Returns the factor by which a CRC is multiplied when `bytes` zeros follow: x to the power of the number of bits. */
  private shift(bytes: number): bigint {
    let shift = this.shifts.get(bytes);
    if (shift === undefined) {
      shift = 1n << BigInt(this.width - 1);
      for (let n = 0, left = BigInt(bytes) * 8n; left > 0n; n++, left >>= 1n) {
        this.squares[n] ??= this.multiply(this.squares[n - 1], this.squares[n - 1]);
        if (left & 1n) { shift = this.multiply(shift, this.squares[n]); }
      }
      // Only a few lengths occur: those of a block, a range, a part, and a remainder.
      if (this.shifts.size < 8) { this.shifts.set(bytes, shift); }
    }
    return shift;
  }

  /** Multiplies two polynomials modulo the polynomial of the CRC. */
  private multiply(a: bigint, b: bigint): bigint {
    let product = 0n;
    for (let bit = 1n << BigInt(this.width - 1); bit > 0n; bit >>= 1n) {
      if (a & bit) { product ^= b; }
      b = b & 1n ? (b >> 1n) ^ this.polynomial : b >> 1n;
    }
    return product;
  }

  /** Returns the effect of each byte on the CRC: in the first table directly, in each further table after one more byte. */
  private makeTables(): BigUint64Array {
    const tables = new BigUint64Array(TABLES * 256);
    for (let byte = 0; byte < 256; byte++) {
      let value = BigInt(byte);
      for (let bit = 0; bit < 8; bit++) { value = value & 1n ? (value >> 1n) ^ this.polynomial : value >> 1n; }
      tables[byte] = value;
    }
    for (let i = 256; i < tables.length; i++) {
      const before = tables[i - 256];
      tables[i] = tables[Number(before & 0xffn)] ^ (before >> 8n);
    }
    return tables;
  }
}

const known: Partial<Record<CrcName, Crc>> = {};
