import { zstdCompressSync } from 'zlib';

/** zstd in frames of so many bytes, with their table behind them. */
export function seekableZstd(content: Buffer, frameBytes: number): Buffer {
  const frames: Buffer[] = [];
  const entries: Buffer[] = [];
  for (let at = 0; at < content.length; at += frameBytes) {
    const part = content.subarray(at, at + frameBytes);
    const frame = zstdCompressSync(part);
    const entry = Buffer.alloc(8);
    entry.writeUInt32LE(frame.length, 0);
    entry.writeUInt32LE(part.length, 4);
    frames.push(frame);
    entries.push(entry);
  }
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a5e, 0);
  header.writeUInt32LE(entries.length * 8 + 9, 4);
  const footer = Buffer.alloc(9);
  footer.writeUInt32LE(entries.length, 0);
  footer.writeUInt32LE(0x8f92eab1, 5);
  return Buffer.concat([...frames, header, ...entries, footer]);
}
