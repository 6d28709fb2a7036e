import { App, Aspects, CfnResource, Mixin, Mixins, RemovalPolicies, RemovalPolicy, Resource, Stack, Tags } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct, type IConstruct } from 'constructs';
import * as library from '../../../src';
import { ENV, givenVpc } from '../../harness/given';

const ID = 'Thing';
const SNAPSHOT = 'snap-0123456789abcdef0';

interface Given {
  readonly stack: Stack;
  readonly fileSystem: efs.IFileSystem;
  readonly bucket: s3.IBucket;
}

const CONSTRUCTS: Record<string, (given: Given) => Resource> = {
  FileSystem: ({ stack }) => new library.FileSystem(stack, ID, { vpc: givenVpc(stack) }),
  MountTargets: ({ stack, fileSystem }) => new library.MountTargets(stack, ID, { fileSystem, vpc: givenVpc(stack) }),
  TagSet: ({ stack, fileSystem }) => new library.TagSet(stack, ID, { fileSystem, tags: { team: 'storage' } }),
  FileSystemPolicy: ({ stack, fileSystem }) => new library.FileSystemPolicy(stack, ID, {
    fileSystem,
    document: new iam.PolicyDocument({ statements: [new iam.PolicyStatement({ principals: [new iam.AnyPrincipal()], actions: ['elasticfilesystem:ClientMount'] })] }),
  }),
  LifecycleConfiguration: ({ stack, fileSystem }) => new library.LifecycleConfiguration(stack, ID, { fileSystem }),
  BackupPolicy: ({ stack, fileSystem }) => new library.BackupPolicy(stack, ID, { fileSystem }),
  ReplicationConfiguration: ({ stack, fileSystem }) => new library.ReplicationConfiguration(stack, ID, {
    fileSystem, destination: efs.ReplicationConfiguration.regionalFileSystem('eu-central-1'),
  }),
  SnapshotImport: ({ stack, bucket }) => new library.SnapshotImport(stack, ID, { image: library.DiskImage.fromBucket(bucket, 'disk.img') }),
  SnapshotExport: ({ stack, bucket }) => new library.SnapshotExport(stack, ID, {
    snapshot: library.Snapshot.fromSnapshotId(stack, 'Snapshot', SNAPSHOT), bucket,
  }),
  MachineImage: ({ stack }) => new library.MachineImage(stack, ID, {
    rootDisk: library.MachineDisk.fromSnapshotId(SNAPSHOT), architecture: ec2.InstanceArchitecture.X86_64,
  }),
};

/** Constructs whose resource has tags, and the property that has them. */
const TAGS: Record<string, string> = { FileSystem: 'FileSystemTags', TagSet: 'Tags', SnapshotImport: 'Tags', MachineImage: 'Tags' };

function given(name: string) {
  const stack = new Stack(new App(), 'Stack', { env: ENV });
  const construct = CONSTRUCTS[name]({
    stack,
    fileSystem: library.FileSystem.fromFileSystemAttributes(stack, 'Foreign', {
      fileSystemId: 'fs-0123456789abcdef0', securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-01234567'),
    }),
    bucket: s3.Bucket.fromBucketName(stack, 'Bucket', 'images'),
  });
  const inTemplate = () => Object.values(Template.fromStack(stack).findResources(`Custom::${name}`))[0];
  return { stack, construct, resource: construct.node.defaultChild as CfnResource, inTemplate };
}

