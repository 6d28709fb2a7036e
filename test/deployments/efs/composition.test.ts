import { NestedStack, RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { AccessPoint } from 'aws-cdk-lib/aws-efs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { FileSystem, TagSet } from '../../../src';
import { AVAILABILITY_ZONES } from '../../../world/emulator/environment';
import type { Build } from '../../harness/deployment/deployment-world';
import { EfsWorld } from '../../harness/deployment/efs-world';

let world: EfsWorld;
beforeAll(async () => { world = await EfsWorld.start(); });
afterAll(() => world.close());

describe('a file system that others use', () => {
  const build = (granted: boolean): Build => stack => {
    const vpc = new ec2.Vpc(stack, 'Vpc', {
      availabilityZones: Object.keys(AVAILABILITY_ZONES),
      natGateways: 0,
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [{ name: 'Storage', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
    });
    const fileSystem = new FileSystem(stack, 'Data', { vpc, allowReplacement: true, removalPolicy: RemovalPolicy.DESTROY });
    fileSystem.connections.allowDefaultPortFrom(new ec2.SecurityGroup(stack, 'Clients', { vpc }));
    new AccessPoint(stack, 'Home', { fileSystem, path: '/home', posixUser: { uid: '1000', gid: '1000' } });
    const role = new Role(stack, 'Client', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
    if (granted) { fileSystem.grantReadWrite(role); }
  };
  let id: string;

  test('has an access point, a network of its stack, and a policy that keeps anonymous clients from it', async () => {
    const outcome = (await world.deploy('Shared', build(true))).expectSuccess('CREATE_COMPLETE');
    id = outcome.id('Data');
    const accessPoints = world.emulator.efs.accessPoints.filter(({ fileSystemId }) => fileSystemId === id);
    expect(accessPoints).toMatchObject([{ rootDirectory: { Path: '/home' } }]);
    expect(world.targetsOf(id).map(({ lifeCycleState }) => lifeCycleState)).toEqual(['available', 'available', 'available']);
    const policy = JSON.parse(world.fileSystem(id).policy!);
    expect(policy.Statement).toContainEqual(expect.objectContaining({
      Effect: 'Allow', Action: ['elasticfilesystem:ClientWrite', 'elasticfilesystem:ClientRootAccess'], Principal: { AWS: '*' },
    }));
  });

  test('loses the policy with the grant, and gets it back when that fails', async () => {
    const { policy } = world.fileSystem(id);
    (await world.deploy('Shared', build(false), { failAfter: 'Data' })).expectRolledBack();
    expect(world.fileSystem(id).policy).toEqual(policy);
    (await world.deploy('Shared', build(false))).expectSuccess('UPDATE_COMPLETE');
    expect(world.fileSystem(id).policy).toBeUndefined();
  });

  test('goes with all of it', async () => {
    (await world.destroy('Shared')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Shared');
  });
});

describe('a file system in one Availability Zone, in a nested stack', () => {
  const build = (costCenter: string): Build => stack => {
    const inner = new NestedStack(stack, 'Inner');
    const fileSystem = new FileSystem(inner, 'Data', {
      allowReplacement: true,
      vpc: world.network.vpc(inner),
      oneZone: true,
      removalPolicy: RemovalPolicy.DESTROY,
      // The VPC knows its subnets only by the zones that it was told of.
      vpcSubnets: { availabilityZones: ['eu-west-1b'] },
    });
    new TagSet(inner, 'Billing', { fileSystem, tags: { 'cost-center': costCenter } });
  };

  test('lives as any other', async () => {
    (await world.deploy('Outer', build('1'), { tags: { team: 'storage' } })).expectSuccess('CREATE_COMPLETE');
    const [id, ...more] = world.madeBy('Outer/Inner/Data');
    expect(more).toEqual([]);
    expect(world.fileSystem(id).availabilityZoneName).toBe('eu-west-1b');
    expect(world.targetsOf(id).map(({ subnetId }) => subnetId)).toEqual([world.network.subnets.b]);
    expect(world.tags(id)).toMatchObject({ 'team': 'storage', 'cost-center': '1' });

    (await world.deploy('Outer', build('2'), { tags: { team: 'storage' } })).expectSuccess('UPDATE_COMPLETE');
    expect(world.tags(id)).toMatchObject({ 'cost-center': '2' });
    (await world.destroy('Outer')).expectSuccess('DELETE_COMPLETE');
    world.expectNothingLeft('Outer');
  });
});
