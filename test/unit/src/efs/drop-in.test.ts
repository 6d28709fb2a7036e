import { App, RemovalPolicy, Size, Stack, Tags } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { EFS_DENY_ANONYMOUS_ACCESS } from 'aws-cdk-lib/cx-api';
import { FileSystem } from '../../../../src';

/**
 * What aws-cdk-lib's own tests of aws-efs expect (test/efs-file-system.test.ts and test/access-point.test.ts of 2.257),
 * in our words, type names mapped. Every expectation is put to both, `efs.FileSystem` and ours,
 * so that it cannot be one that we made up. docs/drop-in.md lists what differs.
 */
interface Kind {
  readonly FileSystem: typeof FileSystem | typeof efs.FileSystem;
  readonly type: string;
}
const CDK: Kind = { FileSystem: efs.FileSystem, type: 'AWS::EFS::FileSystem' };
const OURS: Kind = { FileSystem, type: 'Custom::FileSystem' };
/** Beside CloudFormation's properties. */
const EXTRA = ['ServiceToken', 'ServiceTimeout', 'Owner', 'RemovalPolicy'];

type Props = Partial<efs.FileSystemProps>;

/** `EfsFileSystem` in a stack that knows neither account nor Region. */
function given(kind: Kind, props: Props | ((stack: Stack) => Props) = {}, app?: App) {
  const stack = new Stack(app);
  const vpc = new ec2.Vpc(stack, 'VPC');
  const fileSystem: efs.FileSystem = new (kind.FileSystem as typeof efs.FileSystem)(stack, 'EfsFileSystem', {
    vpc, ...typeof props === 'function' ? props(stack) : props,
  });
  return { stack, vpc, fileSystem, type: kind.type };
}

/** The resource of `EfsFileSystem`, without what only custom resources have. */
function resourceIn(stack: Stack, type: string) {
  const { Properties, ...rest } = Template.fromStack(stack).findResources(type).EfsFileSystem37910666;
  const properties = Object.fromEntries(Object.entries(Properties).filter(([name]) => !EXTRA.includes(name)));
  return { ...rest, DependsOn: undefined, Type: undefined, Properties: properties };
}

const VIA_MOUNT_TARGET = { Bool: { 'elasticfilesystem:AccessedViaMountTarget': 'true' } };
const FILE_SYSTEM_ARN = 'arn:aws:elasticfilesystem:us-east-2:111122223333:file-system/fs-1234abcd';
const statement = (role: string, ...actions: string[]) => new iam.PolicyStatement({
  actions: actions.map(action => `elasticfilesystem:${action}`),
  principals: [new iam.ArnPrincipal(`arn:aws:iam::111122223333:role/${role}`)],
  resources: [FILE_SYSTEM_ARN],
  conditions: VIA_MOUNT_TARGET,
});
/** What keeps anonymous clients out. */
const NOBODY_ELSE = {
  Statement: [{
    Effect: 'Allow',
    Principal: { AWS: '*' },
    Action: ['elasticfilesystem:ClientWrite', 'elasticfilesystem:ClientRootAccess'],
    Condition: VIA_MOUNT_TARGET,
  }],
};

