import { createHash, randomBytes } from 'crypto';
import { gzipSync, zstdCompressSync } from 'zlib';
import { fixedVhdFooter } from '../../../../../lambda/transfer/formats/vhd-footer';
import { lookAsImport, readAsImport } from '../../../../harness/formats/as-import';
import { fixture, RAWS, sha256 } from '../../../../harness/formats/fixtures';
import { paxHeader, SPARSE_KINDS, tar, TAR_END, tarHeader, tarMember, withTarChecksum, type TarEntry } from '../../../../harness/formats/tar';

/** Bytes that do not repeat, with the signature of a boot sector. */
function disk(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 32) { createHash('sha256').update(`disk ${at}`).digest().copy(bytes, at); }
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}

const RAW = disk(1_500_032);
const OVF: TarEntry = { name: 'machine.ovf', content: Buffer.from('<?xml version="1.0"?>\n<Envelope/>\n') };
const MANIFEST: TarEntry = { name: 'machine.mf', content: Buffer.from('SHA256(machine.ovf)= 6f7c\nSHA256(disk.vmdk)= 9a3e\n') };
const CERTIFICATE: TarEntry = { name: 'machine.cert', content: Buffer.from('-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n') };
const NVRAM: TarEntry = { name: 'machine.nvram', content: randomBytes(70_000).fill(0xa7, 0, 16) };
/** With holes, and more stretches than one header and one block of the old format have room for. */
const HOLES = Buffer.alloc(3_000_000);
RAW.copy(HOLES, 0, 0, 5_000);
for (let at = 40_960; at < 2_900_000; at += 61_440) { RAW.copy(HOLES, at, at % 500_000, at % 500_000 + 9_000); }

describe('a disk in a tar archive is read where it is:', () => {
  test.each<[string, Buffer]>([
    ['alone', tar({ name: 'disk.raw', content: RAW })],
    ['in a folder', tar({ name: './', type: '5' }, { name: './image/disk.raw', content: RAW })],
    ['in the format ustar', tar({ name: 'disk.raw', content: RAW, magic: 'ustar\x0000' })],
    ['in the format of Seventh Edition', tar({ name: 'disk.raw', content: RAW, type: '\0', magic: '' })],
    ['with a long name', tar({ name: `${'folder/'.repeat(30)}disk.raw`, content: RAW })],
    ['with a name in an extended header', Buffer.concat([paxHeader([['mtime', '1764000000.5'], ['path', 'Datenträger.raw']]), tar({ name: 'x', content: RAW })])],
    ['with a size in an extended header', Buffer.concat([paxHeader([['size', String(RAW.length)]]), tar({ name: 'x', content: RAW, size: 0 })])],
    ['with a comment in a global header', Buffer.concat([paxHeader([['comment', 'made by git']], 'g'), tar({ name: 'disk.raw', content: RAW })])],
    ['with links, a label and small files of other kinds', tar(
      { name: 'label', type: 'V' }, OVF, MANIFEST, CERTIFICATE, NVRAM, { name: 'latest.raw', type: '2' }, { name: 'disk.raw', content: RAW }, { name: 'empty' },
    )],
    ['with one block of zeros at the end', Buffer.concat([tarMember({ name: 'disk.raw', content: RAW }), Buffer.alloc(512)])],
    ['with more zeros at the end', Buffer.concat([tar({ name: 'disk.raw', content: RAW }), Buffer.alloc(100_000)])],
  ])('%s', async (_, archive) => {
    const { pinned, disk: read } = await readAsImport(archive);
    expect(pinned.image).toMatchObject({ format: 'RAW', diskSize: RAW.length, member: { size: RAW.length } });
    expect(pinned.image!.stream).toBeUndefined();
    expect(read.equals(RAW)).toBe(true);
  });

  test.each(['v3.qcow2', 'dynamic.vhd', 'dynamic-1m.vhdx', 'stream.vmdk', 'overwritten.vmdk'])('%s, as in an OVA', async name => {
    const [, size, digest] = RAWS.find(([found]) => found === name)!;
    const { pinned, disk: read } = await readAsImport(tar(OVF, MANIFEST, { name, content: fixture(name) }));
    expect(pinned.image).toMatchObject({ diskSize: size, member: { name } });
    expect(sha256(read)).toBe(digest);
  });

  test('a fixed VHD, which shows nothing at its start', async () => {
    const content = randomBytes(2_000_384).fill(0xa7, 0, 600);
    const vhd = Buffer.concat([content, fixedVhdFooter(content.length, Buffer.alloc(16))]);
    const { pinned, disk: read } = await readAsImport(tar(OVF, { name: 'disk.vhd', content: vhd }));
    expect(pinned.image).toMatchObject({ format: 'VHD' });
    expect(read.equals(content)).toBe(true);
  });

  test('compressed with gzip, as an OVF may have it', async () => {
    const { pinned, disk: read } = await readAsImport(tar(OVF, { name: 'disk.gz', content: gzipSync(RAW) }), { volumeSize: 1 });
    expect(pinned.image).toMatchObject({ format: 'GZIP', stream: { limit: 'VOLUME_SIZE' } });
    expect(read.equals(RAW)).toBe(true);
  });

  test('by its headers alone, whatever its size', async () => {
    const archive = tar(OVF, { name: 'disk.raw', content: Buffer.concat([RAW, Buffer.alloc(20_000_000)]) });
    await expect(lookAsImport(archive)).resolves.toMatchObject({ image: { diskSize: RAW.length + 20_000_000 } });
    const { bytesRead } = await readAsImport(archive, {}, 1_000_000_000);
    expect(bytesRead).toBeLessThan(archive.length + 2_000_000);
  });
});

