import { looksLikeTar } from './archive/tar-header';

/**
 * Formats of disks and archives that no import reads, by the bytes that `file` and their own decoders check. A file at hand is
 * looked at when an app is synthesized, an object when it is imported.
 */
export interface ForeignFormat {
  /** The name in the error, for instance "a ZIP archive". */
  readonly name: string;
  /** The advice in the error, for instance "extract the disk from it first". */
  readonly remedy: string;
  /** It is text, so no disk, and nothing that could hold one. */
  readonly isText?: boolean;
}

const CONVERT = 'convert it with: qemu-img convert -O qcow2';
const EXTRACT = 'extract the disk from it first';
const DECOMPRESS = 'decompress it first';
const UPLOAD = 'upload the disk image itself';

interface Magic extends ForeignFormat {
  /** The bytes, in latin1. */
  readonly magic: string;
  readonly at?: number;
}

/** Long enough that no disk begins so by chance. */
const MAGICS: readonly Magic[] = [
  { magic: '\x7f\x10\xda\xbe', at: 64, name: 'a VirtualBox disk (VDI)', remedy: CONVERT },
  { magic: 'QED\0', name: 'a QED image', remedy: CONVERT },
  { magic: 'OOOM', name: 'a copy-on-write image of User Mode Linux (COW)', remedy: 'merge it with its base by uml_moo first' },
  { magic: 'COWD', name: 'a VMDK of an ESX server (COWD)', remedy: CONVERT },
  { magic: '\xbe\xba\xfe\xca', name: 'a VMDK of an ESX server (seSparse)', remedy: CONVERT },
  { magic: 'WithoutFreeSpace', name: 'a Parallels disk', remedy: CONVERT },
  { magic: 'WithouFreSpacExt', name: 'a Parallels disk', remedy: CONVERT },
  { magic: 'Bochs Virtual HD Image', name: 'a Bochs disk', remedy: CONVERT },
  { magic: '#!/bin/sh\n#V2.0 Format\n', name: 'a compressed loop image (cloop)', remedy: CONVERT },
  { magic: 'VMA\0', name: 'a backup of Proxmox VE (VMA)', remedy: 'extract the disk from it first, with: vma extract' },
  { magic: 'encrcdsa', name: 'an encrypted Apple disk image (DMG)', remedy: 'convert it with: hdiutil convert -format UDTO' },
  { magic: 'sprs', name: 'an Apple sparse image (.sparseimage)', remedy: 'convert it with: hdiutil convert -format UDTO' },
  { magic: 'shdw', name: 'an Apple sparse image (ASIF)', remedy: 'convert it with: diskutil image create from --format RAW' },
  { magic: '\x3a\xff\x26\xed', name: 'an Android sparse image', remedy: 'convert it with: simg2img' },
  { magic: 'EVF\x09\x0d\x0a\xff\x00', name: 'an EnCase image (EWF)', remedy: 'convert it with: ewfexport' },
  { magic: 'EVF2\x0d\x0a\x81\x00', name: 'an EnCase image (Ex01)', remedy: 'convert it with: ewfexport' },
  { magic: 'AFF10\r\n\0', name: 'a forensic image (AFF)', remedy: 'convert it with: affconvert -r' },
  { magic: 'MSWIM\0\0\0', name: 'a Windows image (WIM), which holds files and no disk', remedy: 'apply it to a disk first' },
  { magic: 'WLPWM\0\0\0', name: 'a pipable Windows image (WIM), which holds files and no disk', remedy: 'apply it to a disk first' },
  { magic: 'partclone-image', name: 'a backup of partclone', remedy: 'restore it into a file first, with: partclone.restore -C' },
  { magic: '\0ntfsclone-image', name: 'a backup of ntfsclone', remedy: 'restore it into a file first, with: ntfsclone --restore-image' },
  { magic: 'PaRtImAgE-VoLuMe', name: 'a backup of partimage', remedy: 'restore it first' },
  { magic: 'UBI#', name: 'a UBI image, which is for raw flash memory', remedy: 'make an image of a disk' },
  { magic: 'BZh', name: 'compressed with bzip2', remedy: `${DECOMPRESS}, with: bzip2 -d` },
  { magic: '\x04\x22\x4d\x18', name: 'compressed with lz4', remedy: `${DECOMPRESS}, with: lz4 -d` },
  { magic: '\x02\x21\x4c\x18', name: 'compressed with lz4 (legacy format)', remedy: `${DECOMPRESS}, with: lz4 -d` },
  { magic: 'LZIP', name: 'compressed with lzip', remedy: `${DECOMPRESS}, with: lzip -d` },
  { magic: '\x89LZO\0\x0d\x0a\x1a\x0a', name: 'compressed with lzop', remedy: `${DECOMPRESS}, with: lzop -d` },
  { magic: 'LRZI', name: 'compressed with lrzip', remedy: `${DECOMPRESS}, with: lrzip -d` },
  { magic: '\xff\x06\0\0sNaPpY', name: 'compressed with snappy', remedy: DECOMPRESS },
  ...['\x22', '\x23', '\x24', '\x25', '\x26', '\x27'].map(version => ({
    magic: `${version}\xb5\x2f\xfd`, name: 'compressed with a version of zstd before 0.8', remedy: `${DECOMPRESS}, with: zstd -d`,
  })),
  { magic: 'PK\x03\x04', name: 'a ZIP archive', remedy: EXTRACT },
  { magic: 'PK\x05\x06', name: 'an empty ZIP archive', remedy: UPLOAD },
  { magic: 'PK\x07\x08', name: 'a ZIP archive in several files', remedy: EXTRACT },
  { magic: '7z\xbc\xaf\x27\x1c', name: 'a 7-Zip archive', remedy: EXTRACT },
  { magic: 'Rar!\x1a\x07', name: 'a RAR archive', remedy: EXTRACT },
  { magic: 'MSCF\0\0\0\0', name: 'a cabinet archive', remedy: EXTRACT },
  { magic: 'xar!', name: 'a xar archive', remedy: EXTRACT },
  { magic: '070701', name: 'a cpio archive', remedy: EXTRACT },
  { magic: '070702', name: 'a cpio archive', remedy: EXTRACT },
  { magic: '070707', name: 'a cpio archive', remedy: EXTRACT },
  { magic: '\x0d\0\0\0\0\0\0\0nix-archive-1', name: 'a Nix archive (NAR)', remedy: EXTRACT },
  { magic: '!<arch>\ndebian-binary', name: 'a Debian package', remedy: EXTRACT },
  { magic: '!<arch>\n', name: 'an ar archive', remedy: EXTRACT },
  { magic: '\xed\xab\xee\xdb', name: 'an RPM package', remedy: EXTRACT },
  { magic: 'version https://git-lfs.github.com/spec/', name: 'a pointer of Git LFS, not the file itself', remedy: 'fetch the file, with: git lfs pull', isText: true },
  { magic: 'age-encryption.org/v1', name: 'encrypted with age', remedy: 'decrypt it first, with: age -d' },
  { magic: 'Salted__', name: 'encrypted with openssl', remedy: 'decrypt it first, with: openssl enc -d' },
  { magic: '-----BEGIN ', name: 'a message of PGP, or a key', remedy: 'decrypt it first', isText: true },
];

