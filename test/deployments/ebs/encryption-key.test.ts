import { RemovalPolicy, Size } from 'aws-cdk-lib';
import { Key, type IKey } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { DiskImage, Snapshot, SnapshotExport, SnapshotImport, StorageFunctions } from '../../../src';
import { ACCOUNT, REGION } from '../../../world/emulator/environment';
import type { ResourceStatement } from '../../../world/emulator/kms/resource-policy';
import type { Build, Options } from '../../harness/deployment/deployment-world';
import { disk, EbsWorld, VERSIONED_IMAGES } from '../../harness/deployment/ebs-world';

/* One customer key for the bucket, log group and executions of the functions: who uses it, and who may not. */

let world: EbsWorld;
beforeEach(async () => { world = await EbsWorld.start(); });
afterEach(() => world.close());

/** An import, an increment to it, and what changed in between as an export. The snapshots are not encrypted, so no other key is in use. */
const build = (encryptionKey?: (stack: Parameters<Build>[0]) => IKey, content = 'next'): Build => stack => {
  if (encryptionKey) { StorageFunctions.configure(stack, { encryptionKey: encryptionKey(stack) }); }
  const image = (name: string, bytes: number) => DiskImage.fromAsset(world.file(name, disk(bytes, name)));
  const base = new SnapshotImport(stack, 'Base', { image: image('base.img', 1), volumeSize: Size.gibibytes(1) });
  const next = new SnapshotImport(stack, 'Next', { image: image(`${content}.img`, 2), parent: base });
  new SnapshotExport(stack, 'Delta', {
    snapshot: next,
    since: Snapshot.fromSnapshotId(stack, 'Since', base.snapshotId),
    bucket: Bucket.fromBucketName(stack, 'Exports', VERSIONED_IMAGES),
    removalPolicy: RemovalPolicy.DESTROY,
  });
};
const own = (stack: Parameters<Build>[0]) => new Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
const deploy = (make: Build, options?: Options) => world.deploy('Kept', make, options);
/** The keys of the objects in the transfer bucket. */
const keysUsed = () => new Set([...world.emulator.s3.buckets].filter(([name]) => name.startsWith('kept-'))
  .flatMap(([, bucket]) => bucket.versions().flatMap(version => 'encryption' in version ? [version.encryption.kmsKey] : [])));

test('imports and exports keep everything under the key of the app, and leave nothing', async () => {
  // An execution whose state machine may not use the key yet would fail.
  world.emulator.lateness.fix('iam', /WaiterRole/, 20);
  (await deploy(build(own))).expectSuccess('CREATE_COMPLETE');
  const [key, ...others] = keysUsed();
  expect([key, others]).toEqual([expect.stringContaining(':key/'), []]);
  (await world.destroy('Kept')).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft('Kept');
});

test('a stack that gets a key in an update of its own goes on, also with what it imported before', async () => {
  (await deploy(build())).expectSuccess('CREATE_COMPLETE');
  (await deploy(build(own))).expectSuccess('UPDATE_COMPLETE');
  await world.pass({ minutes: 1 });
  (await deploy(build(own, 'other'))).expectSuccess('UPDATE_COMPLETE');
  expect(keysUsed()).toContainEqual(expect.stringContaining(':key/'));
  (await world.destroy('Kept')).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft('Kept');
});

// A state machine that may not use its key answers no Delete either.
test.each(['kms:GenerateDataKey', 'kms:Decrypt'])('without %s, nothing can be imported', async without => {
  (await deploy(build(own), { without })).expectFailure('ROLLBACK_FAILED', new RegExp(`could not be started: .*${without}`));
  expect(world.emulator.ec2.snapshots.all).toEqual([]);
});

test('the policy of an imported key has to let CloudWatch Logs in; without the key, the functions go on if its policy still lets them read', async () => {
  const { kms } = world.emulator;
  const { keyId, arn } = kms.createKey();
  const imported = build(stack => Key.fromKeyArn(stack, 'Key', arn));
  (await deploy(imported)).expectFailure('ROLLBACK_COMPLETE', /KMS key does not exist or is not allowed to be used with LogGroup/);
  await world.destroy('Kept');
  const account: ResourceStatement = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 'kms:*', Resource: '*' };
  kms.setPolicy(keyId, {
    Statement: [account, {
      Effect: 'Allow',
      Principal: { Service: `logs.${REGION}.amazonaws.com` },
      Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:Describe*'],
      Resource: '*',
      Condition: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:*` } },
    }],
  });
  (await deploy(imported)).expectSuccess('CREATE_COMPLETE');

  kms.setPolicy(keyId, {
    Statement: [account, {
      Effect: 'Allow',
      Principal: { AWS: '*' },
      Action: 'kms:Decrypt',
      Resource: '*',
      Condition: { ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${ACCOUNT}:role/Kept-cdkdurablestorage*` } },
    }],
  });
  (await deploy(build())).expectSuccess('UPDATE_COMPLETE');
  (await world.destroy('Kept')).expectSuccess('DELETE_COMPLETE');
  world.expectNothingLeft('Kept');
});
