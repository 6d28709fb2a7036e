import { NestedStack, type Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, FileSystem, SnapshotImport, TagSet } from '../../../../../src';
import { givenStack, givenVpc, ownerInTemplate, statementsAllowing } from '../../../../harness/given';

const STACK_ID = { Ref: 'AWS::StackId' };
const FILE_SYSTEMS = { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':elasticfilesystem:eu-west-1:111122223333:file-system/*']] };
const SNAPSHOTS = { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':ec2:eu-west-1::snapshot/*']] };
const MADE_HERE = { StringEquals: { 'aws:ResourceTag/cdk-durable-storage:stack-id': STACK_ID } };

function givenImport(stack: Stack, id = 'Image'): SnapshotImport {
  return new SnapshotImport(stack, id, { image: DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, `${id}Bucket`, 'images'), 'disk.img') });
}

/** The function with a handler in a bundle whose logical id contains a name. */
function functionOf(stack: Stack, name: string): Record<string, any> {
  const [found, ...others] = Object.entries(Template.fromStack(stack).findResources('AWS::Lambda::Function')).filter(([id]) => id.includes(name));
  expect(others).toEqual([]);
  return found[1].Properties;
}

const serviceTokens = (stack: Stack) => Object.values(Template.fromStack(stack).toJSON().Resources as Record<string, any>)
  .filter(({ Type }) => /^Custom::(FileSystem|MountTargets|TagSet|SnapshotImport)$/.test(Type))
  .map(({ Properties }) => Properties.ServiceToken['Fn::GetAtt'][0]);

describe('providers', () => {
  test('are one per service and stack, under ids that never change', () => {
    const { stack, vpc } = givenStack();
    const fileSystem = new FileSystem(stack, 'Fs1', { vpc });
    new FileSystem(stack, 'Fs2', { vpc });
    new TagSet(stack, 'Tags', { fileSystem, tags: { a: 'b' } });
    givenImport(stack, 'A');
    givenImport(stack, 'B');

    expect([...new Set(serviceTokens(stack))].sort()).toEqual([
      'cdkdurablestorageEbsHandler756175F1',
      'cdkdurablestorageEfsHandler003C6B05',
    ]);
  });

  test('are separate in nested stacks, but know the things of the whole root stack', () => {
    const { stack, vpc } = givenStack();
    const nested = new NestedStack(stack, 'Nested');
    new FileSystem(stack, 'Fs', { vpc });
    new FileSystem(nested, 'Fs', { vpc: givenVpc(nested) });

    expect(serviceTokens(stack)).toHaveLength(2);
    expect(serviceTokens(nested)).toHaveLength(2);
    expect(statementsAllowing(nested, 'EfsRole', 'elasticfilesystem:DeleteFileSystem')).toMatchObject([
      { Condition: { StringLike: { 'aws:ResourceTag/cdk-durable-storage:owner': { 'Fn::Join': ['', [{ Ref: 'referencetoStackAWSStackName' }, '/*']] } } } },
    ]);
  });

  test('may ask for the state of their stack and of the root stack, and of no others', () => {
    const { stack } = givenStack();
    const nested = new NestedStack(stack, 'Nested');
    givenImport(stack);
    givenImport(nested);
    const asked = (scope: Stack) => statementsAllowing(scope, 'EbsRole', 'cloudformation:DescribeStacks').map(({ Resource }) => Resource);
    expect(asked(stack)).toEqual([{ Ref: 'AWS::StackId' }]);
    const [[own, root]] = asked(nested) as unknown[][];
    expect(own).toEqual({ Ref: 'AWS::StackId' });
    expect(JSON.stringify(root)).toContain(':stack/",{"Ref":"referencetoStackAWSStackName"},"/*"');
  });

  test('run the bundles on the newest Node.js and arm64, and know their stack and state machine', () => {
    const { stack, vpc } = givenStack();
    new FileSystem(stack, 'Fs', { vpc });
    givenImport(stack);

    for (const service of ['Efs', 'Ebs']) {
      expect(functionOf(stack, `${service}Handler`)).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        Timeout: 120,
        Environment: { Variables: { STACK_ID, WAITER_ARN: { Ref: expect.stringContaining(`${service}Waiter`) } } },
      });
    }
    expect(Object.keys(functionOf(stack, 'EbsHandler').Environment.Variables).sort())
      .toEqual(['STACK_ID', 'TRANSFER_BUCKET', 'WAITER_ARN']);
  });
});

