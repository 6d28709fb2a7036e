import { NestedStack, type Stack, Tags } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import { FileSystem, TagSet } from '../../../../src';
import { givenStack, onlyOf, ownerOfOnly, propertiesOf, statementsAllowing, tagsIn } from '../../../harness/given';
import type { Statement } from '../../../harness/policies';

const TYPE = 'Custom::TagSet';

/** Whether a statement allows the tags of users on what the stack did not make. */
const hasUserTags = ({ Condition = {} }: Statement) => 'ForAllValues:StringNotEqualsIgnoreCase' in Condition;

function foreignFileSystem(stack: Stack): efs.IFileSystem {
  return FileSystem.fromFileSystemAttributes(stack, 'Foreign', {
    fileSystemId: 'fs-12345678', securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-99999999'),
  });
}

function given(tags: Record<string, string>, overwrite?: boolean) {
  const { app, stack } = givenStack({ tags: { stage: 'test' } });
  return { app, stack, tagSet: new TagSet(stack, 'Tags', { fileSystem: foreignFileSystem(stack), tags, overwrite }) };
}

test('the template says which tags on which file system', () => {
  const { stack } = given({ team: 'storage' });

  expect(propertiesOf(stack, TYPE)).toEqual({
    ServiceToken: expect.anything(),
    ServiceTimeout: '3600',
    ResourceId: 'fs-12345678',
    Tags: [{ Key: 'stage', Value: 'test' }, { Key: 'team', Value: 'storage' }],
    Owner: ownerOfOnly(stack, TYPE),
    RemovalPolicy: 'Delete',
  });
});

test('the user may let it overwrite', () => {
  expect(propertiesOf(given({ team: 'storage' }, true).stack, TYPE).Overwrite).toBe(true);
  expect(propertiesOf(given({ team: 'storage' }, false).stack, TYPE)).not.toHaveProperty('Overwrite');
});

test('its own tags win over those of Tags.of, and those over the tags of the stack', () => {
  const { app, stack } = given({ team: 'storage' });
  Tags.of(app).add('team', 'everybody');
  Tags.of(app).add('stage', 'prod');

  expect(tagsIn(propertiesOf(stack, TYPE).Tags)).toEqual({ team: 'storage', stage: 'prod' });
});

test.each([
  ['FileSystem', (stack: Stack, vpc: ec2.Vpc) => new FileSystem(stack, 'Fs', { vpc })],
  ['efs.FileSystem', (stack: Stack, vpc: ec2.Vpc) => new efs.FileSystem(stack, 'Fs', { vpc })],
])('inherited tags that a %s of the app has by itself are left to that, so that they stay when the set goes', (_, make) => {
  const { app, stack, vpc } = givenStack({ tags: { stage: 'test' } });
  const fileSystem = make(stack, vpc);
  const tagSet = new TagSet(stack, 'Tags', { fileSystem, tags: { team: 'storage' } });
  Tags.of(app).add('both', 'x');
  Tags.of(tagSet).add('here', 'only');

  expect(tagsIn(propertiesOf(stack, TYPE).Tags)).toEqual({ team: 'storage', here: 'only' });
});

test('a foreign file system may be tagged before the set is made', () => {
  const { stack } = given({ team: 'storage' });

  const [tagging] = statementsAllowing(stack, 'cdkdurablestorageEfs', 'elasticfilesystem:TagResource').filter(hasUserTags);
  expect(tagging).toMatchObject({
    Action: ['elasticfilesystem:TagResource', 'elasticfilesystem:UntagResource'],
    Resource: { 'Fn::Join': ['', expect.arrayContaining([expect.stringContaining(':file-system/fs-12345678')])] },
  });
  expect(onlyOf(stack, TYPE).DependsOn).toContain(tagging.policy);
});

test('a file system of ours in the same root stack may be tagged already', () => {
  const { stack, vpc } = givenStack();
  const fileSystem = new FileSystem(stack, 'Fs', { vpc });
  const nested = new NestedStack(stack, 'Nested');
  new TagSet(nested, 'Tags', { fileSystem, tags: { team: 'storage' } });
  const nestedId = stack.resolve(nested.nestedStackResource!.logicalId) as string;

  expect(statementsAllowing(nested, 'EfsRole', 'elasticfilesystem:TagResource').filter(hasUserTags)).toEqual([]);
  expect(propertiesOf(nested, TYPE).Owner).toEqual({ 'Fn::Join': ['', [{ Ref: expect.stringMatching(/StackName/) }, `/${nestedId}/${onlyOf(nested, TYPE).logicalId}`]] });
});

