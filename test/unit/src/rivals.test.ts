import { App, Aws, CfnCondition, CfnParameter, type CfnResource, Fn, NestedStack, Stack, Stage, Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import {
  BackupPolicy, DiskImage, ExportFormat, FileSystem, FileSystemPolicy, LifecycleConfiguration, MachineDisk, MachineImage, MountTargets,
  ReplicationConfiguration, Snapshot, SnapshotExport, SnapshotImport, TagSet,
} from '../../../src';
import { ENV, givenStack, givenVpc } from '../../harness/given';

const ID = 'fs-0123456789abcdef0';

/** A file system of somebody else, imported under its own id in the tree. */
function foreign(scope: Construct, id = 'Foreign', fileSystemId = ID): efs.IFileSystem {
  return FileSystem.fromFileSystemAttributes(scope, id, {
    fileSystemId, securityGroup: ec2.SecurityGroup.fromSecurityGroupId(scope, `${id}Group`, 'sg-99999999'),
  });
}

const faultOf = (stack: Stack) => {
  try {
    (stack.node.root as App).synth();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

const POLICY = () => new iam.PolicyDocument({
  statements: [new iam.PolicyStatement({ principals: [new iam.AnyPrincipal()], actions: ['elasticfilesystem:ClientMount'], resources: ['*'] })],
});

type Make = (scope: Construct, id: string, fileSystem: efs.IFileSystem) => unknown;

const SETTINGS: [string, Make][] = [
  ['FileSystemPolicy', (scope, id, fileSystem) => new FileSystemPolicy(scope, id, { fileSystem, document: POLICY() })],
  ['LifecycleConfiguration', (scope, id, fileSystem) => new LifecycleConfiguration(scope, id, { fileSystem })],
  ['BackupPolicy', (scope, id, fileSystem) => new BackupPolicy(scope, id, { fileSystem })],
  ['ReplicationConfiguration', (scope, id, fileSystem) => new ReplicationConfiguration(scope, id, {
    fileSystem, destination: efs.ReplicationConfiguration.regionalFileSystem('eu-central-1'),
  })],
];

describe.each(SETTINGS)('two %s', (name, make) => {
  const refusal = `[Stack/Second] 'fileSystem' has the ${name} Stack/First already: EFS has one per file system, so leave out one of the two`;

  test('on one construct are refused', () => {
    const { stack } = givenStack();
    const fileSystem = foreign(stack);
    make(stack, 'First', fileSystem);
    make(stack, 'Second', fileSystem);
    expect(faultOf(stack)).toContain(refusal);
  });

  test('on one file system by id and by ARN are refused', () => {
    const { stack } = givenStack();
    make(stack, 'First', foreign(stack));
    make(stack, 'Second', FileSystem.fromFileSystemAttributes(stack, 'ByArn', {
      fileSystemArn: `arn:aws:elasticfilesystem:${ENV.region}:${ENV.account}:file-system/${ID}`,
      securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'G', 'sg-11111111'),
    }));
    expect(faultOf(stack)).toContain(refusal);
  });

  test('on two file systems are allowed', () => {
    const { stack } = givenStack();
    make(stack, 'First', foreign(stack));
    make(stack, 'Second', foreign(stack, 'Other', 'fs-0fedcba9876543210'));
    expect(faultOf(stack)).toBeUndefined();
  });
});

describe('settings in several stacks', () => {
  const backup = (scope: Construct, id: string, fileSystem: efs.IFileSystem) => new BackupPolicy(scope, id, { fileSystem });

  test('a FileSystem of the app is one thing in every stack', () => {
    const { app, stack, vpc } = givenStack();
    const fileSystem = new FileSystem(stack, 'Files', { vpc });
    backup(stack, 'First', fileSystem);
    backup(new Stack(app, 'Other', { env: ENV }), 'Second', fileSystem);
    expect(faultOf(stack)).toContain("[Other/Second] 'fileSystem' has the BackupPolicy Stack/First already");
  });

  test('an id is one thing in one account and Region', () => {
    const { app, stack } = givenStack();
    backup(stack, 'First', foreign(stack));
    const other = new Stack(app, 'Other', { env: ENV });
    backup(other, 'Second', foreign(other));
    expect(faultOf(stack)).toContain("[Other/Second] 'fileSystem' has the BackupPolicy Stack/First already");
  });

  test.each([
    ['another Region', { env: { ...ENV, region: 'us-east-1' } }],
    ['another account', { env: { ...ENV, account: '999988887777' } }],
    ['an unknown place', {}],
  ])('an id in %s is another thing', (_, props) => {
    const { app, stack } = givenStack();
    backup(stack, 'First', foreign(stack));
    const other = new Stack(app, 'Other', props);
    backup(other, 'Second', foreign(other));
    expect(faultOf(stack)).toBeUndefined();
  });

  test('an id in a stack without account and Region is one thing there', () => {
    const app = new App();
    const stack = new Stack(app, 'Stack');
    backup(stack, 'First', foreign(stack));
    backup(stack, 'Second', foreign(stack, 'Again'));
    expect(faultOf(stack)).toContain("[Stack/Second] 'fileSystem' has the BackupPolicy Stack/First already");
  });

  test('stages with one stack each, for other places, are allowed', () => {
    const app = new App();
    const stacks = ['eu-west-1', 'eu-central-1'].map(region => new Stack(new Stage(app, `In-${region}`, { env: { ...ENV, region } }), 'Stack'));
    for (const stack of stacks) {
      backup(stack, 'Backup', foreign(stack));
      new FileSystem(stack, 'Files', { vpc: givenVpc(stack), creationToken: 'files' });
    }
    expect(faultOf(stacks[0])).toBeUndefined();
  });

  test('two stages that deploy one stack, one instead of the other, are allowed', () => {
    const app = new App();
    const stacks = ['Before', 'After'].map(name => new Stack(new Stage(app, name, { env: ENV }), 'Stack', { stackName: 'files' }));
    for (const stack of stacks) { backup(stack, 'Backup', foreign(stack)); }
    expect(faultOf(stacks[0])).toBeUndefined();
  });

  test('two stages with stacks of their own in one place are not', () => {
    const app = new App();
    const stacks = ['One', 'Two'].map(name => new Stack(new Stage(app, name, { env: ENV }), 'Stack'));
    for (const stack of stacks) { backup(stack, 'Backup', foreign(stack)); }
    expect(faultOf(stacks[0])).toContain("[Two/Stack/Backup] 'fileSystem' has the BackupPolicy One/Stack/Backup already");
  });

  test('a parameter is one thing, an import of another stack within its stack', () => {
    const { stack } = givenStack();
    const parameter = new CfnParameter(stack, 'Id').valueAsString;
    backup(stack, 'First', foreign(stack, 'A', parameter));
    backup(new NestedStack(stack, 'Nested'), 'Second', foreign(stack, 'B', parameter));
    expect(faultOf(stack)).toContain("[Stack/Nested/Second] 'fileSystem' has the BackupPolicy Stack/First already");

    const given = (place: (stack: Stack) => Stack) => {
      const { stack: one } = givenStack();
      backup(one, 'First', foreign(one, 'A', Fn.importValue('files')));
      const other = place(one);
      backup(other, 'Second', foreign(other, 'B', Fn.importValue('files')));
      return faultOf(one);
    };
    expect(given(one => new Stack(one.node.root as App, 'Two', { env: ENV }))).toBeUndefined();
    expect(given(one => one)).toContain("[Stack/Second] 'fileSystem' has the BackupPolicy Stack/First already");
  });

  test('what a condition may leave out is allowed', () => {
    const { stack } = givenStack();
    const fileSystem = foreign(stack);
    const condition = new CfnCondition(stack, 'Condition', { expression: Fn.conditionEquals(Aws.REGION, 'eu-west-1') });
    (backup(stack, 'First', fileSystem).node.defaultChild as CfnResource).cfnOptions.condition = condition;
    backup(stack, 'Second', fileSystem);
    expect(faultOf(stack)).toBeUndefined();
  });

  test.each(['First', 'Group'])('a construct that was removed from the tree is no rival: %s', removed => {
    const { stack } = givenStack();
    backup(removed === 'Group' ? new Construct(stack, removed) : stack, 'First', foreign(stack));
    backup(stack, 'Second', foreign(stack, 'Again'));
    stack.node.tryRemoveChild(removed);
    new Construct(stack, removed);
    expect(faultOf(stack)).toBeUndefined();
  });

  test('an adopted file system is known by its id', () => {
    const { stack, vpc } = givenStack();
    backup(stack, 'First', new FileSystem(stack, 'Files', { vpc, adoptFileSystemId: ID }));
    backup(stack, 'Second', foreign(stack));
    expect(faultOf(stack)).toContain("[Stack/Second] 'fileSystem' has the BackupPolicy Stack/First already");
  });
});

describe('file systems', () => {
  test('a creation token names one', () => {
    const { stack, vpc } = givenStack();
    new FileSystem(stack, 'First', { vpc, creationToken: 'files' });
    new FileSystem(stack, 'Second', { vpc, creationToken: 'files' });
    expect(faultOf(stack)).toContain("[Stack/Second] 'creationToken' must be one that no other file system has, got that of Stack/First: choose another one");
  });

  test('an id is adopted once', () => {
    const { stack, vpc } = givenStack();
    new FileSystem(stack, 'First', { vpc, adoptFileSystemId: ID });
    new FileSystem(stack, 'Second', { vpc: new ec2.Vpc(stack, 'Other'), adoptFileSystemId: ID });
    expect(faultOf(stack)).toContain("[Stack/Second] 'adoptFileSystemId' must be the id of a file system that nothing else adopts, got that of Stack/First");
  });

  test('other tokens, and tokens that the library derives, are allowed', () => {
    const { stack, vpc } = givenStack();
    new FileSystem(stack, 'First', { vpc, creationToken: 'files' });
    new FileSystem(stack, 'Second', { vpc, creationToken: 'more' });
    new FileSystem(stack, 'Third', { vpc });
    new FileSystem(stack, 'Fourth', { vpc });
    expect(faultOf(stack)).toBeUndefined();
  });
});

describe('tag sets', () => {
  test('one key belongs to one set of a file system', () => {
    const { stack } = givenStack();
    new TagSet(stack, 'First', { fileSystem: foreign(stack), tags: { a: '1', b: '2' } });
    new TagSet(stack, 'Second', { fileSystem: foreign(stack, 'Again'), tags: { b: '2', c: '3' } });
    expect(faultOf(stack)).toContain("[Stack/Second] 'tags' has the key 'b', which Stack/First sets on the same file system: leave it out of one of them");
  });

  test('of an access point too', () => {
    const { stack, vpc } = givenStack();
    const accessPoint = new FileSystem(stack, 'Files', { vpc }).addAccessPoint('Point');
    new TagSet(stack, 'First', { accessPoint, tags: { a: '1' } });
    new TagSet(stack, 'Second', { accessPoint, tags: { a: '1' } });
    expect(faultOf(stack)).toContain("[Stack/Second] 'tags' has the key 'a', which Stack/First sets on the same access point: leave it out of one of them");
  });

  test('inherited tags are shared if their values are the same', () => {
    const given = (team: string) => {
      const { stack } = givenStack({ tags: { stage: 'test' } });
      Tags.of(new TagSet(stack, 'First', { fileSystem: foreign(stack), tags: { a: '1' } })).add('team', 'storage');
      Tags.of(new TagSet(stack, 'Second', { fileSystem: foreign(stack, 'Again'), tags: { b: '1' } })).add('team', team);
      return faultOf(stack);
    };
    expect(given('storage')).toBeUndefined();
    expect(given('other')).toContain("[Stack/Second] 'tags' has the key 'team', which Stack/First sets");
  });

  test('one key on two file systems is allowed', () => {
    const { stack } = givenStack();
    new TagSet(stack, 'First', { fileSystem: foreign(stack), tags: { a: '1' } });
    new TagSet(stack, 'Second', { fileSystem: foreign(stack, 'Other', 'fs-0fedcba9876543210'), tags: { a: '2' } });
    expect(faultOf(stack)).toBeUndefined();
  });
});

describe('exports', () => {
  const bucketOf = (scope: Construct, id = 'Bucket') => s3.Bucket.fromBucketName(scope, id, 'my-images');
  const snapshotOf = (scope: Construct, id = 'snap-0123456789abcdef0') => Snapshot.fromSnapshotId(scope, id, id);

  test('two to one object are refused, wherever their stacks are', () => {
    const { app, stack } = givenStack();
    new SnapshotExport(stack, 'First', { snapshot: snapshotOf(stack), bucket: bucketOf(stack), key: 'disk.img' });
    const other = new Stack(app, 'Other', { env: { ...ENV, region: 'us-east-1' } });
    new SnapshotExport(other, 'Second', { snapshot: snapshotOf(other), bucket: s3.Bucket.fromBucketArn(other, 'ByArn', 'arn:aws:s3:::my-images'), key: 'disk.img' });
    expect(faultOf(stack)).toContain("[Other/Second] 'key' must be one where nothing lies, but Stack/First writes there too: choose another one");
  });

  test('one to the manifest of the other is refused', () => {
    const { stack } = givenStack();
    const bucket = new s3.Bucket(stack, 'New');
    new SnapshotExport(stack, 'First', { snapshot: snapshotOf(stack), bucket, key: 'disk' });
    new SnapshotExport(stack, 'Second', { snapshot: snapshotOf(stack, 'snap-0fedcba9876543210'), bucket, key: 'disk.manifest' });
    expect(faultOf(stack)).toContain("[Stack/Second] 'key' must be one where nothing lies, but Stack/First writes there too");
  });

  test('two of one snapshot under the default key are refused, in two formats allowed', () => {
    const given = (format: ExportFormat) => {
      const { stack } = givenStack();
      const bucket = new s3.Bucket(stack, 'New');
      const snapshot = new SnapshotImport(stack, 'Import', { image: DiskImage.fromBucket(bucketOf(stack), 'disk.img') });
      new SnapshotExport(stack, 'First', { snapshot, bucket });
      new SnapshotExport(stack, 'Second', { snapshot, bucket, format });
      return faultOf(stack);
    };
    expect(given(ExportFormat.QCOW2)).toBeUndefined();
    expect(given(ExportFormat.RAW)).toContain("[Stack/Second] 'key' must be one where nothing lies, but Stack/First writes there too");
  });

  test('one onto the image of an import is refused, in either order', () => {
    const given = (first: 'import' | 'export') => {
      const { stack } = givenStack();
      const make = {
        import: () => new SnapshotImport(stack, 'Import', { image: DiskImage.fromBucket(bucketOf(stack), 'disk.img') }),
        export: () => new SnapshotExport(stack, 'Export', { snapshot: snapshotOf(stack), bucket: bucketOf(stack, 'Again'), key: 'disk.img' }),
      };
      make[first]();
      make[first === 'import' ? 'export' : 'import']();
      return faultOf(stack);
    };
    expect(given('import')).toContain("[Stack/Export] 'key' must be one where nothing lies, but Stack/Import reads its image there: choose another one");
    expect(given('export')).toContain("[Stack/Import] 'image' is the object that Stack/Export writes: import it by DiskImage.fromExport");
  });

  test('imports of what an export made, and two imports of one image, are allowed', () => {
    const { app, stack } = givenStack();
    const exported = new SnapshotExport(stack, 'Export', { snapshot: snapshotOf(stack), bucket: bucketOf(stack), key: 'copy.img' });
    new SnapshotImport(stack, 'Copy', { image: DiskImage.fromExport(exported) });
    const again = bucketOf(stack, 'Again');
    new SnapshotImport(stack, 'Later', { image: DiskImage.fromBucket(again, 'copy.img', undefined, { manifest: true }) });
    const elsewhere = new Stack(app, 'Elsewhere', { env: { ...ENV, account: '999988887777' } });
    new SnapshotImport(elsewhere, 'There', { image: DiskImage.fromBucket(bucketOf(elsewhere), 'copy.img') });
    const image = DiskImage.fromBucket(again, 'disk.img');
    new SnapshotImport(stack, 'One', { image });
    new SnapshotImport(stack, 'Two', { image });
    expect(faultOf(stack)).toBeUndefined();
  });
});

describe('machine images', () => {
  const image = (stack: Stack, id: string, imageName?: string) => new MachineImage(stack, id, {
    rootDisk: MachineDisk.fromSnapshotId('snap-0123456789abcdef0'), architecture: ec2.InstanceArchitecture.X86_64, imageName,
  });

  test('of one name are refused, also in two stacks of one Region', () => {
    const { app, stack } = givenStack();
    const other = new Stack(app, 'Other', { env: ENV });
    image(stack, 'First', 'golden');
    image(other, 'Second', 'golden');
    expect(faultOf(stack)).toContain("[Other/Second] 'imageName' must be one that no other machine image has, got that of Stack/First: choose another one, or leave it out");
  });

  test('of several names, of one name in two Regions, and without names are not refused', () => {
    const { app, stack } = givenStack();
    image(stack, 'First', 'golden');
    image(stack, 'Second', 'silver');
    image(stack, 'Third');
    image(stack, 'Fourth');
    image(new Stack(app, 'Other', { env: { ...ENV, region: 'eu-central-1' } }), 'Image', 'golden');
    expect(faultOf(stack)).toBeUndefined();
  });

  test('of one name are not refused if a condition decides on one of them', () => {
    const { stack } = givenStack();
    image(stack, 'First', 'golden');
    (image(stack, 'Second', 'golden').node.defaultChild as CfnResource).cfnOptions.condition = new CfnCondition(stack, 'IsMain');
    expect(faultOf(stack)).toBeUndefined();
  });
});

describe('mount targets', () => {
  test('two sets with the same subnets are allowed, because they share the mount targets', () => {
    const { stack, vpc } = givenStack();
    new MountTargets(stack, 'First', { fileSystem: foreign(stack), vpc });
    new MountTargets(stack, 'Second', { fileSystem: foreign(stack, 'Again'), vpc });
    expect(faultOf(stack)).toBeUndefined();
  });

  test('one subnet that is imported twice is one', () => {
    const { stack, vpc } = givenStack();
    const fileSystem = foreign(stack);
    const subnet = (id: string) => ec2.Subnet.fromSubnetAttributes(stack, id, { subnetId: 'subnet-11111111', availabilityZone: 'eu-west-1a' });
    new MountTargets(stack, 'First', { fileSystem, vpc, vpcSubnets: { subnets: [subnet('One')] } });
    new MountTargets(stack, 'Second', { fileSystem, vpc, vpcSubnets: { subnets: [subnet('Again')] } });
    expect(faultOf(stack)).toBeUndefined();
  });

  test('several subnets in one zone are allowed if one is of both sets', () => {
    const given = (shared: boolean) => {
      const { stack, vpc } = givenStack();
      const fileSystem = foreign(stack);
      const subnet = (id: string) => ec2.Subnet.fromSubnetAttributes(stack, id, { subnetId: `subnet-${id}`, availabilityZone: 'eu-west-1a' });
      const [one, both] = ['11111111', '22222222'].map(subnet);
      new MountTargets(stack, 'First', { fileSystem, vpc, vpcSubnets: { subnets: shared ? [one, both] : [one] } });
      new MountTargets(stack, 'Second', { fileSystem, vpc, vpcSubnets: { subnets: [both] } });
      return faultOf(stack);
    };
    expect(given(true)).toBeUndefined();
    expect(given(false)).toContain("'vpcSubnets' has Stack/22222222 in the same Availability Zone eu-west-1a as Stack/11111111");
  });

  test('two known subnets in one zone are refused, also by tokens', () => {
    const stack = new Stack(new App(), 'Stack');
    const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 1, natGateways: 0 });
    const fileSystem = foreign(stack);
    new MountTargets(stack, 'First', { fileSystem, vpc, vpcSubnets: { subnets: vpc.publicSubnets } });
    new MountTargets(stack, 'Second', { fileSystem, vpc, vpcSubnets: { subnets: vpc.isolatedSubnets } });
    expect(faultOf(stack)).toMatch(/'vpcSubnets' has Stack\/Vpc\/\S+ in the same Availability Zone as Stack\/Vpc\/\S+, and Stack\/First has mount targets/);
  });

  test('subnets that are known at deployment only are allowed', () => {
    const { stack, vpc } = givenStack();
    const fileSystem = foreign(stack);
    const parameter = (id: string) => new CfnParameter(stack, id).valueAsString;
    const subnet = (id: string) => ec2.Subnet.fromSubnetAttributes(stack, id, { subnetId: parameter(`${id}Id`), availabilityZone: 'eu-west-1a' });
    new MountTargets(stack, 'First', { fileSystem, vpc, vpcSubnets: { subnets: [subnet('One')] } });
    new MountTargets(stack, 'Second', { fileSystem, vpc, vpcSubnets: { subnets: [subnet('Another')] } });
    const listed = ec2.Vpc.fromVpcAttributes(stack, 'Listed', {
      vpcId: parameter('VpcId'), availabilityZones: Fn.getAzs(), privateSubnetIds: new CfnParameter(stack, 'Ids', { type: 'List<String>' }).valueAsList,
    });
    new MountTargets(stack, 'Third', { fileSystem, vpc: listed });
    expect(faultOf(stack)).toBeUndefined();
  });

  test('two sets with subnets in one zone are refused', () => {
    const { stack } = givenStack();
    const vpc = new ec2.Vpc(stack, 'Two', { maxAzs: 2, natGateways: 0 });
    const fileSystem = foreign(stack);
    new MountTargets(stack, 'First', { fileSystem, vpc, vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC } });
    new MountTargets(stack, 'Second', { fileSystem, vpc, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } });
    expect(faultOf(stack)).toMatch(/'vpcSubnets' has \S+ in the same Availability Zone \S+ as \S+, and Stack\/First has mount targets/);
  });

  test.each([['known', ENV], ['tokens', undefined]])('sets in different zones of one VPC are allowed, zones being %s', (_, env) => {
    const stack = new Stack(new App(), 'Stack', { env });
    const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2, natGateways: 0 });
    const fileSystem = foreign(stack);
    const [one, two] = vpc.publicSubnets;
    new MountTargets(stack, 'First', { fileSystem, vpc, vpcSubnets: { subnets: [one] } });
    new MountTargets(stack, 'Second', { fileSystem, vpc, vpcSubnets: { subnets: [two] } });
    expect(faultOf(stack)).toBeUndefined();
  });

  test('a set beside that of the FileSystem itself is refused in another subnet of its zone, and allowed elsewhere', () => {
    const given = (zone: string, subnetType = ec2.SubnetType.PUBLIC) => {
      const { stack, vpc } = givenStack();
      const fileSystem = new FileSystem(stack, 'Files', { vpc, vpcSubnets: { availabilityZones: ['eu-west-1a'], subnetType: ec2.SubnetType.PUBLIC } });
      new MountTargets(stack, 'More', { fileSystem, vpc, vpcSubnets: { availabilityZones: [zone], subnetType } });
      return faultOf(stack);
    };
    expect(given('eu-west-1b')).toBeUndefined();
    expect(given('eu-west-1a')).toBeUndefined();
    expect(given('eu-west-1a', ec2.SubnetType.PRIVATE_ISOLATED)).toMatch(/\[Stack\/More\] 'vpcSubnets' has .*, and Stack\/Files\/MountTargets has mount targets/);
  });

  test('subnets whose zones nobody knows are allowed', () => {
    const { stack, vpc } = givenStack();
    const fileSystem = foreign(stack);
    const subnet = (id: string) => ec2.Subnet.fromSubnetId(stack, id, id);
    new MountTargets(stack, 'First', { fileSystem, vpc, vpcSubnets: { subnets: [subnet('subnet-11111111')] } });
    new MountTargets(stack, 'Second', { fileSystem, vpc, vpcSubnets: { subnets: [subnet('subnet-22222222')] } });
    expect(faultOf(stack)).toBeUndefined();
  });

  test('another VPC is refused', () => {
    const { stack, vpc } = givenStack();
    const fileSystem = new FileSystem(stack, 'Files', { vpc });
    new MountTargets(stack, 'More', { fileSystem, vpc: new ec2.Vpc(stack, 'Other') });
    expect(faultOf(stack)).toContain("[Stack/More] 'vpc' is Stack/Other, but Stack/Files/MountTargets has mount targets of the same 'fileSystem' in Stack/Vpc");
  });

  test('one VPC that is imported twice is one, and a VPC that is being looked up may be any', () => {
    const { stack } = givenStack();
    const fileSystem = foreign(stack);
    const imported = (id: string, zone: string, subnetId: string) => ec2.Vpc.fromVpcAttributes(stack, id, {
      vpcId: 'vpc-11111111', availabilityZones: [zone], privateSubnetIds: [subnetId],
    });
    new MountTargets(stack, 'First', { fileSystem, vpc: imported('A', 'eu-west-1a', 'subnet-11111111') });
    new MountTargets(stack, 'Second', { fileSystem, vpc: imported('B', 'eu-west-1b', 'subnet-22222222') });
    expect(faultOf(stack)).toBeUndefined();

    const { stack: early } = givenStack();
    const files = foreign(early);
    new MountTargets(early, 'First', { fileSystem: files, vpc: ec2.Vpc.fromLookup(early, 'A', { vpcName: 'a' }) });
    new MountTargets(early, 'Second', { fileSystem: files, vpc: ec2.Vpc.fromLookup(early, 'B', { vpcName: 'a' }) });
    expect(faultOf(early)).toBeUndefined();
  });
});
