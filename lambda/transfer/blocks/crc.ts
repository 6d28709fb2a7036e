/* eslint-disable no-bitwise */
import { crc32 } from 'node:zlib';
import { crcModule, DATA, STEP, TABLES, type CrcModule } from './crc-module';
import { BLOCK_SIZE } from './sizes';

/** Those of S3's checksums that are known of a whole if they are known of its parts. */
const POLYNOMIALS = {
  CRC32: { width: 32, polynomial: 0xedb88320n },
  CRC32C: { width: 32, polynomial: 0x82f63b78n },
  CRC64NVME: { width: 64, polynomial: 0x9a6c9329ac4bc9b5n },
} as const;

export type CrcName = keyof typeof POLYNOMIALS;
export const CRC_NAMES = Object.keys(POLYNOMIALS) as CrcName[];

/**
 * One of S3's CRCs. All are reflected, begin with ones and end inverted.
 * Bit 0 of a value is the highest power of x, hence all the shifting to the right.
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
  /** x to the power of 2ⁿ. */
  private readonly squares: bigint[];
  private readonly shifts = new Map<number, bigint>();

  private constructor(name: CrcName) {
    ({ width: this.width, polynomial: this.polynomial } = POLYNOMIALS[name]);
    this.ones = (1n << BigInt(this.width)) - 1n;
    this.table = this.makeTables();
    // The only one that Node.js has itself.
    this.module = name === 'CRC32' ? undefined : crcModule(this.table, BLOCK_SIZE);
    this.squares = [1n << BigInt(this.width - 2)];
  }

  /** Of at most a block. */
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

  /** Of two parts after each other, of which the second has so many bytes. */
  public combine(first: bigint, second: bigint, bytes: number): bigint {
    return this.multiply(this.shift(bytes), first) ^ second;
  }

  /** As S3 shows it. */
  public base64(value: bigint): string {
    return Buffer.from(value.toString(16).padStart(this.width / 4, '0'), 'hex').toString('base64');
  }

  /** What so many further bytes multiply a CRC by: x to the power of their bits. */
  private shift(bytes: number): bigint {
    let shift = this.shifts.get(bytes);
    if (shift === undefined) {
      shift = 1n << BigInt(this.width - 1);
      for (let n = 0, left = BigInt(bytes) * 8n; left > 0n; n++, left >>= 1n) {
        this.squares[n] ??= this.multiply(this.squares[n - 1], this.squares[n - 1]);
        if (left & 1n) { shift = this.multiply(shift, this.squares[n]); }
      }
      // There are two or three lengths: of a block, of a range, of the rest.
      if (this.shifts.size < 8) { this.shifts.set(bytes, shift); }
    }
    return shift;
  }

  /** Of polynomials, modulo that of the CRC. */
  private multiply(a: bigint, b: bigint): bigint {
    let product = 0n;
    for (let bit = 1n << BigInt(this.width - 1); bit > 0n; bit >>= 1n) {
      if (a & bit) { product ^= b; }
      b = b & 1n ? (b >> 1n) ^ this.polynomial : b >> 1n;
    }
    return product;
  }

  /** What a byte does to the CRC, and what it does once more have followed. */
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