describe('an access point', () => {
  const POINT = 'fsap-0123456789abcdef0';

  test('of others is tagged, and only that', () => {
    const { stack } = givenStack();
    const accessPoint = efs.AccessPoint.fromAccessPointId(stack, 'Theirs', POINT);
    new TagSet(stack, 'Tags', { accessPoint, tags: { team: 'storage' } });

    expect(propertiesOf(stack, TYPE)).toMatchObject({ ResourceId: POINT, Tags: [{ Key: 'team', Value: 'storage' }] });
    const [tagging] = statementsAllowing(stack, 'cdkdurablestorageEfs', 'elasticfilesystem:UntagResource').filter(hasUserTags);
    expect(tagging).toMatchObject({
      Action: ['elasticfilesystem:TagResource', 'elasticfilesystem:UntagResource'],
      Resource: { 'Fn::Join': ['', expect.arrayContaining([expect.stringContaining(`:access-point/${POINT}`)])] },
    });
    expect(onlyOf(stack, TYPE).DependsOn).toContain(tagging.policy);
  });

  test('of the stack has the tags of Tags.of by itself, and its policy goes with its id', () => {
    const { app, stack, vpc } = givenStack();
    const accessPoint = new FileSystem(stack, 'Fs', { vpc }).addAccessPoint('Point');
    new TagSet(stack, 'Tags', { accessPoint, tags: { team: 'storage' } });
    Tags.of(app).add('both', 'x');

    const { Properties, DependsOn } = onlyOf(stack, TYPE);
    expect(tagsIn(Properties.Tags)).toEqual({ team: 'storage' });
    const policy = onlyOf(stack, 'AWS::IAM::RolePolicy');
    expect(DependsOn).toContain(policy.logicalId);
    expect(policy.Properties.PolicyName).toEqual({ 'Fn::Join': ['', [expect.stringMatching(/^[0-9a-f]{8}-$/), Properties.ResourceId]] });
    const [tagging] = statementsAllowing(stack, 'cdkdurablestorageEfs', 'elasticfilesystem:TagResource').filter(statement => statement.policy === policy.logicalId);
    expect(tagging.Resource).toEqual({ 'Fn::Join': ['', expect.arrayContaining([Properties.ResourceId])] });
  });

  test('or a file system must be named, and one only', () => {
    const { stack } = givenStack();
    const accessPoint = efs.AccessPoint.fromAccessPointId(stack, 'Theirs', POINT);
    expect(() => new TagSet(stack, 'None', { tags: {} })).toThrow("specify 'fileSystem' or 'accessPoint' (in Stack/None)");
    expect(() => new TagSet(stack, 'Both', { accessPoint, fileSystem: foreignFileSystem(stack), tags: {} }))
      .toThrow("specify 'fileSystem' or 'accessPoint', not both (in Stack/Both)");
  });
});

test.each([
  [{ 'aws:x': 'y' }, "tag keys must not start with 'aws:' or 'cdk-durable-storage:', got 'aws:x' (in Stack/Tags)"],
  [{ '': 'y' }, "tag keys must be 1 to 128 characters long, got '' (0 characters)"],
  [{ 'a*b': 'y' }, "tag keys must consist of letters, digits, spaces and _.:/=+-@, got 'a*b'"],
  [Object.fromEntries(Array.from({ length: 31 }, (_, n) => [`key${n}`, 'x'])), 'there must be at most 30 tags, got 31: give the others to another TagSet'],
])('wrong tags are refused: %j', (tags, message) => {
  expect(() => given(tags as Record<string, string>)).toThrow(message);
});

test('too many tags with the inherited ones are refused', () => {
  const { stack } = given(Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`key${n}`, 'x'])));

  expect(() => Template.fromStack(stack)).toThrow('there must be at most 30 tags, got 31: give the others to another TagSet');
});
