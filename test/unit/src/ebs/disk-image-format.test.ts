import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';
import { gzipSync } from 'zlib';
import { Lazy, Size, type Stack } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, DiskImageFormat, SnapshotImport, type DiskImageOptions } from '../../../../src';
import { DISK_IMAGE_FORMATS } from '../../../../src/contract/disk-image-format';
import { SPARSE_KINDS, tar, tarHeader } from '../../../harness/formats/tar';
import { zip } from '../../../harness/formats/zip';
import { givenStack, propertiesOf } from '../../../harness/given';

const TYPE = 'Custom::SnapshotImport';

function given(options: DiskImageOptions): Stack {
  const { stack } = givenStack();
  const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'images');
  new SnapshotImport(stack, 'Image', { image: DiskImage.fromBucket(bucket, 'disk.img', undefined, options) });
  return stack;
}

test('the handler knows every format', () => {
  expect(Object.values(DiskImageFormat)).toEqual([...DISK_IMAGE_FORMATS]);
});

test('the template says what the user chose, and nothing else', () => {
  expect(propertiesOf(given({ format: DiskImageFormat.QCOW2 }), TYPE)).toMatchObject({ SourceFormat: 'QCOW2' });
  expect(propertiesOf(given({ format: DiskImageFormat.RAW, containerAsRaw: true }), TYPE)).toMatchObject({ SourceFormat: 'RAW', ContainerAsRaw: true });
  for (const options of [{}, { format: DiskImageFormat.AUTO, containerAsRaw: false }]) {
    expect(Object.keys(propertiesOf(given(options), TYPE))).not.toEqual(expect.arrayContaining(['SourceFormat']));
    expect(Object.keys(propertiesOf(given(options), TYPE))).not.toEqual(expect.arrayContaining(['ContainerAsRaw']));
  }
});

test('a file in an archive has a name, and no manifest', () => {
  expect(propertiesOf(given({ archiveMember: 'disk.raw', format: DiskImageFormat.RAW }), TYPE)).toMatchObject({ ArchiveMember: 'disk.raw', SourceFormat: 'RAW' });
  expect(() => given({ archiveMember: '' })).toThrow("'archiveMember' must be the name of a file in an archive, got ''");
  expect(() => given({ archiveMember: 'disk.raw', manifest: true } as DiskImageOptions)).toThrow("specify 'manifest' or 'archiveMember', not both");
});

test('a container may be raw only where that is said', () => {
  expect(() => given({ containerAsRaw: true })).toThrow("specify 'containerAsRaw' or 'format: AUTO', not both (in Stack/Image)");
});

const BOOT_SECTOR = 'bootcode'.padEnd(510, '\0') + '\x55\xaa';