describe('a tar archive that is compressed as a whole is read by one worker:', () => {
  test.each<[string, Buffer, Buffer]>([
    ['gzip, as images of Google are', gzipSync(tar({ name: 'disk.raw', content: HOLES, sparse: 'oldgnu' })), HOLES],
    ['gzip, with other files around it', gzipSync(tar(OVF, { name: 'disk.raw', content: RAW }, MANIFEST, NVRAM)), RAW],
    ['zstd', zstdCompressSync(tar({ name: 'disk.raw', content: RAW })), RAW],
    ['gzip, with a fixed VHD', gzipSync(tar({ name: 'disk.vhd', content: Buffer.concat([RAW.subarray(0, 1_000_448), fixedVhdFooter(1_000_448, Buffer.alloc(16))]) })), RAW.subarray(0, 1_000_448)],
  ])('%s', async (_, archive, content) => {
    const { pinned, disk: read } = await readAsImport(archive);
    expect(pinned.image).toMatchObject({ stream: { limit: 'STATED' }, member: { isInStream: true } });
    expect(read.equals(content)).toBe(true);
  });
});

describe('a sparse file in a tar archive reads with its holes:', () => {
  const ends = Buffer.concat([RAW.subarray(0, 1_024), Buffer.alloc(200_000)]);
  const odd = Buffer.concat([RAW.subarray(0, 1_024), Buffer.alloc(100_000), RAW.subarray(0, 777)]);

  test.each(SPARSE_KINDS)('%s', async sparse => {
    for (const content of [HOLES, ends, odd, Buffer.alloc(100_000)]) {
      const archive = tar(OVF, { name: 'disk.raw', content, sparse }, MANIFEST);
      for (const [object, part] of [[archive, 100_003], [archive, 10_000_000], [gzipSync(archive), 100_003]] as const) {
        const { pinned, disk: read } = await readAsImport(object, {}, part);
        expect(pinned.image).toMatchObject({ diskSize: content.length, member: { name: 'disk.raw', size: content.length } });
        expect(read.equals(content)).toBe(true);
      }
    }
  });

  test('with tables in it, as a qcow2', async () => {
    const [, , digest] = RAWS.find(([found]) => found === 'v3.qcow2')!;
    const { disk: read } = await readAsImport(tar({ name: 'v3.qcow2', content: fixture('v3.qcow2'), sparse: '1.0' }));
    expect(sha256(read)).toBe(digest);
  });
});

