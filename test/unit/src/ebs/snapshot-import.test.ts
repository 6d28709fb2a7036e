import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';
import { Aws, CfnResource, RemovalPolicy, Size, type Stack, Tags } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, DiskImageFormat, Snapshot, SnapshotExport, SnapshotImport, type SnapshotImportProps, Verification, ZeroBlocks } from '../../../../src';
import { givenStack, onlyOf, ownerOfOnly, propertiesOf, statementsAllowing, tagsIn, warningsOf } from '../../../harness/given';

const TYPE = 'Custom::SnapshotImport';
const KEY_ARN = 'arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0000-1111-2222-333344445555';
const BUCKET_ARN = { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':s3:::images']] };
const objectArn = (key: string) => ({ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:s3:::images/${key}`]] });

function imageIn(stack: Stack, key = 'disk.img', versionId?: string): DiskImage {
  return DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, `Bucket${key.length}`, 'images'), key, versionId);
}

function givenKey(key: string): Stack {
  const { stack } = givenStack();
  new SnapshotImport(stack, 'Image', { image: imageIn(stack, key) });
  return stack;
}

function givenExport(key: string): Stack {
  const { stack } = givenStack();
  const snapshot = Snapshot.fromSnapshotId(stack, 'Snapshot', 'snap-0123456789abcdef0');
  new SnapshotExport(stack, 'Image', { snapshot, bucket: s3.Bucket.fromBucketName(stack, 'Bucket', 'images'), key });
  return stack;
}

function given(props: Partial<SnapshotImportProps> = {}) {
  const { app, stack } = givenStack();
  return { app, stack, snapshot: new SnapshotImport(stack, 'Image', { image: imageIn(stack), ...props }) };
}

describe('the template', () => {
  test('says what the handler needs to know, and nothing that the user did not choose', () => {
    const { stack } = given();

    expect(onlyOf(stack, TYPE)).toMatchObject({ DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
    expect(propertiesOf(stack, TYPE)).toEqual({
      ServiceToken: expect.anything(),
      ServiceTimeout: '3600',
      SourceBucket: 'images',
      SourceKey: 'disk.img',
      TransferBucket: { Ref: expect.stringContaining('EbsBucket') },
      StateMachineArn: { Ref: expect.stringContaining('TransferStateMachine') },
      Verify: 'SAMPLE',
      Tags: [],
      Owner: ownerOfOnly(stack, TYPE),
      RemovalPolicy: 'Delete',
    });
  });

  test('has every prop', () => {
    const { stack } = givenStack();
    new SnapshotImport(stack, 'Image', {
      image: imageIn(stack, 'disk.img', 'version1'),
      volumeSize: Size.tebibytes(64),
      description: 'a disk',
      encrypted: true,
      kmsKey: kms.Key.fromKeyArn(stack, 'Key', KEY_ARN),
      sourceRevision: 'r2',
      removalPolicy: RemovalPolicy.RETAIN,
    });

    expect(onlyOf(stack, TYPE)).toMatchObject({
      Properties: {
        SourceVersion: 'version1',
        SourceRevision: 'r2',
        VolumeSize: 65536,
        Description: 'a disk',
        Encrypted: true,
        KmsKeyId: KEY_ARN,
        RemovalPolicy: 'Retain',
      },
      DeletionPolicy: 'Retain',
    });
  });

  test('never asks for an unencrypted snapshot, which EBS may refuse, and takes a key as a wish for encryption', () => {
    expect(propertiesOf(given({ encrypted: false }).stack, TYPE)).not.toHaveProperty('Encrypted');
    expect(propertiesOf(given({ kmsKey: kms.Key.fromKeyArn(givenStack().stack, 'Key', KEY_ARN) }).stack, TYPE).Encrypted).toBe(true);
  });

  test('lets others refer to id, ARN and size', () => {
    const { stack, snapshot } = given();
    new ec2.CfnVolume(stack, 'Volume', { availabilityZone: 'eu-west-1a', snapshotId: snapshot.snapshotId, size: snapshot.volumeSizeInGiB });
    new CfnResource(stack, 'User', { type: 'Test::User', properties: { Arn: snapshot.snapshotArn } });

    const { logicalId } = onlyOf(stack, TYPE);
    expect(propertiesOf(stack, 'AWS::EC2::Volume')).toMatchObject({
      SnapshotId: { Ref: logicalId }, Size: { 'Fn::GetAtt': [logicalId, 'VolumeSize'] },
    });
    expect(propertiesOf(stack, 'Test::User').Arn)
      .toEqual({ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':ec2:eu-west-1::snapshot/', { Ref: logicalId }]] });
  });

  test('has the tags of the stack and of Tags.of', () => {
    const { stack, vpc } = givenStack({ tags: { stage: 'test' } });
    const snapshot = new SnapshotImport(stack, 'Image', { image: imageIn(stack) });
    Tags.of(snapshot).add('team', 'a;b');
    Tags.of(vpc).add('net', 'work');

    expect(tagsIn(propertiesOf(stack, TYPE).Tags)).toEqual({ stage: 'test', team: 'a;b' });
  });

  test('lets the snapshot wait for everything that a transfer needs and that it does not refer to', () => {
    const { stack } = given();
    const { DependsOn } = onlyOf(stack, TYPE);

    const without = (type: string, property: string) => Object.entries(Template.fromStack(stack).findResources(type))
      .filter(([, { Properties }]) => JSON.stringify(Properties).includes(property)).map(([id]) => id);
    expect(DependsOn).toEqual(expect.arrayContaining([
      ...without('AWS::S3::Bucket', ''),
      ...without('AWS::S3::BucketPolicy', ''),
      ...without('Custom::S3AutoDeleteObjects', ''),
      ...without('AWS::Events::Rule', 'aws.states'),
      ...without('AWS::Lambda::Permission', 'events.amazonaws.com'),
      ...without('AWS::IAM::Policy', 'states:RedriveExecution'),
      // Its Delete needs them, and comes after the function and its role were updated.
      ...without('AWS::IAM::Policy', 'states:StopExecution'),
      ...without('AWS::IAM::Policy', 's3:DeleteObject'),
    ]));
  });
});

describe('the rights to read the image', () => {
  test('are granted to all who read it, before the snapshot is made', () => {
    const { stack } = given();

    for (const role of ['EbsRole', 'TransferSteps', 'TransferCopy']) {
      const [{ policy, ...statement }] = statementsAllowing(stack, role, 's3:GetObjectVersion');
      expect([statement.Action].flat().sort()).toEqual(['s3:GetObject', 's3:GetObjectVersion']);
      expect(statement.Resource).toEqual(objectArn('disk.img'));
      expect(onlyOf(stack, TYPE).DependsOn).toContain(policy);
      expect(statementsAllowing(stack, role, 's3:ListBucket').map(({ Resource }) => Resource)).toContainEqual(BUCKET_ARN);
    }
    expect(statementsAllowing(stack, 'TransferCleanUp', 's3:GetObjectVersion')).toEqual([]);
    // Only the function that plans asks for the parts that an object was uploaded in.
    const [parts] = statementsAllowing(stack, 'TransferSteps', 's3:GetObjectAttributes');
    expect(parts).toMatchObject({ Action: ['s3:GetObjectAttributes', 's3:GetObjectVersionAttributes'], Resource: objectArn('disk.img') });
    expect(onlyOf(stack, TYPE).DependsOn).toContain(parts.policy);
    for (const role of ['EbsRole', 'TransferCopy']) { expect(statementsAllowing(stack, role, 's3:GetObjectAttributes')).toEqual([]); }
  });

  test('are for this key alone, whatever characters are in it', () => {
    const { stack } = givenStack();
    new SnapshotImport(stack, 'Image', { image: imageIn(stack, 'a*b?${c}/größe-図.img') });

    const [read] = statementsAllowing(stack, 'TransferCopy', 's3:GetObjectVersion');
    expect(read.Resource).toEqual(objectArn('a${*}b${?}${$}{c}/größe-*.img'));
    expect(propertiesOf(stack, TYPE).SourceKey).toBe('a*b?${c}/größe-図.img');
  });

  test('include the manifest, if there is one', () => {
    const { stack } = givenStack();
    new SnapshotImport(stack, 'Image', { image: DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, 'Bucket', 'images'), 'disk.img', undefined, { manifest: true }) });
    const both = [objectArn('disk.img'), objectArn('disk.img.manifest')];
    expect(statementsAllowing(stack, 'EbsRole', 's3:GetObjectVersion')[0].Resource).toEqual(both);
    expect(statementsAllowing(stack, 'TransferCopy', 's3:GetObjectVersion')[0].Resource).toEqual(both);
    expect(statementsAllowing(stack, 'TransferSteps', 's3:GetObjectVersion')[0].Resource).toEqual(both);
    expect(propertiesOf(stack, TYPE)).toMatchObject({ Manifest: true });
  });

  test('include the key of an encrypted bucket', () => {
    const { stack } = givenStack();
    const bucket = new s3.Bucket(stack, 'Images', { encryption: s3.BucketEncryption.KMS });
    new SnapshotImport(stack, 'Image', { image: DiskImage.fromBucket(bucket, 'disk.img') });

    expect(statementsAllowing(stack, 'TransferCopy', 'kms:Decrypt')).toMatchObject([
      { Resource: { 'Fn::GetAtt': [onlyOf(stack, 'AWS::KMS::Key').logicalId, 'Arn'] } },
    ]);
  });
});

describe('the key of an object whose bucket does not name it', () => {
  const given_ = (key: (stack: Stack) => kms.IKeyRef) => {
    const { stack } = givenStack();
    const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'images');
    new SnapshotImport(stack, 'Image', { image: DiskImage.fromBucket(bucket, 'disk.img', undefined, { encryptionKey: key(stack) }) });
    return stack;
  };

  test.each(['EbsRole', 'TransferCopy', 'TransferSteps'])('is granted to %s', role => {
    expect(statementsAllowing(given_(stack => kms.Key.fromKeyArn(stack, 'Key', KEY_ARN)), role, 'kms:Decrypt')).toMatchObject([{ Resource: KEY_ARN }]);
  });

  test('is granted by its alias, if it is known by that', () => {
    const [statement] = statementsAllowing(given_(stack => kms.Alias.fromAliasName(stack, 'Alias', 'alias/images')), 'TransferCopy', 'kms:Decrypt');
    expect(statement).toMatchObject({ Condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/images' } } });
  });

  test('counts before that of the bucket', () => {
    const { stack } = givenStack();
    const bucket = new s3.Bucket(stack, 'Images', { encryption: s3.BucketEncryption.KMS });
    new SnapshotImport(stack, 'Image', {
      image: DiskImage.fromBucket(bucket, 'disk.img', undefined, { encryptionKey: kms.Key.fromKeyArn(stack, 'Key', KEY_ARN) }),
    });
    expect(statementsAllowing(stack, 'TransferCopy', 'kms:Decrypt')).toMatchObject([{ Resource: KEY_ARN }]);
  });

  test('may encrypt an asset, or a delta', () => {
    const { stack } = givenStack();
    const encryptionKey = kms.Key.fromKeyArn(stack, 'Key', KEY_ARN);
    new SnapshotImport(stack, 'Asset', { image: DiskImage.fromAsset(__filename, { encryptionKey, format: DiskImageFormat.RAW }) });
    new SnapshotImport(stack, 'Delta', {
      image: DiskImage.fromDelta(s3.Bucket.fromBucketName(stack, 'Bucket', 'images'), 'delta', undefined, { encryptionKey }),
      parent: Snapshot.fromSnapshotId(stack, 'Parent', 'snap-0123456789abcdef0'),
    });
    expect(statementsAllowing(stack, 'TransferCopy', 'kms:Decrypt')).toMatchObject([{ Resource: KEY_ARN }]);
  });
});

test('a key of another Region is refused', () => {
  const there = kms.Key.fromKeyArn(givenStack().stack, 'Key', KEY_ARN.replace('eu-west-1', 'eu-central-1'));
  expect(() => given({ kmsKey: there })).toThrow("'kmsKey' must be a key in eu-west-1, where the snapshot is made, got 'eu-central-1' (in Stack/Image)");
});

test('its metrics are found by the name that the handlers know it by', () => {
  const { stack, snapshot } = given();
  new cloudwatch.Dashboard(stack, 'Dashboard', { widgets: [[snapshot.widget()]] });
  const metric = { namespace: 'cdk-durable-storage', dimensions: { Import: propertiesOf(stack, TYPE).Owner }, statistic: 'Sum' };
  const resolved = ({ namespace, metricName, dimensions, statistic }: cloudwatch.Metric): object =>
    stack.resolve({ namespace, metricName, dimensions, statistic });
  expect(resolved(snapshot.metricBlocksWritten())).toEqual({ ...metric, metricName: 'BlocksWritten' });
  expect(resolved(snapshot.metricBytesCopied({ statistic: 'Average' }))).toEqual({ ...metric, metricName: 'BytesCopied', statistic: 'Average' });
  expect(resolved(snapshot.metricThrottles())).toEqual({ ...metric, metricName: 'Throttles' });

  const body = JSON.stringify(onlyOf(stack, 'AWS::CloudWatch::Dashboard').Properties.DashboardBody);
  for (const name of ['BlocksWritten', 'Throttles', 'RetriesNotYetVisible', 'RetriesBrokenConnection', 'RetriesServerError']) { expect(body).toContain(name); }
});

describe('integrity', () => {
  const key = () => kms.Key.fromKeyArn(givenStack().stack, 'Key', KEY_ARN);

  test('a sample is read back unless the user chooses otherwise', () => {
    expect(propertiesOf(given().stack, TYPE)).toMatchObject({ Verify: 'SAMPLE' });
    expect(propertiesOf(given({ verify: Verification.FULL }).stack, TYPE)).toMatchObject({ Verify: 'FULL' });
    expect(propertiesOf(given({ verify: Verification.NONE }).stack, TYPE)).not.toHaveProperty('Verify');
  });

  test('who reads an encrypted snapshot back may decrypt with its key, and nothing else', () => {
    const { stack } = given({ kmsKey: key() });
    const [read] = statementsAllowing(stack, 'TransferSteps', 'kms:Decrypt');
    expect(read).toMatchObject({ Resource: KEY_ARN, Action: ['kms:DescribeKey', 'kms:Decrypt'] });
    expect(onlyOf(stack, TYPE).DependsOn).toContain(read.policy);
    expect(statementsAllowing(stack, 'TransferSteps', 'kms:CreateGrant')).toEqual([]);
    expect(statementsAllowing(given({ kmsKey: key(), verify: Verification.NONE }).stack, 'TransferSteps', 'kms:Decrypt')).toEqual([]);
  });

  test('zero blocks are written unless the user omits them, which encryption forbids', () => {
    expect(propertiesOf(given({ zeroBlocks: ZeroBlocks.WRITE }).stack, TYPE)).not.toHaveProperty('ZeroBlocks');
    expect(propertiesOf(given({ zeroBlocks: ZeroBlocks.OMIT, encrypted: false }).stack, TYPE)).toMatchObject({ ZeroBlocks: 'OMIT' });
    expect(() => given({ zeroBlocks: ZeroBlocks.OMIT, encrypted: true })).toThrow("specify 'zeroBlocks: OMIT' or 'encrypted', not both");
    expect(() => given({ zeroBlocks: ZeroBlocks.OMIT, kmsKey: key() })).toThrow("specify 'zeroBlocks: OMIT' or 'kmsKey', not both");
  });
});

test('a key of the user may be used by those who start the snapshot and write to it, before it is made', () => {
  const { stack } = given({ kmsKey: kms.Key.fromKeyArn(givenStack().stack, 'Key', KEY_ARN) });

  for (const role of ['EbsRole', 'TransferCopy']) {
    const [use] = statementsAllowing(stack, role, 'kms:GenerateDataKeyWithoutPlaintext');
    expect(use).toMatchObject({ Resource: KEY_ARN, Action: expect.arrayContaining(['kms:DescribeKey', 'kms:Decrypt', 'kms:ReEncrypt*']) });
    expect(onlyOf(stack, TYPE).DependsOn).toContain(use.policy);
    expect(statementsAllowing(stack, role, 'kms:CreateGrant')).toMatchObject([{ Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } } }]);
  }
  // The function that reads the snapshot back writes nothing with it.
  expect(statementsAllowing(stack, 'TransferSteps', 'kms:GenerateDataKeyWithoutPlaintext')).toEqual([]);
});

describe('an image from a file', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'snapshot-import-'));
  const file = (name: string, size: number) => {
    const where = path.join(folder, name);
    fs.writeFileSync(where, '');
    fs.truncateSync(where, size);
    return where;
  };
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  test('is uploaded as an asset, which the handlers may read', () => {
    const { stack } = given({ image: DiskImage.fromAsset(file('disk.img', 1000)) });

    const { SourceBucket, SourceKey } = propertiesOf(stack, TYPE);
    expect(SourceBucket).toBe('cdk-hnb659fds-assets-111122223333-eu-west-1');
    expect(SourceKey).toMatch(/^[0-9a-f]{64}\.img$/);
    expect(JSON.stringify(statementsAllowing(stack, 'TransferCopy', 's3:GetObjectVersion')[0].Resource)).toContain(SourceKey);
  });

  test.each<[string, () => string, string]>([
    ['that is missing', () => path.join(folder, 'none'), `'image' must be a file, got '${path.join(folder, 'none')}', which does not exist`],
    ['that is a folder', () => folder, `'image' must be a file, got '${folder}', which is a folder`],
    ['that is empty', () => file('empty', 0), `'image' must not be empty, got '${path.join(folder, 'empty')}' of 0 bytes (in Stack/Image)`],
  ])('%s is refused', (_, where, message) => {
    expect(() => given({ image: DiskImage.fromAsset(where()) })).toThrow(message);
  });

  test('that does not fit into the volume is refused', () => {
    const image = DiskImage.fromAsset(file('large', 1024 ** 3 + 1));

    expect(() => given({ image, volumeSize: Size.gibibytes(1) }))
      .toThrow("'volumeSize' must be at least 2 GiB for an image of 1073741825 bytes, got 1 (in Stack/Image)");
  });
});

describe('wrong props', () => {
  const NOT_SHAREABLE = "'sharedWithAccounts' needs a 'kmsKey' of your own: EC2 shares no snapshot that is encrypted with the key that AWS manages for EBS (in Stack/Image)";
  const key = kms.Key.fromKeyArn(givenStack().stack, 'Key', KEY_ARN);

  test.each<[string, Partial<SnapshotImportProps>, string]>([
    ['no size', { volumeSize: Size.gibibytes(0) }, "'volumeSize' must be a whole number of GiB from 1 to 65536, got 0 (in Stack/Image)"],
    ['a fraction of a size', { volumeSize: Size.mebibytes(1536) }, "'volumeSize' must be a whole number of GiB from 1 to 65536, got 1.5"],
    ['too large a size', { volumeSize: Size.tebibytes(65) }, "'volumeSize' must be a whole number of GiB from 1 to 65536, got 66560"],
    ['a long description', { description: 'x'.repeat(256) }, "'description' must be at most 255 characters long, got 'xxx"],
    ['a key without encryption', { kmsKey: key, encrypted: false }, "specify 'kmsKey' or 'encrypted: false', not both (in Stack/Image)"],
    ['sharing what the key of AWS encrypts', { encrypted: true, sharedWithAccounts: ['444455556666'] }, NOT_SHAREABLE],
    ['sharing with the key of AWS', { kmsKey: kms.Alias.fromAliasName(givenStack().stack, 'Aws', 'alias/aws/ebs'), sharedWithAccounts: ['444455556666'] }, NOT_SHAREABLE],
  ])('%s is refused', (_, props, message) => {
    expect(() => given(props)).toThrow(message);
  });

  test.each<[string, Partial<SnapshotImportProps>]>([
    ['an unencrypted snapshot', {}],
    ['a snapshot with a key of the account', { encrypted: true, kmsKey: key }],
  ])('%s may be shared', (_, props) => {
    expect(propertiesOf(given({ ...props, sharedWithAccounts: ['444455556666'] }).stack, TYPE).SharedWith).toEqual(['444455556666']);
  });

  test.each<[string, string, string]>([
    ['the address of an object', 's3://images/disk.img', "'key' must be the key of an object, without 's3://' and the bucket, got 's3://images/disk.img' (in Stack/Image)"],
    ['a key that leads out of the bucket', 'a/../../disk.img', "'key' must not lead out of the bucket by '..', got 'a/../../disk.img' (in Stack/Image)"],
    ['a key that leads out of the bucket for a while', '../images/disk.img', "'key' must not lead out of the bucket by '..', got '../images/disk.img' (in Stack/Image)"],
  ])('%s is refused, for an import and for an export', (_, name, message) => {
    expect(() => givenKey(name)).toThrow(message);
    expect(() => givenExport(name)).toThrow(message);
  });

  test('the address of an object is refused even if its end is known at deployment only', () => {
    expect(() => givenKey(`s3://images/${Aws.STACK_NAME}.img`)).toThrow("'key' must be the key of an object, without 's3://' and the bucket");
  });

  test("a key that begins with '/' is a warning, for an import and for an export", () => {
    const message = expect.stringContaining("'key' begins with '/', which is a part of the key in S3: leave it out unless it is meant, got '/images/disk.img'");
    expect(warningsOf(givenKey('/images/disk.img'))).toEqual([message]);
    expect(warningsOf(givenExport('/images/disk.img'))).toEqual([message]);
  });

  test.each(['./disk.img', 'a/../disk.img', 'images//disk.img', `${Aws.STACK_NAME}/../../disk.img`])('the key %s is left to S3', name => {
    expect(warningsOf(givenKey(name))).toEqual([]);
  });

  test('an empty key or version is refused', () => {
    const { stack } = givenStack();
    expect(() => new SnapshotImport(stack, 'A', { image: imageIn(stack, '') })).toThrow("'key' must be 1 to 1024 bytes long, got '' (in Stack/A)");
    expect(() => new SnapshotImport(stack, 'B', { image: imageIn(stack, 'key', '') })).toThrow("'versionId' must be the id of a version, got ''");
  });

  test.each([
    ['k'.repeat(128), 'x', 'tag keys must be 1 to 127 characters long'],
    ['key', 'v'.repeat(256), "the value of tag 'key' must be at most 255 characters long"],
    ['Aws:key', 'x', "tag keys must not start with 'aws:'"],
  ])('tag %j with value %j is refused', (tag, value, message) => {
    const { stack, snapshot } = given();
    Tags.of(snapshot).add(tag, value);

    expect(() => Template.fromStack(stack)).toThrow(message);
  });

  test('more than 50 tags together with ours are refused', () => {
    const { stack, snapshot } = given();
    for (let n = 0; n < 45; n++) { Tags.of(snapshot).add(`key${n}`, 'x'); }

    expect(() => Template.fromStack(stack)).toThrow('there must be at most 43 tags (50, of which this library needs 7), got 45');
  });
});