describe('a local file', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'formats-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  /** Of 1.5 GiB, without taking the room. */
  function file(name: string, start: string, end = ''): string {
    const filePath = path.join(folder, name);
    fs.writeFileSync(filePath, start, 'latin1');
    fs.truncateSync(filePath, 1.5 * 1024 ** 3 - 512);
    fs.appendFileSync(filePath, Buffer.alloc(512).fill(end.padEnd(512, '\0'), 'latin1'));
    return filePath;
  }

  const define = (filePath: string, options?: DiskImageOptions) => {
    const { stack } = givenStack();
    // Refused before the asset is copied; whatever is not, fails to be copied at all.
    const image = DiskImage.fromAsset(filePath, options);
    jest.spyOn(image, '_bind').mockImplementation(() => { throw new Error('accepted'); });
    return () => new SnapshotImport(stack, 'Image', { image, volumeSize: Size.gibibytes(1) });
  };

  test('that is raw must fit into the volume', () => {
    expect(define(file('raw.img', BOOT_SECTOR))).toThrow("'volumeSize' must be at least 2 GiB for an image of 1610612736 bytes, got 1");
    expect(define(file('meant.img', 'QFI\xfb'), { format: DiskImageFormat.RAW, containerAsRaw: true })).toThrow("'volumeSize' must be at least 2 GiB");
    expect(define(file('stated.img', 'no signature'), { format: DiskImageFormat.RAW })).toThrow("'volumeSize' must be at least 2 GiB");
  });

  test.each([
    ['disk.qcow2', 'QFI\xfb', ''],
    ['disk.vhd', 'bootcode', 'conectix'],
    ['disk.zst', '\x28\xb5\x2f\xfd', ''],
  ])('that is none, as %s, tells its size when it is imported', (name, start, end) => {
    expect(define(file(name, start, end))).toThrow('accepted');
  });

  describe('that is a tar archive', () => {
    const disk = Buffer.from(BOOT_SECTOR.padEnd(1_600_000, '\0'), 'latin1');
    const archive = (name: string, bytes: Buffer) => {
      const filePath = path.join(folder, name);
      fs.writeFileSync(filePath, bytes);
      return filePath;
    };
    const ova = archive('machine.ova', tar({ name: 'machine.ovf', content: Buffer.from('<?xml version="1.0"?>') }, { name: 'disk.vmdk', content: Buffer.from('KDMV') }));
    const two = archive('two.tar', tar({ name: 'one.raw', content: disk }, { name: 'two.raw', content: disk }));

    test('is looked into', () => {
      expect(define(ova)).toThrow('accepted');
      expect(define(archive('compressed.tar.gz', gzipSync(tar({ name: 'disk.raw', content: disk }))), { archiveMember: 'disk.raw' })).toThrow('accepted');
      expect(define(two)).toThrow(`'image' '${two}' is a tar archive in which more than one file may be a disk: 'one.raw', 'two.raw'; name one by 'archiveMember' (in Stack/Image)`);
      expect(define(two, { archiveMember: 'two.raw' })).toThrow('accepted');
      expect(define(two, { archiveMember: 'three.raw' })).toThrow("without a file of the name 'three.raw', which 'archiveMember' says");
      expect(define(two, { archiveMember: Lazy.string({ produce: () => 'two.raw' }) })).toThrow('accepted');
      expect(define(archive('cut.tar', fs.readFileSync(two).subarray(0, 2_000_000)))).toThrow("that says that its member 'two.raw' ends at byte 3201024, but the file ends at byte 2000000");
      expect(define(archive('none.img', disk), { archiveMember: 'x' })).toThrow("is no tar or ZIP archive, so it has no 'x'");
    });

    test('tells the size of a raw disk in it', () => {
      const large = tarHeader({ name: 'large.raw', size: 1.5 * 1024 ** 3 });
      const filePath = archive('large.tar', Buffer.concat([large, disk]));
      fs.truncateSync(filePath, 512 + 1.5 * 1024 ** 3 + 1_024);
      expect(define(filePath)).toThrow("'volumeSize' must be at least 2 GiB for an image of 1610612736 bytes, got 1");
    });

    test.each(SPARSE_KINDS)('may hold a sparse disk (%s)', sparse => {
      expect(define(archive(`sparse-${sparse}.tar`, tar({ name: 'disk.raw', content: disk, sparse })))).toThrow('accepted');
    });
  });

  test('that is a ZIP archive is looked into', () => {
    const disk = Buffer.from(BOOT_SECTOR.padEnd(1_600_000, '\0'), 'latin1');
    const archive = (name: string, bytes: Buffer) => {
      fs.writeFileSync(path.join(folder, name), bytes);
      return path.join(folder, name);
    };
    expect(define(archive('stored.zip', zip([{ name: 'disk.img', content: disk }])))).toThrow('accepted');
    expect(define(archive('deflated.zip', zip([{ name: 'disk.img', content: disk, deflated: true }])))).toThrow('accepted');
    expect(define(archive('texts.zip', zip([{ name: 'a.txt', content: Buffer.from('text') }])))).toThrow("in which no file shows itself as a disk: it has 'a.txt'");
    expect(define(archive('vdi.zip', zip([{ name: 'a.vdi', content: Buffer.from('\0'.repeat(64) + '\x7f\x10\xda\xbe' + '\0'.repeat(500), 'latin1'), deflated: true }]))))
      .toThrow("is a ZIP archive, and its file 'a.vdi' is a VirtualBox disk (VDI), which is not supported");
  });

  test.each<[string, string, string, DiskImageOptions, string]>([
    ['disk.zip', 'PK\x03\x04', '', {}, 'is a ZIP archive that does not end as ZIP does: its end is missing'],
    ['disk.7z', '7z\xbc\xaf\x27\x1c', '', {}, 'is a 7-Zip archive, which is not supported; extract the disk from it first (in Stack/Image)'],
    ['disk.vdi', '\0'.repeat(64) + '\x7f\x10\xda\xbe', '', {}, 'is a VirtualBox disk (VDI), which is not supported; convert it with: qemu-img convert -O qcow2'],
    ['disk.dmg', BOOT_SECTOR, 'koly', {}, 'is an Apple disk image (DMG), which is not supported'],
    ['disk.img', 'nothing that is known', '', {}, "if it is a raw disk all the same, set 'format' to DiskImageFormat.RAW"],
    ['disk.4k', BOOT_SECTOR.padEnd(4096, '\0') + 'EFI PART', '', {}, 'is a disk with sectors of 4096 bytes, but EBS volumes have sectors of 512 bytes'],
    ['disk.delta', 'cdk-durable-storage delta 1\n', '', {}, 'is a delta between two snapshots, not a disk, which is not supported; give it by DiskImage.fromDelta'],
    ['disk.vmdk', '# Disk DescriptorFile\ncreateType="monolithicFlat"', '', {}, "is the descriptor of a VMDK of type 'monolithicFlat', whose data is in other files"],
    ['raw.img', 'QFI\xfb', '', { format: DiskImageFormat.RAW },
      "looks like QCOW2, but 'format' is RAW, with which that file itself would be the disk; leave 'format' out, or set 'containerAsRaw' if that is meant"],
    ['raw.zip', 'PK\x03\x04', '', { format: DiskImageFormat.RAW }, "looks like a ZIP archive, but 'format' is RAW"],
    ['disk.vhdx', 'QFI\xfb', '', { format: DiskImageFormat.VHDX }, "is not VHDX, as 'format' says, but QCOW2; leave 'format' out, or correct it"],
    ['disk.gz', BOOT_SECTOR, '', { format: DiskImageFormat.GZIP }, "is not GZIP, as 'format' says; leave 'format' out, or correct it"],
  ])('that the import would refuse, as %s, is refused at synthesis in the same words (%#)', (name, start, end, options, message) => {
    const filePath = file(name, start, end);
    expect(define(filePath, options)).toThrow(`'image' '${filePath}' `);
    expect(define(filePath, options)).toThrow(message);
  });
});
