import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, FileSystem, MachineDisk, MachineImage, Snapshot, SnapshotExport, SnapshotImport } from '../../../../../src';
import { givenStack, type givenVpc } from '../../../../harness/given';

const IMAGE = (stack: Stack, name: string) => new SnapshotImport(stack, name, {
  image: DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, `${name}Images`, 'images'), 'disk.img'),
});

const SNAPSHOT = 'snap-0123456789abcdef0';
const EXPORT = (stack: Stack, name: string) => new SnapshotExport(stack, name, {
  snapshot: Snapshot.fromSnapshotId(stack, `${name}Snapshot`, SNAPSHOT), bucket: s3.Bucket.fromBucketName(stack, `${name}Exports`, 'exports'),
});
const MACHINE = (stack: Stack, name: string, retainPrevious?: number) => new MachineImage(stack, name, {
  rootDisk: MachineDisk.fromSnapshotId(SNAPSHOT), architecture: ec2.InstanceArchitecture.ARM_64, retainPrevious,
});

/** Types of the resources that a construct adds to a stack, as often as there are. */
function added(make: (stack: Stack, vpc: ReturnType<typeof givenVpc>) => void): string[] {
  const types = (build: typeof make) => {
    const { stack, vpc } = givenStack();
    build(stack, vpc);
    return Object.values(Template.fromStack(stack).toJSON().Resources as Record<string, { Type: string }>).map(({ Type }) => Type);
  };
  const all = types(make);
  for (const type of types(() => {})) { all.splice(all.indexOf(type), 1); }
  return all.sort();
}

const count = (types: string[], type: string) => types.filter(each => each === type).length;

test('a file system with its mount targets and its security group has 13 resources, of which one is a function', () => {
  const types = added((stack, vpc) => new FileSystem(stack, 'Files', { vpc }));
  expect(types).toHaveLength(13);
  expect(count(types, 'AWS::Lambda::Function')).toBe(1);
  expect(count(types, 'AWS::Logs::LogGroup')).toBe(1);
});

test('a second file system adds itself alone', () => {
  const one = added((stack, vpc) => new FileSystem(stack, 'Files', { vpc }));
  const two = added((stack, vpc) => ['Files', 'More'].forEach(id => new FileSystem(stack, id, { vpc })));
  expect(two.length - one.length).toBe(3);
});

test('an import has 32 resources, of which five are functions', () => {
  const types = added(stack => IMAGE(stack, 'Disk'));
  expect(types).toHaveLength(32);
  expect(count(types, 'AWS::Lambda::Function')).toBe(5);
});

test('a machine image of an existing snapshot has 13 resources, no bucket, and no function beside the handler', () => {
  const types = added(stack => MACHINE(stack, 'Machine'));
  expect(types).toHaveLength(13);
  expect(count(types, 'AWS::Lambda::Function')).toBe(1);
  expect(count(types, 'AWS::S3::Bucket')).toBe(0);
});

test('a machine image that keeps its predecessors has a bucket for their records, and no transfer', () => {
  const types = added(stack => MACHINE(stack, 'Machine', 1));
  expect(count(types, 'AWS::S3::Bucket')).toBe(1);
  expect(count(types, 'AWS::StepFunctions::StateMachine')).toBe(1);
});

test('a machine image beside an import adds itself and its rights', () => {
  const one = added(stack => IMAGE(stack, 'Disk'));
  const both = added(stack => [IMAGE(stack, 'Disk'), MACHINE(stack, 'Machine')]);
  expect(both.length - one.length).toBe(3);
});

test('an export has 36 resources, of which six are functions', () => {
  const types = added(stack => EXPORT(stack, 'Export'));
  expect(types).toHaveLength(36);
  expect(count(types, 'AWS::Lambda::Function')).toBe(6);
});

test('file systems and imports of a stack share one log group', () => {
  const types = added((stack, vpc) => {
    new FileSystem(stack, 'Files', { vpc });
    IMAGE(stack, 'Disk');
  });
  expect(count(types, 'AWS::Logs::LogGroup')).toBe(1);
});
