import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { GetSnapshotBlockCommand, ListSnapshotBlocksCommand } from '@aws-sdk/client-ebs';
import { DescribeImagesCommand, DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { EXPORTS, IMAGES, MotoAccount } from './account';
import { OWNED, play, type Properties, tags } from './play';
import { OWNERSHIP_TAG_PREFIX } from '../../../src/contract/ownership';
import type { Stack } from '../../../test/harness/stack';
import type { Section } from '../../tools/report';

const BLOCK = 512 * 1024;

/** Plays the lives of snapshots, and of machine images and exports made from them. */
export async function snapshots(section: Section, account: MotoAccount): Promise<void> {
  const { ebs, ec2, s3 } = account;
  const put = (Key: string, Body: Buffer) => s3.send(new PutObjectCommand({ Bucket: IMAGES, Key, Body }));
  const mine = async () => (await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: [{ Name: 'tag-key', Values: [`${OWNERSHIP_TAG_PREFIX}*`] }] }))).Snapshots!
    .map(({ SnapshotId }) => SnapshotId!);
  const first = disk(9, 'first');
  const second = Buffer.concat([first.subarray(0, BLOCK), disk(1, 'second'), first.subarray(2 * BLOCK)]);
  await put('first.img', first);
  await put('second.img', second);
  const properties = (SourceKey: string, more: Properties = {}) => ({ ...OWNED, SourceBucket: IMAGES, SourceKey, ...more });

  const read = async (SnapshotId: string) => {
    const blocks = new Map<number, Buffer>();
    const { Blocks = [] } = await ebs.send(new ListSnapshotBlocksCommand({ SnapshotId }));
    for (const { BlockIndex, BlockToken } of Blocks) {
      const { BlockData } = await ebs.send(new GetSnapshotBlockCommand({ SnapshotId, BlockIndex, BlockToken }));
      blocks.set(BlockIndex!, Buffer.from(await BlockData!.transformToByteArray()));
    }
    return blocks;
  };
  const expectImage = async (id: string, image: Buffer) => {
    const blocks = await read(id);
    assert.deepEqual([...blocks.keys()].sort((a, b) => a - b), Array.from({ length: image.length / BLOCK }, (_, i) => i));
    for (const [index, bytes] of blocks) { assert.ok(bytes.equals(image.subarray(index * BLOCK, (index + 1) * BLOCK)), `block ${index} differs`); }
    return `${blocks.size} blocks, identical`;
  };

  const disks = account.stack('SnapshotImport', 'Disk');
  await play(section, 'SnapshotImport: create', async () => {
    const { SnapshotId } = await disks.deploy(properties('first.img', { Tags: tags({ team: 'a' }) }));
    return expectImage(SnapshotId, first);
  });
  await play(section, 'SnapshotImport: update in place', async () => {
    const id = disks.physicalId;
    await disks.deploy(properties('first.img', { Tags: tags({ team: 'b' }) }));
    const { Snapshots } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [id!] }));
    assert.equal(disks.physicalId, id);
    assert.equal(Snapshots![0].Tags!.find(({ Key }) => Key === 'team')!.Value, 'b');
  });
  await play(section, 'SnapshotImport: replacement that is rolled back', async () => {
    const id = disks.physicalId!;
    await assert.rejects(disks.deploy(properties('second.img', { Incremental: false }), { failAfter: true }), /another resource failed/);
    assert.deepEqual(await mine(), [id]);
    return expectImage(id, first);
  });
  await play(section, 'SnapshotImport: replace, and read all of it back to verify', async () => {
    const { SnapshotId } = await disks.deploy(properties('second.img', { Incremental: false, Verify: 'FULL' }));
    assert.deepEqual(await mine(), [SnapshotId]);
    return expectImage(SnapshotId, second);
  });

  await machineImages(section, account, disks);
  await snapshotExports(section, account, disks.physicalId!, { image: second, block: second.subarray(BLOCK, 2 * BLOCK) }, properties('first.img'));
  await play(section, 'SnapshotImport: delete', async () => {
    await disks.destroy();
    assert.deepEqual(await mine(), []);
  });
}

