import { App, CfnParameter, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { EFS_DENY_ANONYMOUS_ACCESS } from 'aws-cdk-lib/cx-api';
import type { Construct } from 'constructs';
import { BackupPolicy, FileSystem, FileSystemPolicy, LifecycleConfiguration, ReplicationConfiguration, type FileSystemProps } from '../../../../src';
import { ENV, givenStack, givenVpc, onlyOf, ownerInTemplate, ownerOfOnly, propertiesOf, statementsAllowing, warningsOf } from '../../../harness/given';

const FOREIGN_ID = 'fs-0123456789abcdef0';
const { regionalFileSystem, existingFileSystem } = efs.ReplicationConfiguration;

function given(props: Partial<FileSystemProps> = {}) {
  const { app, stack, vpc } = givenStack();
  return { app, stack, vpc, fileSystem: new FileSystem(stack, 'Fs', { vpc, ...props }) };
}

function givenForeign() {
  const { stack, vpc } = givenStack();
  const securityGroup = ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-01234567');
  const foreign: efs.IFileSystem = efs.FileSystem.fromFileSystemAttributes(stack, 'Foreign', { fileSystemId: FOREIGN_ID, securityGroup });
  return { stack, vpc, foreign };
}

const statement = () => new iam.PolicyStatement({ principals: [new iam.AnyPrincipal()], actions: ['elasticfilesystem:ClientMount'] });
const replications = (stack: Stack) => statementsAllowing(stack, 'EfsRole', 'elasticfilesystem:CreateReplicationConfiguration');
/** Those of policies beside the role's own. */
const extra = (stack: Stack, action: string) =>
  statementsAllowing(stack, 'EfsRole', `elasticfilesystem:${action}`).filter(({ policy }) => !/EfsRole[0-9A-F]{8}$/.test(policy));
const creations = (stack: Stack) => statementsAllowing(stack, 'EfsRole', 'elasticfilesystem:CreateFileSystem');
/** Of the file systems of the stack, by their owner tag. */
const BY_TAG = { Condition: { StringLike: { 'aws:ResourceTag/cdk-durable-storage:owner': ownerInTemplate('*') } } };

describe('a file system', () => {
  test.each([[true, 'ENABLED'], [false, 'DISABLED'], [undefined, undefined]])('with enableAutomaticBackups %p has status %p', (enableAutomaticBackups, Status) => {
    expect(propertiesOf(given({ enableAutomaticBackups }).stack, 'Custom::FileSystem').BackupPolicy).toEqual(Status && { Status });
  });

  test('must archive later than it moves to Infrequent Access', () => {
    expect(() => given({ lifecyclePolicy: efs.LifecyclePolicy.AFTER_14_DAYS, transitionToArchivePolicy: efs.LifecyclePolicy.AFTER_14_DAYS }))
      .toThrow("'transitionToArchivePolicy' must be later than 'lifecyclePolicy' (AFTER_14_DAYS), got AFTER_14_DAYS (in Stack/Fs)");
  });

  test.each<[Partial<FileSystemProps>, number]>([
    [{}, 1], [{ throughputMode: efs.ThroughputMode.BURSTING }, 1], [{ throughputMode: efs.ThroughputMode.ELASTIC }, 0],
  ])('that archives with %j has %d warnings', (props, count) => {
    const { stack } = given({ transitionToArchivePolicy: efs.LifecyclePolicy.AFTER_90_DAYS, ...props });
    expect(warningsOf(stack, '/Stack/Fs').filter(text => text.includes("'transitionToArchivePolicy' needs 'throughputMode' ELASTIC"))).toHaveLength(count);
  });

  test('that is replicated to a new one lets EFS make that, and waits for the right to it', () => {
    const { stack } = given({ replicationConfiguration: regionalFileSystem() });
    const { DependsOn, Properties } = onlyOf(stack, 'Custom::FileSystem');

    expect(Properties.ReplicationConfiguration).toEqual({ Destinations: [{ Region: ENV.region }] });
    const [access] = extra(stack, 'CreateFileSystem');
    expect(access.Resource).toBe('*');
    expect(DependsOn).toContain(access.policy);
    expect(creations(given().stack)).toHaveLength(1);
  });

  test('that is replicated with a key lets EFS use that', () => {
    const { stack } = givenStack();
    const key = new kms.Key(stack, 'Key');
    new FileSystem(stack, 'Fs', { vpc: givenVpc(new Stack(stack, 'Net', { env: ENV })), replicationConfiguration: regionalFileSystem(ENV.region, key) });
    const [use] = statementsAllowing(stack, 'EfsRole', 'kms:CreateGrant');
    expect(use.Resource).toEqual({ 'Fn::GetAtt': [onlyOf(stack, 'AWS::KMS::Key').logicalId, 'Arn'] });
    expect(onlyOf(stack, 'Custom::FileSystem').DependsOn).toContain(use.policy);
  });

  test('that is replicated to another Region takes no key of its own Region', () => {
    const { stack, vpc } = givenStack();
    const replicated = (id: string, key: kms.IKey) => () => new FileSystem(stack, id, { vpc, replicationConfiguration: regionalFileSystem('eu-central-1', key) });
    const far = kms.Key.fromKeyArn(stack, 'Far', `arn:aws:kms:eu-central-1:${ENV.account}:key/12345678-1234-1234-1234-123456789012`);
    expect(replicated('Near', new kms.Key(stack, 'Key'))).toThrow(
      `'kmsKey' of the replication must be a key in eu-central-1, where the copy is made, got one in ${ENV.region} (in Stack/Near)`);
    expect(replicated('Fs', far)).not.toThrow();
    expect(statementsAllowing(stack, 'EfsRole', 'kms:CreateGrant').map(({ Resource }) => Resource)).toEqual([far.keyArn]);
  });

  test('that is replicated to one of the stack needs no more rights, to another one just that', () => {
    const { stack, vpc } = givenStack();
    const destination = new FileSystem(stack, 'Destination', { vpc, replicationOverwriteProtection: efs.ReplicationOverwriteProtection.DISABLED });
    new FileSystem(stack, 'Fs', { vpc, replicationConfiguration: existingFileSystem(destination) });
    expect(replications(stack)).toEqual([expect.objectContaining(BY_TAG)]);
    expect(creations(stack)).toHaveLength(1);

    const other = givenForeign();
    new FileSystem(other.stack, 'Fs', { vpc: other.vpc, replicationConfiguration: existingFileSystem(other.foreign) });
    expect(extra(other.stack, 'CreateReplicationConfiguration')).toMatchObject([{ Resource: other.stack.resolve(other.foreign.fileSystemArn) }]);
    expect(creations(other.stack)).toHaveLength(1);
  });

  test('that is replicated to an imported one has the Region of its ARN', () => {
    const destinationOf = (attributes: (stack: Stack) => Partial<efs.FileSystemAttributes>) => {
      const { stack, vpc } = givenStack();
      const destination = FileSystem.fromFileSystemAttributes(stack, 'There', {
        securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-99999999'), ...attributes(stack),
      });
      new FileSystem(stack, 'Fs', { vpc, replicationConfiguration: existingFileSystem(destination) });
      return propertiesOf(stack, 'Custom::FileSystem').ReplicationConfiguration.Destinations[0];
    };
    const far = `arn:aws:elasticfilesystem:eu-central-1:${ENV.account}:file-system/${FOREIGN_ID}`;

    expect(destinationOf(() => ({ fileSystemArn: far }))).toEqual({ FileSystemId: FOREIGN_ID, Region: 'eu-central-1' });
    expect(destinationOf(() => ({ fileSystemId: FOREIGN_ID }))).toEqual({ FileSystemId: FOREIGN_ID, Region: ENV.region });
    expect(destinationOf(stack => ({ fileSystemArn: new CfnParameter(stack, 'Arn').valueAsString })).Region)
      .toEqual({ 'Fn::Select': [3, { 'Fn::Split': [':', { Ref: 'Arn' }] }] });
  });

  test('that is replicated to one of another stack has the Region of that stack', () => {
    const { app, stack, vpc } = givenStack({ crossRegionReferences: true });
    const there = new Stack(app, 'There', { env: { ...ENV, region: 'eu-central-1' }, crossRegionReferences: true });
    const destination = new FileSystem(there, 'Copy', { vpc: new ec2.Vpc(there, 'Vpc'), fileSystemName: 'copy' });
    new FileSystem(stack, 'Fs', { vpc, replicationConfiguration: existingFileSystem(destination) });
    expect(propertiesOf(stack, 'Custom::FileSystem').ReplicationConfiguration.Destinations[0].Region).toBe('eu-central-1');
  });
});

describe('a setting of its own', () => {
  const make: Record<string, (scope: Stack, fileSystem: efs.IFileSystem) => void> = {
    FileSystemPolicy: (scope, fileSystem) => new FileSystemPolicy(scope, 'Setting', { fileSystem }).addToResourcePolicy(statement()),
    BackupPolicy: (scope, fileSystem) => void new BackupPolicy(scope, 'Setting', { fileSystem }),
    LifecycleConfiguration: (scope, fileSystem) =>
      void new LifecycleConfiguration(scope, 'Setting', { fileSystem, lifecyclePolicy: efs.LifecyclePolicy.AFTER_7_DAYS }),
    ReplicationConfiguration: (scope, fileSystem) =>
      void new ReplicationConfiguration(scope, 'Setting', { fileSystem, destination: regionalFileSystem('eu-central-1') }),
  };
  const expected = {
    FileSystemPolicy: [{ FileSystemPolicy: { Statement: [expect.objectContaining({ Principal: { AWS: '*' } })] } }, 'PutFileSystemPolicy', 'DeleteFileSystemPolicy'],
    BackupPolicy: [{ BackupPolicy: { Status: 'ENABLED' } }, 'PutBackupPolicy'],
    LifecycleConfiguration: [{ LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }] }, 'PutLifecycleConfiguration'],
    ReplicationConfiguration: [
      { ReplicationConfiguration: { Destinations: [{ Region: 'eu-central-1' }] } }, 'CreateReplicationConfiguration', 'DeleteReplicationConfiguration',
    ],
  } as unknown as Record<string, [object, ...string[]]>;

  test.each(Object.entries(expected))('%s tells the handler what to do, and may do just that to a foreign file system', (type, [properties, ...actions]) => {
    const { stack, foreign } = givenForeign();
    make[type](stack, foreign);

    const { Properties, DependsOn, DeletionPolicy } = onlyOf(stack, `Custom::${type}`) as Record<string, any>;
    expect(Properties).toMatchObject({ FileSystemId: FOREIGN_ID, Owner: ownerOfOnly(stack, `Custom::${type}`), ...properties });
    expect(DeletionPolicy).toBe('Delete');
    const access = actions.flatMap(action => extra(stack, action));
    expect(new Set(access.map(({ policy }) => policy)).size).toBe(1);
    expect([access[0].Action].flat()).toEqual(actions.map(action => `elasticfilesystem:${action}`));
    expect(access[0].Resource).toEqual(stack.resolve(foreign.fileSystemArn));
    expect(DependsOn).toContain(access[0].policy);
  });

  test.each(Object.keys(expected))('%s needs no more rights for a file system of the stack', type => {
    const { stack, fileSystem } = given();
    make[type](stack, fileSystem);
    const actions = expected[type].slice(1) as string[];
    for (const action of actions) {
      expect(statementsAllowing(stack, 'EfsRole', `elasticfilesystem:${action}`)).toEqual([expect.objectContaining(BY_TAG)]);
    }
  });

  test.each<[string, Partial<FileSystemProps>, string]>([
    ['BackupPolicy', { enableAutomaticBackups: false }, 'BackupPolicy'],
    ['LifecycleConfiguration', { lifecyclePolicy: efs.LifecyclePolicy.AFTER_1_DAY }, 'LifecyclePolicies'],
    ['ReplicationConfiguration', { replicationConfiguration: regionalFileSystem('eu-central-1') }, 'ReplicationConfiguration'],
  ])('%s and the props of the file system exclude each other', (type, props, name) => {
    const { stack, fileSystem } = given(props);
    make[type](stack, fileSystem);
    expect(() => Template.fromStack(stack)).toThrow(`'fileSystem' is Stack/Fs, which has ${name} by its own props`);
  });

});

