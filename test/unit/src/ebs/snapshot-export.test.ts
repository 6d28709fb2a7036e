import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import {
  DiskImage, DiskImageFormat, ExportFormat, Snapshot, SnapshotExport, SnapshotImport, type DiskImageBucketOptions, type SnapshotExportProps,
} from '../../../../src';
import { ENV, givenStack, onlyOf, ownerOfOnly, propertiesOf, statementsAllowing } from '../../../harness/given';

function givenExport(props: Partial<SnapshotExportProps> = {}, stack: Stack = givenStack().stack): Stack {
  new SnapshotExport(stack, 'Export', {
    snapshot: Snapshot.fromSnapshotId(stack, 'Snapshot', 'snap-0123456789abcdef0'), bucket: s3.Bucket.fromBucketName(stack, 'Bucket', 'exports'), ...props,
  });
  return stack;
}

test('an export sends what it has to, and stays when it is removed', () => {
  const stack = givenExport();
  const { Properties, ...resource } = onlyOf(stack, 'Custom::SnapshotExport');
  expect(Properties).toMatchObject({
    SnapshotId: 'snap-0123456789abcdef0', Bucket: 'exports', Key: 'snap-0123456789abcdef0.img', Owner: ownerOfOnly(stack, 'Custom::SnapshotExport'), RemovalPolicy: 'Retain',
  });
  expect(Properties).not.toHaveProperty('WaitForCompletion');
  expect(resource).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
});

test('the permissions and parts that its Delete needs are removed after it', () => {
  const stack = givenExport();
  const { DependsOn, Properties } = onlyOf(stack, 'Custom::SnapshotExport');
  const policies = ['states:StopExecution', 's3:DeleteObject', 'ec2:DescribeSnapshots'].flatMap(action => statementsAllowing(stack, 'EbsRole', action));
  expect(DependsOn).toEqual(expect.arrayContaining(policies.map(({ policy }) => policy)));
  expect(Properties).toMatchObject({
    TransferBucket: { Ref: expect.stringContaining('EbsBucket') }, StateMachineArn: { Ref: expect.stringContaining('ExporterStateMachine') },
  });
});

test('the format is sent unless it is raw, and tells in the default key', () => {
  expect(onlyOf(givenExport({ format: ExportFormat.RAW }), 'Custom::SnapshotExport').Properties).not.toHaveProperty('Format');
  expect(onlyOf(givenExport({ format: ExportFormat.VHD }), 'Custom::SnapshotExport').Properties).toMatchObject({ Format: 'VHD', Key: 'snap-0123456789abcdef0.vhd' });
  const { stack } = givenStack();
  givenExport({ format: ExportFormat.QCOW2, kmsKey: new kms.Key(stack, 'Key') }, stack);
  expect(onlyOf(stack, 'Custom::SnapshotExport').Properties).toMatchObject({ Format: 'QCOW2', Key: 'snap-0123456789abcdef0.qcow2' });
  // Only its plan asks which blocks there are.
  expect(statementsAllowing(stack, 'ExporterPlan', 'ebs:ListSnapshotBlocks')).toHaveLength(1);
  expect(statementsAllowing(stack, 'ExporterPlan', 'kms:Decrypt')).toHaveLength(1);
  expect(statementsAllowing(givenExport(), 'ExporterPlan', 'ebs:ListSnapshotBlocks')).toEqual([]);
});

test('one in the background is not retained, because nothing would complete it without the stack', () => {
  expect(() => Template.fromStack(givenExport({ waitForCompletion: false })))
    .toThrow("[Stack/Export] with 'waitForCompletion: false', 'removalPolicy' must be DESTROY, got Retain");
  expect(propertiesOf(givenExport({ waitForCompletion: false, removalPolicy: RemovalPolicy.DESTROY }), 'Custom::SnapshotExport').WaitForCompletion).toBe(false);
});

test('what is misused is refused at synthesis', () => {
  expect(() => givenExport({ key: '' })).toThrow("'key' must be 1 to 1015 bytes long, got '' (in Stack/Export)");
  expect(() => givenExport({ maxGetsPerSecond: 5 })).toThrow("'maxGetsPerSecond' must be a whole number from 10 to 1000, got 5 (in Stack/Export)");
  const { stack } = givenStack();
  expect(() => givenExport({ since: Snapshot.fromSnapshotId(stack, 'Same', 'snap-0123456789abcdef0') }, stack)).toThrow("'since' must be another snapshot");
  expect(() => givenExport({ since: Snapshot.fromSnapshotId(stack, 'Other', 'snap-0fedcba9876543210'), format: ExportFormat.VHD }))
    .toThrow("specify 'since' or 'format: VHD', not both (in Stack/Export)");
  const image = DiskImage.fromDelta(s3.Bucket.fromBucketName(stack, 'Deltas', 'exports'), 'a.delta');
  expect(() => new SnapshotImport(stack, 'Delta', { image })).toThrow("'image' is a delta, so it needs 'parent', the snapshot that it leads from (in Stack/Delta)");
});

