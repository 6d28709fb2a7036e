import { gzipSync, zstdCompressSync } from 'zlib';
import { numbers, type Random } from './numbers';
import { Crc } from '../../../lambda/transfer/blocks/crc';
import { detect } from '../../../lambda/transfer/formats/detect';
import { ImageRefusal } from '../../../lambda/transfer/formats/layout';
import type { StreamFormat } from '../../../lambda/transfer/formats/streams';
import { LaidOutDisk } from '../../../lambda/transfer/image/disk';
import { fixture, MemoryFile, openImage, streamDisk } from '../../harness/formats/fixtures';
import { seekableZstd } from '../../harness/formats/seekable';

/**
 * Mutates valid images, and reads them as a worker does. A case depends on its number alone, so that it can be repeated:
 *
 *     FIRST=123 CASES=1 npx jest test/campaigns/formats/fuzz.test.ts
 */

const PART = 24 * 1024;
const LARGEST_STREAM = 16 * 2 ** 20;
const MOST_HOT = 50_000;
/** Of a case, beside the parts themselves: tables and compressed data in pages. */
const MOST_BYTES_READ = 48 * 1024 * 1024;

interface Subject {
  readonly name: string;
  readonly bytes: Buffer;
  /** Where something is that is not zero, in what the reader looks at before it reads data. */
  readonly hot: readonly number[];
}

const NAMES = [
  'v2.qcow2', '512.qcow2', 'zlib-v2-4k.qcow2', 'zstd.qcow2', 'mixed.qcow2', 'mixed-extended.qcow2', 'extended-zstd-16k.qcow2',
  'dynamic.vhd', 'dynamic-full.vhd', 'fixed.vhd', 'dynamic-1m.vhdx', 'fixed.vhdx', 'sparse.vmdk', 'overwritten.vmdk', 'stream.vmdk', 'stream-full.vmdk',
  'blocks.xz', 'streams.xz',
];

export async function subjects(): Promise<Subject[]> {
  const images: [string, Buffer][] = NAMES.map(name => [name, fixture(name)]);
  const content = fixture('full.qcow2').subarray(0, 900_000);
  images.push(
    ['seekable.zst', seekableZstd(content, 100_000)],
    ['seekable-checksums.zst', seekableZstd(content, 100_000, 'TABLE')],
    // Read from their start to their end.
    ['members.gz', Buffer.concat([gzipSync(content.subarray(0, 300_000)), gzipSync(content.subarray(300_000, 600_000))])],
    ['frames.zst', Buffer.concat([zstdCompressSync(content.subarray(0, 300_000)), zstdCompressSync(content.subarray(300_000, 600_000))])],
    ['one-block.xz', fixture('one-block.xz')],
  );
  return Promise.all(images.map(async ([name, bytes]) => {
    const file = new RecordingFile(bytes);
    const layout = await openImage(file);
    if (!layout) { await file.read(0, 64); await file.read(bytes.length - 64, 64); }
    await layout?.extents(0, layout.size);
    // The footer is all that a fixed VHD has.
    if (name === 'fixed.vhd') { file.hot.clear(); await file.read(bytes.length - 512, 512); }
    return { name, bytes, hot: [...file.hot] };
  }));
}

class RecordingFile extends MemoryFile {
  public readonly hot = new Set<number>();

  public override async read(offset: number, length: number): Promise<Buffer> {
    const bytes = await super.read(offset, length);
    for (let i = 0; i < bytes.length && this.hot.size < MOST_HOT; i++) {
      if (bytes[i] !== 0) { this.hot.add(offset + i); }
    }
    return bytes;
  }
}

/** Throws if an image is neither read nor refused with a sentence, within bounds. */
export async function fuzz(all: readonly Subject[], n: number): Promise<'read' | 'refused'> {
  const random = numbers(n);
  const subject = all[n % all.length];
  const { name, bytes } = subject;
  const undo: [number, Buffer][] = [];
  const write = (at: number, value: Buffer) => {
    if (at < 0 || at + value.length > bytes.length) { return; }
    undo.push([at, Buffer.from(bytes.subarray(at, at + value.length))]);
    value.copy(bytes, at);
  };
  const size = random(8) === 0 ? random(bytes.length) : bytes.length;
  for (let i = random(3); i >= 0; i--) { write(positionIn(subject, random), valueOf(random, bytes.length)); }
  if (random(5) > 0) { repair(name, bytes, write); }
  const file = new MemoryFile(bytes.subarray(0, size));
  try {
    await readSome(file, random);
    return 'read';
  } catch (error) {
    if (error instanceof ImageRefusal && /^(is|has) [^\n]{10,500}$/.test(error.message)) { return 'refused'; }
    throw new Error(`case ${n} (${name}): ${(error as Error).stack}`);
  } finally {
    undo.reverse().forEach(([at, value]) => value.copy(bytes, at));
    if (file.bytesRead > MOST_BYTES_READ) { throw new Error(`case ${n} (${name}): read ${file.bytesRead} bytes`); }
  }
}

