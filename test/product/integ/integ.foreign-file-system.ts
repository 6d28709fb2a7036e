import { ExpectedResult, IntegTest, Match } from '@aws-cdk/integ-tests-alpha';
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import { integApp } from './app';
import { BackupPolicy, FileSystem, FileSystemPolicy, LifecycleConfiguration, MountTargets, TagSet } from '../../../src';

/** A file system that aws-cdk-lib made in one stack, and all that another stack may add to it. */
const app = integApp();
const theirs = new Stack(app, 'cdk-durable-storage-theirs');
const vpc = new ec2.Vpc(theirs, 'Vpc', { maxAzs: 2, natGateways: 0, restrictDefaultSecurityGroup: false });
const foreign = new efs.CfnFileSystem(theirs, 'Files', { encrypted: true });
foreign.applyRemovalPolicy(RemovalPolicy.DESTROY);

const ours = new Stack(app, 'cdk-durable-storage-ours');
const fileSystem = FileSystem.fromFileSystemAttributes(ours, 'Shared', {
  fileSystemId: foreign.attrFileSystemId, securityGroup: new ec2.SecurityGroup(ours, 'Access', { vpc }),
});
new MountTargets(ours, 'MountTargets', { fileSystem, vpc, vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED } });
new TagSet(ours, 'Tags', { fileSystem, tags: { team: 'storage' } });
new BackupPolicy(ours, 'Backup', { fileSystem, enableAutomaticBackups: false });
new LifecycleConfiguration(ours, 'Lifecycle', { fileSystem, lifecyclePolicy: efs.LifecyclePolicy.AFTER_7_DAYS });
new FileSystemPolicy(ours, 'Policy', { fileSystem }).addToResourcePolicy(new iam.PolicyStatement({
  principals: [new iam.AccountRootPrincipal()],
  actions: ['elasticfilesystem:ClientMount', 'elasticfilesystem:ClientWrite'],
}));

const test = new IntegTest(app, 'ForeignFileSystem', { testCases: [ours], diffAssets: true });
test.assertions.awsApiCall('EFS', 'DescribeFileSystems', { FileSystemId: foreign.attrFileSystemId }).expect(ExpectedResult.objectLike({
  FileSystems: [Match.objectLike({ NumberOfMountTargets: 2, Tags: Match.arrayWith([{ Key: 'team', Value: 'storage' }]) })],
}));
test.assertions.awsApiCall('EFS', 'DescribeLifecycleConfiguration', { FileSystemId: foreign.attrFileSystemId }).expect(ExpectedResult.objectLike({
  LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }],
}));
test.assertions.awsApiCall('EFS', 'DescribeFileSystemPolicy', { FileSystemId: foreign.attrFileSystemId }).expect(ExpectedResult.objectLike({
  Policy: Match.stringLikeRegexp('ClientMount'),
}));
