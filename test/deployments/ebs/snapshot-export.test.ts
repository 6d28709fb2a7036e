import { createHash } from 'crypto';
import { CfnOutput, RemovalPolicy, Size } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, ExportFormat, Snapshot, SnapshotExport, SnapshotImport, ZeroBlocks } from '../../../src';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import type { Build } from '../../harness/deployment/deployment-world';
import { disk, VERSIONED_IMAGES, EbsWorld } from '../../harness/deployment/ebs-world';

let world: EbsWorld;
beforeAll(async () => { world = await EbsWorld.start(); });
afterAll(() => world.close());

const [first, second] = [disk(3, 'first'), disk(3, 'first')];
second.fill(7, 4 * BLOCK_SIZE, 5 * BLOCK_SIZE);

const build = (deltaKey: string, full = true): Build => stack => {
  const key = new Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
  const image = (name: string, content: Buffer) => DiskImage.fromAsset(world.file(name, content));
  const base = new SnapshotImport(stack, 'Base', { image: image('base.img', first), kmsKey: key, volumeSize: Size.gibibytes(1) });
  const next = new SnapshotImport(stack, 'Next', { image: image('next.img', second), kmsKey: key, parent: base });
  const own = new Bucket(stack, 'Own', { encryptionKey: key, removalPolicy: RemovalPolicy.DESTROY, autoDeleteObjects: true });
  new CfnOutput(stack, 'OwnBucket', { value: own.bucketName });
  if (full) {
    // The only export of a whole volume, because it takes long.
    const whole = new SnapshotExport(stack, 'Full', { snapshot: next, bucket: own, kmsKey: key });
    new SnapshotImport(stack, 'Again', { image: DiskImage.fromExport(whole), zeroBlocks: ZeroBlocks.OMIT });
    new SnapshotExport(stack, 'Qcow2', { snapshot: next, bucket: own, kmsKey: key, format: ExportFormat.QCOW2 });
  }
  new SnapshotExport(stack, 'Delta', {
    snapshot: next,
    since: Snapshot.fromSnapshotId(stack, 'Since', base.snapshotId),
    bucket: Bucket.fromBucketName(stack, 'Foreign', VERSIONED_IMAGES),
    key: deltaKey,
    kmsKey: key,
    removalPolicy: RemovalPolicy.DESTROY,
  });
};
const deploy = (deltaKey: string, full?: boolean) => world.deploy('Exports', build(deltaKey, full));
const keysIn = (bucket: string) => world.emulator.s3.buckets.get(bucket)!.versions().map(({ key }) => key);
const deltas = () => keysIn(VERSIONED_IMAGES).filter(key => key.endsWith('.delta'));
const uploads = () => [...world.emulator.s3.buckets.values()].flatMap(({ uploads: all }) => [...all.keys()]);

describe('exports', () => {
  test('are the volume, and what changed since another snapshot; from encrypted snapshots into a bucket that a key encrypts', async () => {
    const { s3, ebs } = world.emulator;
    const outcome = (await deploy('one.delta')).expectSuccess('CREATE_COMPLETE');
    const next = outcome.id('Next');
    const own = outcome.outputs.OwnBucket;
    expect(keysIn(own)).toEqual(['img', 'img.manifest', 'qcow2', 'qcow2.manifest'].map(extension => `${next}.${extension}`));
    const { content } = s3.object(own, `${next}.img`)!;
    expect(content.size).toBe(1024 ** 3);
    // Beyond what was written, an encrypted volume holds noise, and its export zeros.
    const head = await content.read(0, second.length);
    expect(createHash('sha256').update(head).digest('hex')).toBe(ebs.sha256(next, second.length));
    expect((await content.read(content.size - BLOCK_SIZE, content.size)).equals(Buffer.alloc(BLOCK_SIZE))).toBe(true);
    expect(outcome.attribute('Full', 'ObjectSize')).toBe(String(1024 ** 3));
    // By the manifest, which tells where there is nothing but zeros.
    expect(world.snapshot(outcome.id('Again'))).toMatchObject({ state: 'completed', volumeSize: 1, presentIndexes: [0, 2, 3, 4, 5] });
    expect(ebs.sha256(outcome.id('Again'), second.length)).toBe(ebs.sha256(next, second.length));
    // Five clusters of tables, and then the blocks that the snapshot has.
    const qcow2 = s3.object(own, `${next}.qcow2`)!.content;
    expect(qcow2.size).toBe(5 * BLOCK_SIZE + second.length);
    expect((await qcow2.read(5 * BLOCK_SIZE, qcow2.size)).equals(head)).toBe(true);

    expect(deltas()).toEqual(['one.delta']);
    const delta = s3.object(VERSIONED_IMAGES, 'one.delta')!.content;
    expect(delta.size).toBe(4096 + 4 + 32 + BLOCK_SIZE);
    expect((await delta.read(delta.size - BLOCK_SIZE, delta.size)).equals(second.subarray(4 * BLOCK_SIZE, 5 * BLOCK_SIZE))).toBe(true);
    expect(uploads()).toEqual([]);
  });

  test('to another key are written before the old object goes; one that fails leaves the old one, and nothing else', async () => {
    (await deploy('two.delta')).expectSuccess('UPDATE_COMPLETE');
    expect(deltas()).toEqual(['two.delta']);
    world.emulator.server.faults.inject('ebs:GetSnapshotBlock', { kind: 'error', code: 'ValidationException', status: 400, message: 'no' });
    const failed = await deploy('three.delta');
    failed.expectFailure('UPDATE_ROLLBACK_COMPLETE', /ebs:GetSnapshotBlock failed for block 4 of snapshot snap-/);
    expect(deltas()).toEqual(['two.delta']);
    expect(uploads()).toEqual([]);
  });

  test('that are retained stay; the others go with the stack', async () => {
    const before = await deploy('two.delta', false);
    before.expectSuccess('UPDATE_COMPLETE');
    expect(keysIn(before.outputs.OwnBucket)).toHaveLength(4);
    (await world.destroy('Exports')).expectSuccess('DELETE_COMPLETE');
    expect(deltas()).toEqual([]);
    world.expectNothingLeft('Exports');
  });
});
