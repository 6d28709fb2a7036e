import { join } from 'path';
import { ExpectedResult, IntegTest, Match } from '@aws-cdk/integ-tests-alpha';
import { RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { integApp } from './app';
import { DiskImage, DiskImageFormat, MachineDisk, MachineImage, SnapshotExport, SnapshotImport } from '../../../src';

/** A machine image of an imported snapshot, which nobody starts; and that snapshot written back to S3. */
const app = integApp();
const stack = new Stack(app, 'cdk-durable-storage-machine-image');
// Text shows no sign of a disk, so its format must be said.
const disk = DiskImage.fromAsset(join(__dirname, 'disk.txt'), { format: DiskImageFormat.RAW });
const snapshot = new SnapshotImport(stack, 'Snapshot', { image: disk, volumeSize: Size.gibibytes(1) });

const image = new MachineImage(stack, 'Image', { rootDisk: MachineDisk.fromImport(snapshot), architecture: ec2.InstanceArchitecture.ARM_64 });
const template = new ec2.LaunchTemplate(stack, 'Template', { machineImage: image, instanceType: new ec2.InstanceType('t4g.nano') });

const bucket = new s3.Bucket(stack, 'Exports', { removalPolicy: RemovalPolicy.DESTROY });
const exported = new SnapshotExport(stack, 'Export', { snapshot, bucket, removalPolicy: RemovalPolicy.DESTROY });

const test = new IntegTest(app, 'MachineImage', { testCases: [stack], diffAssets: true });
test.assertions.awsApiCall('EC2', 'DescribeImages', { ImageIds: [image.imageId] }).expect(ExpectedResult.objectLike({
  Images: [Match.objectLike({ State: 'available', Architecture: 'arm64', ImdsSupport: 'v2.0' })],
}));
test.assertions.awsApiCall('EC2', 'DescribeLaunchTemplateVersions', { LaunchTemplateId: template.launchTemplateId }).expect(ExpectedResult.objectLike({
  LaunchTemplateVersions: [Match.objectLike({ LaunchTemplateData: Match.objectLike({ ImageId: image.imageId }) })],
}));
test.assertions.awsApiCall('S3', 'HeadObject', { Bucket: bucket.bucketName, Key: exported.objectKey }).expect(ExpectedResult.objectLike({
  // As large as the volume.
  ContentLength: 1024 ** 3,
}));
