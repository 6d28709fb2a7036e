import { Stack } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, Snapshot, SnapshotExport, SnapshotImport } from '../../../../src';
import { ENV, givenStack, propertiesOf } from '../../../harness/given';
import { roleIn } from '../../../harness/roles';

const OTHER = '999988887777';

const imported = (stack: Stack, bucket: s3.IBucket, bucketOwner: string) =>
  new SnapshotImport(stack, 'Image', { image: DiskImage.fromBucket(bucket, 'disk.img', undefined, { bucketOwner }) });
const exported = (stack: Stack, bucket: s3.IBucket, bucketOwner: string) => new SnapshotExport(stack, 'Export', {
  snapshot: Snapshot.fromSnapshotId(stack, 'Snapshot', 'snap-0123456789abcdef0'), bucket, bucketOwner, key: 'copy.img',
});

test('the account that a bucket must belong to is sent, and limits the roles', () => {
  const { stack } = givenStack();
  const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'images');
  imported(stack, bucket, OTHER);
  exported(stack, bucket, OTHER);
  expect(propertiesOf(stack, 'Custom::SnapshotImport').SourceBucketOwner).toBe(OTHER);
  expect(propertiesOf(stack, 'Custom::SnapshotExport').BucketOwner).toBe(OTHER);

  for (const [role, action, key] of [
    ['EbsRole', 's3:GetObject', 'disk.img'], ['EbsTransferCopyRole', 's3:GetObject', 'disk.img'], ['EbsTransferStepsRole', 's3:GetObjectAttributes', 'disk.img'],
    ['EbsRole', 's3:DeleteObject', 'copy.img'], ['EbsRole', 's3:PutObject', 'copy.img'], ['EbsExporterCopyRole', 's3:PutObject', 'copy.img'],
    ['EbsExporterFinishRole', 's3:PutObject', 'copy.img.manifest'], ['EbsExporterCleanUpRole', 's3:DeleteObject', 'copy.img'],
  ]) {
    const allows = (account: string) => roleIn(stack, role).allows(action, `arn:aws:s3:::images/${key}`, { 'aws:ResourceAccount': account });
    expect([role, action, allows(OTHER), allows(ENV.account)]).toEqual([role, action, true, false]);
  }
});

test('an import of an export expects the same account', () => {
  const { stack } = givenStack();
  const image = DiskImage.fromExport(exported(stack, s3.Bucket.fromBucketName(stack, 'Bucket', 'images'), OTHER));
  new SnapshotImport(stack, 'Image', { image });
  expect(propertiesOf(stack, 'Custom::SnapshotImport').SourceBucketOwner).toBe(OTHER);
});

test.each<[string, (stack: Stack) => s3.IBucket]>([
  ['that the app defines', stack => new s3.Bucket(stack, 'Bucket')],
  ['that was imported with its account', stack => s3.Bucket.fromBucketAttributes(stack, 'Bucket', { bucketName: 'images', account: '444455556666' })],
])('another account than that of a bucket %s is refused', (_, bucketOf) => {
  for (const make of [imported, exported]) {
    const { stack } = givenStack();
    const bucket = bucketOf(stack);
    expect(() => make(stack, bucket, OTHER)).toThrow(`'bucketOwner' must be ${bucket.env.account}, the account of Stack/Bucket, got '${OTHER}'`);
    expect(() => make(givenStack().stack, bucketOf(givenStack().stack), bucket.env.account)).not.toThrow();
  }
});

test('any account may have a bucket that is known by its name, or that is in a stack without account', () => {
  for (const make of [imported, exported]) {
    const { stack } = givenStack();
    expect(() => make(stack, s3.Bucket.fromBucketName(stack, 'Bucket', 'images'), OTHER)).not.toThrow();
    const agnostic = new Stack(givenStack().app, 'Agnostic');
    expect(() => make(agnostic, new s3.Bucket(agnostic, 'Bucket'), OTHER)).not.toThrow();
    expect(() => make(givenStack().stack, s3.Bucket.fromBucketName(stack, 'Other', 'images'), '1234')).toThrow("'bucketOwner' must be the id of an account, of 12 digits, got '1234'");
  }
});
