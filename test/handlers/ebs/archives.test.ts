import { gzipSync } from 'zlib';
import { GIB } from '../../../lambda/transfer/blocks/sizes';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { checksum } from '../../../world/emulator/s3/checksums';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';
import { fixture, MemoryFile, openImage, readDisk } from '../../harness/formats/fixtures';
import { SPARSE_KINDS, tar, TAR_END, tarMember } from '../../harness/formats/tar';
import { zip } from '../../harness/formats/zip';

const OVF = { name: 'machine.ovf', content: Buffer.from('<?xml version="1.0"?>\n<Envelope/>\n') };
const MANIFEST = { name: 'machine.mf', content: Buffer.from('SHA256(machine.ovf)= 6f7c\n') };
const RAW = disk(20 * BLOCK_SIZE + 12_345);
const SMALL = disk(3 * BLOCK_SIZE, 'small');

let world: EbsHandlerWorld;
afterEach(() => world.close());

async function given(object: Buffer, options?: EbsHandlerWorldOptions): Promise<void> {
  world = await EbsHandlerWorld.start({ ebs: { startWindow: 0 }, rangeBlocks: 7, tick: 1_000, ...options });
  await world.s3.put(IMAGES, 'disk.img', object);
}

test('the disk in an OVA is imported by several workers', async () => {
  const name = 'stream.vmdk';
  const file = new MemoryFile(fixture(name));
  const content = await readDisk((await openImage(file))!, file);
  await given(tar(OVF, { name, content: fixture(name) }, MANIFEST));
  const { SnapshotId, VolumeSize } = await world.stack().deploy(properties({ Verify: 'FULL' }));
  expect(VolumeSize).toBe('1');
  world.expectContent(SnapshotId, content);
});

test('a raw disk in a tar archive is imported by several workers', async () => {
  await given(tar(OVF, { name: 'disk.raw', content: RAW }, MANIFEST));
  const { SnapshotId } = await world.stack().deploy(properties({ Verify: 'FULL' }));
  world.expectContent(SnapshotId, RAW);
  expect(world.invocations.copy).toBe(3);
});

test.each(SPARSE_KINDS)('a sparse disk is imported with its holes (%s)', async sparse => {
  await given(tar({ name: 'disk.raw', content: RAW, sparse }));
  const { SnapshotId } = await world.stack().deploy(properties());
  world.expectContent(SnapshotId, RAW);
  expect(world.invocations.copy).toBe(3);
});

test('an archive that is compressed as a whole is imported by one worker, and its size needs no prop', async () => {
  const object = gzipSync(tar({ name: 'disk.raw', content: RAW, sparse: 'oldgnu' }, MANIFEST));
  await given(object);
  Object.assign(world.s3.object(IMAGES, 'disk.img')!, { checksum: checksum('CRC64NVME', [object]) });
  const { SnapshotId, VolumeSize } = await world.stack().deploy(properties({ Verify: 'FULL' }));
  expect(VolumeSize).toBe('1');
  world.expectContent(SnapshotId, RAW);
  expect(world.invocations.copy).toBe(1);
});

test('a compressed disk in an archive that is not compressed is read where it is', async () => {
  const object = tar(OVF, { name: 'disk.gz', content: gzipSync(RAW) });
  await given(object);
  Object.assign(world.s3.object(IMAGES, 'disk.img')!, { checksum: checksum('CRC64NVME', [object]) });
  const { SnapshotId } = await world.stack().deploy(properties({ VolumeSize: 1 }));
  world.expectContent(SnapshotId, RAW);
});

test('a stored disk in a ZIP archive is imported by several workers', async () => {
  await given(zip([{ name: 'README', content: Buffer.from('text') }, { name: 'disk.img', content: RAW }]));
  const { SnapshotId } = await world.stack().deploy(properties({ Verify: 'FULL' }));
  world.expectContent(SnapshotId, RAW);
  expect(world.invocations.copy).toBe(3);
});

