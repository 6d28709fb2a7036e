import { readFileSync } from 'fs';
import { join } from 'path';
import { App, Aws, CfnCondition, CfnParameter, Fn, Stack, type CfnResource } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import {
  BackupPolicy, DiskImage, FileSystem, FileSystemPolicy, LifecycleConfiguration, MachineDisk, MachineImage,
  MountTargets, Snapshot, SnapshotExport, SnapshotImport, TagSet,
} from '../../../../../src';
import { longestForm, nameOfValue } from '../../../../../src/private/resource/token-forms';
import { ENV, givenStack, givenVpc } from '../../../../harness/given';
import { policiesIn } from '../../../../harness/policies';

/** IAM's limits, which the player enforces too. */
const INLINE = 10_240;
const MANAGED = 6144;
const ATTACHED = 10;

/** Returns a value of a template as it is at deployment, with names as long as they may be. */
function deployed(value: any, resources: Record<string, { Type: string }>): any {
  if (Array.isArray(value)) { return value.map(one => deployed(one, resources)); }
  if (typeof value !== 'object' || value === null) { return value; }
  const [[name, argument]] = [...Object.entries<any>(value), ['', undefined]];
  switch (name) {
    case 'Fn::Join': return deployed(argument[1], resources).join(argument[0]);
    case 'Fn::GetAtt': return 'a'.repeat(LENGTHS[`${resources[argument[0]].Type}.${argument[1]}`] ?? 150);
    case 'Ref': return PSEUDO[argument] ?? 'r'.repeat(LENGTHS[resources[argument].Type] ?? 80);
    default: return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, deployed(one, resources)]));
  }
}

const PSEUDO: Record<string, string> = {
  'AWS::Partition': 'aws', 'AWS::StackName': 'Stack', 'AWS::StackId': `arn:aws:cloudformation:eu-west-1:111122223333:stack/Stack/${'0'.repeat(36)}`,
};
/** The ARN of a key, for instance, as AWS has them in Europe. */
const LENGTHS: Record<string, number> = {
  'AWS::KMS::Key.Arn': 'arn:aws:kms:eu-west-1:111122223333:key/'.length + 36,
  'AWS::S3::Bucket.Arn': 'arn:aws:s3:::'.length + 63,
  'AWS::S3::Bucket': 63,
  'AWS::EFS::FileSystem': 20,
  'Custom::SnapshotImport': 22,
};

/** Returns the policies and roles of this template that IAM would refuse. Policies with a description are replaced, so that there are two of each during an update. */
function refused({ Resources }: Record<string, any>): string[] {
  const policies = policiesIn({ Resources }).map(policy => ({
    ...policy, size: JSON.stringify(deployed(policy.document, Resources)).length, isManaged: Resources[policy.id].Type === 'AWS::IAM::ManagedPolicy',
  }));
  const faults = policies.filter(({ isManaged, size }) => isManaged && size > MANAGED).map(({ id, size }) => `${id}: ${size}`);
  for (const role of Object.keys(Resources).filter(id => Resources[id].Type === 'AWS::IAM::Role')) {
    const own = policies.filter(({ roles }) => roles.includes(role));
    const inline = own.reduce((sum, { isManaged, size }) => isManaged ? sum : sum + size, 0);
    const attached = own.filter(({ isManaged }) => isManaged).reduce((sum, { id }) => sum + (Resources[id].Properties.Description ? 2 : 1), 0);
    if (inline > INLINE) { faults.push(`${role}: ${inline}`); }
    if (attached + (Resources[role].Properties.ManagedPolicyArns ?? []).length > ATTACHED) { faults.push(`${role}: ${attached} policies`); }
  }
  return faults;
}

const hex = (n: number) => n.toString(16).padStart(17, '0');

function foreign(stack: Stack, n: number): efs.IFileSystem {
  return efs.FileSystem.fromFileSystemAttributes(stack, `Theirs${n}`, {
    fileSystemId: `fs-${hex(n)}`, securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, `Clients${n}`, 'sg-01234567'),
  });
}

