import { RemovalPolicy } from 'aws-cdk-lib';
import { Alias, Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, SnapshotImport, type SnapshotImportProps } from '../../../src';
import { ACCOUNT, PARTITION, REGION } from '../../../world/emulator/environment';
import type { Build } from '../../harness/deployment/deployment-world';
import { disk, IMAGES, EbsWorld } from '../../harness/deployment/ebs-world';

const ASSET_BUCKET = `cdk-hnb659fds-assets-${ACCOUNT}-${REGION}`;

let world: EbsWorld;
let key: string;

beforeEach(async () => {
  world = await EbsWorld.start();
  key = world.emulator.kms.createKey().arn;
});
afterEach(() => world.close());

const build = (props: (scope: Parameters<Build>[0]) => SnapshotImportProps): Build => stack => void new SnapshotImport(stack, 'Disk', props(stack));

/** What it takes: the key, by its ARN, or by an alias. */
const keyOf = (scope: Parameters<Build>[0]) => Key.fromKeyArn(scope, 'Key', key);

test('an asset bucket that was bootstrapped with a key of one\'s own: the prop names the key', async () => {
  world.emulator.s3.createBucket(ASSET_BUCKET, { encryption: { algorithm: 'aws:kms', kmsKey: key } });
  const image = disk(1, 'asset');
  const file = world.file('asset.img', image);
  const failed = await world.deploy('Assets', build(() => ({ image: DiskImage.fromAsset(file) })));
  failed.expectFailure('ROLLBACK_COMPLETE', /image s3:\/\/cdk-hnb659fds-assets-\S+ cannot be read: access is denied .*'encryptionKey' of the DiskImage/);
  await world.destroy('Assets');

  const made = await world.deploy('Assets', build(scope => ({ image: DiskImage.fromAsset(file, { encryptionKey: keyOf(scope) }) })));
  world.expectContent(made.expectSuccess('CREATE_COMPLETE').id('Disk'), image);
});

test('an imported bucket that does not name its key: the prop does, by an alias too', async () => {
  const { kms, s3 } = world.emulator;
  kms.createAlias('alias/images', key.split('/')[1]);
  s3.buckets.get(IMAGES)!.encryption = { algorithm: 'aws:kms', kmsKey: key };
  const image = disk(1, 'locked');
  await world.put(IMAGES, 'locked.img', image);
  const imported = (scope: Parameters<Build>[0]) => Bucket.fromBucketName(scope, 'Images', IMAGES);
  (await world.deploy('Locked', build(scope => ({ image: DiskImage.fromBucket(imported(scope), 'locked.img') }))))
    .expectFailure('ROLLBACK_COMPLETE', /kms:Decrypt if a customer key encrypts it, which 'encryptionKey' of the DiskImage names/);
  await world.destroy('Locked');

  const made = await world.deploy('Locked', build(scope => ({
    image: DiskImage.fromBucket(imported(scope), 'locked.img', undefined, { encryptionKey: Alias.fromAliasName(scope, 'Alias', 'alias/images') }),
  })));
  world.expectContent(made.expectSuccess('CREATE_COMPLETE').id('Disk'), image);
});

test.each([
  ['encrypts by default', true, {}],
  ['is asked to encrypt', false, { encrypted: true }],
] as const)('an account whose default key for EBS is a customer\'s, and that %s: the error names the key and the prop', async (_, always, more) => {
  const { ec2 } = world.emulator;
  ec2.defaultKmsKeyId = key;
  ec2.encryptionByDefault = always;
  const image = disk(1, 'default');
  await world.put(IMAGES, 'default.img', image);
  const props = (scope: Parameters<Build>[0]) => ({
    image: DiskImage.fromBucket(Bucket.fromBucketName(scope, 'Images', IMAGES), 'default.img'), removalPolicy: RemovalPolicy.DESTROY, ...more,
  });
  (await world.deploy('Default', build(props)))
    .expectFailure('ROLLBACK_COMPLETE', `the account's default key for EBS is ${key}: give it as 'kmsKey'`);
  world.expectNothingLeft('Default');
  await world.destroy('Default');

  const id = (await world.deploy('Default', build(scope => ({ ...props(scope), kmsKey: keyOf(scope) })))).expectSuccess('CREATE_COMPLETE').id('Disk');
  expect(world.snapshot(id).kmsKeyId).toBe(key);
  world.expectContent(id, image);
});

test('a key policy that does not let IAM decide is refused with the action that it lacks', async () => {
  const { kms } = world.emulator;
  const closed = kms.createKey({ policy: { Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:${PARTITION}:iam::${ACCOUNT}:role/admin` }, Action: 'kms:*', Resource: '*' }] } });
  await world.put(IMAGES, 'closed.img', disk(1, 'closed'));
  const outcome = await world.deploy('Closed', build(scope => ({
    image: DiskImage.fromBucket(Bucket.fromBucketName(scope, 'Images', IMAGES), 'closed.img'), kmsKey: Key.fromKeyArn(scope, 'Key', closed.arn),
  })));
  outcome.expectFailure('ROLLBACK_COMPLETE', /'kmsKey' arn:aws:kms:\S+ cannot be used: AccessDeniedException.*kms:DescribeKey/);
});
