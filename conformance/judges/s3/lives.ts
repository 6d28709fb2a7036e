import { strict as assert } from 'node:assert';
import { crc32 } from 'node:zlib';
import { GetObjectAttributesCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { EXPORTS, GatewayAccount, IMAGES, TRANSFERS, VERSIONED } from './account';
import { BLOCK, BucketContent, disk } from './bucket-content';
import { MemoryFile, openImage, readDisk } from '../../../test/harness/formats/fixtures';
import type { Section } from '../../tools/report';

/** Blocks of a volume that `HandlerAccount` exports. */
const EXPORTED_BLOCKS = 12;
type Properties = Record<string, unknown>;
const OWNED = { Owner: 'Stack/Thing', RemovalPolicy: 'Delete' };
const ofImage = (SourceKey: string, more: Properties = {}) => ({ ...OWNED, SourceBucket: IMAGES, SourceKey, ...more });
const ofExport = (SnapshotId: string, Key: string, more: Properties = {}) => ({ ...OWNED, SnapshotId, Bucket: EXPORTS, Key, ...more });

/** Plays the lives of snapshots and exports, so that every kind of request to S3 is made. */
export async function lives(section: Section, account: GatewayAccount): Promise<void> {
  const content = new BucketContent(account.s3);
  const check = section.check.bind(section);
  await imports(section, account, content);
  await guardsOfImports(check, account, content);
  await exports(check, account, content);
  await guardsOfExports(check, account, content);
  await check('nothing is left in the transfer bucket, no upload, no snapshot', async () => {
    assert.deepEqual([await content.keys(TRANSFERS), await content.uploads(EXPORTS), account.snapshotIds], [[], [], []]);
  });
}

type Check = Section['check'];

async function imports(section: Section, account: GatewayAccount, content: BucketContent): Promise<void> {
  const first = disk(12, 'first').subarray(0, -100);
  const second = Buffer.concat([first.subarray(0, 4 * BLOCK), disk(5, 'second'), first.subarray(9 * BLOCK)]);
  const disks = account.stack('SnapshotImport', 'Disk');
  await section.check('SnapshotImport: ranges by ETag, CRC of the whole object, plan and digests with conditional writes', async () => {
    await content.put(IMAGES, 'first.img', first);
    const { SnapshotId } = await disks.deploy(ofImage('first.img', { Verify: 'FULL' }));
    return account.expectDisk(SnapshotId, first);
  });
  const inParts = await section.check('SnapshotImport: an increment of an image that was uploaded in parts with SHA-256', async () => {
    await content.putInParts(IMAGES, 'second.img', second, 10 * BLOCK);
    const { SnapshotId, ParentSnapshotId } = await disks.deploy(ofImage('second.img'));
    assert.notEqual(ParentSnapshotId, '');
    return `${account.expectDisk(SnapshotId, second)}; ${account.ebs.snapshot(SnapshotId)!.putCount} of them put`;
  });
  if (inParts) { await differences(section, account); }
  await section.check('SnapshotImport: delete', () => disks.destroy());

  await section.check('SnapshotImport: ranges by version, whatever is written after it', async () => {
    const ofVersion = account.stack('SnapshotImport', 'OfVersion');
    const SourceVersion = await content.put(VERSIONED, 'disk.img', first);
    await content.put(VERSIONED, 'disk.img', second);
    const { SnapshotId } = await ofVersion.deploy(ofImage('disk.img', { SourceBucket: VERSIONED, SourceVersion }));
    const note = account.expectDisk(SnapshotId, first);
    await ofVersion.destroy();
    return note;
  });
}

/** What versitygw lacks, and what the library does then. */
async function differences(section: Section, { s3 }: GatewayAccount): Promise<void> {
  const { ObjectParts } = await s3.send(new GetObjectAttributesCommand({ Bucket: IMAGES, Key: 'second.img', ObjectAttributes: ['ObjectParts'] }));
  const difference = (what: string, isThere: boolean, note: string) => section.row(what, isThere ? 'failed' : 'explained', isThere ? 'versitygw has it by now' : note);
  difference('GetObjectAttributes: ObjectParts', ObjectParts?.Parts?.[0]?.ChecksumSHA256 !== undefined,
    'S3: size and SHA-256 of each part. versitygw: none. An increment then reads and hashes the whole image, as it does with images without such checksums');
}

async function guardsOfImports(check: Check, account: GatewayAccount, content: BucketContent): Promise<void> {
  const image = disk(20, 'guarded');
  const disks = account.stack('SnapshotImport', 'Guarded');
  const refused = (properties: Properties, message: string | RegExp) => async () => {
    const error = await disks.deploy(properties).then(() => assert.fail('it succeeded'), (thrown: Error) => thrown);
    assert.match(error.message, new RegExp(message));
    assert.deepEqual([await content.keys(TRANSFERS), account.snapshotIds], [[], []]);
    return error.message;
  };
  await check('SnapshotImport: a missing object', refused(ofImage('missing.img'), 'does not exist'));
  await check('SnapshotImport: a missing bucket', refused(ofImage('x', { SourceBucket: 'missing' }), 'does not exist'));
  await check('SnapshotImport: an image that is replaced meanwhile', async () => {
    await content.put(IMAGES, 'guarded.img', image);
    let written: Promise<unknown> | undefined;
    account.beforeFirst('ebs:PutSnapshotBlock', () => { written = content.put(IMAGES, 'guarded.img', 'other'); });
    const note = await refused(ofImage('guarded.img'), 'was replaced or deleted while it was being imported')();
    await written;
    return note;
  });
}

async function exports(check: Check, account: GatewayAccount, content: BucketContent): Promise<void> {
  const image = Buffer.concat([disk(9, 'base'), Buffer.alloc(3 * BLOCK)]);
  const changed = Buffer.from(image);
  changed.fill(7, 5 * BLOCK, 7 * BLOCK);
  const disks = ['base', 'changed'].map(name => account.stack('SnapshotImport', name));
  let ids: string[] = [];
  await check('the snapshots of the exports are imported', async () => {
    await content.put(IMAGES, 'base.img', image.subarray(0, 9 * BLOCK));
    await content.put(IMAGES, 'changed.img', changed.subarray(0, 9 * BLOCK));
    const base = await disks[0].deploy(ofImage('base.img'));
    const next = await disks[1].deploy(ofImage('changed.img', { ParentSnapshotId: base.SnapshotId }));
    ids = [base.SnapshotId, next.SnapshotId];
  });
  const stack = (name: string) => account.stack('SnapshotExport', name);
  const [raw, qcow2, vhd, delta] = ['Raw', 'Qcow2', 'Vhd', 'Delta'].map(stack);
  const again = account.stack('SnapshotImport', 'Again');

  await check('SnapshotExport: raw, aws-chunked with a trailer, completed with the CRC32 of the whole, and its manifest', async () => {
    const { ChecksumCrc32, ETag } = await raw.deploy(ofExport(ids[0], 'disk.img'));
    const bytes = await content.get(EXPORTS, 'disk.img');
    assert.ok(bytes.equals(image), 'the object is not the volume');
    assert.equal(Buffer.from(ChecksumCrc32, 'base64').readUInt32BE(), crc32(bytes));
    const head = await account.s3.send(new HeadObjectCommand({ Bucket: EXPORTS, Key: 'disk.img', ChecksumMode: 'ENABLED' }));
    assert.deepEqual([head.ChecksumType, head.ChecksumCRC32, head.ETag], ['FULL_OBJECT', ChecksumCrc32, ETag]);
    assert.deepEqual(await content.uploads(EXPORTS), []);
    return `${bytes.length} bytes in two parts, identical`;
  });
  for (const [exporting, Format] of [[qcow2, 'QCOW2'], [vhd, 'VHD']] as const) {
    await check(`SnapshotExport: ${Format}`, async () => {
      await exporting.deploy(ofExport(ids[1], `disk.${Format}`, { Format }));
      const file = new MemoryFile(await content.get(EXPORTS, `disk.${Format}`));
      const bytes = await readDisk((await openImage(file))!, file, { most: 30 });
      assert.ok(bytes.subarray(0, changed.length).equals(changed), 'the disk is not the volume');
      return `${file.size} bytes, the disk is identical`;
    });
  }
  await check('SnapshotExport: a delta, whose first piece is smaller than a chunk', async () => {
    await delta.deploy(ofExport(ids[1], 'delta', { SinceSnapshotId: ids[0] }));
    return `${(await content.get(EXPORTS, 'delta')).length} bytes`;
  });
  await check('SnapshotImport: an export by its manifest', async () => {
    // versitygw has no account ids, so the bucket is not known to be of this account.
    const { SnapshotId } = await again.deploy(ofImage('disk.img', { SourceBucket: EXPORTS, Manifest: true, ForeignManifest: true }));
    return account.expectDisk(SnapshotId, image);
  });
  await check('SnapshotImport: a delta on top of its base', async () => {
    const onBase = account.stack('SnapshotImport', 'OnBase');
    const { SnapshotId } = await onBase.deploy(ofImage('delta', { SourceBucket: EXPORTS, SourceFormat: 'DELTA', ParentSnapshotId: ids[0] }));
    const note = account.expectDisk(SnapshotId, changed);
    await onBase.destroy();
    return note;
  });
  await check('SnapshotExport: delete', async () => {
    for (const one of [raw, qcow2, vhd, delta]) { await one.destroy(); }
    assert.deepEqual(await content.keys(EXPORTS), []);
    for (const one of [again, ...disks.reverse()]) { await one.destroy(); }
  });
}

async function guardsOfExports(check: Check, account: GatewayAccount, content: BucketContent): Promise<void> {
  const disks = account.stack('SnapshotImport', 'Exported');
  const stack = (name: string) => account.stack('SnapshotExport', name);
  let id = '';
  await check('SnapshotExport: an object that is there already is not overwritten', async () => {
    await content.put(IMAGES, 'exported.img', disk(EXPORTED_BLOCKS, 'exported'));
    id = (await disks.deploy(ofImage('exported.img'))).SnapshotId;
    await content.put(EXPORTS, 'taken.img', 'mine');
    await assert.rejects(stack('Taken').deploy(ofExport(id, 'taken.img')), /s3:\/\/exports\/taken.img exists already; nothing is overwritten/);
  });
  await check('SnapshotExport: what somebody writes meanwhile stays, by If-None-Match', async () => {
    let written: Promise<unknown> | undefined;
    account.beforeFirst('ebs:GetSnapshotBlock', () => { written = content.put(EXPORTS, 'meanwhile.img', 'mine'); });
    await assert.rejects(stack('Meanwhile').deploy(ofExport(id, 'meanwhile.img')), /somebody wrote s3:\/\/exports\/meanwhile.img during the export/);
    await written;
    assert.equal((await content.get(EXPORTS, 'meanwhile.img')).toString(), 'mine');
    assert.deepEqual(await content.uploads(EXPORTS), []);
  });
  await check('SnapshotExport: in a bucket with versions, deletes only its own', async () => {
    const versions = async () => (await content.keys(VERSIONED)).filter(key => key.startsWith('mine.img'));
    const mine = stack('Mine');
    await mine.deploy({ ...ofExport(id, 'mine.img'), Bucket: VERSIONED });
    await content.put(VERSIONED, 'mine.img', 'mine');
    assert.deepEqual(await versions(), ['mine.img', 'mine.img', 'mine.img.manifest']);
    await mine.destroy();
    assert.deepEqual(await versions(), ['mine.img']);
    assert.equal((await content.get(VERSIONED, 'mine.img')).toString(), 'mine');
  });
  await check('SnapshotExport: a rollback leaves nothing', async () => {
    await assert.rejects(stack('RolledBack').deploy(ofExport(id, 'rolled-back.img'), { failAfter: true }), /another resource failed/);
    assert.deepEqual((await content.keys(EXPORTS)).filter(key => key.startsWith('rolled-back')), []);
    await disks.destroy();
  });
}
