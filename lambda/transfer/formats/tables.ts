import { outside, type ImageFile } from './layout';

/** Small enough to be read for a few entries, large enough for the tables of many clusters. */
const PAGE_BYTES = 32 * 1024;
/** 8 MiB. */
const MOST_PAGES = 256;
/** More than any reader asks for at once. */
const LONGEST = 2 * 1024 * 1024;

/**
 * The tables of an image, read in pages of which the last ones used are kept:
 * so memory is bounded however large they are, and neighbours cost no further read.
 */
export class Tables {
  private readonly pages = new Map<number, Promise<Buffer>>();

  constructor(private readonly format: string, public readonly file: ImageFile) {}

  /** Throws if any of it lies outside of the file. */
  public async bytes(what: string, offset: number, length: number): Promise<Buffer> {
    if (!(Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && length <= LONGEST && offset + length <= this.file.size)) {
      outside(this.format, what, offset, this.file.size);
    }
    const first = Math.floor(offset / PAGE_BYTES);
    const last = Math.floor((offset + Math.max(length, 1) - 1) / PAGE_BYTES);
    if (first === last) {
      const start = offset - first * PAGE_BYTES;
      return (await this.page(first)).subarray(start, start + length);
    }
    if (last - first > 2) { return this.file.read(offset, length); }
    const pages = await Promise.all(Array.from({ length: last - first + 1 }, (_, i) => this.page(first + i)));
    return Buffer.concat(pages).subarray(offset - first * PAGE_BYTES, offset - first * PAGE_BYTES + length);
  }

  private page(n: number): Promise<Buffer> {
    const known = this.pages.get(n);
    // Deleted and set again: a Map keeps the order in which its keys came.
    this.pages.delete(n);
    const offset = n * PAGE_BYTES;
    const page = known ?? this.file.read(offset, Math.min(PAGE_BYTES, this.file.size - offset));
    this.pages.set(n, page);
    if (!known) {
      // What failed is read again the next time.
      page.catch(() => { if (this.pages.get(n) === page) { this.pages.delete(n); } });
      if (this.pages.size > MOST_PAGES) { this.pages.delete(this.pages.keys().next().value!); }
    }
    return page;
  }
}

/** An unsigned number of 64 bits; those too large for exact arithmetic are larger than any file, and stay so. */
export function u64be(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}

export function u64le(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
}
