import { constants, inflateRawSync } from 'zlib';
import { DISK_HEAD } from '../disk-signature';
import { TAIL, type FileEnds } from '../image-recognition';
import { refuse } from '../image-refusal';
import { Choice } from './disk-member';
import type { Reading } from './reading';
import { quoted } from './tar';

/*
 * ZIP (APPNOTE.TXT of PKWARE), also in its 64-bit form: the directory at the end says which members there are, and where.
 */

export interface ZipMember extends ZipEntry {
  /** Where its content is. */
  readonly at: number;
}

interface ZipEntry {
  readonly name: string;
  readonly isFile: boolean;
  /** Bytes of the file. */
  readonly size: number;
  /** Bytes of its content in the archive. */
  readonly stored: number;
  /** Where its own header is. */
  readonly header: number;
  /** 0: stored as it is; 8: deflated. */
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly crc32: number;
}

interface LimitedEntry extends ZipEntry {
  /** Where the next one begins. */
  readonly limit: number;
}

const [MEMBER, ENTRY, END, END64, LOCATOR64] = ['PK\x03\x04', 'PK\x01\x02', 'PK\x05\x06', 'PK\x06\x06', 'PK\x06\x07'];
const [MEMBER_LENGTH, ENTRY_LENGTH, END_LENGTH, END64_LENGTH, LOCATOR64_LENGTH] = [30, 46, 22, 56, 20];
const LONGEST_COMMENT = 0xffff;
/** Instead of a number that is too large for 32 bits. */
const IN_64_BITS = 0xffff_ffff;
const EXTRA_64 = 1;
const [STORED, DEFLATED] = [0, 8];
/** Members of an archive; a program that packs a disk makes a few. */
const MOST_MEMBERS = 1_000;
const LONGEST_DIRECTORY = 4 * 1024 * 1024;
/** Bits of the flags: their values. */
const [ENCRYPTED, UTF_8] = [1, 2_048];
/** Compressed bytes that are inflated first to see the start of a file, and how many more each time. Little, because it may become a thousand times as much. */
const [FIRST_BYTES, MORE] = [1024, 1.25];

/** Returns whether the first bytes of a file are those of a ZIP archive that is in one file, and not empty. */
export function looksLikeZip(head: Buffer): boolean {
  return head.toString('latin1', 0, 4) === MEMBER;
}

/** Finds the disk in a ZIP archive: the only one, or the one that has a name. */
export function* findInZip(size: number, name: string | undefined): Reading<ZipMember> {
  const choice = new Choice<LimitedEntry>('ZIP', name);
  const entries = yield* directoryOf(size);
  for (const entry of entries) { yield* choice.offer(entry, headOf); }
  return yield* located(choice.only());
}

/** Reads the first bytes of a member that can be read. */
export function* headOfZipMember(member: ZipMember): Reading<Buffer> {
  const { at, stored, size } = member;
  if (!isDeflated(member)) { return yield { at, length: Math.min(stored, DISK_HEAD) }; }
  for (let length = FIRST_BYTES; ; length = Math.ceil(length * MORE)) {
    const bytes = yield { at, length: Math.min(stored, length) };
    const head = inflated(bytes);
    if (head.length >= Math.min(size, DISK_HEAD) || length >= stored) { return head.subarray(0, DISK_HEAD); }
  }
}

/** Reads the first and last bytes of a member. What is deflated can be read from its start only. */
export function* endsOfZipMember(member: ZipMember): Reading<Omit<FileEnds, 'size'>> {
  const head = yield* headOfZipMember(member);
  const length = isDeflated(member) ? 0 : Math.min(member.size, TAIL);
  return { head, tail: yield { at: member.at + member.size - length, length } };
}

/** Whether a member can be read from its start only. */
export function isDeflated({ method }: Pick<ZipMember, 'method'>): boolean {
  return method === DEFLATED;
}

function* headOf(entry: LimitedEntry): Reading<Buffer | undefined> {
  return isReadable(entry) ? yield* headOfZipMember(yield* located(entry)) : undefined;
}

function inflated(bytes: Buffer): Buffer {
  try {
    return inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    return refuse(`is a damaged ZIP archive: a member cannot be decompressed: ${(error as Error).message}`);
  }
}

function isReadable({ isEncrypted, method }: ZipEntry): boolean {
  return !isEncrypted && [STORED, DEFLATED].includes(method);
}

/** Reads the header of the member itself. Throws if the member cannot be read, or its header is not what the directory says. */
function* located(entry: LimitedEntry): Reading<ZipMember> {
  const { name, header, method, isEncrypted } = entry;
  if (isEncrypted) { refuse(`is a ZIP archive in which ${quoted(name)} is encrypted, which is not supported; extract it first`); }
  if (!isReadable(entry)) { refuse(`is a ZIP archive in which ${quoted(name)} is compressed by method ${method}, but only 0 (stored) and 8 (deflated) are supported; extract it first`); }
  const bytes = yield { at: header, length: MEMBER_LENGTH };
  if (bytes.length < MEMBER_LENGTH || bytes.toString('latin1', 0, 4) !== MEMBER || bytes.readUInt16LE(8) !== method) {
    damagedZip(`where its directory says that ${quoted(name)} is, at byte ${header}, is something else`);
  }
  const at = header + MEMBER_LENGTH + bytes.readUInt16LE(26) + bytes.readUInt16LE(28);
  refuseBeyond(entry, at);
  return { ...entry, at };
}

