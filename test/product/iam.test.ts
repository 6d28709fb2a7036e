import type { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, FileSystem, MachineDisk, MachineImage, MountTargets, Snapshot, SnapshotExport, SnapshotImport, TagSet, type MachineImageProps } from '../../src';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import { arn } from '../../world/emulator/environment';
import type { Context } from '../../world/emulator/iam';
import { givenStack } from '../harness/given';
import { roleIn, stackIdOf } from '../harness/roles';

const SNAPSHOT = 'arn:aws:ec2:eu-west-1::snapshot/snap-0123456789abcdef0';
const IMAGE = 'arn:aws:ec2:eu-west-1::image/ami-0123456789abcdef0';
const OTHER_STACK = 'arn:aws:cloudformation:eu-west-1:111122223333:stack/Other/11111111-0000-4000-8000-000000000000';

const tagged = (stackId: string): Context => ({ [`aws:ResourceTag/${OWNERSHIP_TAGS.stackId}`]: stackId });
const tagging = (tags: Record<string, string>): Context => ({
  'aws:TagKeys': Object.keys(tags), ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
});

describe('the role of the EBS handlers', () => {
  const given = (image: Partial<MachineImageProps> = {}): Stack => {
    const { stack } = givenStack();
    const rootDisk = MachineDisk.fromImport(new SnapshotImport(stack, 'Disk', {
      image: DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, 'Images', 'images'), 'disk.img'),
    }));
    new MachineImage(stack, 'Machine', { rootDisk, architecture: ec2.InstanceArchitecture.ARM_64, ...image });
    return stack;
  };
  const stack = given();
  const role = roleIn(stack, 'EbsRole');
  const own = tagged(stackIdOf(stack));

  test('marks what it makes, and never what another stack made', () => {
    const mark = tagging({ [OWNERSHIP_TAGS.stackId]: stackIdOf(stack) });
    expect(role.allows('ec2:CreateTags', SNAPSHOT, mark)).toBe(true);
    expect(role.allows('ec2:CreateTags', SNAPSHOT, { ...mark, ...own })).toBe(true);
    expect(role.allows('ec2:CreateTags', SNAPSHOT, { ...mark, ...tagged(OTHER_STACK) })).toBe(false);
    expect(role.allows('ec2:CreateTags', IMAGE, { ...mark, 'ec2:CreateAction': 'RegisterImage' })).toBe(true);
    expect(role.allows('ec2:CreateTags', IMAGE, { ...mark, ...tagged(OTHER_STACK) })).toBe(false);
    expect(role.allows('ec2:CreateTags', IMAGE, mark)).toBe(false);
  });

  test('deletes and shares only what the stack made', () => {
    for (const [action, thing] of [
      ['ec2:DeleteSnapshot', SNAPSHOT], ['ec2:ModifySnapshotAttribute', SNAPSHOT], ['ec2:DeregisterImage', IMAGE], ['ec2:ModifyImageAttribute', IMAGE],
    ]) {
      expect([action, role.allows(action, thing, { ...own, 'ec2:Add/userId': '444455556666' })]).toEqual([action, true]);
      expect([action, role.allows(action, thing, {})]).toEqual([action, false]);
      expect([action, role.allows(action, thing, tagged(OTHER_STACK))]).toEqual([action, false]);
    }
  });

  test('makes nothing public, unless a machine image is publicly shared', () => {
    const toAll = { ...own, 'ec2:Add/group': ['all'] };
    expect(role.allows('ec2:ModifySnapshotAttribute', SNAPSHOT, toAll)).toBe(false);
    expect(role.allows('ec2:ModifyImageAttribute', IMAGE, toAll)).toBe(false);
    expect(role.allows('ec2:ModifyImageAttribute', IMAGE, { ...own, 'ec2:Remove/group': ['all'] })).toBe(true);

    const publisher = roleIn(given({ publiclyShared: true }), 'EbsRole');
    expect(publisher.allows('ec2:ModifyImageAttribute', IMAGE, toAll)).toBe(true);
    expect(publisher.allows('ec2:ModifyImageAttribute', IMAGE, { 'ec2:Add/group': ['all'] })).toBe(false);
    expect(publisher.allows('ec2:ModifySnapshotAttribute', SNAPSHOT, toAll)).toBe(false);
  });
});

