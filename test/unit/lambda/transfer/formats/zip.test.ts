import { createHash, randomBytes } from 'crypto';
import { fixedVhdFooter } from '../../../../../lambda/transfer/formats/vhd-footer';
import { lookAsImport, readAsImport } from '../../../../harness/formats/as-import';
import { fixture, RAWS, sha256 } from '../../../../harness/formats/fixtures';
import { zip, type ZipFile, type ZipOptions } from '../../../../harness/formats/zip';

/** Bytes that do not repeat, with the signature of a boot sector. */
function disk(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 64) { createHash('sha256').update(`disk ${at}`).digest().copy(bytes, at); }
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}

const RAW = disk(1_500_032);
const README: ZipFile = { name: 'README.txt', content: Buffer.from('Write it to a card.\n'), deflated: true };
const stored: ZipFile = { name: 'disk.img', content: RAW };
const deflated: ZipFile = { ...stored, deflated: true };

describe('a stored disk in a ZIP archive is read where it is:', () => {
  test.each<[string, ZipFile[], ZipOptions]>([
    ['alone', [stored], {}],
    ['in a folder, with other files', [{ name: 'image/' }, README, { ...stored, name: 'image/disk.img' }], {}],
    ['with a comment behind the end', [stored], { comment: 'made by a program PK\x05\x06 of ours' }],
    ['in the form of 64 bits', [{ ...stored, large: true }, { ...README, large: true }], { large: true }],
    ['with its sizes behind it', [{ ...stored, descriptor: true }, README], {}],
    ['with more in its own header than in the directory', [{ ...stored, localExtra: 300 }, README], {}],
  ])('%s', async (_, files, options) => {
    const { pinned, disk: read } = await readAsImport(zip(files, options));
    expect(pinned.image).toMatchObject({ format: 'RAW', diskSize: RAW.length, member: { archive: 'ZIP', size: RAW.length } });
    expect(pinned.image!.stream).toBeUndefined();
    expect(read.equals(RAW)).toBe(true);
  });

  test.each(['v3.qcow2', 'dynamic.vhd', 'dynamic-1m.vhdx', 'stream.vmdk'])('%s', async name => {
    const [, size, digest] = RAWS.find(([found]) => found === name)!;
    const { pinned, disk: read } = await readAsImport(zip([README, { name, content: fixture(name) }]));
    expect(pinned.image).toMatchObject({ diskSize: size, member: { name } });
    expect(sha256(read)).toBe(digest);
  });
});

describe('a deflated disk in a ZIP archive is read as a stream:', () => {
  const large = Buffer.concat([RAW, Buffer.alloc(3_000_000)]);
  const vhd = Buffer.concat([RAW.subarray(0, 1_000_448), fixedVhdFooter(1_000_448, Buffer.alloc(16))]);

  test.each<[string, ZipFile[], Buffer]>([
    ['alone', [deflated], RAW],
    ['with other files', [README, deflated, { ...README, name: 'LICENSE' }], RAW],
    ['with its sizes behind it', [{ ...deflated, descriptor: true }, README], RAW],
    ['in the form of 64 bits', [{ ...deflated, large: true }], RAW],
    ['with many zeros', [{ ...deflated, content: large }], large],
    ['all zeros', [{ ...deflated, content: Buffer.alloc(2_000_000) }], Buffer.alloc(2_000_000)],
    ['smaller than what is looked at', [{ ...deflated, content: RAW.subarray(0, 5_000) }], RAW.subarray(0, 5_000)],
    ['a fixed VHD', [{ ...deflated, content: vhd }], RAW.subarray(0, 1_000_448)],
  ])('%s', async (_, files, content) => {
    const { pinned, disk: read } = await readAsImport(zip(files));
    expect(pinned.image).toMatchObject({ format: 'DEFLATE', stream: { limit: 'STATED' }, member: { archive: 'ZIP' } });
    expect(read.equals(content)).toBe(true);
  });

  const inside = zip([deflated]);
  const damaged = Buffer.from(inside);
  damaged.fill(0xff, 700_000, 700_016);

  test.each<[string, Buffer, string]>([
    ['another checksum than the archive says', zip([{ ...deflated, crc: 7 }]), 'is damaged: it has 1500032 bytes with the CRC-32'],
    ['fewer bytes than it says', zip([{ ...deflated, size: RAW.length + 512 }]), 'is damaged: it has 1500032 bytes with the CRC-32'],
    ['more bytes than it says', zip([{ ...deflated, size: RAW.length - 512 }]), 'is damaged: it has more bytes than the 1499520 that the archive says'],
    ['damaged data', damaged, "image s3://images/disk is a ZIP archive, and its file 'disk.img' "],
    ['data without an end', zip([{ ...deflated, stored: Math.floor(inside.length / 2) }]), 'is a damaged deflate stream: unexpected end of file'],
    ['qcow2', zip([{ name: 'a.qcow2', content: fixture('v3.qcow2'), deflated: true }]), "its file 'a.qcow2' is QCOW2, but deflated in the archive, so that it must be a raw disk or a fixed VHD; extract it first"],
  ])('%s is refused', async (_, archive, message) => {
    await expect(readAsImport(archive)).rejects.toThrow(message);
  });
});

