import { type CfnElement, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import { Adopt, FileSystem, ThroughputCooldown, type FileSystemProps } from '../../../../src';
import { RETAINED_TAG } from '../../../../src/contract/ownership';
import { givenStack, onlyOf, ownerInTemplate, propertiesOf, statementsAllowing } from '../../../harness/given';

const ID = 'fs-0123456789abcdef0';

function given(props: Partial<FileSystemProps> = {}): Stack {
  const { stack, vpc } = givenStack();
  new FileSystem(stack, 'Fs', { vpc, ...props });
  return stack;
}
/** Permissions to ask what any stack has. */
const anyStack = (stack: Stack) => statementsAllowing(stack, 'cdkdurablestorageEfs', 'cloudformation:DescribeStackResources')
  .filter(({ Resource }) => JSON.stringify(Resource).includes(':stack/*/*'));
const adoptions = (stack: Stack) =>
  statementsAllowing(stack, 'cdkdurablestorageEfs', 'elasticfilesystem:TagResource').filter(({ policy }) => policy.includes('AdoptionAccess'));

test('the handler may mark a file system that is named by its id as this stack\'s, and no other', () => {
  const stack = given({ adoptFileSystemId: ID });
  expect(propertiesOf(stack, 'Custom::FileSystem')).toMatchObject({ AdoptFileSystemId: ID });
  expect(propertiesOf(stack, 'Custom::MountTargets')).toMatchObject({ TakeOver: true });

  const [{ Resource, Condition, policy }, ...others] = adoptions(stack);
  expect(others).toEqual([]);
  expect(JSON.stringify(Resource)).toContain(`file-system/${ID}`);
  expect(Condition).toEqual({
    'StringEquals': { 'aws:RequestTag/cdk-durable-storage:stack-id': { Ref: 'AWS::StackId' } },
    'StringLike': { 'aws:RequestTag/cdk-durable-storage:owner': ownerInTemplate('*') },
    'ForAllValues:StringLike': { 'aws:TagKeys': 'cdk-durable-storage:*' },
  });
  expect(onlyOf(stack, 'Custom::FileSystem').DependsOn).toContain(policy);
  expect(anyStack(stack)).toHaveLength(1);
});

test('ALWAYS lets it mark any, as nothing tells IAM of tokens', () => {
  const stack = given({ creationToken: 'x', adopt: Adopt.ALWAYS });
  expect(propertiesOf(stack, 'Custom::FileSystem')).toMatchObject({ Adopt: 'ALWAYS' });
  expect(JSON.stringify(adoptions(stack)[0].Resource)).toContain('file-system/*');
  expect(anyStack(stack)).toHaveLength(1);
  expect(propertiesOf(stack, 'Custom::MountTargets')).not.toHaveProperty('TakeOver');
});

test.each([[{}], [{ adopt: Adopt.OWNED }], [{ adopt: Adopt.NEVER }], [{ allowReplacement: false }]])('%j lets it mark none', props => {
  const stack = given(props);
  expect(adoptions(stack)).toEqual([]);
  expect(anyStack(stack)).toEqual([]);
});

test.each<[Partial<FileSystemProps>, string]>([
  [{ adoptFileSystemId: ID, creationToken: 'x' }, "specify 'adoptFileSystemId' or 'creationToken', not both (in Stack/Fs)"],
  [{ adoptFileSystemId: ID, adopt: Adopt.ALWAYS }, "specify 'adoptFileSystemId' or 'adopt', not both (in Stack/Fs)"],
  [{ formerly: ['Files'], adopt: Adopt.NEVER }, "specify 'formerly' or 'adopt: Adopt.NEVER', not both (in Stack/Fs)"],
  [{ formerly: ['App/my-files'] }, "'formerly' must be logical ids, with slashes after those of nested stacks, got 'App/my-files' (in Stack/Fs)"],
  [{ adoptFileSystemId: 'files' }, "'adoptFileSystemId' must be the id of a file system, got 'files' (in Stack/Fs)"],
])('%j is refused', (props, message) => {
  expect(() => given(props)).toThrow(message);
});

test('former logical ids and the acceptance of what is there are passed on', () => {
  const stack = given({ formerly: ['Old1A2B3C4D', 'DataNestedStackResource1A2B/Files3C4D'], adoptAsIs: true });
  expect(propertiesOf(stack, 'Custom::FileSystem')).toMatchObject({
    Formerly: ['Old1A2B3C4D', 'DataNestedStackResource1A2B/Files3C4D'], AdoptAsIs: true,
  });
  const plain = propertiesOf(given({ formerly: [], adoptAsIs: false }), 'Custom::FileSystem');
  expect(plain).not.toHaveProperty('Formerly');
  expect(plain).not.toHaveProperty('AdoptAsIs');
});

test('a logical id that a construct of the stack still has is refused in "formerly"', () => {
  const { stack, vpc } = givenStack();
  const other = new FileSystem(stack, 'Other', { vpc });
  new FileSystem(stack, 'Fs', { vpc, formerly: [stack.getLogicalId(other.node.defaultChild as CfnElement)] });
  expect(() => Template.fromStack(stack)).toThrow(/'formerly' must be logical ids that no construct has any more, got 'Other[0-9A-F]+' of Stack\/Other/);
});

test('what defers a change of throughput is there once, and only where it is asked for', () => {
  expect(propertiesOf(given({ throughputCooldown: ThroughputCooldown.FAIL }), 'Custom::FileSystem')).not.toHaveProperty('Deferral');
  const { stack, vpc } = givenStack();
  for (const id of ['One', 'Two']) { new FileSystem(stack, id, { vpc, throughputCooldown: ThroughputCooldown.DEFER }); }
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::Scheduler::ScheduleGroup', 1);
  template.allResourcesProperties('Custom::FileSystem', { Deferral: { GroupName: { Ref: Object.keys(template.findResources('AWS::Scheduler::ScheduleGroup'))[0] } } });
  expect(statementsAllowing(stack, 'cdkdurablestorageEfs', 'iam:PassRole')).toMatchObject([
    { Condition: { StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } } },
  ]);
  expect(statementsAllowing(stack, 'SchedulerRole', 'lambda:InvokeFunction')).toHaveLength(1);
});

