import { join } from 'path';
import { ExpectedResult, IntegTest, Match } from '@aws-cdk/integ-tests-alpha';
import { RemovalPolicy, Size, Stack, Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import { integApp } from './app';
import { DiskImage, DiskImageFormat, SnapshotImport, Verification } from '../../../src';

/** A small image as an asset, plain and under a key of the customer; a volume is made from the first. */
const app = integApp();
const stack = new Stack(app, 'cdk-durable-storage-snapshot-import');
// Text shows no sign of a disk, so its format must be said.
const image = DiskImage.fromAsset(join(__dirname, 'disk.txt'), { format: DiskImageFormat.RAW });

const plain = new SnapshotImport(stack, 'Plain', { image, volumeSize: Size.gibibytes(1), verify: Verification.FULL, description: 'integration test' });
Tags.of(plain).add('purpose', 'integration test');
const secret = new SnapshotImport(stack, 'Secret', { image, kmsKey: new kms.Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY }) });
const volume = new ec2.Volume(stack, 'Volume', {
  availabilityZone: stack.availabilityZones[0], snapshotId: plain.snapshotId, removalPolicy: RemovalPolicy.DESTROY,
});

const test = new IntegTest(app, 'SnapshotImport', { testCases: [stack], diffAssets: true });
test.assertions.awsApiCall('EC2', 'DescribeSnapshots', { SnapshotIds: [plain.snapshotId, secret.snapshotId] }).expect(ExpectedResult.objectLike({
  Snapshots: Match.arrayWith([
    Match.objectLike({ SnapshotId: plain.snapshotId, State: 'completed', VolumeSize: 1, Description: 'integration test' }),
    Match.objectLike({ SnapshotId: secret.snapshotId, State: 'completed', Encrypted: true }),
  ]),
}));
test.assertions.awsApiCall('EBS', 'ListSnapshotBlocks', { SnapshotId: plain.snapshotId }).expect(ExpectedResult.objectLike({
  // As much as the image has: one block, at the start.
  Blocks: [Match.objectLike({ BlockIndex: 0 })], VolumeSize: 1,
}));
test.assertions.awsApiCall('EC2', 'DescribeVolumes', { VolumeIds: [volume.volumeId] }).expect(ExpectedResult.objectLike({
  Volumes: [Match.objectLike({ State: 'available', SnapshotId: plain.snapshotId })],
}));