function everythingOn(stack: Stack, vpc: ec2.IVpc, fileSystem: efs.IFileSystem, n: number): void {
  new MountTargets(stack, `Targets${n}`, { fileSystem, vpc });
  new TagSet(stack, `Tags${n}`, { fileSystem, tags: { team: 'storage' } });
  new BackupPolicy(stack, `Backup${n}`, { fileSystem });
  new LifecycleConfiguration(stack, `Lifecycle${n}`, { fileSystem, lifecyclePolicy: efs.LifecyclePolicy.AFTER_30_DAYS });
  new FileSystemPolicy(stack, `Policy${n}`, {
    fileSystem, document: new iam.PolicyDocument({ statements: [new iam.PolicyStatement({ principals: [new iam.AnyPrincipal()], actions: ['*'] })] }),
  });
}

/** Repeats something. */
const times = (count: number, make: (stack: Stack, n: number, vpc: ec2.IVpc) => void) => (stack: Stack, vpc: ec2.IVpc) =>
  Array.from({ length: count }, (_, n) => make(stack, n, vpc));

const image = (stack: Stack, n: number, bucket: s3.IBucket, kmsKey: kms.IKey) =>
  new SnapshotImport(stack, `Disk${n}`, { kmsKey, image: DiskImage.fromBucket(bucket, `images/disk${n}.img`) });
const encrypted = (stack: Stack, n: number | string) => new s3.Bucket(stack, `Images${n}`, { encryption: s3.BucketEncryption.KMS });

describe('one stack has room for', () => {
  test.each<[string, (stack: Stack, vpc: ec2.IVpc) => unknown]>([
    ['30 file systems with keys of their own', times(30, (stack, n, vpc) => new FileSystem(stack, `Files${n}`, { vpc, kmsKey: new kms.Key(stack, `Key${n}`) }))],
    ['40 file systems that are adopted by their ids', times(40, (stack, n, vpc) => new FileSystem(stack, `Files${n}`, { vpc, adoptFileSystemId: `fs-${hex(n)}` }))],
    ['5 file systems of others with mount targets, settings and tags each', times(5, (stack, n, vpc) => everythingOn(stack, vpc, foreign(stack, n), n))],
    ['20 file systems of others with tags', times(20, (stack, n) => new TagSet(stack, `Tags${n}`, { fileSystem: foreign(stack, n), tags: { team: 'storage' } }))],
    ['20 sets of tags on one file system', (stack: Stack) => {
      const fileSystem = foreign(stack, 1);
      times(20, (_, n) => new TagSet(stack, `Tags${n}`, { fileSystem, tags: { [`key${n}`]: 'x' } }))(stack, undefined!);
    }],
    ['20 sets of tags on one file system of CloudFormation in the stack', (stack: Stack, vpc: ec2.IVpc) => {
      const fileSystem = new efs.FileSystem(stack, 'Theirs', { vpc });
      times(20, (_, n) => new TagSet(stack, `Tags${n}`, { fileSystem, tags: { [`key${n}`]: 'x' } }))(stack, vpc);
    }],
    ['30 imports with keys and encrypted buckets of their own', times(30, (stack, n) => image(stack, n, encrypted(stack, n), new kms.Key(stack, `Key${n}`)))],
    ['100 imports with one key and one bucket', (stack: Stack) => {
      const [bucket, key] = [encrypted(stack, ''), new kms.Key(stack, 'Key')];
      times(100, (_, n) => image(stack, n, bucket, key))(stack, undefined!);
    }],
  ])('%s, as IAM counts', (_, build) => {
    const { stack, vpc } = givenStack();
    build(stack, vpc);
    expect(refused(Template.fromStack(stack).toJSON())).toEqual([]);
  });
});

describe('more than there is room for is refused at synthesis', () => {
  const synth = (build: (stack: Stack, vpc: ec2.IVpc) => unknown) => () => {
    const { stack, vpc } = givenStack();
    build(stack, vpc);
    Template.fromStack(stack);
  };

  test.each<[string, (stack: Stack, vpc: ec2.IVpc) => unknown, string]>([
    ['keys of file systems', times(80, (stack, n, vpc) => new FileSystem(stack, `Files${n}`, { vpc, kmsKey: new kms.Key(stack, `Key${n}`) })),
      '[Stack/cdk-durable-storage.Efs/KeyAccess] the policies of a role have room for 64 keys of file systems, got 80: split the stack'],
    ['keys of images', times(90, (stack, n) => image(stack, n, encrypted(stack, n), kms.Key.fromKeyArn(stack, `Key${n}`, 'arn:aws:kms:eu-west-1:111122223333:key/one'))),
      '[Stack/cdk-durable-storage.Ebs/ImageKeyAccess] the policies of a role have room for 67 keys of disk images, got 90: split the stack'],
    ['tags on file systems of others in the same stack', times(40, (stack, n) => {
      const file = new efs.CfnFileSystem(stack, `Files${n}`);
      const securityGroup = ec2.SecurityGroup.fromSecurityGroupId(stack, `Clients${n}`, 'sg-01234567');
      new TagSet(stack, `Tags${n}`, {
        fileSystem: efs.FileSystem.fromFileSystemAttributes(stack, `Theirs${n}`, { fileSystemId: file.ref, securityGroup }), tags: { team: 'storage' },
      });
    }), '[Stack/cdk-durable-storage.Efs/Role] the 42 inline policies of this role must have at most 10240 characters, got'],
  ])('%s', (_, build, message) => {
    expect(synth(build)).toThrow(message);
  });
});

