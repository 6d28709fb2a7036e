import { refuse } from '../image-refusal';
import type { Reading } from './reading';
import { TAR_BLOCK, tarHeader, withoutEnd, type TarHeader } from './tar-header';
import { PaxHeader } from './tar-pax';
import { checkMap, newMap, oldMap, refuseMap, type SparseMap } from './tar-sparse';

/** A file in a tar archive, or something else: a folder, a link. */
export interface TarMember {
  /** Without `./` at the start. */
  readonly name: string;
  readonly isFile: boolean;
  /** Bytes of the file. */
  readonly size: number;
  /** Where its first header is. */
  readonly header: number;
  /** Where its content is. */
  readonly at: number;
  /** Bytes of its content. Fewer than `size` if it is sparse. */
  readonly stored: number;
  /** Of a sparse file: what of it is stored. */
  readonly map?: SparseMap;
  /** Where the next header is. */
  readonly next: number;
}

/** Headers in an archive; a program that packs a disk makes a few. */
const MOST_HEADERS = 1_000;
/** Bytes of all extended headers and long names together. */
const MOST_HEADER_BYTES = 32 * 1024 * 1024;
const LONGEST_NAME = 64 * 1024;
/** Characters of a name in an error. */
const LONGEST_SHOWN = 60;
/** Bytes behind the end of the archive that are looked at in one step. */
const STEP = 256 * 1024;
/** Zeros that may be behind the end of an archive. tar writes whole records, of 10 KiB unless the user wants more. */
const MOST_PADDING = 16 * 1024 * 1024;

/** Reads a tar archive of any age: V7, ustar, GNU, PAX. */
export class TarReader {
  private headers = 0;
  private headerBytes = 0;

  /** @param size Bytes of the archive. Absent: a stream, of which they are not known. */
  constructor(private readonly size?: number) {}

  /** Reads the member whose first header is at a position. undefined: the archive ends there. */
  public* member(from: number): Reading<TarMember | undefined> {
    let [at, name, pax]: [number, string | undefined, PaxHeader | undefined] = [from, undefined, undefined];
    for (;;) {
      const block = yield { at, length: TAR_BLOCK };
      if (block.length < TAR_BLOCK) { this.refuseTruncated(at); }
      if (block.every(byte => byte === 0)) { return at === from ? undefined : damagedTar(at, 'an extended header is not followed by a member'); }
      if (++this.headers > MOST_HEADERS) { refuse(`is a tar archive with more than ${MOST_HEADERS} headers, so it holds files rather than a disk; upload the disk alone`); }
      const header = tarHeader(block) ?? damagedTar(at, 'what should be a header has another checksum than it says');
      const content = at + TAR_BLOCK;
      switch (header.type) {
        case 'x': case 'X': pax = new PaxHeader(yield* this.content(content, header.size, MOST_HEADER_BYTES)); break;
        case 'L': name = withoutEnd(yield* this.content(content, header.size, LONGEST_NAME)); break;
        case 'K': break;
        case 'g': this.refuseGlobal(new PaxHeader(yield* this.content(content, header.size, LONGEST_NAME))); break;
        case 'M': return refuse('is a volume of a tar archive in several volumes, which is not supported; extract the disk from it first');
        default: return yield* this.file(from, content, block, { ...header, name: pax?.path ?? name ?? header.name }, pax);
      }
      at = content + roundUp(header.size);
    }
  }

  /** Looks at what is behind the last member. Throws unless it is zeros. */
  public* end(from: number): Reading<void> {
    if (this.size !== undefined && this.size - from > MOST_PADDING) { refuse(`is a tar archive with ${this.size - from} bytes behind its end, which is at byte ${from}; cut them off`); }
    for (let at = from; ;) {
      const bytes = yield { at, length: STEP };
      if (bytes.some(byte => byte !== 0)) {
        refuse(`is a tar archive with something behind its end, which is at byte ${from}, so a part of it may be lost, or it is two archives in one; extract the disk from it first`);
      }
      at += bytes.length;
      if (bytes.length < STEP) { return; }
    }
  }

  private* file(header: number, behind: number, block: Buffer, { name: stated, size, type }: TarHeader, pax?: PaxHeader): Reading<TarMember> {
    const [name, isFile] = [plain(pax?.sparseName ?? stated), !'123456V'.includes(type)];
    // Links, folders and devices have no content, whatever their size is.
    const inArchive = isFile ? pax?.size ?? size : 0;
    const next = behind + roundUp(inArchive);
    const sparse = type === 'S' ? yield* oldMap(block, behind) : isFile && pax ? yield* sparseOf(pax, behind) : undefined;
    if (!sparse) { return this.within({ name, isFile, size: inArchive, header, at: behind, stored: inArchive, next }); }
    // The blocks of the old format are not counted in the size of the content, those of version 1.0 are.
    const stored = type === 'S' ? inArchive : inArchive - (sparse.at - behind);
    checkMap(sparse, stored);
    return this.within({ name, isFile, ...sparse, header, stored, next: type === 'S' ? sparse.at + roundUp(stored) : next });
  }

  private within(member: TarMember): TarMember {
    const { name, next } = member;
    if (!Number.isSafeInteger(next) || (this.size !== undefined && next > this.size)) {
      refuse(`is a tar archive that says that its member ${quoted(name)} ends at byte ${next}, but ${this.size === undefined ? 'no file is so large' : `the file ends at byte ${this.size}`}; was it uploaded completely?`);
    }
    return member;
  }

  private* content(at: number, length: number, most: number): Reading<Buffer> {
    this.headerBytes += length;
    if (length > most || this.headerBytes > MOST_HEADER_BYTES) { refuse(`is a tar archive with an extended header of ${length} bytes, which is not supported; extract the disk from it first`); }
    const bytes = yield { at, length };
    if (bytes.length < length) { this.refuseTruncated(at); }
    return bytes;
  }

  private refuseGlobal({ path, size, map, sparseSize }: PaxHeader): void {
    if ([path, size, map, sparseSize].some(value => value !== undefined)) {
      refuse('is a tar archive with a global header that gives all members a name or a size, which is not supported; extract the disk from it first');
    }
  }

  private refuseTruncated(at: number): never {
    return refuse(`is a tar archive that is cut off: ${this.size === undefined ? 'it ends' : `it has ${this.size} bytes, and ends`} where byte ${at} should begin a header or its content, `
      + 'without the zeros of its end; was it uploaded completely?');
  }
}

function* sparseOf(pax: PaxHeader, at: number): Reading<{ readonly map: SparseMap; readonly size: number; readonly at: number } | undefined> {
  if (pax.sparseVersion === undefined && pax.map === undefined) { return undefined; }
  const size = pax.sparseSize ?? refuseMap('does not say how large the file is');
  if (pax.map) { return { map: pax.map, size, at }; }
  if (pax.sparseVersion !== '1') { refuseMap(`is of version ${pax.sparseVersion}`); }
  return { ...yield* newMap(at), size };
}

function damagedTar(at: number, how: string): never {
  return refuse(`is a damaged tar archive: at byte ${at}, ${how}; was it uploaded completely?`);
}

function plain(name: string): string {
  return name.replace(/^(\.\/)+/, '');
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / TAR_BLOCK) * TAR_BLOCK;
}

/** Returns a name for a message: what was made to look like something else does not. */
export function quoted(name: string): string {
  const shown = JSON.stringify(name.slice(0, LONGEST_SHOWN + 1)).slice(1, -1);
  return shown.length > LONGEST_SHOWN ? `'${shown.slice(0, LONGEST_SHOWN - 1)}…'` : `'${shown}'`;
}
