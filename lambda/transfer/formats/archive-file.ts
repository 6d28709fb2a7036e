import { damaged, Extents, type DiskLayout, type Extent, type ImageFile } from './layout';
import { Tables } from './tables';
import { findInTar } from '../../../src/contract/archive/disk-member';
import { readInTime, type Reading } from '../../../src/contract/archive/reading';
import { TarReader, type TarMember } from '../../../src/contract/archive/tar';

const FORMAT = 'archive';
/** Larger pieces than this are no headers, and not kept. */
const LARGEST_HEADERS = 32 * 1024;

/** Finds the disk in a tar archive: the only one, or the one that has a name. */
export function diskInTarFile(file: ImageFile, name: string | undefined): Promise<TarMember> {
  return readFrom(file, findInTar(file.size, name));
}

/** Reads the headers of the member that was found, once more. */
export async function memberAt(file: ImageFile, header: number): Promise<TarMember> {
  return await readFrom(file, new TarReader(file.size).member(header)) ?? damaged(FORMAT, `there is no header at byte ${header}`);
}

/** Reads an archive that can be read anywhere. */
export function readFrom<T>(file: ImageFile, reading: Reading<T>): Promise<T> {
  const tables = new Tables(FORMAT, file);
  return readInTime(reading, async ({ at, length }) => {
    const there = Math.max(0, Math.min(length, file.size - at));
    if (there === 0) { return Buffer.alloc(0); }
    return there > LARGEST_HEADERS ? file.read(at, there) : tables.bytes('a header', at, there);
  });
}

/** Which bytes of an archive are a file. */
export type Place = Pick<TarMember, 'size' | 'at' | 'stored' | 'map'>;

/** Where the bytes of a member are in the archive. The holes of a sparse one are zeros. */
export class MemberLayout implements DiskLayout {
  public readonly format = FORMAT;
  public readonly size: number;
  /** The stretches of the file, and where each is in the archive. */
  private readonly starts: Float64Array;
  private readonly lengths: Float64Array;
  private readonly files: Float64Array;

  /** @param fileSize Bytes of the archive. */
  constructor({ size, at, stored, map = [0, stored] }: Place, private readonly fileSize: number) {
    this.size = size;
    const count = map.length / 2;
    [this.starts, this.lengths, this.files] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
    for (let i = 0, file = at; i < count; file += map[2 * i + 1], i++) {
      this.starts[i] = map[2 * i];
      this.lengths[i] = map[2 * i + 1];
      this.files[i] = file;
    }
  }

  public async extents(from: number, to: number): Promise<Extent[]> {
    const extents = new Extents(FORMAT, this.fileSize, from, to);
    let end = from;
    for (let i = this.firstBehind(from); i < this.starts.length && this.starts[i] < to; i++) {
      extents.zeros(end, this.starts[i] - end);
      extents.data(this.starts[i], this.lengths[i], this.files[i]);
      end = this.starts[i] + this.lengths[i];
    }
    extents.zeros(end, to - end);
    return extents.all;
  }

  /** The first stretch that ends behind a position. */
  private firstBehind(position: number): number {
    let [low, high] = [0, this.starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle] + this.lengths[middle] <= position) { low = middle + 1; } else { high = middle; }
    }
    return low;
  }
}
