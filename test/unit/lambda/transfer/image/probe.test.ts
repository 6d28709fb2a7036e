import { randomBytes } from 'crypto';
import { deflateSync, gzipSync, zstdCompressSync } from 'zlib';
import type { Source } from '../../../../../lambda/transfer/image/object';
import { probe, type ProbeOptions } from '../../../../../lambda/transfer/image/probe';
import { MemoryFile } from '../../../../harness/formats/fixtures';
import { seekableZstd } from '../../../../harness/formats/seekable';
import { sparseQcow2 } from '../../../../harness/formats/sparse-qcow2';
import { storedXz } from '../../../../harness/formats/stored-xz';
import { tar } from '../../../../harness/formats/tar';

/** Returns the format that the handler finds before a snapshot is started. */
async function look(bytes: Buffer, options: ProbeOptions = {}) {
  const file = new MemoryFile(bytes);
  const source = { read: (_: unknown, offset: number, into: Buffer) => file.readInto(offset, into) } as unknown as Source;
  const { image } = await probe(source, { bucket: 'images', key: 'disk', etag: '', size: bytes.length }, options);
  return image?.format ?? 'RAW';
}

/** Returns the start of a disk: bytes in no format, with a signature. */
function disk(at: number, magic: string | Buffer, size = 300_000): Buffer {
  const bytes = Buffer.alloc(size, 0xa7);
  Buffer.from(magic as string, 'latin1').copy(bytes, at);
  return bytes;
}

const latin1 = (text: string, size = 8_192) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(size, 0xa7)]);

