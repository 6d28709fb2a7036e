import { RemovalPolicy } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, SnapshotImport } from '../../../src';
import { disk, IMAGES, type EbsWorld } from '../../harness/deployment/ebs-world';
import { expectDiscreet, expectUnused } from '../../harness/deployment/permissions';
import type { Build } from '../../harness/deployment/world';

/** Comes last: looks back at all that was played before. */
export function ebsPermissionSequences(given: () => EbsWorld): void {
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
      await given().put(IMAGES, 'denied.img', disk(1, 'denied'));
      id = (await given().world.deploy('Denied', build())).expectSuccess('CREATE_COMPLETE').id('Disk');
    });

    test.each([
      's3:GetObject', 's3:PutObject', 'ebs:StartSnapshot', 'ebs:PutSnapshotBlock', 'ebs:CompleteSnapshot', 'ec2:CreateTags', 'ec2:DescribeSnapshots',
      'states:StartExecution', 'kms:GenerateDataKey', 'kms:CreateGrant', 'kms:DescribeKey',
    ])('%s cannot import, and the stack is as it was', async action => {
      const failed = await given().world.deploy('Denied', build('2'), { without: action });
      failed.expectFailure('UPDATE_ROLLBACK_COMPLETE', new RegExp(action));
      given().expectOnly('Denied', id);
      given().expectContent(id, disk(1, 'denied'));
    });

    test('nothing leaves nothing', async () => {
      (await given().world.destroy('Denied')).expectSuccess('DELETE_COMPLETE');
      given().expectNothingLeft('Denied');
    });
  });

  describe('after all of this', () => {
    test('every action that a role was granted has been needed, but for a few', () => {
      const listed = 'the user guide of the EBS direct APIs lists it for encrypted snapshots, without saying for which call';
      const parent = 'to read a parent whose digests are not recorded; all were';
      const odd = 'to remove what a failed export has made at last; none failed so late';
      expectUnused(given().world, {
        EbsProviderRole: { 'kms:Encrypt': listed, 's3:ListMultipartUploadParts': 'to see that what was aborted is gone; nothing had to be' },
        EbsProviderTransferCopyServiceRole: {
          'kms:CreateGrant': listed,
          'kms:DescribeKey': listed,
          'kms:Encrypt': listed,
          'kms:GenerateDataKeyWithoutPlaintext': listed,
          'kms:ReEncrypt*': listed,
          'ebs:ListSnapshotBlocks': parent,
          'ebs:GetSnapshotBlock': parent,
        },
        EbsProviderTransferStepsServiceRole: { 'ebs:ListSnapshotBlocks': parent, 'kms:DescribeKey': parent },
        EbsProviderTransferVerifyServiceRole: { 's3:PutObject': 'to say what differs; no snapshot differed' },
        EbsProviderExporterPlanServiceRole: {
          'kms:Decrypt': 'the emulated EBS lists without it; no source says whether the real one does',
          's3:ListBucket': 'to tell an export that was cancelled from one that it may not see; none was while it was planned',
        },
        EbsProviderExporterCopyServiceRole: { 'kms:GenerateDataKey': 'the user guide of S3 lists it for multipart uploads, without saying for which call' },
        EbsProviderExporterFinishServiceRole: {
          's3:AbortMultipartUpload': 'for uploads whose ids were lost; none was', 's3:GetObjectVersion': odd, 's3:DeleteObjectVersion': odd,
        },
        EbsProviderExporterCleanUpServiceRole: {
          's3:GetObjectVersion': odd, 's3:DeleteObjectVersion': odd, 'kms:Decrypt': odd, 'kms:GenerateDataKey': odd,
        },
        EbsProviderExporterStateMachineRole: { 'states:RedriveExecution': 'the CDK grants it with every Distributed Map' },
        EbsProviderTransferStateMachineRole: { 'states:RedriveExecution': 'the CDK grants it with every Distributed Map' },
      });
    });

    test('CloudFormation got short answers, and no log holds a ResponseURL', () => {
      expectDiscreet(given().world);
    });
  });
}
