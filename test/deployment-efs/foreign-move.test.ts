import { CreateFileSystemCommand, EFSClient } from '@aws-sdk/client-efs';
import type { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import { vpcIn } from './network';
import { MountTargets, TagSet } from '../../src';
import { World } from '../deployment/world';

let world: World;
let one: string;
let other: string;
beforeEach(async () => {
  world = await World.start();
  const client = new EFSClient(world.emulator.config);
  const make = async (CreationToken: string) => (await client.send(new CreateFileSystemCommand({ CreationToken }))).FileSystemId!;
  [one, other] = [await make('one'), await make('other')];
  await world.pass({ minutes: 1 });
  client.destroy();
});
afterEach(() => world.close());

const on = (fileSystemId: string) => (stack: Stack) => {
  const vpc = vpcIn(stack);
  const securityGroup = new ec2.SecurityGroup(stack, 'Clients', { vpc });
  const fileSystem = efs.FileSystem.fromFileSystemAttributes(stack, 'Theirs', { fileSystemId, securityGroup });
  new MountTargets(stack, 'Targets', { fileSystem, vpc, securityGroups: [securityGroup] });
  new TagSet(stack, 'Billing', { fileSystem, tags: { 'cost-center': '1' } });
};
const tags = (fileSystemId: string) => world.emulator.efs.fileSystems.find(({ id }) => id === fileSystemId)!.tags;
const targets = (of: string) => world.emulator.efs.mountTargets.filter(({ fileSystemId }) => fileSystemId === of).length;

test('what moves from one foreign file system to another leaves nothing on the first', async () => {
  (await world.deploy('App', on(one))).expectSuccess('CREATE_COMPLETE');
  expect(targets(one)).toBe(2);

  (await world.deploy('App', on(other))).expectSuccess('UPDATE_COMPLETE');
  expect([targets(one), targets(other)]).toEqual([0, 2]);
  expect(tags(one)).toEqual({});
  expect(tags(other)).toMatchObject({ 'cost-center': '1' });
});

test('a move that is rolled back leaves everything on the first', async () => {
  (await world.deploy('App', on(one))).expectSuccess('CREATE_COMPLETE');
  (await world.deploy('App', on(other), { failAfter: 'Targets' })).expectRolledBack();
  expect([targets(one), targets(other)]).toEqual([2, 0]);
  expect(tags(one)).toMatchObject({ 'cost-center': '1' });
  expect(tags(other)).toEqual({});
});
