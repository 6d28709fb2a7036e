import { RemovalPolicy, Size } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, MachineDisk, MachineImage, Snapshot, SnapshotExport, SnapshotImport } from '../../../src';
import type { Build, Options } from '../../harness/deployment/deployment-world';
import { disk, IMAGES, VERSIONED_IMAGES, EbsWorld } from '../../harness/deployment/ebs-world';
import { expectUnused } from '../../harness/deployment/permissions';

let world: EbsWorld;
beforeAll(async () => { world = await EbsWorld.start(); });
afterAll(() => world.close());

const build = (revision?: string): Build => stack => {
  new SnapshotImport(stack, 'Disk', {
    image: DiskImage.fromBucket(Bucket.fromBucketName(stack, 'Images', IMAGES), 'denied.img'),
    kmsKey: new Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY }),
    sourceRevision: revision,
    // An increment of the same image would put nothing.
    incremental: false,
  });
};

describe('a role that lacks', () => {
  let id: string;

  beforeAll(async () => {
    await world.put(IMAGES, 'denied.img', disk(1, 'denied'));
    id = (await world.deploy('Denied', build())).expectSuccess('CREATE_COMPLETE').id('Disk');
  });

  test.each([
    's3:GetObject', 's3:PutObject', 'ebs:StartSnapshot', 'ebs:PutSnapshotBlock', 'ebs:CompleteSnapshot', 'ec2:CreateTags', 'ec2:DescribeSnapshots',
    'states:StartExecution', 'kms:GenerateDataKey', 'kms:CreateGrant', 'kms:DescribeKey',
  ])('%s cannot import, and the stack is as it was', async action => {
    const failed = await world.deploy('Denied', build('2'), { without: action });
    failed.expectFailure('UPDATE_ROLLBACK_COMPLETE', new RegExp(action));
    world.expectOnly('Denied', id);
    world.expectContent(id, disk(1, 'denied'));
  });

  test('nothing leaves nothing', async () => {
    (await world.destroy('Denied')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Denied');
  });
});

/** Everything that this library makes of images and snapshots, so that every granted action is used. */
describe('a stack of everything', () => {
  const [first, second] = [disk(2, 'first'), disk(2, 'second')];
  let versionId: string;

  const everything = (changed: boolean, exportKey?: string): Build => stack => {
    const key = new Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
    const images = Bucket.fromBucketName(stack, 'Images', IMAGES);
    const versioned = Bucket.fromBucketName(stack, 'Versioned', VERSIONED_IMAGES);
    new SnapshotImport(stack, 'Plain', { image: DiskImage.fromBucket(images, 'plain.img') });
    new SnapshotImport(stack, 'Old', { image: DiskImage.fromBucket(versioned, 'disk.img', versionId), encrypted: true, sourceRevision: changed ? '2' : '1' });
    const content = DiskImage.fromAsset(world.file('base.img', changed ? second : first));
    const base = new SnapshotImport(stack, 'Base', { image: content, kmsKey: key, volumeSize: Size.gibibytes(1), sharedWithAccounts: changed ? ['444455556666'] : [] });
    const next = new SnapshotImport(stack, 'Next', { image: DiskImage.fromAsset(world.file('next.img', second)), kmsKey: key, parent: base });
    new MachineImage(stack, 'Machine', {
      rootDisk: MachineDisk.fromImport(next),
      architecture: ec2.InstanceArchitecture.ARM_64,
      ...changed && { sharedWithAccounts: ['444455556666'], deprecationDate: new Date('2030-01-01') },
    });
    // Exports only the blocks that differ from the parent, because a whole volume takes long.
    new SnapshotExport(stack, 'Delta', {
      snapshot: next, since: Snapshot.fromSnapshotId(stack, 'Since', base.snapshotId), bucket: versioned, key: exportKey, kmsKey: key, removalPolicy: RemovalPolicy.DESTROY,
    });
  };

  test('is created, changed, taken back and deleted', async () => {
    await world.upload(IMAGES, 'plain.img', first);
    ({ versionId } = await world.upload(VERSIONED_IMAGES, 'disk.img', first));
    await world.put(VERSIONED_IMAGES, 'disk.img', second);
    const deploy = (build_: Build, options?: Options) => world.deploy('Everything', build_, options);
    (await deploy(everything(false))).expectSuccess('CREATE_COMPLETE');
    (await deploy(everything(true), { cancelAfter: 9 })).expectRolledBack();
    (await deploy(everything(true))).expectSuccess('UPDATE_COMPLETE');
    (await deploy(everything(false))).expectSuccess('UPDATE_COMPLETE');
    // Otherwise a poll may come before the clean-up.
    const resume = world.emulator.lateness.suspend('iam');
    world.emulator.server.faults.inject('ebs:GetSnapshotBlock', { kind: 'error', code: 'ValidationException', status: 400, message: 'no' });
    (await deploy(everything(false, '2.delta'))).expectFailure('UPDATE_ROLLBACK_COMPLETE', 'ebs:GetSnapshotBlock failed');
    resume();
    (await world.destroy('Everything')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Everything');
  });
});

describe('after all of this', () => {
  test('every action that a role was granted has been needed, but for a few', () => {
    const listed = 'the user guide of the EBS direct APIs lists it for encrypted snapshots, without saying for which call';
    const parent = 'to read a parent whose digests are not recorded; all were';
    const lateFailure = 'to remove the object of an export that fails at its end; none failed so late';
    const lockedBucket = 'for a bucket that a key encrypts, as snapshot-import.test.ts and snapshot-export.test.ts have it';
    const ended = 'to return a token that was left after the end, as awaiting.test.ts has it';
    const map = 'the CDK grants it with every Distributed Map, which only waitForCompletion: false uses, as parent-in-use.test.ts has it';
    const maps = { 'states:DescribeExecution': map, 'states:RedriveExecution': map, 'states:StartExecution': map, 'states:StopExecution': map };
    expectUnused(world, {
      EbsRole: { 'kms:Encrypt': listed, 'kms:GenerateDataKey': lockedBucket, 'states:SendTaskSuccess': ended },
      EbsTransferCopyRole: {
        'kms:CreateGrant': listed,
        'kms:DescribeKey': listed,
        'kms:Encrypt': listed,
        'kms:GenerateDataKeyWithoutPlaintext': listed,
        'kms:ReEncrypt*': listed,
        'ebs:ListSnapshotBlocks': parent,
        'ebs:GetSnapshotBlock': parent,
      },
      EbsExporterPlanRole: {
        'kms:Decrypt': 'the emulated EBS lists without it; no source says whether the real one does',
      },
      EbsExporterFinishRole: {
        's3:AbortMultipartUpload': 'all that remove objects share one policy, and this one aborts nothing', 's3:GetObjectVersion': lateFailure, 's3:DeleteObjectVersion': lateFailure,
      },
      EbsExporterCleanUpRole: {
        's3:GetObjectVersion': lateFailure,
        's3:DeleteObjectVersion': lateFailure,
        's3:PutObject': 'to record that S3 may still make the object of an export that is removed; no completion was late',
      },
      EbsExporterStateMachineRole: maps,
      EbsTransferStateMachineRole: maps,
    });
  });
});