describe('which file is the disk:', () => {
  const two = tar({ name: 'one.raw', content: RAW }, { name: 'two.raw', content: HOLES });
  const SPLIT: TarEntry = { name: 'disk.002', content: randomBytes(1_100_000).fill(0xa7, 0, 16) };

  test.each<[string, TarEntry[], string]>([
    ['two disks', [{ name: 'one.raw', content: RAW }, { name: 'two.raw', content: RAW }], "in which more than one file may be a disk: 'one.raw', 'two.raw'; name one by 'archiveMember'"],
    ['a disk, and one that is not supported', [{ name: 'one.raw', content: RAW }, { name: 'two.vdi', content: fixture('disk.vdi') }], "'one.raw', 'two.vdi'"],
    ['a disk in two pieces', [{ name: 'disk.001', content: RAW }, SPLIT], "'disk.001', 'disk.002'"],
    ['two sparse disks', [{ name: 'one.raw', content: HOLES, sparse: '1.0' }, { name: 'two.raw', content: HOLES, sparse: 'oldgnu' }], "'one.raw', 'two.raw'"],
  ])('more than one is refused by name: %s', async (_, entries, message) => {
    await expect(readAsImport(tar(...entries))).rejects.toThrow(message);
    await expect(readAsImport(gzipSync(tar(...entries)))).rejects.toThrow(message);
  });

  test.each([['one.raw', RAW], ['./two.raw'.slice(2), HOLES]])('the one that the user names: %s', async (archiveMember, content) => {
    for (const archive of [two, gzipSync(two)]) {
      expect((await readAsImport(archive, { archiveMember })).disk.equals(content)).toBe(true);
    }
  });

  test('a file that does not show itself as a disk, if the user names it and says that it is raw', async () => {
    const content = randomBytes(5_000).fill(0xa7, 0, 600);
    const archive = tar(OVF, { name: 'database', content });
    for (const object of [archive, gzipSync(archive)]) {
      await expect(lookAsImport(object)).rejects.toThrow("in which no file shows itself as a disk: it has 'machine.ovf', 'database'; if one is a disk all the same, name it by 'archiveMember', and set 'format'");
      await expect(lookAsImport(object, { archiveMember: 'database' })).rejects.toThrow("is a tar archive, and its file 'database' is not known as a disk: it begins with a7 a7");
      expect((await readAsImport(object, { archiveMember: 'database', format: 'RAW' })).disk.equals(content)).toBe(true);
    }
  });

  test.each<[string, Buffer, object, string]>([
    ['a name that is not there', two, { archiveMember: 'three.raw' }, "without a file of the name 'three.raw', which 'archiveMember' says; it has 'one.raw', 'two.raw'"],
    ['a folder', tar({ name: 'disk', type: '5' }), { archiveMember: 'disk' }, "without a file of the name 'disk', which 'archiveMember' says; it has no files"],
    ['a name that is there twice', tar({ name: 'a', content: RAW }, { name: './a', content: RAW }), { archiveMember: 'a' }, "with 2 members of the name 'a'"],
    ['an object that is no archive', RAW, { archiveMember: 'a' }, "is no tar or ZIP archive, so it has no 'a', which 'archiveMember' names"],
    ['a compressed disk', gzipSync(RAW), { archiveMember: 'a' }, "is no tar or ZIP archive, so it has no 'a'"],
    ['another format than the user says', two, { archiveMember: 'one.raw', format: 'QCOW2' }, "is a tar archive, and its file 'one.raw' is not QCOW2, as 'format' says"],
    ['an empty file', tar({ name: 'a' }), { archiveMember: 'a', format: 'RAW' }, "its file 'a' is empty"],
    ['an archive in an archive', tar({ name: 'a.tar', content: tar({ name: 'a', content: RAW }) }), {}, "its file 'a.tar' is a tar archive, as OVA files are, which is not supported"],
    ['an archive that is said to be raw', two, { format: 'RAW' }, "looks like a tar archive, but 'format' is RAW"],
    ['a compressed archive that is said to be a compressed disk', gzipSync(two), { format: 'GZIP' }, 'is compressed with gzip, and what it holds is a tar archive, as OVA files are, which is not supported'],
    ['a name that is made to look like another', tar({ name: "x'\n; ok", content: fixture('disk.vdi') }), {}, "its file 'x'\\n; ok' is a VirtualBox disk"],
  ])('refused: %s', async (_, object, options, message) => {
    await expect(readAsImport(object, options)).rejects.toThrow(message);
  });

  test('a descriptor of a VMDK, and the file that it describes', async () => {
    const archive = tar({ name: 'd.vmdk', content: Buffer.from('# Disk DescriptorFile\nversion=1') }, { name: 'd-flat.vmdk', content: RAW });
    await expect(lookAsImport(archive)).rejects.toThrow("more than one file may be a disk: 'd.vmdk', 'd-flat.vmdk'");
    await expect(lookAsImport(gzipSync(archive))).rejects.toThrow("its file 'd.vmdk' is the descriptor of a VMDK");
    expect((await readAsImport(archive, { archiveMember: 'd-flat.vmdk' })).disk.equals(RAW)).toBe(true);
  });

  test('a large file of which nothing is known is not imported unless the user names it', async () => {
    const archive = tar({ name: 'disk.img', content: randomBytes(1_100_000).fill(0xa7, 0, 600) });
    await expect(lookAsImport(archive)).rejects.toThrow("if it is a raw disk all the same, set 'archiveMember' to its name, and 'format' to DiskImageFormat.RAW");
  });

  test('qcow2 in an archive that is compressed as a whole is refused, because its tables have to be read here and there', async () => {
    await expect(lookAsImport(gzipSync(tar({ name: 'v3.qcow2', content: fixture('v3.qcow2') })))).rejects
      .toThrow("is a tar archive, and its file 'v3.qcow2' is QCOW2, but all of the archive is compressed with gzip");
  });

  test('what is wrong with a file is said with its name', async () => {
    await expect(lookAsImport(tar({ name: 'a.qcow2', content: fixture('v3.qcow2').fill(0xff, 4, 8) }))).rejects.toThrow("image s3://images/disk is a tar archive, and its file 'a.qcow2' ");
    const damaged = fixture('stream.vmdk');
    damaged.fill(0x55, damaged.length / 2, damaged.length / 2 + 8);
    await expect(readAsImport(tar({ name: 'a.vmdk', content: damaged }))).rejects.toThrow("image s3://images/disk is a tar archive, and its file 'a.vmdk' is a damaged VMDK image");
  });
});

