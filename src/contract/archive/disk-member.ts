import { CONTAINER_MAGIC } from '../disk-image-format';
import { DISK_HEAD, isDisk } from '../disk-signature';
import { foreignFormat, likelyFormat } from '../foreign-format';
import { TAIL, type FileEnds } from '../image-recognition';
import { ImageRefusal, refuse } from '../image-refusal';
import type { Reading } from './reading';
import { quoted, TarReader, type TarMember } from './tar';

/** Bytes of a file that may be something else than a disk without a name for it, such as the settings of a firmware. */
const SMALL = 1024 * 1024;
/** The name is a part of what the functions of an import say to each other. */
const LONGEST_NAME = 1024;
/** Names in an error. */
const MOST_NAMES = 6;

/** What an archive is, in a sentence. */
export const ARCHIVES = { TAR: 'a tar archive', ZIP: 'a ZIP archive' } as const;
export type Archive = keyof typeof ARCHIVES;

/** Finds the disk in a tar archive that can be read anywhere: the only one, or the one that has a name. Looks at all of its headers. */
export function* findInTar(size: number, name: string | undefined): Reading<TarMember> {
  const [reader, choice] = [new TarReader(size), new Choice<TarMember>('TAR', name)];
  for (let at = 0; ;) {
    const member = yield* reader.member(at);
    if (!member) {
      yield* reader.end(at);
      return choice.only();
    }
    yield* choice.offer(member, headOf);
    at = member.next;
  }
}

interface Member {
  readonly name: string;
  readonly isFile: boolean;
  /** Bytes of the file. */
  readonly size: number;
}

/** Which member of an archive is the disk. */
export class Choice<M extends Member> {
  private readonly disks: M[] = [];
  private readonly others: string[] = [];

  /** @param name What the user wants. Absent: the only disk. */
  constructor(private readonly archive: Archive, private readonly name: string | undefined) {}

  /** Takes a member if it is the disk, by its name or, without that, by its first bytes. Returns whether it is. */
  public* offer(member: M, readHead: (member: M) => Reading<Buffer | undefined>): Reading<boolean> {
    const { name, isFile, size } = member;
    if (!isFile) { return false; }
    const isTaken = this.name === undefined ? mayBeDisk(yield* readHead(member), size) : name === this.name;
    if (!isTaken) {
      this.others.push(name);
      return false;
    }
    if (size === 0) { inMember(this.archive, name, () => refuse('is empty')); }
    if (name.length > LONGEST_NAME) { refuse(`is ${ARCHIVES[this.archive]} in which the disk has a name of ${name.length} characters, but ${LONGEST_NAME} are allowed; pack it under another one`); }
    this.disks.push(member);
    return true;
  }

  /** Returns the member. Throws if there is none, or more than one. */
  public only(): M {
    const what = ARCHIVES[this.archive];
    const [disk, ...more] = this.disks;
    if (disk && more.length === 0) { return disk; }
    if (this.name !== undefined) {
      return refuse(disk ? `is ${what} with ${this.disks.length} members of the name ${quoted(this.name)}, so it is open which one is meant; pack the disk alone`
        : `is ${what} without a file of the name ${quoted(this.name)}, which 'archiveMember' says; it has ${list(this.others)}`);
    }
    return refuse(disk ? `is ${what} in which more than one file may be a disk: ${list(this.disks.map(member => member.name))}; name one by 'archiveMember'`
      : `is ${what} in which no file shows itself as a disk: it has ${list(this.others)}; if one is a disk all the same, name it by 'archiveMember', and set 'format'`);
  }
}

function list(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return names.length === 0 ? 'no files' : names.slice(0, MOST_NAMES).map(quoted).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Reads the first bytes of a member. */
export function headOf(member: TarMember): Reading<Buffer> {
  return contentOf(member, 0, DISK_HEAD);
}

/** Reads the first and last bytes of a member. */
export function* endsOfMember(member: TarMember): Reading<Omit<FileEnds, 'size'>> {
  return { head: yield* headOf(member), tail: yield* contentOf(member, Math.max(0, member.size - TAIL), TAIL) };
}

/** What is stored of a stretch of a file lies together in the archive, whatever holes the file has. */
function* contentOf({ at, size, stored, map = [0, stored] }: TarMember, from: number, length: number): Reading<Buffer> {
  const content = Buffer.alloc(Math.min(length, size - from));
  const pieces: { readonly into: number; readonly file: number; readonly length: number }[] = [];
  for (let i = 0, file = at; i < map.length; file += map[i + 1], i += 2) {
    const [start, end] = [Math.max(map[i], from), Math.min(map[i] + map[i + 1], from + content.length)];
    if (end > start) { pieces.push({ into: start - from, file: file + start - map[i], length: end - start }); }
  }
  const [first, last] = [pieces[0], pieces.at(-1)];
  if (!first || !last) { return content; }
  const bytes = yield { at: first.file, length: last.file + last.length - first.file };
  // A stream that is cut off has less of it; whoever reads all of the file refuses that.
  for (const { into, file, length: of } of pieces) { bytes.subarray(file - first.file, file - first.file + of).copy(content, into); }
  return content;
}

/** Says of a refusal in which file of the archive its cause is. */
export function inMember<T>(archive: Archive, name: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw ofMember(archive, name, error);
  }
}

/** Returns an error with the name of the file in which its cause is, if it is a refusal. */
export function ofMember(archive: Archive, name: string, error: unknown): unknown {
  return error instanceof ImageRefusal ? new ImageRefusal(`is ${ARCHIVES[archive]}, and its file ${quoted(name)} ${error.message}`) : error;
}

export function refuseNoArchive(name: string): never {
  return refuse(`is no tar or ZIP archive, so it has no ${quoted(name)}, which 'archiveMember' names; leave 'archiveMember' out`);
}

/** Returns whether a file may be a disk, or a piece of one: what is certainly none, or small and nothing that is known, is not. undefined: a head that cannot be read. */
function mayBeDisk(head: Buffer | undefined, size: number): boolean {
  if (size === 0) { return false; }
  if (!head) { return size >= SMALL; }
  const start = head.toString('latin1', 0, 64);
  if (CONTAINER_MAGIC.some(({ magic }) => start.startsWith(magic)) || /^#\s*Disk DescriptorFile/i.test(start)) { return true; }
  const known = foreignFormat(head) ?? (isDisk(head) ? undefined : likelyFormat(head));
  return known ? !known.isText : isDisk(head) || size >= SMALL;
}