describe.each([false, true])('a policy of its own, with the feature flag that denies anonymous access %s', flag => {
  const flagged = (props: Partial<FileSystemProps> = {}) => {
    const stack = new Stack(new App({ context: { [EFS_DENY_ANONYMOUS_ACCESS]: flag } }), 'Stack', { env: ENV });
    return { stack, fileSystem: new FileSystem(stack, 'Fs', { vpc: givenVpc(stack), ...props }) };
  };
  const addPolicy = (scope: Construct, fileSystem: efs.IFileSystem) =>
    new FileSystemPolicy(scope, 'Setting', { fileSystem }).addToResourcePolicy(statement());
  const role = (stack: Stack) => new iam.Role(stack, 'Role', { assumedBy: new iam.AccountRootPrincipal() });

  test('stands for the denial by default, in whatever stack of the app it is', () => {
    for (const scopeOf of [(stack: Stack) => stack, (stack: Stack) => new Stack(stack.node.root, 'Other', { env: ENV })]) {
      const { stack, fileSystem } = flagged();
      addPolicy(scopeOf(stack), fileSystem);
      expect(propertiesOf(stack, 'Custom::FileSystem')).not.toHaveProperty('FileSystemPolicy');
    }
    const { stack } = flagged();
    expect('FileSystemPolicy' in propertiesOf(stack, 'Custom::FileSystem')).toBe(flag);
  });

  test('goes with grants if anonymous access is allowed', () => {
    const { stack, fileSystem } = flagged({ allowAnonymousAccess: true });
    fileSystem.grantRead(role(stack));
    addPolicy(stack, fileSystem);
    expect(propertiesOf(stack, 'Custom::FileSystem')).not.toHaveProperty('FileSystemPolicy');
  });

  const also = flag ? ', as the feature flag @aws-cdk/aws-efs:denyAnonymousAccess does' : '';
  test.each<[string, Partial<FileSystemProps>, (fileSystem: FileSystem, stack: Stack) => void, string]>([
    ["the prop 'fileSystemPolicy'", { fileSystemPolicy: new iam.PolicyDocument({ statements: [statement()] }) }, () => {},
      "its 'fileSystemPolicy': use one or the other, not both"],
    ['a statement', {}, fileSystem => fileSystem.addToResourcePolicy(statement()),
      "a grant or 'addToResourcePolicy': add the statement to the FileSystemPolicy instead"],
    ['a grant to another account', { allowAnonymousAccess: true }, fileSystem => fileSystem.grantRead(new iam.AccountPrincipal('444455556666')),
      "a grant or 'addToResourcePolicy': add the statement to the FileSystemPolicy instead"],
    ["the prop 'allowAnonymousAccess'", { allowAnonymousAccess: false }, () => {},
      "'allowAnonymousAccess: false': leave that out, because a FileSystemPolicy allows only what it says"],
    ['a grant', {}, (fileSystem, stack) => fileSystem.grantRead(role(stack)),
      `its grants, which keep anonymous clients out${also}: set its 'allowAnonymousAccess' to true, and let the FileSystemPolicy decide`],
  ])('excludes %s', (_what, props, change, cause) => {
    const { stack, fileSystem } = flagged(props);
    change(fileSystem, stack);
    addPolicy(stack, fileSystem);
    expect(() => Template.fromStack(stack)).toThrow(`'fileSystem' is Stack/Fs, which has FileSystemPolicy by ${cause}`);
  });
});

describe('a policy of its own', () => {
  test.each([['may', true], ['is needed to', false]])('%s name access points of its file system', (_what, own) => {
    const { stack, fileSystem } = given();
    const point = fileSystem.addAccessPoint('Point');
    const byPoint = new iam.PolicyStatement({
      principals: [new iam.AnyPrincipal()],
      actions: ['elasticfilesystem:ClientMount'],
      conditions: { StringEquals: { 'elasticfilesystem:AccessPointArn': point.accessPointArn } },
    });
    if (own) {
      new FileSystemPolicy(stack, 'Policy', { fileSystem, document: new iam.PolicyDocument({ statements: [byPoint] }) });
      Template.fromStack(stack);
    } else {
      fileSystem.addToResourcePolicy(byPoint);
      expect(() => Template.fromStack(stack)).toThrow(/dependency cycle/);
    }
  });

  test('must have a statement', () => {
    const { stack, foreign } = givenForeign();
    new FileSystemPolicy(stack, 'Policy', { fileSystem: foreign });
    expect(() => Template.fromStack(stack)).toThrow("'document' must have a statement, got none");
  });
});
