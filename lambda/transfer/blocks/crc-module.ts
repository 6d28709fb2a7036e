/**
 * CRCs in WebAssembly. Node.js itself has only one of S3's three CRCs, CRC32. CRC64NVME, which S3 computes for every new object, takes
 * three times as long in JavaScript.
 *
 * One function, assembled here, computes every reflected CRC of up to 64 bits, sixteen bytes at a time ("slicing by 16"). The tables
 * decide which CRC it computes.
 *
 *     (func (export "crc") (param $crc i64) (param $at i32) (param $end i32) (result i64) (local $low i32) (local $high i32)
 *       (loop $more
 *         $low = load32($at + 8); $high = load32($at + 12)
 *         table7[$low & 255] ^ table6[$low >> 8 & 255] ^ … ^ table0[$high >> 24]
 *         $crc ^= load64($at); $low = $crc; $high = $crc >> 32
 *         $crc = (that above) ^ table15[$low & 255] ^ … ^ table8[$high >> 24]
 *         $at += 16
 *         (br_if $more ($at < $end)))
 *       $crc)
 */
/** The used part of a global of Node.js that is missing in its types. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Record<string, unknown> };
};

const TABLE_BYTES = 256 * 8;
export const TABLES = 16;
/** The function takes multiples of 16 bytes. */
export const STEP = TABLES;
/** Position of the data in the memory: behind the tables. */
export const DATA = TABLES * TABLE_BYTES;
const PAGE = 64 * 1024;

const I32 = 0x7f;
const I64 = 0x7e;
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
const constant = (value: number) => [0x41, ...signed(value)];
const load32 = (offset: number) => [0x28, 2, ...unsigned(offset)];
const load64 = (offset: number) => [0x29, 3, ...unsigned(offset)];
const [AND, SHIFT_LEFT, SHIFT_RIGHT, ADD, LESS, XOR64, SHIFT_RIGHT64, WRAP] = [0x71, 0x74, 0x76, 0x6a, 0x49, 0x85, 0x88, 0xa7];
const [CRC, AT, END, LOW, HIGH] = [0, 1, 2, 3, 4];

/** Pushes the entry of a table for one byte of `$high` and `$low`. Its offset in the table is the byte times eight. */
function lookup(byte: number, first: number): number[] {
  const shift = 8 * (byte % 4) - 3;
  return [
    ...get(byte < 4 ? LOW : HIGH), ...constant(Math.abs(shift)), shift < 0 ? SHIFT_LEFT : SHIFT_RIGHT,
    ...constant(0xff * 8), AND, ...load64((first - byte) * TABLE_BYTES),
  ];
}

const REST = [1, 2, 3, 4, 5, 6, 7];
/** The body of the function: two locals of 32 bits, and a loop. */
const BODY = [
  1, 2, I32,
  0x03, 0x40,
  ...get(AT), ...load32(8), ...set(LOW), ...get(AT), ...load32(12), ...set(HIGH),
  ...lookup(0, 7), ...REST.flatMap(byte => [...lookup(byte, 7), XOR64]),
  ...get(CRC), ...get(AT), ...load64(0), XOR64, ...tee(CRC), WRAP, ...set(LOW),
  ...get(CRC), 0x42, 32, SHIFT_RIGHT64, WRAP, ...set(HIGH),
  ...lookup(0, 15), ...REST.flatMap(byte => [...lookup(byte, 15), XOR64]), XOR64, ...set(CRC),
  ...get(AT), ...constant(STEP), ADD, ...tee(AT), ...get(END), LESS, 0x0d, 0,
  0x0b,
  ...get(CRC), 0x0b,
];

function moduleWith(pages: number): Uint8Array {
  return Uint8Array.from([
    0, ...bytesOf('asm'), 1, 0, 0, 0,
    ...section(1, [1, 0x60, 3, I64, I32, I32, 1, I64]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, ...unsigned(pages)]),
    ...section(7, [2, 3, ...bytesOf('crc'), 0, 0, 6, ...bytesOf('memory'), 2, 0]),
    ...section(10, [1, ...unsigned(BODY.length), ...BODY]),
  ]);
}

function section(id: number, content: number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function bytesOf(text: string): number[] {
  return [...Buffer.from(text)];
}

function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [value % 0x80 + 0x80, ...unsigned(Math.floor(value / 0x80))];
}

/** Encodes a number that is not negative. Differs from `unsigned` because the sixth bit of the last byte would be the sign. */
function signed(value: number): number[] {
  return value < 0x40 ? [value] : [value % 0x80 + 0x80, ...signed(Math.floor(value / 0x80))];
}

export interface CrcModule {
  readonly memory: Uint8Array;
  /** Continues a CRC over bytes of the memory. Their number must be a multiple of `STEP` and not 0. */
  readonly crc: (crc: bigint, at: number, end: number) => bigint;
}

/** Makes a module from `TABLES` × 256 entries, with room for `bytes` bytes of data. */
export function crcModule(tables: BigUint64Array, bytes: number): CrcModule {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(moduleWith(Math.ceil((DATA + bytes) / PAGE))));
  const memory = new Uint8Array((instance.exports.memory as { readonly buffer: ArrayBuffer }).buffer);
  memory.set(new Uint8Array(tables.buffer));
  return { memory, crc: instance.exports.crc as CrcModule['crc'] };
}
