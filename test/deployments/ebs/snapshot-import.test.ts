import { CfnOutput, RemovalPolicy, Size, Tags, type Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, SnapshotImport, type SnapshotImportProps } from '../../../src';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import type { Build } from '../../harness/deployment/deployment-world';
import { disk, IMAGES, VERSIONED_IMAGES, EbsWorld } from '../../harness/deployment/ebs-world';

let world: EbsWorld;
beforeAll(async () => { world = await EbsWorld.start(); });
afterAll(() => world.close());

const imported = (stack: Stack, bucketName: string) =>
  stack.node.tryFindChild(bucketName) as Bucket ?? Bucket.fromBucketName(stack, bucketName, bucketName);

describe('imports in one stack', () => {
  const local = disk(3, 'local', 1000);
  const plain = disk(1, 'plain');
  const [first, second] = [disk(2, 'first', 1), disk(2, 'second', 1)];
  let path: string;
  let versionId: string;

  const build = (stack: Stack) => {
    new SnapshotImport(stack, 'Asset', { image: DiskImage.fromAsset(path), volumeSize: Size.gibibytes(2), description: 'a local file' });
    new SnapshotImport(stack, 'Plain', { image: DiskImage.fromBucket(imported(stack, IMAGES), 'plain.img') });
    new SnapshotImport(stack, 'Current', { image: DiskImage.fromBucket(imported(stack, VERSIONED_IMAGES), 'disk.img') });
    new SnapshotImport(stack, 'Old', { image: DiskImage.fromBucket(imported(stack, VERSIONED_IMAGES), 'disk.img', versionId) });

    const key = new Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
    const bucket = new Bucket(stack, 'Own', { encryptionKey: key, removalPolicy: RemovalPolicy.DESTROY, autoDeleteObjects: true });
    new CfnOutput(stack, 'OwnBucket', { value: bucket.bucketName });
    return { key, bucket };
  };
  const more = (stack: Stack) => {
    const { key, bucket } = build(stack);
    const image = DiskImage.fromBucket(bucket, 'own [1]*?.img');
    const locked = new SnapshotImport(stack, 'Locked', { image, kmsKey: key });
    Tags.of(locked).add('confidential', 'yes');
    new SnapshotImport(stack, 'Aliased', { image, kmsKey: key.addAlias('alias/images') });
    new SnapshotImport(stack, 'Encrypted', { image, encrypted: true });
    new ec2.CfnVolume(stack, 'Volume', { availabilityZone: `${stack.region}a`, snapshotId: locked.snapshotId });
  };

  test('make a snapshot of a local file, of objects, and of an old version of one', async () => {
    path = world.file('local.img', local);
    await world.upload(IMAGES, 'plain.img', plain);
    ({ versionId } = await world.upload(VERSIONED_IMAGES, 'disk.img', first));
    await world.put(VERSIONED_IMAGES, 'disk.img', second);

    const outcome = (await world.deploy('Images', build, { tags: { team: 'storage' } })).expectSuccess('CREATE_COMPLETE');
    world.expectContent(outcome.id('Asset'), local);
    world.expectContent(outcome.id('Plain'), plain);
    world.expectContent(outcome.id('Current'), second);
    world.expectContent(outcome.id('Old'), first);
    expect(world.snapshot(outcome.id('Asset'))).toMatchObject({ volumeSize: 2, kmsKeyId: undefined });
    expect(world.tags(outcome.id('Asset'))).toEqual({ team: 'storage' });
    expect(world.emulator.ec2.snapshots.find(outcome.id('Asset'))!.description).toBe('a local file');
    expect(outcome.attribute('Plain', 'VolumeSize')).toBe('1');
    // The planning function may ask what an object, or a version of one, was uploaded in, and keeps it for the next increment.
    const [transfers] = world.transferBuckets('Images');
    const parts = world.emulator.s3.buckets.get(transfers)!.versions().flatMap(({ key }) => /^transfers\/(.*)\/parts.json$/.exec(key)?.[1] ?? []);
    expect(parts.sort()).toEqual([outcome.id('Plain'), outcome.id('Old')].sort());
  });

  test('share one state machine and one bucket', () => {
    const { resources } = world.cloudFormation.describe('Images');
    const machines = Object.keys(resources).filter(id => resources[id].type === 'AWS::StepFunctions::StateMachine');
    const names = machines.map(id => id.replace(/[0-9A-F]{8}$/, ''));
    expect(names.sort()).toEqual(['cdkdurablestorageEbsTransferStateMachine', 'cdkdurablestorageEbsWaiter']);
    expect(world.transferBuckets('Images').filter(name => /ebsbucket/.test(name)).length).toBe(1);
  });

  test('encrypt with a key of the stack, with its alias, or with that of the account; from a bucket that a key encrypts', async () => {
    const { kms } = world.emulator;
    const own = disk(1, 'own', 77);
    await world.put(world.cloudFormation.describe('Images').outputs.OwnBucket, 'own [1]*?.img', own);

    const outcome = (await world.deploy('Images', more, { tags: { team: 'storage' } })).expectSuccess('UPDATE_COMPLETE');
    ['Locked', 'Aliased', 'Encrypted'].forEach(name => world.expectContent(outcome.id(name), own));
    const key = kms.resolve(outcome.id('Key'));
    expect(world.snapshot(outcome.id('Locked')).kmsKeyId).toBe(key);
    expect(world.snapshot(outcome.id('Aliased')).kmsKeyId).toBe(key);
    expect(world.snapshot(outcome.id('Encrypted')).kmsKeyId).toBe(kms.resolve('alias/aws/ebs'));
    expect(world.tags(outcome.id('Locked'))).toEqual({ team: 'storage', confidential: 'yes' });
    expect(world.emulator.ec2.volumes).toMatchObject([{ snapshotId: outcome.id('Locked'), kmsKeyId: key }]);
  });

  test('go with the stack, and the transfer bucket with them', async () => {
    expect(world.transferBuckets('Images').length).toBe(2);
    (await world.destroy('Images')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Images');
  });
});

describe('an import', () => {
  const [first, second] = [disk(3, 'first', 5000), disk(5, 'second')];
  const build = (props: Partial<SnapshotImportProps> = {}, tags: Record<string, string> = {}): Build => stack => {
    const snapshot = new SnapshotImport(stack, 'Disk', { image: DiskImage.fromBucket(imported(stack, IMAGES), 'first.img'), ...props });
    Object.entries(tags).forEach(([key, value]) => Tags.of(snapshot).add(key, value));
  };
  const deploy = (...args: Parameters<typeof build>) => world.deploy('Changing', build(...args));
  const secondImage = { get image() { return DiskImage.fromAsset(world.file('second.img', second)); } };
  let current: string;

  test('changes its tags in place', async () => {
    await world.put(IMAGES, 'first.img', first);
    current = (await deploy({}, { a: '1', b: '2' })).expectSuccess('CREATE_COMPLETE').id('Disk');
    (await deploy({}, { b: '3', c: '4' })).expectSuccess('UPDATE_COMPLETE');
    world.expectOnly('Changing', current);
    expect(world.tags(current)).toEqual({ b: '3', c: '4' });
    (await world.deploy('Changing', build({}, { d: '5' }), { failAfter: 'Disk' })).expectRolledBack();
    world.expectOnly('Changing', current);
    expect(world.tags(current)).toEqual({ b: '3', c: '4' });
    world.expectContent(current, first);
  });

  // In the order of the deployments: which blocks differ from the snapshot before, if that is the parent.
  const all = (image: Buffer) => Array.from({ length: Math.ceil(image.length / BLOCK_SIZE) }, (_, i) => i);
  const different = all(second).filter(i => i % 3 !== 1 || i > 6);
  test.each<[string, Partial<SnapshotImportProps>, Buffer, number[], 'increment' | 'full']>([
    ['of another image', secondImage, second, different, 'increment'],
    // Zeros over what the larger image had.
    ['with another description', { description: 'other' }, first, different.filter(i => i % 3 !== 1), 'increment'],
    ['with another size', { volumeSize: Size.gibibytes(3) }, first, [], 'increment'],
    ['with another source revision', { sourceRevision: '2' }, first, all(first), 'full'],
    ['that is encrypted', { encrypted: true }, first, all(first), 'full'],
  ])('%s is a new snapshot, and the old one goes', async (_, props, content, written, kind) => {
    const outcome = (await deploy(props)).expectSuccess('UPDATE_COMPLETE');
    expect(outcome.id('Disk')).not.toBe(current);
    expect(outcome.attribute('Disk', 'ParentSnapshotId')).toBe(kind === 'full' ? '' : current);
    current = outcome.id('Disk');
    expect(world.snapshot(current).writtenIndexes).toEqual(written);
    world.expectOnly('Changing', current);
    world.expectContent(current, content);
  });

  test('takes the object as it is, once its source revision changes', async () => {
    await world.put(IMAGES, 'first.img', second);
    const same = (await deploy({ encrypted: true }, { seen: 'yes' })).expectSuccess('UPDATE_COMPLETE');
    expect(same.id('Disk')).toBe(current);
    const outcome = (await deploy({ sourceRevision: '3' })).expectSuccess('UPDATE_COMPLETE');
    world.expectContent(outcome.id('Disk'), second);
  });

  test('stays when it is retained, though its transfer bucket goes', async () => {
    const retained = { removalPolicy: RemovalPolicy.RETAIN };
    const before = (await deploy({ sourceRevision: '3', ...retained })).expectSuccess('UPDATE_COMPLETE').id('Disk');
    const after = (await deploy({ sourceRevision: '4', ...retained })).expectSuccess('UPDATE_COMPLETE').id('Disk');
    expect(after).not.toBe(before);
    world.expectOnly('Changing', before, after);
    (await world.destroy('Changing')).expectSuccess('DELETE_COMPLETE');
    world.expectOnly('Changing', before, after);
    expect(world.transferBuckets('Changing')).toEqual([]);
    world.expectContent(after, second);
  });
});