test('a file system of aws-cdk-lib is retained with all that belongs to it, and says so by a tag', () => {
  const { stack, vpc } = givenStack();
  const old = new efs.FileSystem(stack, 'Old', { vpc });
  FileSystem.retainForMigration(old);
  old.addAccessPoint('Later');
  old.connections.allowDefaultPortFrom(new ec2.SecurityGroup(stack, 'Client', { vpc }));

  const resources = Object.entries(Template.fromStack(stack).toJSON().Resources as Record<string, any>).filter(([id]) => id.startsWith('Old'));
  expect(resources.map(([, { Type }]) => Type).sort()).toEqual([
    'AWS::EC2::SecurityGroup', 'AWS::EC2::SecurityGroupIngress', 'AWS::EFS::AccessPoint', 'AWS::EFS::FileSystem', 'AWS::EFS::MountTarget', 'AWS::EFS::MountTarget',
  ]);
  resources.forEach(([, { DeletionPolicy }]) => expect(DeletionPolicy).toBe('Retain'));
  expect(propertiesOf(stack, 'AWS::EFS::FileSystem').FileSystemTags).toContainEqual({ Key: RETAINED_TAG, Value: { Ref: 'AWS::StackId' } });
});

test('a lookup says by what, and other policies belong to another one', () => {
  const policy = (tags: Record<string, string>) => {
    const { stack, vpc } = givenStack();
    const securityGroup = new ec2.SecurityGroup(stack, 'Clients', { vpc });
    const fileSystem = FileSystem.fromLookup(stack, 'Theirs', { creationToken: 'x', tags, securityGroup });
    expect(propertiesOf(stack, 'Custom::FileSystemLookup')).toMatchObject({
      CreationToken: 'x', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    });
    expect(stack.resolve(fileSystem.fileSystemId)).toMatchObject({ 'Fn::GetAtt': [expect.any(String), 'FileSystemId'] });
    return fileSystem.node.addr;
  };
  expect(policy({ a: '1', b: '2' })).toBe(policy({ a: '1', b: '2' }));
  expect(policy({ a: '1' })).not.toBe(policy({ a: '2' }));

  const { stack, vpc } = givenStack();
  expect(() => FileSystem.fromLookup(stack, 'Theirs', { securityGroup: new ec2.SecurityGroup(stack, 'Clients', { vpc }) }))
    .toThrow("a lookup needs 'creationToken' or 'tags', got none (in Stack/Theirs)");
});
