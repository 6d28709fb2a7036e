import { crc32, deflateRawSync } from 'zlib';

/** Writes ZIP archives. */

export interface ZipFile {
  readonly name: string;
  readonly content?: Buffer;
  readonly deflated?: boolean;
  /** What the archive says instead of what is so. */
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
  readonly size?: number;
  readonly stored?: number;
  readonly header?: number;
  /** Sizes and positions in 64 bits. */
  readonly large?: boolean;
  /** Behind the content, as a program writes it that could not know the sizes before. */
  readonly descriptor?: boolean;
  readonly localExtra?: number;
}

export interface ZipOptions {
  readonly comment?: string;
  /** The end in 64 bits. */
  readonly large?: boolean;
  /** Number of the disk that the archive says it is. */
  readonly part?: number;
  readonly count?: number;
}

export function zip(files: readonly ZipFile[], { comment = '', large = false, part = 0, count = files.length }: ZipOptions = {}): Buffer {
  const [members, entries]: [Buffer[], Buffer[]] = [[], []];
  let at = 0;
  for (const file of files) {
    const member = memberOf(file);
    members.push(member.bytes);
    entries.push(entryOf(file, member.stored, at));
    at += member.bytes.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22 + comment.length);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(part, 4);
  end.writeUInt16LE(large ? 0xffff : count, 8);
  end.writeUInt16LE(large ? 0xffff : count, 10);
  end.writeUInt32LE(large ? 0xffff_ffff : directory.length, 12);
  end.writeUInt32LE(large ? 0xffff_ffff : at, 16);
  end.writeUInt16LE(comment.length, 20);
  end.write(comment, 22, 'latin1');
  return Buffer.concat([...members, directory, ...large ? [largeEnd(at, directory.length, count)] : [], end]);
}

function largeEnd(start: number, length: number, count: number): Buffer {
  const bytes = Buffer.alloc(76);
  bytes.write('PK\x06\x06', 'latin1');
  bytes.writeBigUInt64LE(44n, 4);
  [count, count, length, start].forEach((value, i) => bytes.writeBigUInt64LE(BigInt(value), 24 + i * 8));
  bytes.write('PK\x06\x07', 56, 'latin1');
  bytes.writeBigUInt64LE(BigInt(start + length), 64);
  bytes.writeUInt32LE(1, 72);
  return bytes;
}

function contentOf({ content = Buffer.alloc(0), deflated }: ZipFile): Buffer {
  return deflated ? deflateRawSync(content) : content;
}

function memberOf(file: ZipFile): { readonly bytes: Buffer; readonly stored: number } {
  const { name, content = Buffer.alloc(0), localExtra = 0, descriptor = false } = file;
  const stored = contentOf(file);
  const header = Buffer.alloc(30);
  header.write('PK\x03\x04', 'latin1');
  header.writeUInt16LE(methodOf(file), 8);
  header.writeUInt16LE(Buffer.byteLength(name), 26);
  header.writeUInt16LE(localExtra, 28);
  if (!descriptor) {
    header.writeUInt32LE(crc32(content), 14);
    header.writeUInt32LE(stored.length, 18);
    header.writeUInt32LE(content.length, 22);
  }
  const behind = descriptor ? [Buffer.from('PK\x07\x08', 'latin1'), numbers(crc32(content), stored.length, content.length)] : [];
  return { bytes: Buffer.concat([header, Buffer.from(name), Buffer.alloc(localExtra), stored, ...behind]), stored: stored.length };
}

function entryOf(file: ZipFile, length: number, at: number): Buffer {
  const { name, content = Buffer.alloc(0), large = false, descriptor = false } = file;
  const { size = content.length, stored = length, header = at, flags = descriptor ? 1 << 3 | 1 << 11 : 1 << 11, crc = crc32(content) } = file;
  const extra = Buffer.alloc(large ? 28 : 0);
  if (large) {
    extra.writeUInt16LE(1);
    extra.writeUInt16LE(24, 2);
    [size, stored, header].forEach((value, i) => extra.writeBigUInt64LE(BigInt(value), 4 + i * 8));
  }
  const entry = Buffer.alloc(46);
  entry.write('PK\x01\x02', 'latin1');
  entry.writeUInt16LE(flags, 8);
  entry.writeUInt16LE(methodOf(file), 10);
  entry.writeUInt32LE(crc, 16);
  entry.writeUInt32LE(large ? 0xffff_ffff : stored, 20);
  entry.writeUInt32LE(large ? 0xffff_ffff : size, 24);
  entry.writeUInt16LE(Buffer.byteLength(name), 28);
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt32LE(large ? 0xffff_ffff : header, 42);
  return Buffer.concat([entry, Buffer.from(name), extra]);
}

function methodOf({ method, deflated }: ZipFile): number {
  return method ?? (deflated ? 8 : 0);
}

function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => bytes.writeUInt32LE(value, i * 4));
  return bytes;
}