test('a deflated disk in a ZIP archive is imported by one worker', async () => {
  const object = zip([{ name: 'README', content: Buffer.from('text') }, { name: 'disk.img', content: RAW, deflated: true }]);
  await given(object);
  Object.assign(world.s3.object(IMAGES, 'disk.img')!, { checksum: checksum('CRC64NVME', [object]) });
  const { SnapshotId } = await world.stack().deploy(properties());
  world.expectContent(SnapshotId, RAW);
  expect(world.invocations.copy).toBe(1);
});

test('a deflated disk with another checksum than its archive says leaves nothing', async () => {
  await given(zip([{ name: 'disk.img', content: RAW, deflated: true, crc: 1 }]));
  await expect(world.stack().deploy(properties())).rejects.toThrow("image s3://images/disk.img is a ZIP archive, and its file 'disk.img' is damaged: it has");
  world.expectNothingLeft();
});

test('a stream that is not finished in time is finished by the next invocation', async () => {
  let invocation = 0;
  await given(gzipSync(tar({ name: 'disk.raw', content: RAW })), {
    remaining: () => {
      const first = invocation++ === 0;
      let puts = 0;
      world.server.faults.before('ebs:PutSnapshotBlock', () => { puts++; }, { times: Infinity });
      return () => first && puts > 0 ? 59_000 : 900_000;
    },
  });
  const { SnapshotId } = await world.stack().deploy(properties());
  world.expectContent(SnapshotId, RAW);
  expect(world.invocations.copy).toBe(2);
});

describe('of two disks', () => {
  const entries = [{ name: 'system.raw', content: RAW }, { name: 'data.raw', content: SMALL }];
  const message = "is a tar archive in which more than one file may be a disk: 'system.raw', 'data.raw'; name one by 'archiveMember'";

  test('none is imported before the user names one, and another name makes another snapshot', async () => {
    await given(tar(...entries));
    await expect(world.stack('None').deploy(properties())).rejects.toThrow(message);
    expect(world.server.count('ebs:StartSnapshot')).toBe(0);
    const stack = world.stack();
    const first = await stack.deploy(properties({ ArchiveMember: 'data.raw' }));
    world.expectContent(first.SnapshotId, SMALL);
    const second = await stack.deploy(properties({ ArchiveMember: 'system.raw' }));
    expect(second.SnapshotId).not.toBe(first.SnapshotId);
    world.expectContent(second.SnapshotId, RAW);
  });

  test('the one behind the other is found in a compressed archive, too, and nothing is left', async () => {
    await given(gzipSync(tar(...entries)));
    await expect(world.stack('None').deploy(properties())).rejects.toThrow(message);
    world.expectNothingLeft();
    const { SnapshotId } = await world.stack().deploy(properties({ ArchiveMember: 'system.raw' }));
    world.expectContent(SnapshotId, RAW);
  });
});

test.each<[string, Buffer]>([
  ['without its end', tarMember({ name: 'disk.raw', content: RAW })],
  ['with another one behind it', Buffer.concat([tarMember({ name: 'disk.raw', content: RAW }), TAR_END, tar({ name: 'more', content: SMALL })])],
])('a compressed archive %s leaves nothing', async (_, archive) => {
  await given(gzipSync(archive));
  await expect(world.stack().deploy(properties())).rejects.toThrow('image s3://images/disk.img is a tar archive');
  world.expectNothingLeft();
});

test('a volume that is too small for the disk in an archive is refused before a snapshot is started', async () => {
  const large = tarMember({ name: 'disk.raw', content: RAW, size: 3 * GIB });
  await given(gzipSync(Buffer.concat([large, TAR_END])));
  await expect(world.stack().deploy(properties({ VolumeSize: 2 }))).rejects.toThrow("'volumeSize' is 2 GiB, but the image s3://images/disk.img needs 3 GiB");
  expect(world.server.count('ebs:StartSnapshot')).toBe(0);
});
