import { DELTA_MAGIC } from './delta';
import { refuse, type ImageFile } from './layout';
import { refuseMisplacedFooter } from './vhd';
import { refuseVmdkDescriptor } from './vmdk';
import { CONTAINER_MAGIC, type DISK_IMAGE_FORMATS } from '../../../src/contract/disk-image-format';

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
  if (footer >= 0 && begins(tail, 'koly', footer)) { refuse(unsupported('an Apple disk image (DMG)')); }
  refuseMisplacedFooter(tail, before);
  return 'RAW';
}

/** undefined: nothing that is known, so a raw disk or the fixed VHD that only its end shows. */
export function byHead(head: Buffer): DetectedFormat | undefined {
  return CONTAINER_MAGIC.find(({ magic }) => begins(head, magic))?.format;
}

/** Formats of disks and archives that nobody wants to have as a disk. An ISO is one: it is what a machine boots from. */
const UNSUPPORTED: readonly { readonly magic: string; readonly at?: number; readonly name: string; readonly remedy?: string }[] = [
  { magic: DELTA_MAGIC, name: 'a delta between two snapshots, not a disk', remedy: 'give it by DiskImage.fromDelta' },
  { magic: '\x7f\x10\xda\xbe', at: 64, name: 'a VirtualBox disk (VDI)' },
  { magic: 'QED\0', name: 'a QED image' },
  { magic: 'COWD', name: 'a VMDK of an ESX server (COWD)' },
  { magic: 'WithoutFreeSpace', name: 'a Parallels disk' },
  { magic: 'WithouFreSpacExt', name: 'a Parallels disk' },
  { magic: 'Bochs Virtual HD Image', name: 'a Bochs disk' },
  { magic: '\x3a\xff\x26\xed', name: 'an Android sparse image', remedy: 'convert it with simg2img' },
  { magic: 'EVF\x09\x0d\x0a\xff\x00', name: 'an EnCase image (EWF)', remedy: 'convert it with ewfexport' },
  { magic: 'MSWIM\0\0\0', name: 'a Windows image (WIM), which holds files and no disk', remedy: 'apply it to a disk first' },
  { magic: 'BZh', name: 'compressed with bzip2', remedy: 'compress it with zstd or gzip instead' },
  { magic: '\x04\x22\x4d\x18', name: 'compressed with lz4', remedy: 'compress it with zstd or gzip instead' },
  { magic: '\x5d\x00\x00\x80\x00\xff\xff\xff\xff', name: 'compressed with LZMA', remedy: 'compress it with zstd or gzip instead' },
  { magic: 'LZIP', name: 'compressed with lzip', remedy: 'compress it with zstd or gzip instead' },
  { magic: 'PK\x03\x04', name: 'a ZIP archive', remedy: 'extract the disk from it first' },
  { magic: '7z\xbc\xaf\x27\x1c', name: 'a 7-Zip archive', remedy: 'extract the disk from it first' },
  { magic: 'Rar!\x1a\x07', name: 'a RAR archive', remedy: 'extract the disk from it first' },
  { magic: 'ustar', at: 257, name: 'a tar archive, as OVA files are', remedy: 'extract the disk from it first' },
];

function refuseKnown(head: Buffer): void {
  if (/^#\s*Disk DescriptorFile/i.test(head.toString('latin1', 0, 64))) { refuseVmdkDescriptor(head.toString('latin1')); }
  const known = UNSUPPORTED.find(({ magic, at }) => begins(head, magic, at));
  if (known) { refuse(unsupported(known.name, known.remedy)); }
}

function unsupported(name: string, remedy = 'convert it with: qemu-img convert -O qcow2'): string {
  return `is ${name}, which is not supported; ${remedy}`;
}

function begins(bytes: Buffer, magic: string, at = 0): boolean {
  return bytes.toString('latin1', at, at + magic.length) === magic;
}