test('its roles may use this snapshot, this object, and this key', () => {
  const { stack } = givenStack();
  const key = new kms.Key(stack, 'Key');
  givenExport({ kmsKey: key, key: 'disk [1]*.img', removalPolicy: RemovalPolicy.DESTROY }, stack);
  const snapshot = { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':ec2:eu-west-1::snapshot/snap-0123456789abcdef0']] };
  const object = (suffix = '') => ({ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:s3:::exports/disk [1]\${*}.img${suffix}`]] });
  expect(statementsAllowing(stack, 'ExporterCopy', 'ebs:GetSnapshotBlock')).toMatchObject([{ Resource: snapshot }]);
  expect(statementsAllowing(stack, 'ExporterPlan', 'ebs:ListChangedBlocks')).toEqual([]);
  expect(statementsAllowing(stack, 'ExporterCopy', 's3:PutObject').map(({ Resource }) => Resource)).toContainEqual(object());
  expect(statementsAllowing(stack, 'EbsRole', 's3:DeleteObjectVersion')).toMatchObject([{ Resource: [object(), object('.manifest')] }]);
  expect(statementsAllowing(stack, 'ExporterCopy', 'kms:Decrypt')).toHaveLength(1);
});

describe('an export of the app', () => {
  const exported = (props: Partial<SnapshotExportProps> = {}) => {
    const { app, stack } = givenStack();
    givenExport({ key: 'a [1]?.img', ...props }, stack);
    return { app, stack, image: DiskImage.fromExport(stack.node.findChild('Export') as SnapshotExport) };
  };
  const etag = (stack: Stack) => ({ 'Fn::GetAtt': [onlyOf(stack, 'Custom::SnapshotExport').logicalId, 'ETag'] });

  test('is imported once it is there, by its manifest', () => {
    const { stack, image } = exported();
    new SnapshotImport(stack, 'Import', { image });
    expect(propertiesOf(stack, 'Custom::SnapshotImport')).toMatchObject({ SourceBucket: 'exports', SourceKey: 'a [1]?.img', SourceETag: etag(stack), Manifest: true });
    expect(JSON.stringify(statementsAllowing(stack, 'TransferCopy', 's3:GetObjectVersion').map(({ Resource }) => Resource))).toContain('a [1]${?}.img.manifest');
  });

  test('has the format that it was written in', () => {
    const { stack, image } = exported({ format: ExportFormat.QCOW2 });
    new SnapshotImport(stack, 'Import', { image });
    expect(propertiesOf(stack, 'Custom::SnapshotImport')).toMatchObject({ SourceFormat: 'QCOW2', SourceETag: etag(stack) });
    expect(propertiesOf(stack, 'Custom::SnapshotImport')).not.toHaveProperty('Manifest');
  });

  test('may be in another stack', () => {
    const { app, image } = exported();
    const other = new Stack(app, 'Other', { env: ENV });
    new SnapshotImport(other, 'Import', { image });
    expect(propertiesOf(other, 'Custom::SnapshotImport').SourceETag).toEqual({ 'Fn::ImportValue': expect.stringContaining('ETag') as string });
  });

  test('is a delta if it has since', () => {
    const since = Snapshot.fromSnapshotId(givenStack().stack, 'Since', 'snap-0aa');
    const { stack, image } = exported({ since });
    expect(() => new SnapshotImport(stack, 'Alone', { image })).toThrow("'image' is a delta, so it needs 'parent', the snapshot that it leads from (in Stack/Alone)");
    new SnapshotImport(stack, 'Import', { image, parent: since });
    expect(propertiesOf(stack, 'Custom::SnapshotImport')).toMatchObject({ SourceFormat: 'DELTA', SourceETag: etag(stack), ParentSnapshotId: 'snap-0aa' });
    expect(propertiesOf(stack, 'Custom::SnapshotImport')).not.toHaveProperty('Manifest');
  });

  test('must be complete', () => {
    const { stack, image } = exported({ waitForCompletion: false });
    expect(() => new SnapshotImport(stack, 'Import', { image }))
      .toThrow("'image' must be complete before this import begins, got Stack/Export, which has 'waitForCompletion: false' (in Stack/Import)");
  });
});

describe('a manifest in a bucket of another account', () => {
  const OWNER = '999988887777';
  const given = (options: DiskImageBucketOptions, account?: string) => {
    const { stack } = givenStack();
    const bucket = s3.Bucket.fromBucketAttributes(stack, 'Bucket', { bucketName: 'exports', account });
    new SnapshotImport(stack, 'Import', { image: DiskImage.fromBucket(bucket, 'a.img', undefined, { manifest: true, ...options }) });
    return propertiesOf(stack, 'Custom::SnapshotImport');
  };

  test.each<[string, DiskImageBucketOptions, string | undefined]>([
    ['as bucketOwner says', { bucketOwner: OWNER }, undefined], ['as the bucket says', {}, OWNER],
  ])('%s, is refused unless it is allowed', (_, options, account) => {
    expect(() => given(options, account)).toThrow("'manifest' needs a bucket of this account, got one of 999988887777; leave 'manifest' out, or set 'allowForeignManifest' "
      + 'if you trust all who may write there (in Stack/Import)');
    expect(given({ ...options, allowForeignManifest: true }, account)).toMatchObject({ Manifest: true, ForeignManifest: true });
  });

  test.each<[DiskImageBucketOptions, string | undefined]>([
    [{}, undefined], [{ bucketOwner: ENV.account }, undefined], [{}, ENV.account],
  ])('is not meant by %j in a bucket of %s', (options, account) => {
    expect(given(options, account)).not.toHaveProperty('ForeignManifest');
  });
});

test('a manifest is that of a raw image', () => {
  const { stack } = givenStack();
  const image = DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, 'Bucket', 'exports'), 'a.img', undefined, { manifest: true, format: DiskImageFormat.QCOW2 });
  expect(() => new SnapshotImport(stack, 'Import', { image })).toThrow("specify 'manifest' or 'format: QCOW2', not both (in Stack/Import)");
});

test('a stack without exports has nothing of them, and one of exports alone has nothing of imports', () => {
  const { stack } = givenStack();
  new SnapshotImport(stack, 'Image', { image: DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, 'Images', 'images'), 'disk.img') });
  expect(JSON.stringify(Template.fromStack(stack).toJSON())).not.toContain('Exporter');
  expect(JSON.stringify(Template.fromStack(givenExport()).toJSON())).not.toContain('EbsTransfer');
});