describe.each([['efs.FileSystem', CDK], ['FileSystem', OURS]])('%s', (_name, kind) => {
  const { type } = kind;

  test.each<[string, Props | ((stack: Stack) => Props), Record<string, unknown>]>([
    ['is encrypted by default', {}, { Encrypted: true }],
    ['is not encrypted if so chosen', { encrypted: false }, { Encrypted: false }],
    ['is encrypted if so chosen', { encrypted: true }, { Encrypted: true }],
    ["is encrypted with a customer's key", stack => ({ encrypted: true, kmsKey: new kms.Key(stack, 'customKeyFS') }),
      { Encrypted: true, KmsKeyId: { 'Fn::GetAtt': ['customKeyFSDDB87C6D', 'Arn'] } }],
    ['moves files to Infrequent Access', { lifecyclePolicy: efs.LifecyclePolicy.AFTER_7_DAYS },
      { LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }] }],
    ['moves files to Infrequent Access, back, and to Archive', {
      lifecyclePolicy: efs.LifecyclePolicy.AFTER_7_DAYS,
      outOfInfrequentAccessPolicy: efs.OutOfInfrequentAccessPolicy.AFTER_1_ACCESS,
      transitionToArchivePolicy: efs.LifecyclePolicy.AFTER_14_DAYS,
    }, { LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }, { TransitionToPrimaryStorageClass: 'AFTER_1_ACCESS' }, { TransitionToArchive: 'AFTER_14_DAYS' }] }],
    ['moves files to Archive', { transitionToArchivePolicy: efs.LifecyclePolicy.AFTER_1_DAY },
      { LifecyclePolicies: [{ TransitionToArchive: 'AFTER_1_DAY' }] }],
    ['moves no files by default', {}, { LifecyclePolicies: Match.absent() }],
    ['has a performance mode', { performanceMode: efs.PerformanceMode.MAX_IO }, { PerformanceMode: 'maxIO' }],
    ['has bursting throughput', { throughputMode: efs.ThroughputMode.BURSTING }, { ThroughputMode: 'bursting' }],
    ['has elastic throughput', { throughputMode: efs.ThroughputMode.ELASTIC, performanceMode: efs.PerformanceMode.GENERAL_PURPOSE },
      { ThroughputMode: 'elastic' }],
    ['has provisioned throughput, a number', {
      throughputMode: efs.ThroughputMode.PROVISIONED, provisionedThroughputPerSecond: Size.mebibytes(5),
    }, { ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 5 }],
    ['has a name', { fileSystemName: 'MyNameableFileSystem' }, { FileSystemTags: [{ Key: 'Name', Value: 'MyNameableFileSystem' }] }],
    ['is named by its path', {}, { FileSystemTags: [{ Key: 'Name', Value: 'Default/EfsFileSystem' }] }],
    ['is backed up', { enableAutomaticBackups: true }, { BackupPolicy: { Status: 'ENABLED' } }],
    ['keeps anonymous clients out if so chosen', { allowAnonymousAccess: false }, { FileSystemPolicy: NOBODY_ELSE }],
    ['has a policy of the user', {
      fileSystemPolicy: new iam.PolicyDocument({ statements: [statement('Testing_Role', 'ClientWrite', 'ClientMount')] }),
    }, {
      FileSystemPolicy: {
        Statement: [{
          Effect: 'Allow',
          Principal: { AWS: 'arn:aws:iam::111122223333:role/Testing_Role' },
          Action: ['elasticfilesystem:ClientWrite', 'elasticfilesystem:ClientMount'],
          Resource: FILE_SYSTEM_ARN,
          Condition: VIA_MOUNT_TARGET,
        }],
      },
    }],
    ['lies in the first zone of its VPC', { oneZone: true }, { AvailabilityZoneName: { 'Fn::Select': [0, { 'Fn::GetAZs': '' }] } }],
    ['lies in the zone that is chosen, of a VPC whose zones are not known', { oneZone: true, vpcSubnets: { availabilityZones: ['us-east-1a'] } },
      { AvailabilityZoneName: 'us-east-1a' }],
    ['is protected', { replicationOverwriteProtection: efs.ReplicationOverwriteProtection.ENABLED },
      { FileSystemProtection: { ReplicationOverwriteProtection: 'ENABLED' } }],
    ['is not protected', { replicationOverwriteProtection: efs.ReplicationOverwriteProtection.DISABLED },
      { FileSystemProtection: { ReplicationOverwriteProtection: 'DISABLED' } }],
    ['is replicated to a Region', { replicationConfiguration: efs.ReplicationConfiguration.regionalFileSystem('ap-northeast-1') },
      { ReplicationConfiguration: { Destinations: [{ Region: 'ap-northeast-1' }] } }],
    ['is replicated to another file system', stack => ({
      replicationConfiguration: efs.ReplicationConfiguration.existingFileSystem(new (kind.FileSystem as typeof efs.FileSystem)(stack, 'DestinationFileSystem', {
        vpc: new ec2.Vpc(stack, 'OtherVpc'), replicationOverwriteProtection: efs.ReplicationOverwriteProtection.DISABLED,
      })),
    }), { ReplicationConfiguration: { Destinations: [{ FileSystemId: { Ref: 'DestinationFileSystem12545967' } }] } }],
    ['is replicated to one zone, with a key', stack => ({
      replicationConfiguration: efs.ReplicationConfiguration.oneZoneFileSystem('us-east-1', 'us-east-1a', new kms.Key(stack, 'customKey')),
    }), {
      ReplicationConfiguration: {
        Destinations: [{ Region: 'us-east-1', AvailabilityZoneName: 'us-east-1a', KmsKeyId: { 'Fn::GetAtt': ['customKeyFEB2B57F', 'Arn'] } }],
      },
    }],
  ])('%s', (_what, props, expected) => {
    Template.fromStack(given(kind, props).stack).hasResourceProperties(type, expected);
  });

  test.each<[string, Props, RegExp]>([
    ['elastic throughput with MAX_IO', { throughputMode: efs.ThroughputMode.ELASTIC, performanceMode: efs.PerformanceMode.MAX_IO },
      /ThroughputMode ELASTIC is not supported for file systems with performanceMode MAX_IO/],
    ['provisioned throughput without a rate', { throughputMode: efs.ThroughputMode.PROVISIONED },
      /Property provisionedThroughputPerSecond is required when throughputMode is PROVISIONED/],
    ['less than a MiB', { throughputMode: efs.ThroughputMode.PROVISIONED, provisionedThroughputPerSecond: Size.kibibytes(10) },
      /cannot be converted into a whole number/],
    ['a fraction of a MiB', { throughputMode: efs.ThroughputMode.PROVISIONED, provisionedThroughputPerSecond: Size.kibibytes(2050) },
      /cannot be converted into a whole number/],
    ['one zone with MAX_IO', { oneZone: true, performanceMode: efs.PerformanceMode.MAX_IO },
      /performanceMode MAX_IO is not supported for One Zone file systems./],
    ['one zone with subnets of no zone', { oneZone: true, vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC } },
      /When oneZone is enabled and vpcSubnets defined, vpcSubnets.availabilityZones can not be undefined./],
    ['one zone in two', { oneZone: true, vpcSubnets: { availabilityZones: ['mock-az1', 'mock-az2'] } },
      /When oneZone is enabled, vpcSubnets.availabilityZones should exactly have one zone./],
    ['one zone in none', { oneZone: true, vpcSubnets: { availabilityZones: [] } },
      /When oneZone is enabled, vpcSubnets.availabilityZones should exactly have one zone./],
    ['replication without protection', {
      replicationConfiguration: efs.ReplicationConfiguration.regionalFileSystem('ap-northeast-1'),
      replicationOverwriteProtection: efs.ReplicationOverwriteProtection.DISABLED,
    }, /Cannot configure 'replicationConfiguration' when 'replicationOverwriteProtection' is set to 'DISABLED'/],
  ])('refuses %s', (_what, props, message) => {
    expect(() => given(kind, props)).toThrow(message);
  });

  test('refuses a zone that its VPC is known not to have, and no other', () => {
    const chosen = { oneZone: true, vpcSubnets: { availabilityZones: ['not-exist-zone'] } };
    expect(() => given(kind, stack => ({ ...chosen, vpc: new ec2.Vpc(stack, 'Vpc2', { availabilityZones: ['zonea', 'zoneb', 'zonec'] }) })))
      .toThrow(/vpcSubnets.availabilityZones specified is not in vpc.availabilityZones./);
    expect(() => given(kind, chosen)).not.toThrow();
  });

  test('is retained, with one security group, unless it shall be destroyed', () => {
    const kept = Template.fromStack(given(kind).stack);
    kept.hasResource(type, { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    kept.resourceCountIs('AWS::EC2::SecurityGroup', 1);
    Template.fromStack(given(kind, { removalPolicy: RemovalPolicy.DESTROY }).stack)
      .hasResource(type, { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
  });

  test('takes tags', () => {
    const { stack, fileSystem } = given(kind);
    Tags.of(fileSystem).add('Name', 'LookAtMeAndMyFancyTags');
    Template.fromStack(stack).hasResourceProperties(type, { FileSystemTags: [{ Key: 'Name', Value: 'LookAtMeAndMyFancyTags' }] });
  });

  describe('existing', () => {
    const imported = (stack: Stack, attrs: { fileSystemId?: string; fileSystemArn?: string }) =>
      (kind.FileSystem as typeof efs.FileSystem).fromFileSystemAttributes(stack, 'existingFS', {
        ...attrs, securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'SG', 'sg-123456789', { allowAllOutbound: false }),
      });
    const arnIn = (stack: Stack) => stack.formatArn({ service: 'elasticfilesystem', resource: 'file-system', resourceName: 'fs-12912923' });

    test.each(['id', 'arn'])('is imported by its %s', by => {
      const { stack } = given(kind);
      const fileSystemArn = arnIn(stack);
      const fileSystem = imported(stack, by === 'id' ? { fileSystemId: 'fs-12912923' } : { fileSystemArn });
      fileSystem.connections.allowToAnyIpv4(ec2.Port.tcp(443));
      Template.fromStack(stack).hasResourceProperties('AWS::EC2::SecurityGroupEgress', { GroupId: 'sg-123456789' });
      expect([stack.resolve(fileSystem.fileSystemArn), fileSystem.fileSystemId]).toEqual([stack.resolve(fileSystemArn), 'fs-12912923']);
    });

    test('is imported by exactly one of them', () => {
      const { stack } = given(kind);
      const message = /One of fileSystemId or fileSystemArn, but not both, must be provided./;
      expect(() => imported(stack, {})).toThrow(message);
      expect(() => imported(new Stack(), { fileSystemId: 'fs-12343435', fileSystemArn: arnIn(stack) })).toThrow(message);
    });

    test('takes no statements, where ours does', () => {
      const { stack, fileSystem } = given(kind);
      const other = (kind.FileSystem as typeof efs.FileSystem).fromFileSystemAttributes(stack, 'Imported', {
        securityGroup: fileSystem.connections.securityGroups[0], fileSystemArn: fileSystem.fileSystemArn,
      });
      const one = statement('Testing_Role', 'ClientMount');
      expect(fileSystem.addToResourcePolicy(one)).toStrictEqual({ statementAdded: true, policyDependable: fileSystem });
      expect(other.addToResourcePolicy(one)).toStrictEqual({ statementAdded: false });
    });
  });

  test('takes statements of its policy one by one', () => {
    const { stack, fileSystem } = given(kind);
    fileSystem.addToResourcePolicy(statement('Testing_Role1', 'ClientMount'));
    fileSystem.addToResourcePolicy(statement('Testing_Role2', 'ClientMount', 'ClientWrite'));
    const expected = { Effect: 'Allow', Resource: FILE_SYSTEM_ARN, Condition: VIA_MOUNT_TARGET };
    Template.fromStack(stack).hasResourceProperties(type, {
      FileSystemPolicy: {
        Statement: [
          { ...expected, Principal: { AWS: 'arn:aws:iam::111122223333:role/Testing_Role1' }, Action: 'elasticfilesystem:ClientMount' },
          {
            ...expected,
            Principal: { AWS: 'arn:aws:iam::111122223333:role/Testing_Role2' },
            Action: ['elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite'],
          },
        ],
      },
    });
  });

  describe('grants', () => {
    const mount = 'elasticfilesystem:ClientMount';
    const write = 'elasticfilesystem:ClientWrite';
    const root = 'elasticfilesystem:ClientRootAccess';
    type Grant = (fileSystem: efs.FileSystem, role: iam.Role) => unknown;

    test.each<[string, Grant, unknown, unknown]>([
      ['an action, and closes nothing by that', (fileSystem, role) => fileSystem.grant(role, write), write, Match.absent()],
      ['reading', (fileSystem, role) => fileSystem.grantRead(role), mount, NOBODY_ELSE],
      ['reading and writing', (fileSystem, role) => fileSystem.grantReadWrite(role), [mount, write], NOBODY_ELSE],
      ['root access', (fileSystem, role) => fileSystem.grantRootAccess(role), [mount, write, root], NOBODY_ELSE],
    ])('%s', (_what, grant, Action, FileSystemPolicy) => {
      const { stack, fileSystem } = given(kind);
      grant(fileSystem, new iam.Role(stack, 'ClientRole', { assumedBy: new iam.AnyPrincipal() }));

      const template = Template.fromStack(stack);
      template.hasResourceProperties('AWS::IAM::Policy', {
        PolicyDocument: {
          Statement: [{ Action, Effect: 'Allow', Resource: { 'Fn::GetAtt': ['EfsFileSystem37910666', 'Arn'] } }],
          Version: '2012-10-17',
        },
        PolicyName: 'ClientRoleDefaultPolicy6F610F20',
        Roles: [{ Ref: 'ClientRole910E33D4' }],
      });
      template.hasResourceProperties(type, { FileSystemPolicy });
    });

    test('without closing the door to anonymous clients, if that shall be open', () => {
      const { stack, fileSystem } = given(kind, { allowAnonymousAccess: true });
      const role = new iam.Role(stack, 'ClientRole', { assumedBy: new iam.AnyPrincipal() });
      fileSystem.grantRead(role);
      fileSystem.grantReadWrite(role);
      fileSystem.grantRootAccess(role);
      const template = Template.fromStack(stack);
      template.resourceCountIs(type, 1);
      template.hasResourceProperties(type, { FileSystemPolicy: Match.absent() });
    });

    test('and keeps anonymous clients out by a feature flag', () => {
      const { stack } = given(kind, {}, new App({ context: { [EFS_DENY_ANONYMOUS_ACCESS]: true } }));
      Template.fromStack(stack).hasResourceProperties(type, { FileSystemPolicy: NOBODY_ELSE });
    });
  });

  describe('has access points', () => {
    test('by its own method, or by theirs', () => {
      const { stack, fileSystem } = given(kind);
      fileSystem.addAccessPoint('One');
      new efs.AccessPoint(stack, 'Two', { fileSystem });
      Template.fromStack(stack).resourceCountIs('AWS::EFS::AccessPoint', 2);
    });

    test('with their own tags, token, path and user', () => {
      const { stack, fileSystem } = given(kind);
      const point = new efs.AccessPoint(stack, 'MyAccessPoint', {
        fileSystem,
        clientToken: 'client-token',
        createAcl: { ownerGid: '1000', ownerUid: '1000', permissions: '755' },
        path: '/export/share',
        posixUser: { gid: '1000', uid: '1000', secondaryGids: ['1001', '1002'] },
      });
      Tags.of(point).add('key1', 'value1');
      Template.fromStack(stack).hasResourceProperties('AWS::EFS::AccessPoint', {
        FileSystemId: { Ref: 'EfsFileSystem37910666' },
        AccessPointTags: Match.arrayWith([{ Key: 'key1', Value: 'value1' }]),
        ClientToken: 'client-token',
        PosixUser: { Gid: '1000', SecondaryGids: ['1001', '1002'], Uid: '1000' },
        RootDirectory: { CreationInfo: { OwnerGid: '1000', OwnerUid: '1000', Permissions: '755' }, Path: '/export/share' },
      });
      for (const clientToken of ['', 'a'.repeat(65)]) {
        expect(() => new efs.AccessPoint(stack, `Token${clientToken.length}`, { fileSystem, clientToken }))
          .toThrow(`The length of 'clientToken' must range from 1 to 64 characters, got: ${clientToken.length} characters`);
      }
    });

    test('that can be imported again', () => {
      const { stack, fileSystem } = given(kind);
      const { accessPointId, accessPointArn } = new efs.AccessPoint(stack, 'MyAccessPoint', { fileSystem });
      const byId = efs.AccessPoint.fromAccessPointAttributes(stack, 'ById', { accessPointId, fileSystem });
      const byArn = efs.AccessPoint.fromAccessPointAttributes(stack, 'ByArn', { accessPointArn, fileSystem });
      for (const one of [byId, byArn]) {
        expect([one.accessPointId, one.accessPointArn, one.fileSystem === fileSystem]).toEqual([accessPointId, accessPointArn, true]);
      }
      expect(efs.AccessPoint.fromAccessPointId(stack, 'Bare', accessPointId).accessPointId).toEqual(accessPointId);
    });
  });
});

describe('all props at once', () => {
  const everything = (kind: Kind) => given(kind, stack => ({
    kmsKey: new kms.Key(stack, 'Key'),
    fileSystemName: 'all',
    lifecyclePolicy: efs.LifecyclePolicy.AFTER_30_DAYS,
    outOfInfrequentAccessPolicy: efs.OutOfInfrequentAccessPolicy.AFTER_1_ACCESS,
    transitionToArchivePolicy: efs.LifecyclePolicy.AFTER_90_DAYS,
    throughputMode: efs.ThroughputMode.ELASTIC,
    performanceMode: efs.PerformanceMode.GENERAL_PURPOSE,
    enableAutomaticBackups: true,
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    replicationOverwriteProtection: efs.ReplicationOverwriteProtection.ENABLED,
    replicationConfiguration: efs.ReplicationConfiguration.regionalFileSystem(),
    allowAnonymousAccess: false,
  }));

  test('give the resource that efs.FileSystem gives, property by property', () => {
    expect(resourceIn(everything(OURS).stack, OURS.type)).toEqual(resourceIn(everything(CDK).stack, CDK.type));
  });

  test('are all there: what efs.FileSystem has, ours has too', () => {
    const [theirs, ours] = [everything(CDK), everything(OURS)].map(({ fileSystem }) => fileSystem as unknown as Record<string, unknown>);
    const membersOf = (object: object): string[] =>
      object === Object.prototype ? [] : [...Object.getOwnPropertyNames(object), ...membersOf(Object.getPrototypeOf(object))];
    // `props` is private there.
    const lacking = membersOf(theirs).filter(name => !name.startsWith('_') && name !== 'props' && name !== 'oneZoneValidation' && !(name in ours));
    expect(lacking).toEqual([]);
    const statics = (construct: object) => Object.getOwnPropertyNames(construct).filter(name => !['PROPERTY_INJECTION_ID'].includes(name));
    expect(statics(FileSystem)).toEqual(expect.arrayContaining(statics(efs.FileSystem)));
  });
});

test('automatic backups are turned off by false, which efs.FileSystem ignores', () => {
  const [theirs, ours] = [CDK, OURS].map(kind => resourceIn(given(kind, { enableAutomaticBackups: false }).stack, kind.type).Properties.BackupPolicy);
  expect([theirs, ours]).toEqual([undefined, { Status: 'DISABLED' }]);
});