/** Reads the directory. Throws unless it ends where the archive does, and no member lies in another one. */
function* directoryOf(size: number): Reading<LimitedEntry[]> {
  const { start, length, count, multiple } = yield* endOf(size);
  if (count > MOST_MEMBERS || length > LONGEST_DIRECTORY) { refuse(`is a ZIP archive with ${count} members, so it holds files rather than a disk; upload the disk alone`); }
  const bytes = yield { at: start, length };
  const entries: ZipEntry[] = [];
  for (let at = 0; at < length;) {
    if (at + ENTRY_LENGTH > bytes.length || bytes.toString('latin1', at, at + 4) !== ENTRY) { damagedZip('its directory has something else than members in it'); }
    const end = at + ENTRY_LENGTH + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
    if (end > bytes.length) { damagedZip('its directory is cut off'); }
    entries.push(entryOf(bytes.subarray(at, end)));
    at = end;
  }
  if (entries.length % multiple !== count) { damagedZip(`its directory has ${entries.length} members, where there should be ${count}`); }
  return withEnds(entries, start);
}

function entryOf(bytes: Buffer): ZipEntry {
  const [flags, nameLength, extraLength] = [bytes.readUInt16LE(8), bytes.readUInt16LE(28), bytes.readUInt16LE(30)];
  const nameBytes = bytes.subarray(ENTRY_LENGTH, ENTRY_LENGTH + nameLength);
  const name = nameBytes.toString(isSet(flags, UTF_8) ? 'utf8' : 'latin1').replace(/^(\.\/)+/, '');
  const large = largeNumbers(bytes.subarray(ENTRY_LENGTH + nameLength, ENTRY_LENGTH + nameLength + extraLength));
  // They follow each other in this order, if they are too large for 32 bits.
  const [size, stored, header] = [24, 20, 42].map(at => {
    const value = bytes.readUInt32LE(at);
    return value === IN_64_BITS ? large.shift() ?? damagedZip(`it does not say where or how large ${quoted(name)} is`) : value;
  });
  return { name, isFile: !name.endsWith('/'), size, stored, header, method: bytes.readUInt16LE(10), isEncrypted: isSet(flags, ENCRYPTED), crc32: bytes.readUInt32LE(16) };
}

function isSet(flags: number, bit: number): boolean {
  return Math.floor(flags / bit) % 2 === 1;
}

function largeNumbers(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== EXTRA_64) { continue; }
    const bytes = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2));
    return Array.from({ length: Math.min(3, Math.floor(bytes.length / 8)) }, (_, i) => Number(bytes.readBigUInt64LE(i * 8)));
  }
  return [];
}

/** Throws if two members share bytes, or one lies in the directory: such an archive is damaged, or a small file that becomes a huge disk. */
function withEnds(entries: readonly ZipEntry[], directory: number): LimitedEntry[] {
  const inOrder = [...entries].sort((a, b) => a.header - b.header);
  return inOrder.map((entry, i) => {
    const limited = { ...entry, limit: inOrder[i + 1]?.header ?? directory };
    refuseBeyond(limited, entry.header + MEMBER_LENGTH);
    if (entry.method === STORED && entry.size !== entry.stored) { damagedZip(`its member ${quoted(entry.name)} has ${entry.stored} bytes, where there should be ${entry.size}`); }
    return limited;
  });
}

function refuseBeyond({ name, stored, limit }: LimitedEntry, at: number): void {
  if (!(at + stored <= limit)) { damagedZip(`its member ${quoted(name)} goes on to byte ${at + stored}, but from byte ${limit} on, there is something else`); }
}

interface End {
  readonly start: number;
  readonly length: number;
  readonly count: number;
  /** The count is that of the members, but for a multiple of this. */
  readonly multiple: number;
}

function* endOf(size: number): Reading<End> {
  const from = Math.max(0, size - END_LENGTH - LONGEST_COMMENT - LOCATOR64_LENGTH);
  const tail = yield { at: from, length: size - from };
  const at = endIn(tail);
  const locator = at - LOCATOR64_LENGTH;
  if (locator >= 0 && tail.toString('latin1', locator, locator + 4) === LOCATOR64) {
    return yield* end64(Number(tail.readBigUInt64LE(locator + 8)), from + locator);
  }
  const [count, length, start] = [tail.readUInt16LE(at + 10), tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)];
  return checked({ start, length, count, multiple: 2 ** 16 }, from + at, tail.readUInt16LE(at + 4) !== 0 || tail.readUInt16LE(at + 6) !== 0);
}

function endIn(tail: Buffer): number {
  for (let at = tail.length - END_LENGTH; at >= 0; at--) {
    if (tail[at] === 0x50 && tail.toString('latin1', at, at + 4) === END && at + END_LENGTH + tail.readUInt16LE(at + 20) === tail.length) { return at; }
  }
  return refuse('is a ZIP archive that does not end as ZIP does: its end is missing, or something else is behind it, which is not supported; was it uploaded completely?');
}

function* end64(at: number, behind: number): Reading<End> {
  const bytes = at + END64_LENGTH <= behind ? yield { at, length: END64_LENGTH } : Buffer.alloc(0);
  if (bytes.length < END64_LENGTH || bytes.toString('latin1', 0, 4) !== END64) { damagedZip(`its end in 64 bits is not at byte ${at}`); }
  const [count, length, start] = [32, 40, 48].map(position => Number(bytes.readBigUInt64LE(position)));
  return checked({ start, length, count, multiple: Infinity }, at, bytes.readUInt32LE(16) !== 0 || bytes.readUInt32LE(20) !== 0);
}

function checked(end: End, at: number, isInParts: boolean): End {
  if (isInParts) { refuse('is the last part of a ZIP archive in several files, which is not supported; extract the disk from it first'); }
  if (end.start + end.length !== at) { damagedZip(`its directory should end at byte ${at}, but it has ${end.length} bytes at byte ${end.start}; was it uploaded completely?`); }
  return end;
}

function damagedZip(how: string): never {
  return refuse(`is a damaged ZIP archive: ${how}`);
}
