import { NestedStack, RemovalPolicy } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { AccessPoint } from 'aws-cdk-lib/aws-efs';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { FileSystem, TagSet } from '../../../src';
import { AVAILABILITY_ZONES } from '../../../world/emulator/environment';
import type { EfsWorld } from '../../harness/deployment/efs-world';
import type { Build, Options } from '../../harness/deployment/world';

/** A file system among other constructs of the CDK, and events that come twice or late. */
export function efsExtraSequences(given: () => EfsWorld): void {
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
      const outcome = (await given().world.deploy('Shared', build(true))).expectSuccess('CREATE_COMPLETE');
      id = outcome.id('Data');
      const accessPoints = given().world.emulator.efs.accessPoints.filter(({ fileSystemId }) => fileSystemId === id);
      expect(accessPoints).toMatchObject([{ rootDirectory: { Path: '/home' } }]);
      expect(given().targetsOf(id).map(({ lifeCycleState }) => lifeCycleState)).toEqual(['available', 'available', 'available']);
      const policy = JSON.parse(given().fileSystem(id).policy!);
      expect(policy.Statement).toContainEqual(expect.objectContaining({
        Effect: 'Allow', Action: ['elasticfilesystem:ClientWrite', 'elasticfilesystem:ClientRootAccess'], Principal: { AWS: '*' },
      }));
    });

    test('loses the policy with the grant, and gets it back when that fails', async () => {
      const { policy } = given().fileSystem(id);
      (await given().world.deploy('Shared', build(false), { failAfter: 'Data' })).expectRolledBack();
      expect(given().fileSystem(id).policy).toEqual(policy);
      (await given().world.deploy('Shared', build(false))).expectSuccess('UPDATE_COMPLETE');
      expect(given().fileSystem(id).policy).toBeUndefined();
    });

    test('goes with all of it', async () => {
      (await given().world.destroy('Shared')).expectSuccess('DELETE_COMPLETE');
      given().expectNothingLeft('Shared');
    });
  });

  describe('a file system in one Availability Zone, in a nested stack', () => {
    const build = (costCenter: string): Build => stack => {
      const inner = new NestedStack(stack, 'Inner');
      const fileSystem = new FileSystem(inner, 'Data', {
        allowReplacement: true,
        vpc: given().network.vpc(inner),
        oneZone: true,
        removalPolicy: RemovalPolicy.DESTROY,
        // The VPC knows its subnets only by the zones that it was told of.
        vpcSubnets: { availabilityZones: ['eu-west-1b'] },
      });
      new TagSet(inner, 'Billing', { fileSystem, tags: { 'cost-center': costCenter } });
    };

    test('lives as any other', async () => {
      (await given().world.deploy('Outer', build('1'), { tags: { team: 'storage' } })).expectSuccess('CREATE_COMPLETE');
      const [id, ...more] = given().madeBy('Outer/Inner/Data');
      expect(more).toEqual([]);
      expect(given().fileSystem(id).availabilityZoneName).toBe('eu-west-1b');
      expect(given().targetsOf(id).map(({ subnetId }) => subnetId)).toEqual([given().network.subnets.b]);
      expect(given().tags(id)).toMatchObject({ 'team': 'storage', 'cost-center': '1' });

      (await given().world.deploy('Outer', build('2'), { tags: { team: 'storage' } })).expectSuccess('UPDATE_COMPLETE');
      expect(given().tags(id)).toMatchObject({ 'cost-center': '2' });
      (await given().world.destroy('Outer')).expectSuccess('DELETE_COMPLETE');
      given().expectNothingLeft('Outer');
    });
  });

  describe.each(['Data', 'Data/MountTargets', 'Billing'])('events for %s', path => {
    /** In a stack whose functions are there already; undefined: without what the events are for. */
    const build = (costCenter?: string, encrypted = true): Build => stack => {
      const { network } = given();
      new TagSet(stack, 'Standing', { fileSystem: given().imported(stack, foreign), tags: { standing: 'yes' } });
      if (costCenter === undefined) { return; }
      const fileSystem = new FileSystem(stack, 'Data', {
        allowReplacement: true,
        vpc: network.vpc(stack),
        securityGroup: network.group(stack, 'one'),
        encrypted,
        removalPolicy: RemovalPolicy.DESTROY,
      });
      new TagSet(stack, 'Billing', { fileSystem, tags: { 'cost-center': costCenter } });
    };
    const deploy = (build_: Build, options?: Options) => given().world.deploy('Twice', build_, options);
    const expectOne = (costCenter: string) => {
      const [id, ...more] = given().madeBy('Twice/Data');
      expect(more).toEqual([]);
      given().expectTargets(id, 'a one', 'b one');
      expect(given().tags(id)).toEqual({ 'Name': 'Twice/Data', 'cost-center': costCenter });
    };
    let foreign: string;

    beforeAll(async () => {
      foreign = given().world.emulator.efs.fileSystems.find(({ creationToken }) => creationToken === 'standing')?.id
        ?? await given().foreignFileSystem('standing');
      await deploy(build());
    });

    test.each([undefined, 3, 100])('that arrive twice (%s seconds later) do what one does', async duplicateDelay => {
      const twice = { duplicate: path, duplicateDelay };
      (await deploy(build('1'), twice)).expectSuccess('UPDATE_COMPLETE');
      expectOne('1');
      (await deploy(build('2'), twice)).expectSuccess('UPDATE_COMPLETE');
      expectOne('2');
      (await deploy(build('3', false), twice)).expectSuccess('UPDATE_COMPLETE');
      expectOne('3');
      (await deploy(build(), twice)).expectSuccess('UPDATE_COMPLETE');
      given().expectNothingLeft('Twice');
    });

    test('that come after their Delete leave nothing', async () => {
      const seen = given().world.logs.length;
      (await deploy(build('1'), { lateCreate: path, cancelAfter: 200, lateCreateDelay: 100 })).expectRolledBack();
      const late = new RegExp(`"event":"onEvent[^{]*"RequestType":"Create","LogicalResourceId":"${path.replace('/', '')}[0-9A-F]{8}"`);
      expect(given().world.logs.slice(seen).filter(({ line }) => late.test(line)).length).toBe(1);
      given().expectNothingLeft('Twice');
    });
  });
}
