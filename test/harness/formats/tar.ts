/** Writes tar archives, as GNU tar does in its formats. */

const BLOCK = 512;

export interface TarEntry {
  readonly name: string;
  readonly content?: Buffer;
  /** One character. */
  readonly type?: string;
  /** How it is stored; absent: with its zeros. */
  readonly sparse?: SparseKind;
  /** What the header says instead of the size of the content. */
  readonly size?: number;
  /** What the header says of its format; absent: that of GNU. */
  readonly magic?: string;
}

export const SPARSE_KINDS = ['oldgnu', '0.0', '0.1', '1.0'] as const;
export type SparseKind = (typeof SPARSE_KINDS)[number];

/** The zeros at the end of an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK);

/** An archive with its end. */
export function tar(...entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.map(tarMember), TAR_END]);
}

/** One member, with all its headers. */
export function tarMember(entry: TarEntry): Buffer {
  const { name, content = Buffer.alloc(0), type = '0', sparse, size } = entry;
  if (sparse) { return sparseMember(name, content, sparse); }
  const long = Buffer.byteLength(name) > 100 ? [tarHeader({ name: '././@LongLink', type: 'L', size: Buffer.byteLength(name) + 1 }), padded(Buffer.from(`${name}\0`))] : [];
  return Buffer.concat([...long, tarHeader({ ...entry, type, size: size ?? content.length }), padded(content)]);
}

/** A header with its checksum. `also` writes more into it. */
export function tarHeader(
  { name, type = '0', size, magic = 'ustar  \0' }: { readonly name: string; readonly type?: string; readonly size: number; readonly magic?: string },
  also: (header: Buffer) => void = () => {},
): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 100);
  header.write('0000644\0', 100);
  writeNumber(header, 124, size);
  header.write(type, 156);
  header.write(magic, 257, 'latin1');
  also(header);
  return withTarChecksum(header);
}

export function withTarChecksum(header: Buffer): Buffer {
  header.fill(' ', 148, 156);
  header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** An extended header, which says more of the member behind it. */
export function paxHeader(records: readonly (readonly [key: string, value: string])[], type = 'x'): Buffer {
  const content = Buffer.concat(records.map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    let length = rest + String(rest).length;
    length = rest + String(length).length;
    return Buffer.from(`${length} ${key}=${value}\n`);
  }));
  return Buffer.concat([tarHeader({ name: './PaxHeaders/x', type, size: content.length, magic: 'ustar\x0000' }), padded(content)]);
}

/** Octal if it has room. */
function writeNumber(header: Buffer, at: number, value: number): void {
  if (value < 8 ** 11) { header.write(`${value.toString(8).padStart(11, '0')}\0`, at); return; }
  header[at] = 0x80;
  header.writeBigUInt64BE(BigInt(value), at + 4);
}

/** Stretches of 512 bytes that are not all zeros, and an empty one at the end, as GNU tar makes it. */
function stretches(content: Buffer): [at: number, length: number][] {
  const found: [number, number][] = [];
  for (let at = 0; at < content.length; at += BLOCK) {
    const bytes = content.subarray(at, at + BLOCK);
    if (bytes.every(byte => byte === 0)) { continue; }
    const last = found.at(-1);
    if (last && last[0] + last[1] === at) { last[1] += bytes.length; } else { found.push([at, bytes.length]); }
  }
  const last = found.at(-1);
  if (!last || last[0] + last[1] < content.length) { found.push([content.length, 0]); }
  return found;
}

function sparseMember(name: string, content: Buffer, kind: SparseKind): Buffer {
  const map = stretches(content);
  const stored = Buffer.concat(map.map(([at, length]) => content.subarray(at, at + length)));
  const size = String(content.length);
  switch (kind) {
    case 'oldgnu': return Buffer.concat([...oldGnuHeaders(name, stored.length, content.length, map), padded(stored)]);
    case '0.0': return Buffer.concat([
      paxHeader([['GNU.sparse.size', size], ['GNU.sparse.numblocks', String(map.length)],
        ...map.flatMap(([at, length]): [string, string][] => [['GNU.sparse.offset', String(at)], ['GNU.sparse.numbytes', String(length)]])]),
      tarHeader({ name, size: stored.length }), padded(stored),
    ]);
    case '0.1': return Buffer.concat([
      paxHeader([['GNU.sparse.size', size], ['GNU.sparse.numblocks', String(map.length)], ['GNU.sparse.name', name], ['GNU.sparse.map', map.flat().join(',')]]),
      tarHeader({ name: 'GNUSparseFile.0/x', size: stored.length }), padded(stored),
    ]);
    case '1.0': {
      const list = padded(Buffer.from([map.length, ...map.flat()].map(value => `${value}\n`).join('')));
      return Buffer.concat([
        paxHeader([['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.name', name], ['GNU.sparse.realsize', size]]),
        tarHeader({ name: 'GNUSparseFile.0/x', size: list.length + stored.length }), list, padded(stored),
      ]);
    }
  }
}

function oldGnuHeaders(name: string, stored: number, size: number, map: readonly [number, number][]): Buffer[] {
  const write = (block: Buffer, at: number, some: readonly [number, number][]) => some.forEach(([offset, length], i) => {
    writeNumber(block, at + i * 24, offset);
    writeNumber(block, at + i * 24 + 12, length);
  });
  const blocks = [tarHeader({ name, type: 'S', size: stored }, header => {
    write(header, 386, map.slice(0, 4));
    header[482] = map.length > 4 ? 1 : 0;
    writeNumber(header, 483, size);
  })];
  for (let i = 4; i < map.length; i += 21) {
    const block = Buffer.alloc(BLOCK);
    write(block, 0, map.slice(i, i + 21));
    block[504] = i + 21 < map.length ? 1 : 0;
    blocks.push(block);
  }
  return blocks;
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((BLOCK - content.length % BLOCK) % BLOCK)]);
}
