import { GIB } from '../blocks/sizes';
import { limiter } from '../flow/concurrency';
import { decompress } from '../formats/chunk';
import { refuse, type Chunk, type Data, type DiskLayout, type ImageFile } from '../formats/layout';
import { OverlapGuard } from '../formats/overlap-guard';

/** The disk that a worker reads, whatever the format of the image. */
export interface Disk {
  /** Bytes; of a stream, the largest possible size. */
  readonly size: number;
  /** Size of a stream, once its end was reached. */
  readonly endsAt?: number;
  /** Fills `into` with the disk's bytes from `from` on. Calls `arrived` with the number of bytes that are there. */
  read(from: number, into: Buffer, arrived?: (filled: number) => void): Promise<void>;
  /** Frees memory and processes. */
  close?(): Promise<void>;
}

/** Fills a buffer with the object's bytes from an offset on. */
export type ReadFile = (offset: number, into: Buffer, arrived?: (filled: number) => void) => Promise<void>;

/** Bytes between two pieces that may be read in vain, because another request would cost more. */
const LARGEST_GAP = 256 * 1024;
/** Bytes that one request reads at most, unless one piece is larger. */
const LARGEST_GROUP = 4 * 1024 * 1024;
/** Bytes that may be read in vain in any case, and otherwise for each byte that is used. Only clusters of a few KiB in random order need more. */
const [MOST_IN_VAIN, MOST_IN_VAIN_FOR_ONE] = [8 * GIB, 16];
/** Requests that one call sends at once. */
const REQUESTS = 4;
/** Decompressed bytes that are kept, because the next part may need them too. */
const MOST_KEPT_BYTES = 64 * 1024 * 1024;

/** The disk in an image whose layout is known. Unallocated areas are not read, and neighbouring pieces are read together. */
export class LaidOutDisk implements Disk {
  private readonly overlaps: OverlapGuard;
  /** Bytes of groups that were read, and used or not. */
  private used = 0;
  private inVain = 0;
  private readonly kept = new Map<number, { readonly content: Promise<Buffer>; readonly length: number }>();

  /** @param size Bytes of the disk; the rest of the layout is not a part of it. */
  constructor(private readonly layout: DiskLayout, private readonly readFile: ReadFile, public readonly size = layout.size) {
    this.overlaps = new OverlapGuard(layout.format);
  }

  public async read(from: number, into: Buffer, arrived?: (filled: number) => void): Promise<void> {
    const pieces: (Data | Chunk)[] = [];
    for (const extent of await this.layout.extents(from, from + into.length)) {
      this.overlaps.add(extent);
      if (extent.kind === 'zeros') { into.fill(0, extent.at - from, extent.at + extent.length - from); } else { pieces.push(extent); }
    }
    if (pieces.length === 1 && pieces[0].kind === 'data' && pieces[0].length === into.length) {
      return this.readFile(pieces[0].file, into, arrived);
    }
    const inTurn = limiter(REQUESTS);
    const all = await Promise.allSettled(groups(pieces, from, from + into.length).map(group => inTurn(() => this.readGroup(group, from, into))));
    const failed = all.find(result => result.status === 'rejected');
    if (failed) { throw failed.reason; }
    arrived?.(into.length);
  }

  private async readGroup(group: readonly (Data | Chunk)[], from: number, into: Buffer): Promise<void> {
    const [first] = group;
    if (group.length === 1 && first.kind === 'data') { return this.readFile(first.file, into.subarray(first.at - from, first.at - from + first.length)); }
    if (group.length === 1 && first.kind === 'chunk') { return this.place(first, await this.whole(first, from, into.length), from, into); }
    const start = first.file;
    const bytes = Buffer.allocUnsafe(Math.max(...group.map(endOf)) - start);
    this.refuseWaste(group, bytes.length);
    await this.readFile(start, bytes);
    for (const piece of group) {
      const own = bytes.subarray(piece.file - start, endOf(piece) - start);
      if (piece.kind === 'data') { own.copy(into, piece.at - from); } else { this.place(piece, await this.content(piece, own), from, into); }
    }
  }

  /** Throws if most of the bytes are read and not used, because the import would take hours. */
  private refuseWaste(group: readonly (Data | Chunk)[], length: number): void {
    const used = group.reduce((total, piece) => total + endOf(piece) - piece.file, 0);
    this.used += used;
    this.inVain += Math.max(0, length - used);
    if (this.inVain > MOST_IN_VAIN && this.inVain > MOST_IN_VAIN_FOR_ONE * this.used) {
      refuse(`is a ${this.layout.format} image in so random an order that ${this.inVain} bytes had to be read in vain for ${this.used} of its disk; convert it with: qemu-img convert -O qcow2`);
    }
  }

  /** Reads a chunk of its own. Keeps its content if it extends beyond the part that is being read, because the next part needs it too. */
  private async whole(chunk: Chunk, from: number, length: number): Promise<Buffer> {
    const known = this.kept.get(chunk.file);
    if (known) { return known.content; }
    const read = async () => {
      const bytes = Buffer.allocUnsafe(chunk.fileLength);
      await this.readFile(chunk.file, bytes);
      return this.content(chunk, bytes);
    };
    const content = read();
    if (chunk.at >= from && chunk.at + chunk.length <= from + length) { return content; }
    content.catch(() => this.kept.delete(chunk.file));
    this.kept.set(chunk.file, { content, length: chunk.length });
    while (sum(this.kept.values()) > MOST_KEPT_BYTES) { this.kept.delete(this.kept.keys().next().value!); }
    return content;
  }

  private content(chunk: Chunk, bytes: Buffer): Promise<Buffer> {
    return decompress(this.layout.format, chunk, bytes, Math.min(chunk.length, this.size - chunk.at));
  }

  private place(chunk: Chunk, content: Buffer, from: number, into: Buffer): void {
    const start = Math.max(from, chunk.at);
    content.copy(into, start - from, start - chunk.at, Math.min(from + into.length - chunk.at, content.length));
  }
}

/** Divides pieces into groups that one request reads. A piece that extends beyond the part is a group of its own, so that it can be kept. */
function groups(pieces: readonly (Data | Chunk)[], from: number, to: number): (Data | Chunk)[][] {
  const made: (Data | Chunk)[][] = [];
  let [end, open] = [0, false];
  for (const piece of [...pieces].sort((a, b) => a.file - b.file)) {
    const alone = piece.at < from || piece.at + piece.length > to;
    const group = made.at(-1);
    if (group && open && !alone && piece.file - end <= LARGEST_GAP && endOf(piece) - group[0].file <= LARGEST_GROUP) {
      group.push(piece);
      end = Math.max(end, endOf(piece));
    } else {
      made.push([piece]);
      [end, open] = [endOf(piece), !alone];
    }
  }
  return made;
}

function endOf(piece: Data | Chunk): number {
  return piece.file + (piece.kind === 'data' ? piece.length : piece.fileLength);
}

function sum(kept: Iterable<{ readonly length: number }>): number {
  let total = 0;
  for (const { length } of kept) { total += length; }
  return total;
}

/** Returns the object as a file from which tables are read: in small pieces, and never beyond the end. */
export function fileOf(size: number, readFile: ReadFile): ImageFile {
  return {
    size,
    async read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= size)) { throw new Error(`bytes ${offset} to ${offset + length} are not in a file of ${size} bytes`); }
      const bytes = Buffer.allocUnsafe(length);
      if (length > 0) { await readFile(offset, bytes); }
      return bytes;
    },
  };
}