describe('a value that is known only at deployment', () => {
  const lengthOf = (make: (stack: Stack) => string, env: object = { env: ENV }) => {
    const stack = new Stack(new App(), 'Stack', env);
    return longestForm(stack, make(stack)) - '""'.length;
  };

  test.each<[string, (stack: Stack) => string, number]>([
    ['the ARN of a key', stack => new kms.Key(stack, 'Key').keyArn, 85],
    ['the ARN of a bucket', stack => new s3.Bucket(stack, 'Bucket').bucketArn, 80],
    ['an object in a bucket', stack => new s3.Bucket(stack, 'Bucket').arnForObjects('disk.img'), 89],
    ['the id of a file system of ours', stack => new FileSystem(stack, 'Files', { vpc: givenVpc(stack) }).fileSystemId, 20],
    ['a parameter', stack => new CfnParameter(stack, 'Parameter').valueAsString, 200],
    ['a value of another stack that is imported by its name', () => Fn.importValue('other'), 200],
    ['what is joined of such values', stack => Fn.join('-', ['a', stack.partition, Fn.importValue('other')]), 'a-aws-'.length + 200],
    ['the name of an asset bucket', () => Fn.sub('assets-${AWS::AccountId}-${AWS::Region}'), 'assets-111122223333-'.length + 'ap-northeast-1'.length],
  ])('counts with its longest form: %s', (_, make, length) => {
    expect(lengthOf(make)).toBe(length === 200 || !/asset/.test(_) ? length : length - 'ap-northeast-1'.length + 'eu-west-1'.length);
  });

  test('counts partition and Region as they are, if the stack knows its Region', () => {
    expect(lengthOf(() => `${Aws.PARTITION} ${Aws.REGION}`)).toBe('aws eu-west-1'.length);
    expect(lengthOf(() => `${Aws.PARTITION} ${Aws.REGION}`, {})).toBe('aws-us-gov ap-northeast-1'.length);
  });

  test('has the same name in every synthesis, and another one for another thing of that name', () => {
    const nameIn = (before: number, outer: string) => {
      const app = new App();
      const stack = new Stack(app, outer);
      Array.from({ length: before }, (_, n) => new kms.Key(stack, `Other${n}`).keyArn);
      return nameOfValue(stack, [new kms.Key(stack, 'Key').keyArn]);
    };
    expect(nameIn(0, 'One')).toBe(nameIn(3, 'One'));
    expect(nameIn(0, 'One')).not.toBe(nameIn(0, 'Two'));
  });
});

