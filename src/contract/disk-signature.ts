import { refuseLargeSectors } from './image-refusal';

/** Bytes of the start of a disk in which it shows itself: the last signature looked for is that of ZFS. */
export const DISK_HEAD = 256 * 1024;

const KIB = 1024;
const GPT = 'EFI PART';

/** The signatures of partition tables, file systems and volumes, as [offset, magic in latin1]. blkid checks the same bytes. */
const SIGNATURES: readonly (readonly [offset: number, magic: string])[] = [
  // Partition tables and boot sectors: MBR (also FAT, NTFS, exFAT, and boot sectors of a BIOS), GPT, Apple, BSD, Sun, SGI, Amiga.
  [510, '\x55\xaa'], [512, GPT], [512, 'PM\0'], [512, '\x57\x45\x56\x82'], [508, '\xda\xbe'], [0, '\x0b\xe5\xa9\x41'], [0, 'RDSK'],
  // FAT, NTFS, exFAT, ReFS, BitLocker
  [54, 'FAT12   '], [54, 'FAT16   '], [82, 'FAT32   '], [3, 'NTFS    '], [3, 'EXFAT   '], [3, 'ReFS\0'], [3, '-FVE-FS-'],
  // ext2, ext3, ext4; XFS; btrfs; F2FS; NILFS2; JFS; Reiser; OCFS2; GFS2
  [KIB + 56, '\x53\xef'], [0, 'XFSB'], [64 * KIB + 64, '_BHRfS_M'], [KIB, '\x10\x20\xf5\xf2'], [KIB + 6, '\x34\x34'], [32 * KIB, 'JFS1'],
  [64 * KIB + 52, 'ReIsEr'], [64 * KIB, 'ReIsEr4'], [KIB, 'OCFSV2'], [2 * KIB, 'OCFSV2'], [4 * KIB, 'OCFSV2'], [8 * KIB, 'OCFSV2'], [64 * KIB, '\x01\x16\x19\x70'],
  // bcache and bcachefs
  [4 * KIB + 24, '\xc6\x85\x73\xf6\x4e\x1a\x45\xca'], [4 * KIB + 24, '\xc6\x85\x73\xf6\x66\xce\x90\xa9'],
  // squashfs, EROFS, cramfs, romfs
  [0, 'hsqs'], [0, 'sqsh'], [KIB, '\xe2\xe1\xf5\xe0'], [0, '\x45\x3d\xcd\x28'], [512, '\x45\x3d\xcd\x28'], [0, '-rom1fs-'],
  // ISO 9660 and UDF
  [32 * KIB + 1, 'CD001'], [32 * KIB + 1, 'BEA01'], [32 * KIB + 1, 'NSR0'],
  // HFS, HFS+, APFS
  [KIB, 'BD'], [KIB, 'H+'], [KIB, 'HX'], [32, 'NXSB'],
  // UFS
  [8 * KIB + 1372, '\x54\x19\x01\x00'], [8 * KIB + 1372, '\x00\x01\x19\x54'], [64 * KIB + 1372, '\x19\x01\x54\x19'], [64 * KIB + 1372, '\x19\x54\x01\x19'],
  // LUKS, LVM, md (1.1 and 1.2), dm-verity, dm-integrity, VDO, Stratis, ASM, Ceph
  [0, 'LUKS\xba\xbe'], [0, 'LABELONE'], [512, 'LABELONE'], [KIB, 'LABELONE'], [KIB + 512, 'LABELONE'], [0, '\xfc\x4e\x2b\xa9'], [4 * KIB, '\xfc\x4e\x2b\xa9'],
  [0, 'verity\0\0'], [0, 'integrt\0'], [0, 'dmvdo001'], [516, '!Stra0tis'], [32, 'ORCLDISK'], [0, 'bluestore block device'],
  // Swap, at the end of a page
  ...[4, 8, 16, 32, 64].flatMap(page => ['SWAPSPACE2', 'SWAP-SPACE', 'S1SUSPEND'].map((magic): [number, string] => [page * KIB - 10, magic])),
];

/** The offset of the first uberblock of ZFS, and the size of one. */
const [UBERBLOCKS, UBERBLOCK] = [128 * KIB, KIB];
const UBERBLOCK_MAGICS = ['\x0c\xb1\xba\x00\x00\x00\x00\x00', '\x00\x00\x00\x00\x00\xba\xb1\x0c'];

/** Returns whether the first bytes of a file show that it is a disk, or nothing but zeros. */
export function isDisk(head: Buffer): boolean {
  return SIGNATURES.some(([offset, magic]) => has(head, offset, magic)) || isZfs(head) || head.every(byte => byte === 0);
}

/** Throws if the only GPT is where a disk with sectors of 4096 bytes has it. */
export function refuseMisplacedGpt(head: Buffer): void {
  if (has(head, 4096, GPT) && !has(head, 512, GPT)) { refuseLargeSectors(); }
}

function isZfs(head: Buffer): boolean {
  for (let at = UBERBLOCKS; at < head.length; at += UBERBLOCK) {
    if (UBERBLOCK_MAGICS.some(magic => has(head, at, magic))) { return true; }
  }
  return false;
}

function has(head: Buffer, offset: number, magic: string): boolean {
  return head.toString('latin1', offset, offset + magic.length) === magic;
}
