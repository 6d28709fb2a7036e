import { RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { DiskImage, ExportFormat, MachineDisk, MachineImage, Snapshot, SnapshotExport, SnapshotImport } from '../../../src';
import type { Build } from '../../harness/deployment/deployment-world';
import { disk, IMAGES, VERSIONED_IMAGES, EbsWorld } from '../../harness/deployment/ebs-world';

/*
 * The parts of a kind of resource come with the first of its kind, and go with the last. CloudFormation deletes that last one when the function
 * and its role have been updated, and a clean-up that fails says nothing: so each test looks at what is left.
 */

let world: EbsWorld;
let foreign: string;
beforeAll(async () => {
  world = await EbsWorld.start();
  await world.put(IMAGES, 'disk.img', disk(2, 'first'));
  foreign = (await deploy('Foreign', { imports: true })).expectSuccess('CREATE_COMPLETE').id('Disk');
});
afterAll(() => world.close());

interface Parts {
  readonly image?: 'foreign' | 'imported';
  readonly imports?: boolean;
  readonly exports?: boolean;
  readonly topic?: boolean;
}

const build = ({ image, imports, exports, topic }: Parts): Build => stack => {
  const imported = imports && new SnapshotImport(stack, 'Disk', { image: DiskImage.fromBucket(Bucket.fromBucketName(stack, 'Images', IMAGES), 'disk.img') });
  if (image) {
    const rootDisk = image === 'imported' ? MachineDisk.fromImport(imported as SnapshotImport) : MachineDisk.fromSnapshotId(foreign);
    new MachineImage(stack, 'Machine', { rootDisk, architecture: ec2.InstanceArchitecture.ARM_64, retainPrevious: 1 });
  }
  if (exports) {
    new SnapshotExport(stack, 'Export', {
      snapshot: Snapshot.fromSnapshotId(stack, 'Foreign', foreign),
      bucket: Bucket.fromBucketName(stack, 'Exports', VERSIONED_IMAGES),
      key: 'a.qcow2',
      format: ExportFormat.QCOW2,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
  if (topic) { new Topic(stack, 'Topic').node.addDependency(...stack.node.children.filter(({ node }) => node.id !== 'Topic')); }
};
const deploy = (name: string, parts: Parts) => world.deploy(name, build(parts));
const exported = () => world.emulator.s3.buckets.get(VERSIONED_IMAGES)!.versions().map(({ key }) => key);
const functions = (name: string) => Object.values(world.cloudFormation.describe(name).resources).filter(({ type }) => type === 'AWS::Lambda::Function');
const images = () => world.emulator.ec2.images.all.map(({ imageId }) => imageId);

test('an import goes, with all of its parts, while a machine image of another snapshot stays', async () => {
  const image = (await deploy('LastImport', { image: 'foreign', imports: true })).expectSuccess('CREATE_COMPLETE').id('Machine');
  expect(functions('LastImport')).toHaveLength(5);
  expect((await deploy('LastImport', { image: 'foreign' })).expectSuccess('UPDATE_COMPLETE').id('Machine')).toBe(image);
  world.expectOnly('LastImport');
  // The handler, and the function of aws-cdk-lib that empties the bucket of records.
  expect(functions('LastImport')).toHaveLength(2);
  (await world.destroy('LastImport')).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft('LastImport');
});

test('a snapshot that was kept for an image outlives the parts of imports, and goes with the image', async () => {
  const first = (await deploy('Kept', { image: 'imported', imports: true })).expectSuccess('CREATE_COMPLETE');
  const second = (await deploy('Kept', { image: 'foreign' })).expectSuccess('UPDATE_COMPLETE');
  expect(images().sort()).toEqual([first.id('Machine'), second.id('Machine')].sort());
  world.expectOnly('Kept', first.id('Disk'));
  (await world.destroy('Kept')).expectSuccess('DELETE_COMPLETE');
  expect(images()).toEqual([]);
  world.expectNothingLeft('Kept');
});

test('the record of a kept snapshot is removed with the snapshot, if exports keep the bucket', async () => {
  const first = (await deploy('Records', { image: 'imported', imports: true, exports: true })).expectSuccess('CREATE_COMPLETE');
  (await deploy('Records', { image: 'foreign', exports: true })).expectSuccess('UPDATE_COMPLETE');
  const records = () => world.transferBuckets('Records')
    .flatMap(name => world.emulator.s3.buckets.get(name)!.versions().map(({ key }) => key.split('/')[1]));
  expect(records()).toContain(first.id('Disk'));
  (await deploy('Records', { exports: true })).expectSuccess('UPDATE_COMPLETE');
  expect(images()).toEqual([]);
  expect(records()).not.toContain(first.id('Disk'));
  (await world.destroy('Records')).expectSuccess('DELETE_COMPLETE');
  expect(exported()).toEqual([]);
  world.expectNothingLeft('Records');
});

test('an export goes, with its object and all of its parts, while an import stays', async () => {
  const id = (await deploy('LastExport', { imports: true, exports: true })).expectSuccess('CREATE_COMPLETE').id('Disk');
  expect(exported()).toEqual(['a.qcow2', 'a.qcow2.manifest']);
  (await deploy('LastExport', { imports: true })).expectSuccess('UPDATE_COMPLETE');
  expect(exported()).toEqual([]);
  world.expectOnly('LastExport', id);
  expect(functions('LastExport')).toHaveLength(5);
  (await world.destroy('LastExport')).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft('LastExport');
});

test('an import goes while an export stays, which then stands alone', async () => {
  (await deploy('Alone', { imports: true, exports: true })).expectSuccess('CREATE_COMPLETE');
  (await deploy('Alone', { exports: true })).expectSuccess('UPDATE_COMPLETE');
  expect(world.madeBy('Alone/Disk')).toEqual([]);
  expect(exported()).toEqual(['a.qcow2', 'a.qcow2.manifest']);
  (await world.destroy('Alone')).expectSuccess('DELETE_COMPLETE');
  expect(exported()).toEqual([]);
  world.expectNothingLeft('Alone');
});

test.each(['old', 'new'] as const)('a first import and a first export leave nothing if their update rolls back (%s id)', async rollbackPhysicalId => {
  const name = `First${rollbackPhysicalId}`;
  const image = (await deploy(name, { image: 'foreign' })).expectSuccess('CREATE_COMPLETE').id('Machine');
  const failed = await world.deploy(name, build({ image: 'foreign', imports: true, exports: true, topic: true }), { fail: 'Topic', rollbackPhysicalId });
  expect(failed.status).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(failed.id('Machine')).toBe(image);
  expect(exported()).toEqual([]);
  world.expectOnly(name);
  expect(functions(name)).toHaveLength(2);
  (await world.destroy(name)).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft(name);
  expect(images()).toEqual([]);
});