/** [what it is called, what it begins with, what to do]. Those in base64 were made by xz, Python and lz4. */
const FOREIGN: [string, Buffer, string][] = [
  ['compressed with LZMA', Buffer.from('XQAABAD//////////wAwiAiG1EwjZ4/pFogLkFwo4eTdYqjDsxdf+w==', 'base64'), 'xz --format=lzma -d'],
  ['compressed with LZMA', Buffer.from('XQAAEAD//////////wAwiAiG1EwjZ4/pFogLkFwo4eTdYqjDsxdf+w==', 'base64'), 'xz --format=lzma -d'],
  ['compressed with LZMA', Buffer.from('XQAAAAT//////////wAwiAiG1EwjZ4/pFogLkFwo4eTdYqjDsxdf+w==', 'base64'), 'xz --format=lzma -d'],
  ['compressed with LZMA', Buffer.from('EgAAMAD//////////wAwiEm23xn45ot2Slpp//Y4H5N2htbJ7YzWHw==', 'base64'), 'xz --format=lzma -d'],
  // The LZMA SDK writes the size into the header.
  ['compressed with LZMA', Buffer.from('XQAAgAAtAAAAAAAAAAAwiAiG1EwjZ4/pFogLkFwo4eTdYqjDsxdf+w==', 'base64'), 'xz --format=lzma -d'],
  ['compressed with lz4 (legacy format)', Buffer.from('AiFMGCEAAAD9CGEgZGlzayBvZiBhIGZl', 'base64'), 'lz4 -d'],
  ['compressed with lz4', Buffer.from('BCJNGGRApyEAAAD9CGEgZGlzayBvZiBh', 'base64'), 'lz4 -d'],
  ['compressed with zlib', deflateSync(randomBytes(5_000)), 'zlib-flate -uncompress'],
  ['compressed with compress (.Z)', latin1('\x1f\x9d\x90'), 'gzip -d'],
  ['compressed with bzip2', latin1('BZh91AY&SY'), 'bzip2 -d'],
  ['compressed with lzop', latin1('\x89LZO\0\x0d\x0a\x1a\x0a'), 'lzop -d'],
  ['compressed with a version of zstd before 0.8', latin1('\x27\xb5\x2f\xfd'), 'zstd -d'],
  ['an empty ZIP archive', Buffer.from(`PK\x05\x06${'\0'.repeat(18)}`), 'upload the disk image itself'],
  ['a ZIP archive in several files', latin1('PK\x07\x08PK\x03\x04'), 'extract the disk'],
  ['a 7-Zip archive', latin1('7z\xbc\xaf\x27\x1c'), 'extract the disk'],
  ['a cpio archive', latin1('070701'), 'extract the disk'],
  ['a cpio archive', latin1('070707'), 'extract the disk'],
  ['a binary cpio archive', latin1('\xc7\x71'), 'extract the disk'],
  ['a binary cpio archive', latin1('\x71\xc7'), 'extract the disk'],
  ['a Nix archive (NAR)', latin1('\x0d\0\0\0\0\0\0\0nix-archive-1'), 'extract the disk'],
  ['a Debian package', latin1('!<arch>\ndebian-binary   '), 'extract the disk'],
  ['an RPM package', latin1('\xed\xab\xee\xdb\x03'), 'extract the disk'],
  ['a compressed loop image (cloop)', latin1('#!/bin/sh\n#V2.0 Format\nmodprobe cloop'), 'qemu-img convert'],
  ['a backup of Proxmox VE (VMA)', latin1('VMA\0\0\0\0\x01'), 'vma extract'],
  ['a VMDK of an ESX server (seSparse)', latin1('\xbe\xba\xfe\xca\0\0\0\0'), 'qemu-img convert'],
  ['an EnCase image (Ex01)', latin1('EVF2\x0d\x0a\x81\0'), 'ewfexport'],
  ['an encrypted Apple disk image (DMG)', latin1('encrcdsa'), 'hdiutil convert'],
  ['an Apple sparse image (.sparseimage)', latin1('sprs'), 'hdiutil convert'],
  ['an Apple sparse image (ASIF)', latin1('shdw'), 'diskutil image create'],
  ['a pipable Windows image (WIM)', latin1('WLPWM\0\0\0'), 'apply it to a disk'],
  ['a copy-on-write image of User Mode Linux (COW)', latin1('OOOM'), 'uml_moo'],
  ['a backup of partclone', latin1('partclone-image\0'), 'partclone.restore'],
  ['XML, as an error of S3', Buffer.from('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>'), 'upload the disk image itself'],
  ['a web page (HTML)', Buffer.from('\n<!DOCTYPE html>\n<html>'), 'upload the disk image itself'],
  ['a pointer of Git LFS', Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a'), 'git lfs pull'],
  ['text that begins with "{\\"errors\\": [{\\"status\\"', Buffer.from('{"errors": [{"status": 404}]}\n'), 'upload the disk image itself'],
];

describe('an object that is no disk', () => {
  test.each(FOREIGN)('is refused by name: %s', async (name, bytes, remedy) => {
    await expect(look(bytes)).rejects.toThrow(name);
    await expect(look(bytes)).rejects.toThrow(remedy);
  });

  test.each(FOREIGN)('is refused by name within gzip, zstd and xz: %s', async (name, bytes) => {
    for (const compress of [gzipSync, zstdCompressSync, storedXz]) {
      await expect(look(compress(bytes), { volumeSize: 1 })).rejects.toThrow(/^image s3:\/\/images\/disk is compressed with \w+, and what it holds /);
      await expect(look(compress(bytes), { volumeSize: 1 })).rejects.toThrow(name);
    }
  });

  test('is refused by its first bytes if they are in no format', async () => {
    const message = 'is not known as a disk: it begins with a7 a7 a7 a7 a7 a7 a7 a7 a7 a7 a7 a7, and has no boot signature, partition table, file system, LVM or LUKS header; '
      + "if it is a raw disk all the same, set 'format' to DiskImageFormat";
    await expect(look(latin1(''))).rejects.toThrow(`${message}.RAW`);
    await expect(look(gzipSync(latin1('')), { volumeSize: 1 })).rejects.toThrow(`${message}.GZIP`);
    await expect(look(seekableZstd(latin1('', 300_000), 100_000))).rejects.toThrow(`${message}.ZSTD`);
    await expect(look(storedXz(latin1('')))).rejects.toThrow(`${message}.XZ`);
  });
});

describe('a raw disk shows itself by', () => {
  const uberblock = Buffer.from('0cb1ba0000000000', 'hex');
  test.each<[string, Buffer]>([
    ['a boot signature', disk(510, '\x55\xaa')],
    ['a boot signature, in one sector', disk(510, '\x55\xaa', 512)],
    ['a GPT', disk(512, 'EFI PART')],
    ['XFS', disk(0, 'XFSB')],
    ['ext4', disk(1_080, '\x53\xef')],
    ['btrfs', disk(65_600, '_BHRfS_M')],
    ['ISO 9660', disk(32_769, 'CD001')],
    ['squashfs', disk(0, 'hsqs')],
    ['LUKS', disk(0, 'LUKS\xba\xbe')],
    ['LVM', disk(512, 'LABELONE')],
    ['swap', disk(4_086, 'SWAPSPACE2')],
    ['NTFS', disk(3, 'NTFS    ')],
    ['HFS+', disk(1_024, 'H+')],
    ['APFS', disk(32, 'NXSB')],
    ['md', disk(4_096, '\xfc\x4e\x2b\xa9')],
    ['bcache', disk(4_120, '\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81')],
    ['UFS', disk(65_536 + 1_372, '\x19\x01\x54\x19')],
    ['ZFS', disk(131_072 + 7 * 1_024, uberblock)],
    ['nothing but zeros', Buffer.alloc(300_000)],
    ['a short stretch of zeros', Buffer.alloc(700)],
  ])('%s', async (_, bytes) => {
    expect(await look(bytes)).toBe('RAW');
    expect(await look(gzipSync(bytes), { volumeSize: 1 })).toBe('GZIP');
    expect(await look(seekableZstd(bytes, 100_000))).toBe('ZSTD');
  });

  // Two bytes are too few to tell an archive from a disk that shows itself.
  test.each(['\x1f\x9d', '\xc7\x71', 'MZ', '#!', '\x78\x9c'])('its signature, although it begins with %j', async start => {
    expect(await look(Buffer.concat([Buffer.from(start, 'latin1'), disk(510 - start.length, '\x55\xaa')]))).toBe('RAW');
  });
});

describe('a raw disk that does not show itself is imported', () => {
  test('as it is, if its format is RAW', async () => {
    expect(await look(latin1(''), { format: 'RAW' })).toBe('RAW');
    expect(await look(deflateSync(randomBytes(5_000)), { format: 'RAW' })).toBe('RAW');
  });

  test('from a stream whose format is said', async () => {
    expect(await look(gzipSync(latin1('')), { format: 'GZIP', volumeSize: 1 })).toBe('GZIP');
    expect(await look(zstdCompressSync(latin1('')), { format: 'ZSTD' })).toBe('ZSTD');
    expect(await look(seekableZstd(latin1('', 300_000), 100_000), { format: 'ZSTD' })).toBe('ZSTD');
    expect(await look(storedXz(latin1('')), { format: 'XZ' })).toBe('XZ');
  });

  test('but not if it is certainly something else', async () => {
    await expect(look(tar({ name: 'x' }), { format: 'RAW' })).rejects.toThrow("looks like a tar archive, but 'format' is RAW");
    await expect(look(gzipSync(tar({ name: 'x' })), { format: 'GZIP', volumeSize: 1 })).rejects.toThrow('what it holds is a tar archive');
  });
});

describe('a disk whose GPT is counted in sectors of 4096 bytes', () => {
  const large = disk(4_096, 'EFI PART');
  const message = 'is a disk with sectors of 4096 bytes, but EBS volumes have sectors of 512 bytes, so neither firmware nor kernel would find its partitions';

  test('is refused, raw and compressed, whatever its format is said to be', async () => {
    // One without a boot signature, and one with it.
    for (const bytes of [large, Buffer.concat([disk(510, '\x55\xaa', 512), large.subarray(512)])]) {
      for (const format of ['AUTO', 'RAW']) { await expect(look(bytes, { format })).rejects.toThrow(message); }
      for (const format of ['AUTO', 'GZIP']) { await expect(look(gzipSync(bytes), { format, volumeSize: 1 })).rejects.toThrow(message); }
      await expect(look(seekableZstd(bytes, 100_000))).rejects.toThrow(message);
    }
  });

  test('is refused within qcow2', async () => {
    await expect(look(sparseQcow2(1, large))).rejects.toThrow(message);
  });

  test('is imported if there is one for sectors of 512 bytes too, or if the file itself shall be the disk', async () => {
    expect(await look(Buffer.concat([disk(0, '', 512), Buffer.from('EFI PART'), large.subarray(520)]))).toBe('RAW');
    expect(await look(large, { format: 'RAW', containerAsRaw: true })).toBe('RAW');
  });
});