describe('nothing is lost behind the disk:', () => {
  const member = tarMember({ name: 'disk.raw', content: RAW });
  const broken = tarHeader({ name: 'more', size: 0 }).fill('9', 0, 4);
  const refusedBoth = test.each<[string, Buffer, string]>([
    ['an archive without its end', member, 'is a tar archive that is cut off'],
    ['an archive that ends within the file', member.subarray(0, 800_000), 'was it uploaded completely?'],
    ['an archive that ends within a header', Buffer.concat([member, tarHeader({ name: 'more', size: 0 }).subarray(0, 300)]), 'is a tar archive that is cut off'],
    ['a header with another checksum', Buffer.concat([member, broken, TAR_END]), `is a damaged tar archive: at byte ${member.length}, what should be a header has another checksum than it says`],
    ['another archive behind the end', Buffer.concat([member, TAR_END, tar({ name: 'more', content: RAW })]), `with something behind its end, which is at byte ${member.length}`],
    ['something far behind the end', Buffer.concat([member, Buffer.alloc(700_000), Buffer.from('x')]), `with something behind its end, which is at byte ${member.length}`],
    ['an extended header without a member', Buffer.concat([member, paxHeader([['path', 'x']]), TAR_END]), 'an extended header is not followed by a member'],
    ['a volume of several', Buffer.concat([tarMember({ name: 'disk.raw', type: 'M', content: RAW }), TAR_END]), 'is a volume of a tar archive in several volumes'],
  ]);
  refusedBoth('%s', async (_, archive, message) => {
    await expect(readAsImport(archive)).rejects.toThrow(message);
    await expect(readAsImport(gzipSync(archive))).rejects.toThrow(message);
  });

  test('a sparse file that is cut off', async () => {
    const archive = tar({ name: 'disk.raw', content: HOLES, sparse: '1.0' });
    for (const length of [4_000, 60_000]) {
      await expect(readAsImport(archive.subarray(0, length))).rejects.toThrow('was it uploaded completely?');
      await expect(readAsImport(gzipSync(archive.subarray(0, length)))).rejects.toThrow('is a tar archive that is cut off');
    }
  });

  test('a compressed archive that is cut off', async () => {
    const compressed = gzipSync(Buffer.concat([member, TAR_END]));
    await expect(readAsImport(compressed.subarray(0, compressed.length - 9))).rejects.toThrow('is a damaged gzip stream: unexpected end of file');
  });
});

