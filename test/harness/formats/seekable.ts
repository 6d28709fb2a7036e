import { constants, zstdCompressSync } from 'zlib';

const SUM = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

/**
 * zstd in frames of a number of bytes, with their table behind them. `checksums`: where the checksum of each frame is, which
 * is nowhere by default.
 */
export function seekableZstd(content: Buffer, frameBytes: number, checksums: 'TABLE' | 'BOTH' | 'NONE' = 'NONE'): Buffer {
  const entryBytes = checksums === 'NONE' ? 8 : 12;
  const frames: Buffer[] = [];
  const entries: Buffer[] = [];
  for (let at = 0; at < content.length; at += frameBytes) {
    const part = content.subarray(at, at + frameBytes);
    const frame = zstdCompressSync(part, checksums === 'BOTH' ? SUM : {});
    const entry = Buffer.alloc(entryBytes);
    entry.writeUInt32LE(frame.length, 0);
    entry.writeUInt32LE(part.length, 4);
    // The table has the checksum that zstd itself puts at the end of a frame.
    if (checksums !== 'NONE') { zstdCompressSync(part, SUM).subarray(-4).copy(entry, 8); }
    frames.push(frame);
    entries.push(entry);
  }
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a5e, 0);
  header.writeUInt32LE(entries.length * entryBytes + 9, 4);
  const footer = Buffer.alloc(9);
  footer.writeUInt32LE(entries.length, 0);
  footer[4] = checksums === 'NONE' ? 0 : 0x80;
  footer.writeUInt32LE(0x8f92eab1, 5);
  return Buffer.concat([...frames, header, ...entries, footer]);
}
