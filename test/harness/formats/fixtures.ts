import { createHash } from 'crypto';
import { readFileSync } from 'fs';
import { join } from 'path';
import { zstdDecompressSync } from 'zlib';
import { detect } from '../../../lambda/transfer/formats/detect';
import type { DiskLayout, ImageFile } from '../../../lambda/transfer/formats/layout';
import { openLayout } from '../../../lambda/transfer/formats/open';
import { decompressed, type StreamFormat } from '../../../lambda/transfer/formats/streams';
import { LaidOutDisk, type ReadFile } from '../../../lambda/transfer/image/disk';
import { piecesOf, StreamDisk } from '../../../lambda/transfer/image/stream-disk';

const FOLDER = join(__dirname, 'fixtures');

/** An image, as qemu-img made it. */
export function fixture(name: string): Buffer {
  return zstdDecompressSync(readFileSync(join(FOLDER, `${name}.zst`)));
}

/** What qemu-img makes of the images: [name, bytes of the raw disk, their SHA-256]. */
export const RAWS = lines('raws.txt').map(([digest, size, name]): [string, number, string] => [name, Number(size), digest]);

/** What was compressed with xz, likewise. */
export const XZ = lines('xz.txt').map(([digest, size, name]): [string, number, string] => [name, Number(size), digest]);

/** [name, words of the refusal]. */
export const REFUSED = lines('refused.txt').map(([name, ...words]): [string, string] => [name, words.join(' ')]);

function lines(name: string): string[][] {
  return readFileSync(join(FOLDER, name), 'utf8').trim().split('\n').map(line => line.split(' '));
}

/** A file that fails whoever reads beyond its end, and counts what is read. */
export class MemoryFile implements ImageFile {
  public bytesRead = 0;

  constructor(private readonly bytes: Buffer) {}

  public get size(): number {
    return this.bytes.length;
  }

  public async read(offset: number, length: number): Promise<Buffer> {
    if (!(Number.isInteger(offset) && offset >= 0 && length >= 0 && offset + length <= this.size)) {
      throw new RangeError(`read of ${length} bytes at ${offset} in a file of ${this.size}`);
    }
    this.bytesRead += length;
    return Buffer.from(this.bytes.subarray(offset, offset + length));
  }

  public readonly readInto = async (offset: number, into: Buffer, arrived?: (filled: number) => void): Promise<void> => {
    (await this.read(offset, into.length)).copy(into);
    arrived?.(into.length);
  };
}

/** As the plan and a worker do. undefined: a stream. */
export async function openImage(file: ImageFile): Promise<DiskLayout | undefined> {
  return openLayout(file, await detect(file));
}

/** All of a disk, in parts that begin and end anywhere; at most `most` of them. */
export async function readDisk(layout: DiskLayout, file: MemoryFile, { part = 1_000_001, most = Infinity } = {}): Promise<Buffer> {
  const disk = new LaidOutDisk(layout, file.readInto);
  const parts: Buffer[] = [];
  for (let at = 0; at < disk.size && parts.length < most; at += part) {
    // What is not overwritten is seen.
    const bytes = Buffer.alloc(Math.min(part, disk.size - at), 0xee);
    await disk.read(at, bytes);
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A disk that is compressed as a whole, as a worker opens it. */
export function streamDisk(format: StreamFormat, fileSize: number, readFile: ReadFile, size: number, limit: string): StreamDisk {
  return new StreamDisk(format, decompressed(format, piecesOf(fileSize, readFile)), size, limit);
}
