import { ExpectedResult, IntegTest, Match } from '@aws-cdk/integ-tests-alpha';
import { CfnOutput, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import { integApp } from './app';
import { FileSystem, TagSet, ThroughputCooldown } from '../../../src';

/** An encrypted file system in two zones, with an access point and tags; all of it is gone in the end. */
const app = integApp();
const stack = new Stack(app, 'cdk-durable-storage-file-system');
const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2, natGateways: 0, restrictDefaultSecurityGroup: false });

const fileSystem = new FileSystem(stack, 'Files', {
  vpc,
  vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
  throughputMode: efs.ThroughputMode.ELASTIC,
  throughputCooldown: ThroughputCooldown.DEFER,
  lifecyclePolicy: efs.LifecyclePolicy.AFTER_30_DAYS,
  enableAutomaticBackups: false,
  removalPolicy: RemovalPolicy.DESTROY,
});
Tags.of(fileSystem).add('purpose', 'integration test');
fileSystem.addAccessPoint('Data', { path: '/data', createAcl: { ownerGid: '1000', ownerUid: '1000', permissions: '755' } });
new TagSet(stack, 'Billing', { fileSystem, tags: { 'cost-center': '1001' } });
new CfnOutput(stack, 'FileSystemId', { value: fileSystem.fileSystemId });

const test = new IntegTest(app, 'FileSystem', { testCases: [stack], diffAssets: true });
test.assertions.awsApiCall('EFS', 'DescribeFileSystems', { FileSystemId: fileSystem.fileSystemId }).expect(ExpectedResult.objectLike({
  FileSystems: [Match.objectLike({
    LifeCycleState: 'available',
    Encrypted: true,
    ThroughputMode: 'elastic',
    NumberOfMountTargets: 2,
    Tags: Match.arrayWith([{ Key: 'cost-center', Value: '1001' }, { Key: 'purpose', Value: 'integration test' }]),
  })],
}));
test.assertions.awsApiCall('EFS', 'DescribeMountTargets', { FileSystemId: fileSystem.fileSystemId }).expect(ExpectedResult.objectLike({
  MountTargets: [Match.objectLike({ LifeCycleState: 'available' }), Match.objectLike({ LifeCycleState: 'available' })],
}));
test.assertions.awsApiCall('EFS', 'DescribeBackupPolicy', { FileSystemId: fileSystem.fileSystemId }).expect(ExpectedResult.objectLike({
  BackupPolicy: { Status: 'DISABLED' },
}));