describe('which file is the disk:', () => {
  const two = zip([{ ...stored, name: 'one.img' }, { name: 'two.img', content: RAW.subarray(0, 700_416), deflated: true }]);

  test('none of two, unless the user names it', async () => {
    await expect(lookAsImport(two)).rejects.toThrow("is a ZIP archive in which more than one file may be a disk: 'one.img', 'two.img'; name one by 'archiveMember'");
    expect((await readAsImport(two, { archiveMember: 'one.img' })).disk.equals(RAW)).toBe(true);
    expect((await readAsImport(two, { archiveMember: 'two.img' })).disk.equals(RAW.subarray(0, 700_416))).toBe(true);
  });

  test('a file that does not show itself as a disk, if the user names it and says that it is raw', async () => {
    for (const isDeflated of [false, true]) {
      const content = Buffer.concat([randomBytes(2_000).fill(0xa7, 0, 600), Buffer.alloc(9_000)]);
      const archive = zip([README, { name: 'database', content, deflated: isDeflated }]);
      await expect(lookAsImport(archive)).rejects.toThrow("is a ZIP archive in which no file shows itself as a disk: it has 'README.txt', 'database'");
      await expect(lookAsImport(archive, { archiveMember: 'database' })).rejects.toThrow("is a ZIP archive, and its file 'database' is not known as a disk");
      expect((await readAsImport(archive, { archiveMember: 'database', format: 'RAW' })).disk.equals(content)).toBe(true);
    }
  });

  test.each<[string, Buffer, string]>([
    ['documents', zip([README, { name: '[Content_Types].xml', content: Buffer.from('<?xml version="1.0"?>'), deflated: true }]), 'in which no file shows itself as a disk'],
    ['an encrypted disk', zip([{ ...deflated, flags: 1 }]), "in which 'disk.img' is encrypted, which is not supported"],
    ['Deflate64', zip([{ ...deflated, method: 9 }]), "in which 'disk.img' is compressed by method 9, but only 0 (stored) and 8 (deflated) are supported"],
    ['a disk, and an encrypted one', zip([stored, { ...deflated, name: 'two.img', flags: 1 }]), "more than one file may be a disk: 'disk.img', 'two.img'"],
    ['an empty archive', zip([]), 'is an empty ZIP archive'],
  ])('refused: %s', async (_, archive, message) => {
    await expect(lookAsImport(archive)).rejects.toThrow(message);
  });
});

describe('a damaged or hostile ZIP archive is refused:', () => {
  const whole = zip([stored, README]);
  const start = RAW.length + 38;
  const noMember = Buffer.from(whole);
  noMember.fill(0, 30_000, 30_004);

  test.each<[string, Buffer, string]>([
    ['cut off', whole.subarray(0, 1_000_000), 'is a ZIP archive that does not end as ZIP does: its end is missing'],
    ['something behind its end', Buffer.concat([whole, Buffer.from('x')]), 'does not end as ZIP does'],
    ['something before it', Buffer.concat([whole.subarray(0, 4), Buffer.from('x'), whole.subarray(4)]), 'is a damaged ZIP archive: its directory should end at byte'],
    ['the last of several', zip([stored], { part: 3 }), 'is the last part of a ZIP archive in several files'],
    ['another number of members', zip([stored], { count: 2 }), 'its directory has 1 members, where there should be 2'],
    ['very many members', zip(Array.from({ length: 1_001 }, (_, i) => ({ name: `${i}` }))), 'with 1001 members, so it holds files rather than a disk'],
    ['members that overlap', zip([stored, { ...stored, name: 'x', header: 0 }]), 'is a damaged ZIP archive: its member'],
    ['a member in the directory', zip([README, { ...stored, stored: 2 ** 31, size: 2 ** 31 }]), 'goes on to byte'],
    ['a member beyond the object', zip([{ ...stored, large: true, stored: 2 ** 50, size: 2 ** 50 }]), 'but from byte 1500070 on, there is something else'],
    ['a member whose own header makes it longer', zip([{ ...stored, localExtra: 300, stored: RAW.length + 300, size: RAW.length + 300 }]), 'but from byte'],
    ['a member that is not there', zip([stored, { ...README, header: start + 1 }]), `where its directory says that 'README.txt' is, at byte ${start + 1}, is something else`],
    ['a stored member of two sizes', zip([{ ...stored, size: 2 ** 40, large: true }]), 'has 1500032 bytes, where there should be 1099511627776'],
    ['a position in 64 bits that is missing', zip([{ ...stored, size: 0xffff_ffff }]), "it does not say where or how large 'disk.img' is"],
  ])('%s', async (_, archive, message) => {
    await expect(readAsImport(archive)).rejects.toThrow(message);
  });

  test('its disk is found by its directory alone, however large it is', async () => {
    const archive = zip([README, { ...stored, content: Buffer.concat([RAW, Buffer.alloc(30_000_000)]) }]);
    const { bytesRead } = await readAsImport(archive, {}, 1_000_000_000);
    expect(bytesRead).toBeLessThan(33_000_000);
  });

  test('a file that becomes a thousand times as large is looked at', async () => {
    const archive = zip([{ ...deflated, content: Buffer.concat([RAW.subarray(0, 65_536), Buffer.alloc(60_000_000)]) }]);
    await expect(lookAsImport(archive)).resolves.toMatchObject({ image: { diskSize: 60_065_536 } });
  });
});
