/** The unit of a tar archive: a header, and what the content of each member is rounded up to. */
export const TAR_BLOCK = 512;

const [NAME, SIZE, CHECKSUM, TYPE, MAGIC, PREFIX] = [0, 124, 148, 156, 257, 345];
const CHECKSUM_LENGTH = 8;

export interface TarHeader {
  readonly name: string;
  /** Bytes of the content in the archive. */
  readonly size: number;
  /** One character. */
  readonly type: string;
}

/** Returns whether the first bytes of a file are those of a tar archive: of the format `ustar`, or older. */
export function looksLikeTar(head: Buffer): boolean {
  return hasChecksum(head) || head.toString('latin1', MAGIC, MAGIC + 5) === 'ustar';
}

/** Returns what a header says. undefined: it is none, by its checksum or its size. */
export function tarHeader(block: Buffer): TarHeader | undefined {
  const size = tarNumber(block, SIZE, 12);
  if (!hasChecksum(block) || size === undefined) { return undefined; }
  const prefix = block.toString('latin1', MAGIC, MAGIC + 6) === 'ustar\0' ? textAt(block, PREFIX, 155) : '';
  const name = textAt(block, NAME, 100);
  return { name: prefix === '' ? name : `${prefix}/${name}`, size, type: String.fromCharCode(block[TYPE]) };
}

/** Returns a number of a header: in octal digits, or in binary if they were too few. undefined: it is none. */
export function tarNumber(block: Buffer, at: number, length: number): number | undefined {
  if (block[at] >= 0x80) {
    // 0xff is a negative number.
    if (block[at] !== 0x80) { return undefined; }
    const value = block.subarray(at + 1, at + length).reduce((sum, byte) => sum * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = block.toString('latin1', at, at + length).replace(/\0.*$/s, '').trim();
  return /^[0-7]*$/.test(digits) ? parseInt(digits || '0', 8) : undefined;
}

function textAt(block: Buffer, at: number, length: number): string {
  return withoutEnd(block.subarray(at, at + length));
}

/** Returns a text up to its first zero byte. */
export function withoutEnd(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

/** As tar itself checks it. Some old programs added the bytes as signed numbers. */
function hasChecksum(block: Buffer): boolean {
  if (block.length < TAR_BLOCK || block[NAME] === 0) { return false; }
  const stated = /^ *([0-7]{1,7})[ \0]/.exec(block.toString('latin1', CHECKSUM, CHECKSUM + CHECKSUM_LENGTH))?.[1];
  if (stated === undefined) { return false; }
  let [sum, signed] = [0, 0];
  for (let i = 0; i < TAR_BLOCK; i++) {
    const byte = i >= CHECKSUM && i < CHECKSUM + CHECKSUM_LENGTH ? 0x20 : block[i];
    sum += byte;
    signed += byte < 0x80 ? byte : byte - 0x100;
  }
  return [sum, signed].includes(parseInt(stated, 8));
}
