/** What a reader of a format knows, and nothing else: which bytes of the disk lie where in the file. */
export interface DiskLayout {
  /** As in a sentence: `qcow2`, `dynamic VHD`. */
  readonly format: string;
  /** Bytes of the disk, not of the file. */
  readonly size: number;
  /** All of the disk from `from` to `to`, in order and without a gap. */
  extents(from: number, to: number): Promise<Extent[]>;
}

export type Extent = Zeros | Data | Chunk;

interface Stretch {
  /** Where on the disk, and how much of it. */
  readonly at: number;
  readonly length: number;
}

/** Nothing was ever written there, or zeros were. */
export interface Zeros extends Stretch {
  readonly kind: 'zeros';
}

/** The bytes as they are, from `file` on. */
export interface Data extends Stretch {
  readonly kind: 'data';
  readonly file: number;
}

/** Compressed together, so it may begin before what was asked for, and end after it. */
export interface Chunk extends Stretch {
  readonly kind: 'chunk';
  readonly file: number;
  /** At most so many bytes in the file. What comes after the compressed data in them does not matter. */
  readonly fileLength: number;
  readonly codec: Codec;
}

/** `grain`: zlib, behind the marker that VMDK puts before it. */
export type Codec = 'deflate' | 'zstd' | 'grain' | XzBlock;

/** A block of xz by itself, without what a stream has around it. */
export interface XzBlock {
  /** The number of the kind of checksum. */
  readonly check: number;
  /** Its bytes in the file without those, in their middle, that fill it up to a multiple of four. */
  readonly unpadded: number;
}

/** The file that holds an image. Never asked for anything beyond its end. */
export interface ImageFile {
  readonly size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** Why an image is not imported: what follows the name of the image in a sentence. */
export class ImageRefusal extends Error {}

export function refuse(what: string): never {
  throw new ImageRefusal(what);
}

export function damaged(format: string, how: string): never {
  return refuse(`is a damaged ${format} image: ${how}`);
}

/** Larger than any volume, and so small that every sum of two positions is exact. */
export const MOST_DISK_BYTES = 2 ** 50;

/** Collects what lies between two positions of a disk; joins what belongs together, and lets nothing point outside of the file. */
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

  public chunk(at: number, length: number, file: number, fileLength: number, codec: Codec): void {
    const [start, end] = this.clip(at, length);
    if (end <= start) { return; }
    if (!(file >= 0 && file < this.fileSize)) { outside(this.format, 'compressed data', file, this.fileSize); }
    this.all.push({ kind: 'chunk', at, length, file, fileLength: Math.min(fileLength, this.fileSize - file), codec });
  }

  private clip(at: number, length: number): [number, number] {
    return [Math.max(at, this.from), Math.min(at + length, this.to)];
  }
}

export function outside(format: string, what: string, position: number, fileSize: number): never {
  return damaged(format, `its tables say that ${what} lies at byte ${position}, but the file ends at byte ${fileSize}; was it uploaded completely?`);
}