/** Too short to be sure of: they count only where nothing shows a disk. */
const SHORT_MAGICS: readonly Magic[] = [
  { magic: '\x1f\x9d', name: 'compressed with compress (.Z)', remedy: `${DECOMPRESS}, with: gzip -d` },
  { magic: '\x1f\x1e', name: 'compressed with pack (.z)', remedy: `${DECOMPRESS}, with: gzip -d` },
  { magic: '\x1f\xa0', name: 'compressed with LZH', remedy: `${DECOMPRESS}, with: gzip -d` },
  { magic: '\xc7\x71', name: 'a binary cpio archive', remedy: EXTRACT },
  { magic: '\x71\xc7', name: 'a binary cpio archive', remedy: EXTRACT },
  { magic: '#!', name: 'a script', remedy: UPLOAD, isText: true },
  { magic: 'MZ', name: 'a program for Windows or UEFI', remedy: UPLOAD },
];

/** Returns the format of a file that is no raw disk for certain, by its first bytes. */
export function foreignFormat(head: Buffer): ForeignFormat | undefined {
  if (looksLikeTar(head)) { return { name: 'a tar archive, as OVA files are', remedy: EXTRACT }; }
  if (isLzma(head)) { return { name: 'compressed with LZMA', remedy: `${DECOMPRESS}, with: xz --format=lzma -d` }; }
  return byMagic(MAGICS, head) ?? markup(head);
}

/** Returns the likely format of a file that does not show itself as a disk, by its first bytes. */
export function likelyFormat(head: Buffer): ForeignFormat | undefined {
  return byMagic(SHORT_MAGICS, head)
    ?? (isZlib(head) ? { name: 'compressed with zlib (like gzip, but without its header)', remedy: `${DECOMPRESS}, with: zlib-flate -uncompress` } : undefined)
    ?? (isText(head) ? { name: `text that begins with ${JSON.stringify(head.toString('latin1', 0, 24))}`, remedy: UPLOAD, isText: true } : undefined);
}

function byMagic(magics: readonly Magic[], head: Buffer): ForeignFormat | undefined {
  return magics.find(({ magic, at = 0 }) => head.toString('latin1', at, at + magic.length) === magic);
}

/** Checks the header as xz and file(1) do, because the format has no magic. */
function isLzma(head: Buffer): boolean {
  if (head.length < 13 || head[0] >= 225) { return false; }
  const [dictionary, low, high] = [head.readUInt32LE(1), head.readUInt32LE(5), head.readUInt32LE(9)];
  const isKnown = dictionary >= 4096 && [1, 1.5].some(factor => Number.isInteger(Math.log2(dictionary / factor)));
  return isKnown && ((low === 0xffff_ffff && high === 0xffff_ffff) || high < 2 ** 6) && head[13] === 0;
}

function isZlib(head: Buffer): boolean {
  return head.length > 2 && head[0] % 16 === 8 && head[0] < 0x80 && (head[0] * 256 + head[1]) % 31 === 0 && head[1] % 64 < 32;
}

function markup(head: Buffer): ForeignFormat | undefined {
  const text = head.toString('latin1').replace(/^\xef\xbb\xbf/, '').trimStart().toLowerCase();
  if (text.startsWith('<?xml') || text.startsWith('<error>')) { return { name: 'XML, as an error of S3 or the description of an OVA is', remedy: UPLOAD, isText: true }; }
  return text.startsWith('<!doctype html') || text.startsWith('<html') ? { name: 'a web page (HTML)', remedy: UPLOAD, isText: true } : undefined;
}

function isText(head: Buffer): boolean {
  const start = head.subarray(0, 64);
  return start.length > 0 && start.every(byte => byte >= 0x20 && byte < 0x7f || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}
