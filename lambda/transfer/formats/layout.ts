import { ImageRefusal, refuse, refuseLargeSectors } from '../../../src/contract/image-refusal';

export { ImageRefusal, refuse, refuseLargeSectors };

/** Maps bytes of the disk to bytes of the file. The only thing that a reader of a format makes. */
export interface DiskLayout {
  /** Name of the format within a sentence: `qcow2`, `dynamic VHD`. */
  readonly format: string;
  /** Size of the disk in bytes; the file has another size. */
  readonly size: number;
  /** Returns the extents of the disk from `from` to `to`, in order and without a gap. */
  extents(from: number, to: number): Promise<Extent[]>;
}

export type Extent = Zeros | Data | Chunk;

interface Stretch {
  /** Position on the disk, in bytes. */
  readonly at: number;
  readonly length: number;
}

/** A stretch that reads as zeros. */
export interface Zeros extends Stretch {
  readonly kind: 'zeros';
}

/** A stretch whose bytes lie in the file as they are. */
export interface Data extends Stretch {
  readonly kind: 'data';
  /** Position in the file, in bytes. */
  readonly file: number;
}

/** A stretch that is compressed as a whole. It may begin before the position that was asked for, and end after it. */
export interface Chunk extends Stretch {
  readonly kind: 'chunk';
  /** Position of the compressed data in the file, in bytes. */
  readonly file: number;
  /** Upper limit for the bytes of the compressed data. Bytes that follow the compressed data are ignored. */
  readonly fileLength: number;
  readonly decode: ChunkDecoder;
}

/**
 * Decompresses a chunk. `bytes` begins with the compressed data and may be longer. The reader of a format gives each chunk its decoder
 * (`codecs.ts` has those that several formats share), so a new compressed format changes neither this file nor `chunk.ts`.
 *
 * Throws an `ImageRefusal`, or an error with a `code`, which `decompress` turns into one.
 */
export type ChunkDecoder = (bytes: Buffer, chunk: Pick<Chunk, 'at' | 'length'>) => Promise<Buffer>;

/** The file that holds an image. Readers never read beyond its end. */
export interface ImageFile {
  readonly size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

export function damaged(format: string, how: string): never {
  return refuse(`is a damaged ${format} image: ${how}`);
}

/** Limit for the size of a disk: larger than any volume, and small enough that every sum of two positions is exact. */
export const MOST_DISK_BYTES = 2 ** 50;

/** Returns the layout of a file that begins with the disk as it is: a raw image, or a fixed VHD, whose footer follows the disk. */
export function plainLayout(format: string, size: number): DiskLayout {
  return {
    format,
    size,
    extents: async (from, to) => to > from ? [{ kind: 'data', at: from, length: to - from, file: from }] : [],
  };
}

/** Collects the extents between two positions of a disk. Joins adjacent ones, and refuses those that lie outside of the file. */
export class Extents {
  public readonly all: Extent[] = [];

  constructor(private readonly format: string, private readonly fileSize: number, private readonly from: number, private readonly to: number) {}

  public zeros(at: number, length: number): void {
    const [start, end] = this.clip(at, length);
    if (end <= start) { return; }
    const last = this.all.at(-1);
    if (last?.kind === 'zeros') {
      this.all[this.all.length - 1] = { ...last, length: last.length + end - start };
    } else {
      this.all.push({ kind: 'zeros', at: start, length: end - start });
    }
  }

  public data(at: number, length: number, file: number): void {
    const [start, end] = this.clip(at, length);
    if (end <= start) { return; }
    const first = file + (start - at);
    if (!(first >= 0 && first + (end - start) <= this.fileSize)) { outside(this.format, 'data', first, this.fileSize); }
    const last = this.all.at(-1);
    if (last?.kind === 'data' && last.file + last.length === first) {
      this.all[this.all.length - 1] = { ...last, length: last.length + end - start };
    } else {
      this.all.push({ kind: 'data', at: start, length: end - start, file: first });
    }
  }

  public chunk(at: number, length: number, file: number, fileLength: number, decode: ChunkDecoder): void {
    const [start, end] = this.clip(at, length);
    if (end <= start) { return; }
    if (!(file >= 0 && file < this.fileSize)) { outside(this.format, 'compressed data', file, this.fileSize); }
    this.all.push({ kind: 'chunk', at, length, file, fileLength: Math.min(fileLength, this.fileSize - file), decode });
  }

  private clip(at: number, length: number): [number, number] {
    return [Math.max(at, this.from), Math.min(at + length, this.to)];
  }
}

export function outside(format: string, what: string, position: number, fileSize: number): never {
  return damaged(format, `its tables say that ${what} lies at byte ${position}, but the file ends at byte ${fileSize}; was it uploaded completely?`);
}
