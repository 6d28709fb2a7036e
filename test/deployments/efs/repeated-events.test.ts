import { RemovalPolicy } from 'aws-cdk-lib';
import { FileSystem, TagSet } from '../../../src';
import type { Build, Options } from '../../harness/deployment/deployment-world';
import { EfsWorld } from '../../harness/deployment/efs-world';

let world: EfsWorld;
beforeAll(async () => { world = await EfsWorld.start(); });
afterAll(() => world.close());

describe.each(['Data', 'Data/MountTargets', 'Billing'])('events for %s', path => {
  /** A stack whose functions are there already. Without `costCenter`, it lacks the resources that the events are for. */
  const build = (costCenter?: string, encrypted = true): Build => stack => {
    const { network } = world;
    new TagSet(stack, 'Standing', { fileSystem: world.imported(stack, foreign), tags: { standing: 'yes' } });
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
  const deploy = (build_: Build, options?: Options) => world.deploy('Twice', build_, options);
  const expectOne = (costCenter: string) => {
    const [id, ...more] = world.madeBy('Twice/Data');
    expect(more).toEqual([]);
    world.expectTargets(id, 'a one', 'b one');
    expect(world.tags(id)).toEqual({ 'Name': 'Twice/Data', 'cost-center': costCenter });
  };
  let foreign: string;

  beforeAll(async () => {
    foreign = world.emulator.efs.fileSystems.find(({ creationToken }) => creationToken === 'standing')?.id
      ?? await world.foreignFileSystem('standing');
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
    world.expectNothingLeft('Twice');
  });

  test('that come after their Delete leave nothing', async () => {
    const seen = world.logs.length;
    (await deploy(build('1'), { lateCreate: path, cancelAfter: 200, lateCreateDelay: 100 })).expectRolledBack();
    const logged = (event: string) => {
      const pattern = new RegExp(`"event":"${event}","RequestType":"Create","LogicalResourceId":"${path.replace('/', '')}[0-9A-F]{8}"`);
      return world.logs.slice(seen).filter(({ line }) => pattern.test(line)).length;
    };
    expect([logged('received'), logged('act'), logged('answer')]).toEqual([1, 0, 1]);
    world.expectNothingLeft('Twice');
  });
});
