import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, Snapshot, SnapshotImport, Verification, ZeroBlocks, type SnapshotImportProps } from '../../../../src';
import { givenStack, propertiesOf, onlyOf, statementsAllowing } from '../../../harness/given';

const TYPE = 'Custom::SnapshotImport';
const PARENT = 'snap-0123456789abcdef0';
const PARENT_ARN = { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:ec2:eu-west-1::snapshot/${PARENT}`]] };
const KEY_ARN = 'arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0000-1111-2222-333344445555';

function given(props: Partial<SnapshotImportProps> = {}, { stack } = givenStack(), id = 'Image') {
  const image = DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, `${id}Bucket`, 'images'), 'disk.img');
  return { stack, snapshot: new SnapshotImport(stack, id, { image, ...props }) };
}
const named = (more: Partial<SnapshotImportProps> = {}) => {
  const { app, stack, vpc } = givenStack();
  return given({ parent: Snapshot.fromSnapshotId(stack, 'Parent', PARENT), ...more }, { app, stack, vpc });
};

test('increments are made unless the user does not want them, and say what they are made of', () => {
  const { stack, snapshot } = given();
  expect(propertiesOf(stack, TYPE)).not.toHaveProperty('Incremental');
  expect(propertiesOf(given({ incremental: true }).stack, TYPE)).not.toHaveProperty('Incremental');
  expect(propertiesOf(given({ incremental: false }).stack, TYPE)).toMatchObject({ Incremental: false });
  expect(stack.resolve(snapshot.parentSnapshotId)).toEqual({ 'Fn::GetAtt': [onlyOf(stack, TYPE).logicalId, 'ParentSnapshotId'] });
});

test('a parent may be used and read by those who have to, before the snapshot is made', () => {
  const { stack } = named();
  expect(propertiesOf(stack, TYPE).ParentSnapshotId).toBe(PARENT);
  for (const [role, action] of [
    ['EbsRole', 'ebs:StartSnapshot'], ['TransferSteps', 'ebs:ListSnapshotBlocks'], ['TransferCopy', 'ebs:ListSnapshotBlocks'], ['TransferCopy', 'ebs:GetSnapshotBlock'],
  ]) {
    const statement = statementsAllowing(stack, role, action).find(({ Resource }) => JSON.stringify(Resource) === JSON.stringify(PARENT_ARN));
    expect(statement).toBeDefined();
    expect(onlyOf(stack, TYPE).DependsOn).toContain(statement!.policy);
  }
  expect(statementsAllowing(given().stack, 'TransferCopy', 'ebs:GetSnapshotBlock')).toEqual([]);
});

test('who lists an encrypted parent may ask for its key', () => {
  const key = () => kms.Key.fromKeyArn(givenStack().stack, 'Key', KEY_ARN);
  expect(statementsAllowing(named({ kmsKey: key(), verify: Verification.NONE }).stack, 'TransferSteps', 'kms:DescribeKey')).toMatchObject([{ Resource: KEY_ARN }]);
  expect(statementsAllowing(given({ kmsKey: key(), verify: Verification.NONE }).stack, 'TransferSteps', 'kms:DescribeKey')).toEqual([]);
});

test('another import can be the parent, if it is completed by then', () => {
  const world = givenStack();
  const { snapshot: parent } = given({}, world, 'Base');
  const { snapshot } = given({ parent }, world, 'Child');
  expect(world.stack.resolve((snapshot.node.defaultChild as any)._cfnProperties.ParentSnapshotId)).toEqual({ Ref: expect.stringMatching(/^Base/) });
  const { snapshot: unfinished } = given({ waitForCompletion: false }, world, 'Unfinished');
  expect(() => given({ parent: unfinished }, world, 'Other'))
    .toThrow("'parent' must be completed before this import begins, got Stack/Unfinished, which has 'waitForCompletion: false' (in Stack/Other)");
});

test('what contradicts a parent is refused', () => {
  expect(() => named({ zeroBlocks: ZeroBlocks.OMIT })).toThrow("specify 'zeroBlocks: OMIT' or 'parent', not both (in Stack/Image)");
  expect(() => named({ incremental: false })).toThrow("specify 'incremental: false' or 'parent', not both (in Stack/Image)");
  expect(() => Snapshot.fromSnapshotId(givenStack().stack, 'Wrong', 'vol-1')).toThrow("'snapshotId' must be the id of a snapshot, like 'snap-0123456789abcdef0', got 'vol-1'");
});