describe('a hostile archive is refused soon:', () => {
  const empty = tarMember({ name: 'x' });
  const sparse = tarMember({ name: 'disk.raw', content: HOLES, sparse: 'oldgnu' });
  const numbers = (...values: number[]) => paxHeader([['GNU.sparse.size', '2048'], ['GNU.sparse.map', values.join(',')]]);
  const content = { name: 'x', content: RAW.subarray(0, 1_024) };
  const oneZero = (list: string, length = 512) => Buffer.concat([
    paxHeader([['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.name', 'x'], ['GNU.sparse.realsize', '2048']]),
    tar({ name: 'x', content: Buffer.concat([Buffer.from(list.padEnd(length, '\0')), RAW.subarray(0, 1_024)]) }),
  ]);

  test.each<[string, Buffer, string]>([
    ['endless headers', Buffer.concat(Array<Buffer>(1_001).fill(empty)), 'with more than 1000 headers'],
    ['endless extended headers', Buffer.concat(Array<Buffer>(1_001).fill(paxHeader([['mtime', '1']]))), 'with more than 1000 headers'],
    ['a gigantic extended header', Buffer.concat([tarHeader({ name: 'x', type: 'x', size: 2 ** 33 }), TAR_END]), 'with an extended header of 8589934592 bytes'],
    ['a gigantic name', Buffer.concat([tarHeader({ name: 'x', type: 'L', size: 100_000 }), Buffer.alloc(102_400), TAR_END]), 'with an extended header of 100000 bytes'],
    ['a global header that renames everything', Buffer.concat([paxHeader([['path', 'x']], 'g'), tar(content)]), 'with a global header that gives all members a name or a size'],
    ['records that are longer than they say', Buffer.concat([withRecords('99 path=x\n'), tar(content)]), 'its records are not of the length that they say'],
    ['a record without a length', Buffer.concat([withRecords('path=x\n'), tar(content)]), 'its records are not of the length that they say'],
    ['a size that is no number', Buffer.concat([paxHeader([['size', '-5']]), tar(content)]), 'in an extended header, size is "-5"'],
    ['a map that goes backwards', Buffer.concat([numbers(512, 512, 0, 512), tar(content)]), 'which are not in order'],
    ['a map that overlaps', Buffer.concat([numbers(0, 600, 512, 424), tar(content)]), 'which are not in order'],
    ['a map beyond the file', Buffer.concat([numbers(0, 512, 2_000, 512), tar(content)]), 'or not within its 2048 bytes'],
    ['a map for other content', Buffer.concat([numbers(0, 512), tar(content)]), 'is for 512 bytes, but the archive has 1024'],
    ['half a stretch', Buffer.concat([numbers(0, 1_024, 5), tar(content)]), 'has a position without a length'],
    ['a map without the size of the file', Buffer.concat([paxHeader([['GNU.sparse.map', '0,1024']]), tar(content)]), 'does not say how large the file is'],
    ['a list of a map that is no list', oneZero('1\n0\nmany\n'), 'has something else than a number in it'],
    ['a list of a map without an end', oneZero('9'.repeat(512)), 'has something else than a number in it'],
    ['a list that says that it is gigantic', oneZero('500001\n'), 'of a sparse member'],
    ['blocks of a map without an end', Buffer.concat([sparse.subarray(0, 1_024), ...Array<Buffer>(3_000).fill(sparse.subarray(512, 1_024)), TAR_END]), 'sparse'],
  ])('%s', async (_, archive, message) => {
    await expect(readAsImport(archive)).rejects.toThrow(message);
    await expect(readAsImport(gzipSync(archive))).rejects.toThrow(message);
  });

  test('a file that ends beyond the object', async () => {
    const lies = Buffer.concat([tarHeader({ name: 'disk.raw', size: 2 ** 40 }), RAW, TAR_END]);
    await expect(lookAsImport(lies)).rejects.toThrow("that says that its member 'disk.raw' ends at byte 1099511628288, but the file ends at byte");
    // Of a stream, only the end shows it.
    await expect(readAsImport(gzipSync(lies), {}, 1_000_000)).rejects.toThrow('is a tar archive that is cut off');
  });

  test('a name that is longer than the functions can say to each other', async () => {
    await expect(lookAsImport(tar({ name: `${'folder/'.repeat(200)}disk.raw`, content: RAW }))).rejects.toThrow('in which the disk has a name of 1408 characters, but 1024 are allowed');
  });

  test('names that would fill the error', async () => {
    const names = Array.from({ length: 20 }, (_, i) => ({ name: `${i}${'\u0001'.repeat(300)}`, content: RAW.subarray(0, 1_024) }));
    await expect(lookAsImport(tar(...names))).rejects.toThrow(/^.{0,900}$/);
    await expect(lookAsImport(tar(...names))).rejects.toThrow(/'0(\\u0001)+.*…', '1.* and 14 more; name one by 'archiveMember'/);
  });

  test('a number that is larger than any file', async () => {
    const header = withTarChecksum(Object.assign(tarHeader({ name: 'x', size: 0 }), {}).fill(0x7f, 125, 136).fill(0x80, 124, 125));
    await expect(lookAsImport(Buffer.concat([header, TAR_END]))).rejects.toThrow('is a damaged tar archive');
  });

  test('a compressed archive with much before the disk', async () => {
    const large = Array.from({ length: 70 }, (_, i) => tarMember({ name: `text${i}`, content: Buffer.alloc(1_000_000, 'a') }));
    await expect(lookAsImport(gzipSync(Buffer.concat([...large, tar({ name: 'disk.raw', content: RAW })]), { level: 1 })))
      .rejects.toThrow('with more than 67108864 bytes of other files before a disk');
  });
});

function withRecords(text: string): Buffer {
  return Buffer.concat([tarHeader({ name: 'x', type: 'x', size: text.length }), Buffer.from(text.padEnd(512, '\0'))]);
}