/** Constructs of each row of the table in docs/composition.md, n of each. */
const ROWS: Record<string, (count: number) => (stack: Stack, vpc: ec2.IVpc) => unknown> = {
  'FileSystem with a key of its own': count => times(count, (stack, n, vpc) =>
    new FileSystem(stack, `Files${n}`, { vpc, securityGroup: group(stack), kmsKey: new kms.Key(stack, `Key${n}`) })),
  'FileSystem with adoptFileSystemId': count => times(count, (stack, n, vpc) =>
    new FileSystem(stack, `Files${n}`, { vpc, securityGroup: group(stack), adoptFileSystemId: `fs-${hex(n)}` })),
  'TagSet on a file system of others each': count => times(count, (stack, n) =>
    new TagSet(stack, `Tags${n}`, { fileSystem: foreign(stack, n), tags: { team: 'storage' } })),
  'MountTargets, three settings and a TagSet on a file system of others each': count => times(count, (stack, n, vpc) =>
    everythingOn(stack, vpc, foreign(stack, n), n)),
  'TagSet on a file system of aws-cdk-lib in the stack each': count => times(count, (stack, n) => new TagSet(stack, `Tags${n}`, {
    fileSystem: efs.FileSystem.fromFileSystemAttributes(stack, `Theirs${n}`, {
      fileSystemId: new efs.CfnFileSystem(stack, `Files${n}`).ref, securityGroup: group(stack),
    }),
    tags: { team: 'storage' },
  })),
  'SnapshotImport from a bucket with a key, and with a key, both its own': count => times(count, (stack, n) =>
    image(stack, n, encrypted(stack, n), new kms.Key(stack, `Key${n}`))),
  'SnapshotImport with a bucket and a key that all share': count => (stack, vpc) => {
    const [bucket, key] = [encrypted(stack, ''), new kms.Key(stack, 'Key')];
    times(count, (_, n) => image(stack, n, bucket, key))(stack, vpc);
  },
  'SnapshotImport of an asset each': count => times(count, (stack, n) => new SnapshotImport(stack, `Disk${n}`, {
    image: DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, `Assets${n}`, 'cdk-hnb659fds-assets-111122223333-eu-west-1'), `${n.toString(16).padStart(64, '0')}.img`),
  })),
  'SnapshotExport to a bucket of its own': count => times(count, (stack, n) => new SnapshotExport(stack, `Export${n}`, {
    snapshot: Snapshot.fromSnapshotId(stack, `Snapshot${n}`, `snap-${hex(n)}`), bucket: new s3.Bucket(stack, `Bucket${n}`),
  })),
  'SnapshotExport of a snapshot of the stack, to a bucket of its own': count => times(count, (stack, n) => {
    const bucket = new s3.Bucket(stack, `Bucket${n}`);
    new SnapshotExport(stack, `Export${n}`, { snapshot: new SnapshotImport(stack, `Disk${n}`, { image: DiskImage.fromBucket(bucket, 'disk.img') }), bucket });
  }),
  'MachineImage of a snapshot of others each': count => times(count, (stack, n) => new MachineImage(stack, `Image${n}`, {
    rootDisk: MachineDisk.fromSnapshotId(`snap-${hex(n)}`), architecture: ec2.InstanceArchitecture.ARM_64,
  })),
};

function group(stack: Stack): ec2.ISecurityGroup {
  return stack.node.tryFindChild('Clients') as unknown as ec2.ISecurityGroup ?? ec2.SecurityGroup.fromSecurityGroupId(stack, 'Clients', 'sg-01234567');
}

describe('a policy that changes', () => {
  const policyIn = (name: string, build: (stack: Stack, vpc: ec2.IVpc) => unknown) => {
    const { stack, vpc } = givenStack();
    build(stack, vpc);
    return Object.entries(Template.fromStack(stack).findResources('AWS::IAM::ManagedPolicy')).find(([id]) => id.includes(name))![1].Properties;
  };

  test('is another one if a Delete needs it, because another description means another policy', () => {
    const description = (count: number) => policyIn('ForeignAccess', times(count, (stack, n) =>
      new TagSet(stack, `Tags${n}`, { fileSystem: foreign(stack, n), tags: { team: 'storage' } }))).Description;
    expect(description(1)).toMatch(/^cdk-durable-storage: /);
    expect(description(1)).toBe(description(1));
    expect(description(2)).not.toBe(description(1));
  });

  test('stays if only creations need it', () => {
    expect(policyIn('KeyAccess', (stack, vpc) => new FileSystem(stack, 'Files', { vpc, kmsKey: new kms.Key(stack, 'Key') })).Description ?? '').toBe('');
  });

  test('makes no circle where one import has the snapshot of another as its parent', () => {
    const { stack } = givenStack();
    const key = new kms.Key(stack, 'Key');
    const bucket = encrypted(stack, '');
    const first = image(stack, 1, bucket, key);
    const second = new SnapshotImport(stack, 'Second', { image: DiskImage.fromBucket(bucket, 'a.img'), parent: first, kmsKey: key });
    new SnapshotImport(stack, 'Third', { image: DiskImage.fromBucket(bucket, `${second.snapshotId}.img`), parent: second, kmsKey: key });
    // Template refuses circles.
    expect(() => Template.fromStack(stack)).not.toThrow();
  });
});