async function machineImages(section: Section, account: MotoAccount, disks: Stack): Promise<void> {
  const images = async () => (await account.ec2.send(new DescribeImagesCommand({ Owners: ['self'] }))).Images!.map(({ ImageId }) => ImageId);
  const machines = account.stack('MachineImage', 'Machine');
  const machine = (more: Properties = {}) => ({
    ...OWNED,
    Architecture: 'x86_64',
    RootDeviceName: '/dev/xvda',
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: disks.physicalId, VolumeType: 'gp3', DeleteOnTermination: true } }],
    VirtualizationType: 'hvm',
    EnaSupport: true,
    ...more,
  });
  await play(section, 'MachineImage: create', async () => {
    const { ImageId } = await machines.deploy(machine());
    assert.deepEqual(await images(), [ImageId]);
  });
  await play(section, 'MachineImage: update in place', async () => {
    const [id] = await images();
    await machines.deploy(machine({ Tags: tags({ team: 'a' }), LaunchPermissions: [{ UserId: '999900001111' }] }));
    assert.deepEqual(await images(), [id]);
  });
  await play(section, 'MachineImage: replacement that is rolled back', async () => {
    const before = await images();
    await assert.rejects(machines.deploy(machine({ Architecture: 'arm64' }), { failAfter: true }), /another resource failed/);
    assert.deepEqual(await images(), before);
  });
  await play(section, 'MachineImage: replace', async () => {
    const [before] = await images();
    const { ImageId } = await machines.deploy(machine({ Architecture: 'arm64' }));
    assert.notEqual(ImageId, before);
    assert.deepEqual(await images(), [ImageId]);
  });
  await play(section, 'MachineImage: delete', async () => {
    await machines.destroy();
    assert.deepEqual(await images(), []);
  });
}

async function snapshotExports(
  section: Section, account: MotoAccount, snapshotId: string, { image, block }: { image: Buffer; block: Buffer }, since: Properties,
): Promise<void> {
  const { s3 } = account;
  const exports = account.stack('SnapshotExport', 'Export');
  const bytesOf = async (Key: string) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: EXPORTS, Key }));
    return Buffer.from(await Body!.transformToByteArray());
  };
  await play(section, 'SnapshotExport: create', async () => {
    await exports.deploy({ ...OWNED, SnapshotId: snapshotId, Bucket: EXPORTS, Key: 'disk.img' });
    const bytes = await bytesOf('disk.img');
    assert.ok(bytes.subarray(0, image.length).equals(image), 'the object is not the image');
    return `${bytes.length} bytes, identical`;
  });
  await play(section, 'SnapshotExport: replace by a delta', async () => {
    const base = account.stack('SnapshotImport', 'Base');
    const { SnapshotId } = await base.deploy(since);
    await exports.deploy({ ...OWNED, SnapshotId: snapshotId, SinceSnapshotId: SnapshotId, Bucket: EXPORTS, Key: 'delta' });
    const bytes = await bytesOf('delta');
    assert.ok(bytes.length < 2 * BLOCK && bytes.includes(block), 'the delta is not the block that differs');
    await base.destroy();
    return `${bytes.length} bytes, with the block that differs`;
  });
  await play(section, 'SnapshotExport: delete', async () => {
    await exports.destroy();
    assert.equal((await s3.send(new ListObjectsV2Command({ Bucket: EXPORTS }))).KeyCount, 0);
  });
}

/** Bytes that differ from block to block; every third block is zeros. */
function disk(blocks: number, seed: string): Buffer {
  const bytes = Buffer.concat(Array.from({ length: blocks }, (_, i) =>
    i % 3 === 1 ? Buffer.alloc(BLOCK) : Buffer.alloc(BLOCK, createHash('sha256').update(`${seed} ${i}`).digest())));
  // The signature of a boot sector.
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}