describe('the roles of exports', () => {
  const reached = (key: string | undefined, name: string, action = 's3:DeleteObject') => {
    const { stack } = givenStack();
    const bucket = s3.Bucket.fromBucketName(stack, 'Images', 'images');
    const snapshot = new SnapshotImport(stack, 'Disk', { image: DiskImage.fromBucket(bucket, 'disk.img') });
    new SnapshotExport(stack, 'Export', { snapshot, bucket, key: key?.replace('<id>', snapshot.snapshotId) });
    const objects = roleIn(stack, 'EbsRole');
    return objects.allows(action, `arn:aws:s3:::images/${name}`, {});
  };

  test('reach what begins as the id of a snapshot, where the key is that', () => {
    for (const action of ['s3:GetObject', 's3:DeleteObject', 's3:DeleteObjectVersion']) {
      expect(reached(undefined, 'snap-0123456789abcdef0.img', action)).toBe(true);
      expect(reached(undefined, 'snap-0123456789abcdef0.img.manifest', action)).toBe(true);
      expect(reached(undefined, 'secrets/payroll.img', action)).toBe(false);
    }
    expect(reached('images/<id>.img', 'images/snap-0123456789abcdef0.img')).toBe(true);
    expect(reached('images/<id>.img', 'images/web.img')).toBe(false);
  });
});

describe('the role of the EFS handlers', () => {
  const FOREIGN = 'fs-0123456789abcdef0';
  const foreign = (stack: Stack) => FileSystem.fromFileSystemAttributes(stack, 'Foreign', {
    fileSystemId: FOREIGN, securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-99999999'),
  });
  const roleWith = (make: (stack: Stack, vpc: ec2.Vpc) => void) => {
    const { stack, vpc } = givenStack();
    make(stack, vpc);
    return roleIn(stack, 'EfsRole');
  };
  const target = arn('elasticfilesystem', `file-system/${FOREIGN}`);
  const tag = (tags: Record<string, string>, action = 'elasticfilesystem:TagResource'): [string, string, Context] => [action, target, tagging(tags)];

  test.each<[string, (stack: Stack, vpc: ec2.Vpc) => void]>([
    ['a TagSet', stack => new TagSet(stack, 'Tags', { fileSystem: foreign(stack), tags: { a: '1' } })],
    ['MountTargets', (stack, vpc) => new MountTargets(stack, 'Targets', { fileSystem: foreign(stack), vpc })],
  ])('with %s on a foreign file system does not make it its own', (_, make) => {
    const role = roleWith(make);
    const { owner, stackId } = OWNERSHIP_TAGS;
    for (const key of [owner, stackId, owner.toUpperCase(), stackId.toUpperCase()]) {
      for (const action of ['elasticfilesystem:TagResource', 'elasticfilesystem:UntagResource']) {
        expect([key, role.allows(...tag({ [key]: 'Stack/x', [stackId]: 'x' }, action))]).toEqual([key, false]);
        expect([key, role.allows(...tag({ [key]: 'Stack/x' }, action))]).toEqual([key, false]);
        expect([key, role.allows(...tag({ [key]: 'Stack/x', a: '1' }, action))]).toEqual([key, false]);
      }
    }
    expect(role.allows('elasticfilesystem:DeleteFileSystem', target, {})).toBe(false);
  });

  test('with a TagSet sets and removes the tags of users, and its own claims', () => {
    const role = roleWith(stack => new TagSet(stack, 'Tags', { fileSystem: foreign(stack), tags: { a: '1' } }));
    for (const action of ['elasticfilesystem:TagResource', 'elasticfilesystem:UntagResource']) {
      expect(role.allows(...tag({ a: '1', b: '2' }, action))).toBe(true);
      expect(role.allows(...tag({ 'cdk-durable-storage:tags:0123456789abcdef': 'x' }, action))).toBe(true);
      expect(role.allows(...tag({ 'cdk-durable-storage:tags:0123456789abcdef': 'x', 'a': '1' }, action))).toBe(true);
    }
    expect(role.allows('elasticfilesystem:TagResource', arn('elasticfilesystem', 'file-system/fs-0fedcba9876543210'), tagging({ a: '1' }))).toBe(false);
  });

  test('tags an access point, and gives it no reserved tag', () => {
    const role = roleWith(stack => new TagSet(stack, 'Tags', { accessPoint: efs.AccessPoint.fromAccessPointId(stack, 'Point', 'fsap-0123456789abcdef0'), tags: { a: '1' } }));
    const point = arn('elasticfilesystem', 'access-point/fsap-0123456789abcdef0');
    expect(role.allows('elasticfilesystem:TagResource', point, tagging({ a: '1' }))).toBe(true);
    expect(role.allows('elasticfilesystem:TagResource', point, tagging({ [OWNERSHIP_TAGS.owner]: 'Stack/x' }))).toBe(false);
  });
});