describe('docs/composition.md has how many fit into a stack', () => {
  const table = readFileSync(join(__dirname, '../../../../../docs/composition.md'), 'utf8');
  const documented = (name: string) => Number(new RegExp(`\\| ${name} \\| (\\d+) \\|`).exec(table)?.[1]);

  test.each(Object.entries(ROWS))('%s', (name, make) => {
    const most = documented(name);
    const synth = (count: number) => {
      const { stack, vpc } = givenStack();
      make(count)(stack, vpc);
      return Template.fromStack(stack).toJSON();
    };
    expect(refused(synth(most))).toEqual([]);
    expect(() => synth(most + 1)).toThrow(/split the stack|exceeds the maximum/);
  });
});

describe('policies that name things elsewhere', () => {
  /** Returns the descriptions of the managed policies of a stack, which hold digests of their content. */
  const described = (app: App, stackName: string) =>
    Object.values<any>(app.synth().getStackByName(stackName).template.Resources).filter(({ Type }) => Type === 'AWS::IAM::ManagedPolicy')
      .flatMap(({ Properties }) => Properties.Description || []);

  const moved = (to: 'Blue' | 'Green') => {
    const app = new App();
    const data = (id: string) => {
      const stack = new Stack(app, id, { env: ENV });
      return { fileSystem: new efs.FileSystem(stack, 'Files', { vpc: givenVpc(stack) }), bucket: new s3.Bucket(stack, 'Bucket') };
    };
    const all = { Blue: data('Blue'), Green: data('Green') };
    const user = new Stack(app, 'User', { env: ENV });
    new TagSet(user, 'Tags', { fileSystem: all[to].fileSystem, tags: { team: 'storage' } });
    new SnapshotExport(user, 'Export', { snapshot: Snapshot.fromSnapshotId(user, 'Snapshot', 'snap-0123456789abcdef0'), bucket: all[to].bucket, key: 'disk.img' });
    return described(app, 'User');
  };

  test('are others for the same thing of another stack, so that the clean-up at the former one is allowed', () => {
    const [blue, green] = [moved('Blue'), moved('Green')];
    expect(blue).toHaveLength(2);
    expect(green).toHaveLength(2);
    expect(green.filter(description => blue.includes(description))).toEqual([]);
  });

  test('stand alone where a reference does not change with the value behind it', () => {
    const app = new App({ context: { '@aws-cdk/core:defaultCrossStackReferences': 'weak' } });
    const theirs = new Stack(app, 'Theirs', { env: ENV });
    const fileSystem = new efs.FileSystem(theirs, 'Files', { vpc: givenVpc(theirs) });
    const user = new Stack(app, 'User', { env: ENV });
    new TagSet(user, 'Tags', { fileSystem, tags: { team: 'storage' } });
    expect(described(app, 'User')).toEqual([]);
    expect(Object.values<any>(app.synth().getStackByName('User').template.Resources).map(({ Type }) => Type)).toContain('AWS::IAM::RolePolicy');
  });
});

test('a key that needs a file system of this library, or that is there only under a condition, is not in the shared policy', () => {
  const { stack, vpc } = givenStack();
  const first = new FileSystem(stack, 'First', { vpc, kmsKey: new kms.Key(stack, 'Key1') });
  const role = new iam.Role(stack, 'Role', {
    assumedBy: new iam.AccountRootPrincipal(),
    inlinePolicies: { Mount: new iam.PolicyDocument({ statements: [new iam.PolicyStatement({ actions: ['elasticfilesystem:ClientMount'], resources: [first.fileSystemArn] })] }) },
  });
  const needing = new kms.Key(stack, 'Key2');
  needing.addToResourcePolicy(new iam.PolicyStatement({ principals: [role], actions: ['kms:Decrypt'], resources: ['*'] }));
  new FileSystem(stack, 'Second', { vpc, kmsKey: needing });
  const conditional = new kms.Key(stack, 'Key3');
  (conditional.node.defaultChild as CfnResource).cfnOptions.condition = new CfnCondition(stack, 'Wanted', { expression: Fn.conditionEquals('a', 'b') });
  new FileSystem(stack, 'Third', { vpc, kmsKey: conditional });

  const policies = policiesIn(Template.fromStack(stack).toJSON());
  const naming = (key: string) => policies.filter(({ document }) => JSON.stringify(document).includes(`"${key}`)).map(({ id }) => id.replace(/[0-9A-F]{8}$/, ''));
  expect(naming('Key1')).toEqual([expect.stringMatching(/^cdkdurablestorageEfs/)]);
  expect(naming('Key2')).toEqual(['SecondKeyAccess']);
  expect(naming('Key3')).toEqual(['ThirdKeyAccess']);
});
