import { CreateFileSystemCommand, EFSClient } from '@aws-sdk/client-efs';
import { CfnOutput, type Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { FileSystem, MountTargets, TagSet } from '../../../src';
import { DeploymentWorld } from '../../harness/deployment/deployment-world';
import { vpcIn } from '../../harness/deployment/efs-network';

let world: DeploymentWorld;
let ids: Record<string, string>;
beforeEach(async () => {
  world = await DeploymentWorld.start();
  const client = new EFSClient(world.emulator.config);
  const make = async (stage: string) =>
    [stage, (await client.send(new CreateFileSystemCommand({ CreationToken: stage, Tags: [{ Key: 'stage', Value: stage }] }))).FileSystemId!];
  ids = Object.fromEntries([await make('test'), await make('live')]);
  await world.pass({ minutes: 1 });
  client.destroy();
});
afterEach(() => world.close());

const of = (stage: string) => (stack: Stack) => {
  const vpc = vpcIn(stack);
  const securityGroup = new ec2.SecurityGroup(stack, 'Clients', { vpc });
  const fileSystem = FileSystem.fromLookup(stack, 'Theirs', { tags: { stage }, securityGroup });
  new MountTargets(stack, 'Targets', { fileSystem, vpc, securityGroups: [securityGroup] });
  new TagSet(stack, 'Billing', { fileSystem, tags: { 'cost-center': '1' } });
  new CfnOutput(stack, 'Id', { value: fileSystem.fileSystemId });
};

test('what is looked up can be used as any file system, and another one leaves nothing on the first', async () => {
  const { outputs } = (await world.deploy('App', of('test'))).expectSuccess('CREATE_COMPLETE');
  expect(outputs.Id).toBe(ids.test);
  (await world.deploy('App', of('live'))).expectSuccess('UPDATE_COMPLETE');
  const tags = world.emulator.efs.fileSystems.map(fileSystem => [fileSystem.id, Object.keys(fileSystem.tags).includes('cost-center')]);
  expect(Object.fromEntries(tags)).toEqual({ [ids.test]: false, [ids.live]: true });
  expect(world.emulator.efs.mountTargets.map(({ fileSystemId }) => fileSystemId)).toEqual([ids.live, ids.live]);
});

test('a deployment that finds nothing fails', async () => {
  (await world.deploy('App', of('none'))).expectFailure('ROLLBACK_COMPLETE', 'no file system has the tags stage=none');
});