describe('a key of the user', () => {
  const KEY = arn('kms', 'key/12345678-1234-1234-1234-123456789012');
  const keyIn = (stack: Stack) => kms.Key.fromKeyArn(stack, 'Key', KEY);
  const via = (service: string): Context => ({ 'kms:ViaService': `${service}.eu-west-1.amazonaws.com` });

  test('of a file system is used through EFS only, and described', () => {
    const { stack, vpc } = givenStack();
    new FileSystem(stack, 'Files', { vpc, kmsKey: keyIn(stack) });
    const role = roleIn(stack, 'EfsRole');
    expect(role.allows('kms:DescribeKey', KEY, {})).toBe(true);
    for (const action of ['kms:Decrypt', 'kms:GenerateDataKeyWithoutPlaintext']) {
      expect([action, role.allows(action, KEY, via('elasticfilesystem'))]).toEqual([action, true]);
      expect([action, role.allows(action, KEY, {})]).toEqual([action, false]);
      expect([action, role.allows(action, KEY, via('s3'))]).toEqual([action, false]);
    }
    const forAws = { 'kms:GrantIsForAWSResource': 'true' };
    expect(role.allows('kms:CreateGrant', KEY, { ...via('elasticfilesystem'), ...forAws })).toBe(true);
    expect(role.allows('kms:CreateGrant', KEY, { ...via('elasticfilesystem'), 'kms:GrantIsForAWSResource': 'false' })).toBe(false);
    expect(role.allows('kms:CreateGrant', KEY, forAws)).toBe(false);
  });

  test('of images and exports is used through S3 only', () => {
    const { stack } = givenStack();
    const bucket = s3.Bucket.fromBucketAttributes(stack, 'Images', { bucketName: 'images', encryptionKey: keyIn(stack) });
    const snapshot = new SnapshotImport(stack, 'Disk', { image: DiskImage.fromBucket(bucket, 'disk.img') });
    new SnapshotExport(stack, 'Export', { snapshot, bucket });
    for (const [name, action] of [
      ['EbsRole', 'kms:Decrypt'], ['EbsTransferStepsRole', 'kms:Decrypt'], ['EbsTransferCopyRole', 'kms:Decrypt'], ['EbsExporterCopyRole', 'kms:GenerateDataKey'],
    ]) {
      const role = roleIn(stack, name);
      expect([name, role.allows(action, KEY, via('s3'))]).toEqual([name, true]);
      expect([name, role.allows(action, KEY, {})]).toEqual([name, false]);
      expect([name, role.allows(action, KEY, via('ec2'))]).toEqual([name, false]);
    }
  });
});

test('a snapshot that the stack did not make is read for an export, and nothing else', () => {
  const { stack } = givenStack();
  new SnapshotExport(stack, 'Export', {
    snapshot: Snapshot.fromSnapshotId(stack, 'Theirs', 'snap-0123456789abcdef0'), bucket: s3.Bucket.fromBucketName(stack, 'Images', 'images'), key: 'a.img',
  });
  expect(roleIn(stack, 'EbsExporterCopyRole').allows('ebs:GetSnapshotBlock', SNAPSHOT, {})).toBe(true);
  const handler = roleIn(stack, 'EbsRole');
  for (const action of ['ec2:DeleteSnapshot', 'ec2:CreateTags', 'ec2:ModifySnapshotAttribute', 'ebs:GetSnapshotBlock']) {
    expect([action, handler.allows(action, SNAPSHOT, tagging({ [OWNERSHIP_TAGS.stackId]: stackIdOf(stack) }))]).toEqual([action, false]);
  }
  expect(handler.allows('s3:DeleteObject', 'arn:aws:s3:::images/b.img', {})).toBe(false);
});