const RETAINED = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain', Properties: { RemovalPolicy: 'Retain' } };
const DELETED = { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete', Properties: { RemovalPolicy: 'Delete' } };

test('the table has every construct', () => {
  const exported = Object.entries(library).filter(([, value]) => typeof value === 'function' && value.prototype instanceof Construct);
  expect(Object.keys(CONSTRUCTS).sort()).toEqual(exported.map(([name]) => name).sort());
});

describe.each(Object.keys(CONSTRUCTS))('%s', name => {
  test('has its CfnResource as default child, as a construct of aws-cdk-lib has', () => {
    const { construct, resource } = given(name);

    expect(CfnResource.isCfnResource(resource)).toBe(true);
    expect(resource.cfnResourceType).toBe(`Custom::${name}`);
    expect(Resource.isOwnedResource(construct)).toBe(true);
  });

  test('has the logical id that a construct of aws-cdk-lib has under its id', () => {
    const { stack, resource } = given(name);
    const other = new Stack(new App(), 'Stack', { env: ENV });

    expect(stack.getLogicalId(resource)).toBe(other.getLogicalId(new s3.Bucket(other, ID).node.defaultChild as s3.CfnBucket));
  });

  test('takes overrides of its properties and attributes', () => {
    const { resource, inTemplate } = given(name);
    resource.addPropertyOverride('Further.Setting', 7);
    resource.addPropertyDeletionOverride('ServiceTimeout');
    resource.addOverride('Metadata.reviewed', true);
    resource.addDeletionOverride('DependsOn');

    const { Properties, Metadata, DependsOn } = inTemplate();
    expect(Properties).toMatchObject({ Further: { Setting: 7 }, ServiceToken: expect.anything() });
    expect(Properties).not.toHaveProperty('ServiceTimeout');
    expect(Metadata).toEqual({ reviewed: true });
    expect(DependsOn).toBeUndefined();
  });

  test.each([
    ['applyRemovalPolicy', ({ construct }: ReturnType<typeof given>, policy: RemovalPolicy) => construct.applyRemovalPolicy(policy)],
    ['RemovalPolicies', ({ stack }: ReturnType<typeof given>, policy: RemovalPolicy) => RemovalPolicies.of(stack).apply(policy)],
    ['an Aspect', ({ stack }: ReturnType<typeof given>, policy: RemovalPolicy) => Aspects.of(stack).add({
      visit: node => { if (CfnResource.isCfnResource(node)) { node.applyRemovalPolicy(policy); } },
    })],
  ])('takes a removal policy of %s, and its handler receives it', (_by, apply) => {
    const retained = given(name);
    apply(retained, RemovalPolicy.RETAIN);
    const deleted = given(name);
    apply(deleted, RemovalPolicy.DESTROY);

    expect(retained.inTemplate()).toMatchObject(RETAINED);
    expect(deleted.inTemplate()).toMatchObject(DELETED);
  });

  test('takes mixins', () => {
    const { construct, inTemplate } = given(name);
    Mixins.of(construct).requireAny().apply(new Setting(`Custom::${name}`));

    expect(inTemplate().Properties).toMatchObject({ Setting: 'on' });
  });

  test('takes tags where its resource has tags', () => {
    const { construct, inTemplate } = given(name);
    Tags.of(construct).add('department', 'research');

    const { [TAGS[name]]: tags } = inTemplate().Properties;
    if (name in TAGS) { expect(tags).toContainEqual({ Key: 'department', Value: 'research' }); }
    expect(JSON.stringify(inTemplate().Properties).includes('research')).toBe(name in TAGS);
  });
});

test('the transfer bucket is emptied and removed with the stack, whatever policy the rest of the stack has', () => {
  const { stack } = given('SnapshotImport');
  RemovalPolicies.of(stack).retain();

  const template = Template.fromStack(stack);
  template.allResources('AWS::S3::Bucket', { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
  template.allResources('Custom::S3AutoDeleteObjects', { DeletionPolicy: 'Delete' });
  template.allResources('AWS::IAM::Role', { DeletionPolicy: 'Retain' });
});

/** Applies to the resources of one type. */
class Setting extends Mixin {
  constructor(private readonly type: string) { super(); }

  public supports(construct: IConstruct): boolean {
    return CfnResource.isCfnResource(construct) && construct.cfnResourceType === this.type;
  }

  public applyTo(construct: IConstruct): void {
    (construct as CfnResource).addPropertyOverride('Setting', 'on');
  }
}
