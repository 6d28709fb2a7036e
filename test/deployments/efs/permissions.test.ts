import { RemovalPolicy } from 'aws-cdk-lib';
import { ThroughputMode } from 'aws-cdk-lib/aws-efs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { FileSystem, TagSet } from '../../../src';
import type { Build, Options } from '../../harness/deployment/deployment-world';
import { EfsWorld } from '../../harness/deployment/efs-world';
import type { GroupName, SubnetName } from '../../harness/deployment/network';
import { expectUnused } from '../../harness/deployment/permissions';

interface Change {
  readonly encrypted?: boolean;
  readonly throughputMode?: ThroughputMode;
  readonly subnets?: SubnetName[];
  readonly group?: GroupName;
  readonly costCenter?: string;
  readonly granted?: boolean;
}

let world: EfsWorld;
beforeAll(async () => { world = await EfsWorld.start(); });
afterAll(() => world.close());

const build = ({ subnets = ['a', 'b'], group = 'one', costCenter = '1', granted = false, ...props }: Change = {}): Build => stack => {
  const { network } = world;
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
const deploy = (change?: Change, options?: Options) => world.deploy('Denied', build(change), options);

describe('a role that lacks', () => {
  test.each([
    'elasticfilesystem:CreateFileSystem', 'elasticfilesystem:CreateMountTarget', 'iam:CreateServiceLinkedRole',
  ])('%s cannot create the stack, whose failure tells why', async action => {
    world.emulator.efs.serviceLinkedRoleExists = false;
    (await deploy({}, { without: action })).expectFailure('ROLLBACK_COMPLETE', `is not authorized to perform: ${action} on resource`);
    world.expectNothingLeft('Denied');
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
    const [id, ...more] = world.madeBy('Denied/Data');
    expect(more).toEqual([]);
    world.expectTargets(id, 'a one', 'b one');
    expect(world.tags(id)).toEqual({ 'Name': 'Denied/Data', 'cost-center': '1' });
  });

  test('nothing can do all changes together, and its stack leaves nothing', async () => {
    const changes: Change = { throughputMode: ThroughputMode.ELASTIC, costCenter: '2', granted: true, subnets: ['a', 'c'], group: 'two' };
    (await deploy(changes)).expectSuccess('UPDATE_COMPLETE');
    (await world.destroy('Denied')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Denied');
  });
});

describe('after all of this', () => {
  test('every action that a role was granted has been needed', () => {
    const execution = 'to answer for an execution that could not be started, or that somebody stopped; test/deployments/answering.test.ts';
    const settings = 'a setting of test/deployments/efs/configuration.test.ts';
    expectUnused(world, {
      EfsRole: {
        'cloudformation:DescribeStackEvents': 'to see which file systems CloudFormation had for the resource; only some rollbacks ask',
        'cloudformation:DescribeStackResources': 'to see whether the stack that a tag names had the file system, as retention.test.ts has it',
        'elasticfilesystem:CreateReplicationConfiguration': settings,
        'elasticfilesystem:DeleteFileSystemPolicy': settings,
        'elasticfilesystem:DeleteReplicationConfiguration': settings,
        'elasticfilesystem:DescribeAccessPoints': 'to name what is in the way of a deletion, test/handlers/efs/deletion.test.ts',
        'elasticfilesystem:DescribeBackupPolicy': settings,
        'elasticfilesystem:DescribeLifecycleConfiguration': settings,
        'elasticfilesystem:DescribeReplicationConfigurations': settings,
        'elasticfilesystem:PutBackupPolicy': settings,
        'elasticfilesystem:PutLifecycleConfiguration': settings,
        'elasticfilesystem:UpdateFileSystemProtection': settings,
        'states:DescribeExecution': execution,
      },
    });
  });
});