describe('the role of the EFS handlers', () => {
  const { stack, vpc } = givenStack();
  new FileSystem(stack, 'Fs', { vpc });
  const allowed = (action: string) => statementsAllowing(stack, 'EfsRole', action);

  test('creates only what carries the tag of the stack', () => {
    const tagged = { 'aws:RequestTag/cdk-durable-storage:stack-id': STACK_ID };
    expect(allowed('elasticfilesystem:CreateFileSystem')).toMatchObject([{ Resource: '*', Condition: { StringEquals: tagged } }]);
    expect(allowed('elasticfilesystem:TagResource')[0]).toMatchObject({
      Resource: FILE_SYSTEMS, Condition: { StringEquals: { ...tagged, 'elasticfilesystem:CreateAction': 'CreateFileSystem' } },
    });
  });

  test.each([
    'UpdateFileSystem', 'DeleteFileSystem', 'UntagResource', 'PutFileSystemPolicy', 'DeleteFileSystemPolicy',
    'CreateMountTarget', 'DeleteMountTarget', 'ModifyMountTargetSecurityGroups',
  ])('may call %s for file systems of this root stack alone', action => {
    expect(allowed(`elasticfilesystem:${action}`)).toMatchObject([
      { Resource: FILE_SYSTEMS, Condition: { StringLike: { 'aws:ResourceTag/cdk-durable-storage:owner': ownerInTemplate('*') } } },
    ]);
  });

  test('has nothing beyond EFS but what mount targets need, and the state of stacks of this name', () => {
    expect(allowed('iam:CreateServiceLinkedRole')).toMatchObject([
      { Condition: { StringEquals: { 'iam:AWSServiceName': 'elasticfilesystem.amazonaws.com' } } },
    ]);
    const stacks = JSON.stringify(allowed('cloudformation:DescribeStacks')[0].Resource);
    expect(stacks).toContain(':stack/",{"Ref":"AWS::StackName"},"/*"');
    expect(stacks).toContain(':stack/",{"Ref":"AWS::StackName"},"-*/*"');
    expect(allowed('ec2:CreateNetworkInterface')).toHaveLength(1);
  });
});

describe('the roles of the EBS functions', () => {
  const { stack } = givenStack();
  givenImport(stack);
  const allowed = (role: string, action: string) => statementsAllowing(stack, role, action);

  test('start only snapshots that carry the tag of the stack', () => {
    const tagged = { 'aws:RequestTag/cdk-durable-storage:stack-id': STACK_ID };
    // The parent, if there is one, is made here too, unless a construct names another one.
    expect(allowed('EbsRole', 'ebs:StartSnapshot')).toMatchObject([
      { Resource: SNAPSHOTS, Condition: { StringEquals: tagged } }, { Resource: SNAPSHOTS, Condition: MADE_HERE },
    ]);
    expect(allowed('EbsRole', 'ec2:CreateTags')[0]).toMatchObject({
      Resource: SNAPSHOTS, Condition: { StringEquals: tagged },
    });
  });

  test.each([
    ['EbsRole', 'ec2:DeleteTags'],
    ['EbsRole', 'ec2:DeleteSnapshot'],
    ['TransferCopy', 'ebs:PutSnapshotBlock'],
    ['TransferSteps', 'ebs:CompleteSnapshot'],
    ['TransferSteps', 'ebs:ListSnapshotBlocks'],
    ['TransferSteps', 'ebs:GetSnapshotBlock'],
    ['TransferCleanUp', 'ec2:DeleteSnapshot'],
  ])('%s: %s is for snapshots of the stack alone', (role, action) => {
    // Of images, the tests of machine images tell.
    const ofSnapshots = allowed(role, action).filter(({ Resource }) => !JSON.stringify(Resource).includes(':image/'));
    expect(ofSnapshots).toMatchObject([{ Resource: SNAPSHOTS, Condition: MADE_HERE }]);
  });

  test.each([
    ['TransferCopy', ['s3:GetObject', 's3:PutObject']],
    ['TransferSteps', ['s3:GetObject', 's3:PutObject']],
    ['TransferCleanUp', ['s3:DeleteObject']],
    ['EbsRole', ['s3:GetObject', 's3:DeleteObject']],
  ])('%s does in the transfer bucket what it needs: %j', (role, actions) => {
    const inBucket = actions.map(action => allowed(role, action).filter(({ Resource }) => JSON.stringify(Resource).includes('/transfers/*')));
    inBucket.forEach(statements => expect(statements).toHaveLength(1));
    expect([inBucket[0][0].Action].flat()).toEqual(actions);
  });

  test('start and stop transfers of their own state machine only', () => {
    const starts = allowed('EbsRole', 'states:StartExecution').map(({ Resource }) => Resource);
    expect(starts).toEqual(expect.arrayContaining([{ Ref: expect.stringMatching(/TransferStateMachine/) }, { Ref: expect.stringMatching(/EbsWaiter/) }]));
    expect(starts).toHaveLength(2);
    expect(JSON.stringify(allowed('EbsRole', 'states:StopExecution')[0].Resource)).toMatch(/:execution:.*TransferStateMachine.*:\*/);
  });
});

test('the transfer bucket is private, encrypted, open to TLS only, and emptied when it is removed', () => {
  const { stack } = givenStack();
  givenImport(stack);

  const template = Template.fromStack(stack);
  template.hasResource('AWS::S3::Bucket', {
    Properties: {
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
      LifecycleConfiguration: { Rules: [{ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 }, Status: 'Enabled' }] },
    },
    DeletionPolicy: 'Delete',
  });
  template.hasResourceProperties('AWS::S3::BucketPolicy', {
    PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } })]) },
  });
  template.resourceCountIs('Custom::S3AutoDeleteObjects', 1);
});

test('a VPC that is looked up does not stop the first synthesis', () => {
  const { stack } = givenStack();
  const vpc = ec2.Vpc.fromLookup(stack, 'LookedUp', { vpcId: 'vpc-12345678' });
  new FileSystem(stack, 'Fs', { vpc, oneZone: true, vpcSubnets: { availabilityZones: ['eu-west-1a'] } });
});
