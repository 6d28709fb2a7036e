import { RemovalPolicy } from 'aws-cdk-lib';
import { ThroughputMode } from 'aws-cdk-lib/aws-efs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { FileSystem, TagSet } from '../../../src';
import type { EfsWorld } from '../../harness/deployment/efs-world';
import type { GroupName, SubnetName } from '../../harness/deployment/network';
import { expectDiscreet, expectUnused } from '../../harness/deployment/permissions';
import type { Build, Options } from '../../harness/deployment/world';

interface Change {
  readonly encrypted?: boolean;
  readonly throughputMode?: ThroughputMode;
  readonly subnets?: SubnetName[];
  readonly group?: GroupName;
  readonly costCenter?: string;
  readonly granted?: boolean;
}

/** Comes last: looks back at all that was played before. */
export function efsPermissionSequences(given: () => EfsWorld): void {
  const build = ({ subnets = ['a', 'b'], group = 'one', costCenter = '1', granted = false, ...props }: Change = {}): Build => stack => {
    const { network } = given();
    const fileSystem = new FileSystem(stack, 'Data', {
      allowReplacement: true,
      vpc: network.vpc(stack),
      vpcSubnets: network.selection(stack, ...subnets),
      securityGroup: network.group(stack, group),
      removalPolicy: RemovalPolicy.DESTROY,
      ...props,
    });
    new TagSet(stack, 'Billing', { fileSystem, tags: { 'cost-center': costCenter } });
    const client = new Role(stack, 'Client', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    if (granted) { fileSystem.grantReadWrite(client); }
  };
  const deploy = (change?: Change, options?: Options) => given().world.deploy('Denied', build(change), options);

  describe('a role that lacks', () => {
    test.each([
      'elasticfilesystem:CreateFileSystem', 'elasticfilesystem:CreateMountTarget', 'iam:CreateServiceLinkedRole',
    ])('%s cannot create the stack, whose failure tells why', async action => {
      given().world.emulator.efs.serviceLinkedRoleExists = false;
      (await deploy({}, { without: action })).expectFailure('ROLLBACK_COMPLETE', `is not authorized to perform: ${action} on resource`);
      given().expectNothingLeft('Denied');
    });
  });

  describe('in a stack that is there, a role that lacks', () => {
    beforeAll(async () => void (await deploy()).expectSuccess('CREATE_COMPLETE'));

    test.each<[string, Change]>([
      ['elasticfilesystem:CreateFileSystem', { encrypted: false }],
      ['elasticfilesystem:UpdateFileSystem', { throughputMode: ThroughputMode.ELASTIC }],
      ['elasticfilesystem:TagResource', { costCenter: '2' }],
      ['elasticfilesystem:DescribeFileSystems', { group: 'two' }],
      ['elasticfilesystem:ListTagsForResource', { costCenter: '2' }],
      ['elasticfilesystem:PutFileSystemPolicy', { granted: true }],
      ['elasticfilesystem:CreateMountTarget', { subnets: ['a', 'b', 'c'] }],
      ['elasticfilesystem:DeleteMountTarget', { subnets: ['a'] }],
      ['elasticfilesystem:DescribeMountTargets', { group: 'two' }],
      ['elasticfilesystem:DescribeMountTargetSecurityGroups', { group: 'two' }],
      ['elasticfilesystem:ModifyMountTargetSecurityGroups', { group: 'two' }],
      ['ec2:DescribeSubnets', { group: 'two' }],
      ['ec2:CreateNetworkInterface', { subnets: ['a', 'b', 'c'] }],
      ['ec2:DeleteNetworkInterface', { subnets: ['a'] }],
      ['ec2:ModifyNetworkInterfaceAttribute', { group: 'two' }],
    ])('%s cannot do the change that needs it, and the stack is as it was', async (action, change) => {
      (await deploy(change, { without: action })).expectFailure('UPDATE_ROLLBACK_COMPLETE', new RegExp(`is not authorized to perform: ${action}\\b`));
      const [id, ...more] = given().madeBy('Denied/Data');
      expect(more).toEqual([]);
      given().expectTargets(id, 'a one', 'b one');
      expect(given().tags(id)).toEqual({ 'Name': 'Denied/Data', 'cost-center': '1' });
    });

    test('nothing leaves nothing', async () => {
      (await given().world.destroy('Denied')).expectSuccess('DELETE_COMPLETE');
      given().expectNothingLeft('Denied');
    });
  });

  describe('after all of this', () => {
    test('every action that a role was granted has been needed', () => {
      const settings = 'a setting of test/deployments/efs/configuration.test.ts';
      expectUnused(given().world, {
        EfsProviderRole: {
          'elasticfilesystem:CreateReplicationConfiguration': settings,
          'elasticfilesystem:DeleteReplicationConfiguration': settings,
          'elasticfilesystem:DescribeAccessPoints': 'to name what is in the way of a deletion, test/handlers/efs/deletion.test.ts',
          'elasticfilesystem:DescribeBackupPolicy': settings,
          'elasticfilesystem:DescribeLifecycleConfiguration': settings,
          'elasticfilesystem:DescribeReplicationConfigurations': settings,
          'elasticfilesystem:PutBackupPolicy': settings,
          'elasticfilesystem:PutLifecycleConfiguration': settings,
          'elasticfilesystem:UpdateFileSystemProtection': settings,
        },
      });
    });

    test('CloudFormation got short answers, and no log holds a ResponseURL', () => {
      expectDiscreet(given().world);
    });
  });
}