async function readSome(file: MemoryFile, random: Random): Promise<void> {
  const layout = await openImage(file);
  if (!layout) { return readStream(file); }
  const disk = new LaidOutDisk(layout, file.readInto);
  for (const from of [0, random(9 * 1024 * 1024), disk.size - PART]) {
    const length = Math.min(PART, disk.size - from);
    if (from < 0 || length <= 0) { continue; }
    const extents = await layout.extents(from, from + length);
    let at = from;
    for (const extent of extents) {
      const start = Math.max(extent.at, from);
      if (start !== at || extent.length <= 0) { throw new Error(`extents of ${from} to ${from + length} do not follow each other at ${at}`); }
      at = Math.min(extent.at + extent.length, from + length);
    }
    if (at !== from + length) { throw new Error(`extents of ${from} to ${from + length} end at ${at}`); }
    await disk.read(from, Buffer.allocUnsafe(length));
  }
}

async function readStream(file: MemoryFile): Promise<void> {
  const format = await detect(file) as StreamFormat;
  const disk = streamDisk(format, file.size, file.readInto, LARGEST_STREAM, 'which is all');
  try {
    const into = Buffer.allocUnsafe(2 ** 20);
    for (let at = 0; disk.endsAt === undefined && at < LARGEST_STREAM; at += into.length) { await disk.read(at, into); }
  } finally {
    await disk.close();
  }
}

function positionIn({ hot, bytes }: Subject, random: Random): number {
  switch (random(4)) {
    case 0: return random(128);
    case 1: return random(bytes.length);
    default: return hot[random(hot.length)];
  }
}

function valueOf(random: Random, size: number): Buffer {
  const value = Buffer.alloc([1, 2, 4, 8][random(4)]);
  switch (random(6)) {
    case 0: return value.fill(0xff);
    case 1: return value;
    case 2: value[random(value.length)] = 1 << random(8); return value;
    // Somewhere in the file, or near its end, as either byte order has it.
    case 3: case 4: {
      const wide = Buffer.alloc(8);
      const position = BigInt([random(size), Math.floor(random(size) / 512), size - random(1024), 512 * random(4), 65_536 * random(16)][random(5)]);
      if (random(2) === 0) { wide.writeBigUInt64BE(position); return wide.subarray(8 - value.length); }
      wide.writeBigUInt64LE(position);
      return wide.subarray(0, value.length);
    }
    default: value.forEach((_, i) => { value[i] = random(256); }); return value;
  }
}

/** Otherwise the checksums of VHD and VHDX keep nearly all mutations from being looked at. */
function repair(name: string, bytes: Buffer, write: (at: number, value: Buffer) => void): void {
  const u32 = (value: number, littleEndian: boolean) => {
    const made = Buffer.alloc(4);
    if (littleEndian) { made.writeUInt32LE(value); } else { made.writeUInt32BE(value); }
    return made;
  };
  if (name.endsWith('.vhd')) {
    for (const [start, length, own] of [[0, 512, 64], [bytes.length - 512, 512, 64], [512, 1024, 36]]) {
      let total = 0;
      for (let i = 0; i < length; i++) { total += i < own || i >= own + 4 ? bytes[start + i] : 0; }
      write(start + own, u32(~total >>> 0, false));
    }
  }
  if (name.endsWith('.vhdx')) {
    for (const [start, length] of [[65_536, 4096], [131_072, 4096], [196_608, 65_536]]) {
      const copy = Buffer.from(bytes.subarray(start, start + length));
      copy.fill(0, 4, 8);
      write(start + 4, u32(Number(Crc.named('CRC32C').of(copy)), true));
    }
  }
}
