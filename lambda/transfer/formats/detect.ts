import { DELTA_MAGIC } from './delta';
import { isDisk } from './disk-signature';
import { refuse, type ImageFile } from './layout';
import { refuseMisplacedFooter } from './vhd';
import { refuseVmdkDescriptor } from './vmdk';
import { CONTAINER_MAGIC, type DISK_IMAGE_FORMATS } from '../../../src/contract/disk-image-format';
import { foreignFormat, likelyFormat } from '../../../src/contract/foreign-format';

/** What an image is, by its first bytes or, where those tell nothing, its last ones. */
export type DetectedFormat = Exclude<(typeof DISK_IMAGE_FORMATS)[number], 'AUTO'>;

const HEAD = 4096;
/** Bytes at the end that may show the format: a footer, and what is behind it. */
export const TAIL = 64 * 1024;
const FOOTER = 512;

/** Also refuses, by name, what is no raw disk but cannot be read either. */
export async function detect(file: ImageFile): Promise<DetectedFormat> {
  const found = detectByHead(await file.read(0, Math.min(HEAD, file.size)));
  if (found) { return found; }
  const before = Math.max(0, file.size - TAIL);
  return detectByTail(await file.read(before, file.size - before), before);
}

/** Of the first bytes only. undefined: as `byHead`. */
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

/** undefined: nothing that is known, so a raw disk or the fixed VHD that only its end shows. */
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
