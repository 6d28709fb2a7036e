import { CONTAINER_MAGIC, DELTA_MAGIC, type DISK_IMAGE_FORMATS } from './disk-image-format';
import { DISK_HEAD, isDisk, refuseMisplacedGpt } from './disk-signature';
import { foreignFormat, likelyFormat } from './foreign-format';
import { ImageRefusal, refuse } from './image-refusal';
import { refuseVmdkDescriptor } from './vmdk-descriptor';

/*
 * The format of a file by its first and last bytes. A local file is looked at when an app is synthesized, an object when it is imported.
 */

/** The format of an image. Its first bytes show it, or its last ones. */
export type DetectedFormat = Exclude<(typeof DISK_IMAGE_FORMATS)[number], 'AUTO'>;

/** Bytes at the start that may show the format. */
export const HEAD = DISK_HEAD;
/** Bytes at the end that may show the format: a footer, and what is behind it. */
export const TAIL = 64 * 1024;
const FOOTER = 512;

/** The first and last bytes of a file: `HEAD` and `TAIL`, or all of it if it is smaller. */
export interface FileEnds {
  readonly size: number;
  readonly head: Buffer;
  readonly tail: Buffer;
}

export interface StatedFormat {
  /** @default AUTO */
  readonly format?: string;
  /** Whether a container is meant to be the disk itself if the format is RAW. */
  readonly containerAsRaw?: boolean;
  /** The file is in an archive, and the user did not name it. */
  readonly isUnnamedMember?: boolean;
}

/** Returns the format of a file. Throws an `ImageRefusal` if it cannot be imported, or is not in the format that the user states. */
export function recognize(ends: FileEnds, { format = 'AUTO', containerAsRaw, isUnnamedMember }: StatedFormat): DetectedFormat {
  if (format === 'RAW') {
    if (!containerAsRaw) { refuseContainer(ends); }
    return 'RAW';
  }
  if (format !== 'AUTO') { return confirmed(ends, format as DetectedFormat); }
  const found = detected(ends);
  if (found === 'RAW') {
    refuseMisplacedGpt(ends.head);
    refuseUnlikeDisk(ends.head, `if it is a raw disk all the same, set ${isUnnamedMember ? "'archiveMember' to its name, and " : ''}'format' to DiskImageFormat.RAW`);
  }
  return found;
}

/** Returns the format that the bytes show. Refuses, by name, formats that cannot be read. */
export function detected({ size, head, tail }: FileEnds): DetectedFormat {
  return detectByHead(head) ?? detectByTail(tail, size - tail.length);
}

/** Throws if the file is a container, because a disk with the container in it is hardly wanted. */
function refuseContainer(ends: FileEnds): void {
  const what = nameOf(ends);
  if (what !== 'RAW') {
    refuse(`looks like ${what}, but 'format' is RAW, with which that file itself would be the disk; leave 'format' out, or set 'containerAsRaw' if that is meant`);
  }
  refuseMisplacedGpt(ends.head);
}

function nameOf(ends: FileEnds): string {
  try {
    return detected(ends);
  } catch (error) {
    if (!(error instanceof ImageRefusal)) { throw error; }
    return error.message.replace(/^is /, '').replace(/[,;].*$/, '');
  }
}

/** Throws unless the file has the given format. A fixed VHD may begin with anything. */
function confirmed({ head }: FileEnds, format: DetectedFormat): DetectedFormat {
  const found = byHead(head);
  if (format !== 'VHD' && found !== format) { refuse(`is not ${format}, as 'format' says${found ? `, but ${found}` : ''}; leave 'format' out, or correct it`); }
  return format;
}

/** Finds the format by the first bytes only; undefined if they do not show it. Refuses formats that cannot be read. */
export function detectByHead(head: Buffer): DetectedFormat | undefined {
  const found = byHead(head);
  if (!found) { refuseKnown(head); }
  return found;
}

/** Finds the format by the last bytes, if the first ones do not show it. `before` is the number of bytes before `tail`. */
export function detectByTail(tail: Buffer, before: number): DetectedFormat {
  const footer = tail.length - FOOTER;
  if (footer >= 0 && begins(tail, 'conectix', footer)) { return 'VHD'; }
  if (footer >= 0 && begins(tail, 'koly', footer)) { refuse(unsupported('an Apple disk image (DMG)', 'convert it with: qemu-img convert -O qcow2')); }
  if (begins(tail, 'cdsaencr', tail.length - 8)) { refuse(unsupported('an encrypted Apple disk image (DMG)', 'convert it with: hdiutil convert -format UDTO')); }
  refuseMisplacedFooter(tail, before);
  return 'RAW';
}

/** Throws if a fixed VHD ends within `tail`, but not at its end. `before` is the number of bytes before `tail`. */
function refuseMisplacedFooter(tail: Buffer, before: number): void {
  for (let at = tail.indexOf('conectix', 0, 'latin1'); at >= 0; at = tail.indexOf('conectix', at + 1, 'latin1')) {
    const behind = tail.length - at - FOOTER;
    if (at + 56 > tail.length || behind === 0 || tail.readBigUInt64BE(at + 48) !== BigInt(before + at)) { continue; }
    if (behind < 0) {
      refuse(`is a fixed VHD with a footer of ${FOOTER + behind} bytes, as old versions of Virtual PC wrote it, which is not supported; append ${-behind} zero bytes, `
        + `with: truncate -s ${before + at + FOOTER}`);
    }
    refuse(`is a fixed VHD with ${behind} bytes behind its footer, which is not supported; cut them off, with: truncate -s ${before + at + FOOTER}`);
  }
}

/** Finds the format by the first bytes; undefined for a raw disk and for a fixed VHD, which only its end shows. */
export function byHead(head: Buffer): DetectedFormat | undefined {
  return CONTAINER_MAGIC.find(({ magic }) => begins(head, magic))?.format;
}

function refuseKnown(head: Buffer): void {
  if (/^#\s*Disk DescriptorFile/i.test(head.toString('latin1', 0, 64))) { refuseVmdkDescriptor(head.toString('latin1')); }
  if (begins(head, DELTA_MAGIC)) { refuse(unsupported('a delta between two snapshots, not a disk', 'give it by DiskImage.fromDelta')); }
  const foreign = foreignFormat(head);
  if (foreign) { refuse(unsupported(foreign.name, foreign.remedy)); }
}

function unsupported(name: string, remedy: string): string {
  return `is ${name}, which is not supported; ${remedy}`;
}

/** Throws unless the first bytes of a file show that it is a disk. `remedy` says how a disk that does not is imported. */
export function refuseUnlikeDisk(head: Buffer, remedy: string): void {
  if (isDisk(head)) { return; }
  const likely = likelyFormat(head);
  const what = likely ? `looks like it is ${likely.name}` : `begins with ${[...head.subarray(0, 12)].map(byte => byte.toString(16).padStart(2, '0')).join(' ')}`;
  refuse(`is not known as a disk: it ${what}, and has no boot signature, partition table, file system, LVM or LUKS header; ${likely ? `${likely.remedy}; or, ` : ''}${remedy}`);
}

function begins(bytes: Buffer, magic: string, at = 0): boolean {
  return bytes.toString('latin1', at, at + magic.length) === magic;
}
