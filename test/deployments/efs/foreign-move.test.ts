import { CreateAccessPointCommand, CreateFileSystemCommand, EFSClient } from '@aws-sdk/client-efs';
import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import { MountTargets, TagSet } from '../../../src';
import { DeploymentWorld } from '../../harness/deployment/deployment-world';
import { vpcIn } from '../../harness/deployment/efs-network';

interface Theirs {
  readonly fileSystemId: string;
  readonly accessPointId: string;
}

let world: DeploymentWorld;
let one: Theirs;
let other: Theirs;
beforeEach(async () => {
  world = await DeploymentWorld.start();
  const client = new EFSClient(world.emulator.config);
  const make = async (token: string): Promise<Theirs> => {
    const { FileSystemId } = await client.send(new CreateFileSystemCommand({ CreationToken: token }));
    await world.pass({ minutes: 1 });
    const { AccessPointId } = await client.send(new CreateAccessPointCommand({ ClientToken: token, FileSystemId }));
    return { fileSystemId: FileSystemId!, accessPointId: AccessPointId! };
  };
  [one, other] = [await make('one'), await make('other')];
  client.destroy();
});
afterEach(() => world.close());

/** What the stack does to file systems and access points of others. */
function add(stack: Stack, fileSystemId: string, accessPoint: efs.IAccessPoint): void {
  const vpc = vpcIn(stack);
  const securityGroup = new ec2.SecurityGroup(stack, 'Clients', { vpc });
  const fileSystem = efs.FileSystem.fromFileSystemAttributes(stack, 'Theirs', { fileSystemId, securityGroup });
  new MountTargets(stack, 'Targets', { fileSystem, vpc, securityGroups: [securityGroup] });
  new TagSet(stack, 'Billing', { fileSystem, tags: { 'cost-center': '1' } });
  new TagSet(stack, 'PointBilling', { accessPoint, tags: { 'cost-center': '2' } });
}
const on = ({ fileSystemId, accessPointId }: Theirs) => (stack: Stack) =>
  add(stack, fileSystemId, efs.AccessPoint.fromAccessPointId(stack, 'Point', accessPointId));
const tags = (id: string) => [...world.emulator.efs.fileSystems, ...world.emulator.efs.accessPoints].find(thing => thing.id === id)!.tags;
const targets = ({ fileSystemId }: Pick<Theirs, 'fileSystemId'>) =>
  world.emulator.efs.mountTargets.filter(target => target.fileSystemId === fileSystemId).length;

test('what moves from one foreign file system to another leaves nothing on the first', async () => {
  (await world.deploy('App', on(one))).expectSuccess('CREATE_COMPLETE');
  expect(targets(one)).toBe(2);
  expect(tags(one.accessPointId)).toMatchObject({ 'cost-center': '2' });

  (await world.deploy('App', on(other))).expectSuccess('UPDATE_COMPLETE');
  expect([targets(one), targets(other)]).toEqual([0, 2]);
  expect([tags(one.fileSystemId), tags(one.accessPointId)]).toEqual([{}, {}]);
  expect(tags(other.fileSystemId)).toMatchObject({ 'cost-center': '1' });
  expect(tags(other.accessPointId)).toMatchObject({ 'cost-center': '2' });
});

test('a move that is rolled back leaves everything on the first', async () => {
  (await world.deploy('App', on(one))).expectSuccess('CREATE_COMPLETE');
  (await world.deploy('App', on(other), { failAfter: 'Targets' })).expectRolledBack();
  expect([targets(one), targets(other)]).toEqual([2, 0]);
  expect(tags(one.fileSystemId)).toMatchObject({ 'cost-center': '1' });
  expect(tags(one.accessPointId)).toMatchObject({ 'cost-center': '2' });
  expect([tags(other.fileSystemId), tags(other.accessPointId)]).toEqual([{}, {}]);
});

test('what is on a file system of CloudFormation, whose id no template tells, follows its replacement', async () => {
  const build = (encrypted: boolean) => (stack: Stack) => {
    const file = new efs.CfnFileSystem(stack, 'Files', { encrypted });
    file.applyRemovalPolicy(RemovalPolicy.RETAIN);
    add(stack, file.ref, efs.AccessPoint.fromAccessPointId(stack, 'Point', one.accessPointId));
  };
  const first = (await world.deploy('App', build(false))).expectSuccess('CREATE_COMPLETE').id('Files');
  const rolledBack = await world.deploy('App', build(true), { failAfter: 'Targets' });
  rolledBack.expectRolledBack();
  expect(targets({ fileSystemId: first })).toBe(2);
  expect(tags(first)).toMatchObject({ 'cost-center': '1' });

  const second = (await world.deploy('App', build(true))).expectSuccess('UPDATE_COMPLETE').id('Files');
  expect([targets({ fileSystemId: first }), targets({ fileSystemId: second })]).toEqual([0, 2]);
  expect(Object.keys(tags(first)).filter(key => !key.startsWith('aws:'))).toEqual([]);
  expect(tags(second)).toMatchObject({ 'cost-center': '1' });
});
