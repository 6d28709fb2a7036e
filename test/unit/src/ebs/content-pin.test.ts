import { CfnParameter, Token, type Stack } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, Snapshot, SnapshotImport, type DiskImageBucketOptions } from '../../../../src';
import { givenStack, onlyOf, propertiesOf, statementsAllowing } from '../../../harness/given';

const TYPE = 'Custom::SnapshotImport';
const SHA256 = '0123456789abcdef'.repeat(4);

function given(options: DiskImageBucketOptions, { stack }: { stack: Stack } = givenStack()): Stack {
  const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'images');
  new SnapshotImport(stack, 'Image', { image: DiskImage.fromBucket(bucket, 'disk.img', undefined, options) });
  return stack;
}

test('the template says which SHA-256 the image must have, in lower-case letters', () => {
  expect(propertiesOf(given({ sha256: SHA256.toUpperCase() }), TYPE)).toMatchObject({ SourceSha256: SHA256 });
  expect(propertiesOf(given({ sha256SumsKey: 'SHA256SUMS' }), TYPE)).toMatchObject({ SourceSha256SumsKey: 'SHA256SUMS' });
  expect(Object.keys(propertiesOf(given({}), TYPE)).filter(name => name.startsWith('SourceSha256'))).toEqual([]);
});

test('the SHA-256 of a delta is in the template too', () => {
  const { stack } = givenStack();
  const image = DiskImage.fromDelta(s3.Bucket.fromBucketName(stack, 'Bucket', 'images'), 'a.delta', undefined, { sha256: SHA256 });
  new SnapshotImport(stack, 'Image', { image, parent: Snapshot.fromSnapshotId(stack, 'Parent', 'snap-0123456789abcdef0') });
  expect(propertiesOf(stack, TYPE)).toMatchObject({ SourceFormat: 'DELTA', SourceSha256: SHA256 });
});

test('a SHA-256 that is known at deployment only is left to the handler', () => {
  const world = givenStack();
  const { valueAsString } = new CfnParameter(world.stack, 'Sha256');
  expect(Token.isUnresolved(valueAsString)).toBe(true);
  expect(propertiesOf(given({ sha256: valueAsString }, world), TYPE)).toMatchObject({ SourceSha256: { Ref: 'Sha256' } });
});

test.each<[DiskImageBucketOptions, string]>([
  [{ sha256: SHA256.slice(1) }, `'sha256' must be 64 hexadecimal digits, got '${SHA256.slice(1)}' (in Stack/Image)`],
  [{ sha256: `sha256:${SHA256}` }, "'sha256' must be 64 hexadecimal digits, got 'sha256:"],
  [{ sha256: SHA256, sha256SumsKey: 'SHA256SUMS' }, "specify 'sha256' or 'sha256SumsKey', not both (in Stack/Image)"],
  [{ sha256: SHA256, manifest: true }, "specify 'sha256' or 'manifest', not both (in Stack/Image)"],
  [{ sha256SumsKey: 'SHA256SUMS', manifest: true }, "specify 'sha256SumsKey' or 'manifest', not both (in Stack/Image)"],
  [{ sha256SumsKey: '' }, "'sha256SumsKey' must be 1 to 1024 bytes long, got ''"],
  [{ sha256SumsKey: 's3://images/SHA256SUMS' }, "'sha256SumsKey' must be the key of an object, without 's3://' and the bucket, got 's3://images/SHA256SUMS'"],
])('%j is refused', (options, message) => {
  expect(() => given(options)).toThrow(message);
});

test('the handler may read the checksum file beside the image', () => {
  const stack = given({ sha256SumsKey: 'sums/SHA256*' });
  const [{ Resource, policy }] = statementsAllowing(stack, 'EbsRole', 's3:GetObjectVersion');
  expect(JSON.stringify(Resource)).toContain('images/disk.img');
  expect(JSON.stringify(Resource)).toContain('images/sums/SHA256${*}');
  expect(onlyOf(stack, TYPE).DependsOn).toContain(policy);
});
