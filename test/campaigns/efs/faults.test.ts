import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { BROKEN, THROTTLE, type Fault } from '../../../world/emulator/faults';
import { dieEverywhere, type Death } from '../../harness/deaths';
import { live } from '../../harness/ebs/mortality';
import { withEachCallFailing, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';

/*
 * Each call of the EFS handlers fails once, and the handlers die at the requests of a resource's life. Every run plays all failing calls,
 * and four deaths per test:
 *
 *     DEATHS=10 npx jest test/campaigns/efs/faults.test.ts                       a death at every tenth request; DEATHS=1: at every request
 *     DEATH=57 npx jest test/campaigns/efs/faults.test.ts -t 'of a file system'     only the deaths at request 57, of one test
 */

jest.mock('../../../lambda/shared/client-config', () => {
  const real = jest.requireActual<typeof import('../../../lambda/shared/client-config')>('../../../lambda/shared/client-config');
  const { mortal } = jest.requireActual<typeof import('../../harness/ebs/mortality')>('../../harness/ebs/mortality');
  return { ...real, clientConfig: mortal(real.clientConfig) };
});

const QUICK = { durations: { mountTargetCreating: 5_000, mountTargetDeleting: 5_000, fileSystemUpdating: 5_000 } };
const LOST: Fault = { kind: 'lost-answer' };
const RESET: Fault = { kind: 'reset' };
/** In turn. */
const FAULTS = [LOST, THROTTLE, LOST, RESET, BROKEN];

/** Whichever call fails once, by whatever passes by itself: the outcome is the same as without, and nothing is left over. */
describe('a call that fails once does no harm', () => {
  test('to a file system', async () => {
    const calls = await withEachCallFailing(async (world, arm) => {
      const stack = world.stack('Custom::FileSystem');
      const { keyId } = world.kms.createKey();
      const first = {
        Owner: 'Stack/Files',
        RemovalPolicy: 'Delete',
        Encrypted: true,
        KmsKeyId: keyId,
        FileSystemTags: [{ Key: 'a', Value: '1' }],
        FileSystemPolicy: { Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }] },
      };
      arm();
      await stack.deploy(first);
      await stack.deploy({ ...first, ThroughputMode: 'elastic', FileSystemPolicy: undefined, FileSystemTags: [{ Key: 'b', Value: '1' }] });
      await stack.deploy({ ...first, PerformanceMode: 'maxIO', AllowReplacement: true });

      const [only, ...others] = world.efs.fileSystems;
      expect(others).toEqual([]);
      expect(only).toMatchObject({ id: stack.physicalId, performanceMode: 'maxIO', tags: expect.objectContaining({ a: '1' }) });
      expect(Object.keys(only.tags)).not.toContain('cdk-durable-storage:state');
      await stack.destroy();
      expect(world.efs.fileSystems).toEqual([]);
    }, FAULTS, QUICK);
    expect(calls).toBeGreaterThan(20);
  });

  test('to mount targets', async () => {
    const calls = await withEachCallFailing(async (world, arm) => {
      const { FileSystemId: id } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'token' }));
      world.clock.advance(10_000);
      const stack = world.stack('Custom::MountTargets');
      const set = { Owner: 'Stack/Targets', RemovalPolicy: 'Delete', FileSystemId: id, SecurityGroups: [world.group.one] };
      const { a1, a2, b1, c1 } = world.subnet;
      arm();
      await stack.deploy({ ...set, SubnetIds: [a1, b1] });
      await stack.deploy({ ...set, SubnetIds: [a2, c1], SecurityGroups: [world.group.two] });

      expect(world.efs.mountTargets.map(({ subnetId }) => subnetId).sort()).toEqual([a2, c1].sort());
      expect(world.efs.mountTargets.map(({ securityGroups }) => securityGroups)).toEqual([[world.group.two], [world.group.two]]);
      await stack.destroy();
      expect(world.efs.mountTargets).toEqual([]);
      expect(world.tags(id!)).toEqual({});
    }, FAULTS, QUICK);
    expect(calls).toBeGreaterThan(30);
  });

  test('to a tag set', async () => {
    const calls = await withEachCallFailing(async (world, arm) => {
      const { FileSystemId: id } = await world.client.send(
        new CreateFileSystemCommand({ CreationToken: 'token', Tags: [{ Key: 'foreign', Value: 'yes' }] }));
      const stack = world.stack('Custom::TagSet');
      const set = { Owner: 'Stack/Tags', RemovalPolicy: 'Delete', ResourceId: id };
      arm();
      await stack.deploy({ ...set, Tags: [{ Key: 'a', Value: '1' }] });
      await stack.deploy({ ...set, Tags: [{ Key: 'b', Value: '1' }] });
      expect(world.tags(id!)).toMatchObject({ foreign: 'yes', b: '1' });
      await stack.destroy();
      expect(world.tags(id!)).toEqual({ foreign: 'yes' });
    }, FAULTS);
    expect(calls).toBeGreaterThan(5);
  });
});

test('a service that refuses throughout fails the deployment with its error, and leaves nothing', async () => {
  const world = await EfsHandlerWorld.start();
  world.server.faults.inject('efs:CreateFileSystem', BROKEN, { times: Infinity });
  const stack = world.stack('Custom::FileSystem');
  await expect(stack.deploy({ Owner: 'Stack/Files', RemovalPolicy: 'Delete' })).rejects.toThrow('InternalServerError: internal error');
  expect(world.efs.fileSystems).toEqual([]);
  await world.close();
});

describe('whichever request a function dies at, nothing is left or lost', () => {
  async function dying(death: Death, play: (world: EfsHandlerWorld) => Promise<void>): Promise<void> {
    const world = await EfsHandlerWorld.start(QUICK);
    try {
      const run = <T>(work: () => Promise<T>) => work();
      const mortal = (name: string, work: () => Promise<unknown>) => live({ run }, work, death.fate(name)) as Promise<any>;
      const { act, poll, ...others } = world.handlers;
      world.handlers = death.survived({
        ...others,
        act: event => mortal(`act of ${event.ResourceType}`, () => act(event)),
        poll: event => mortal(`poll of ${event.ResourceType}`, () => poll(event)),
      });
      await play(world);
    } finally {
      await world.close();
    }
  }

  test('of a file system with its settings', () => dieEverywhere(death => dying(death, async world => {
    const { FileSystemId: foreign } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'foreign', Tags: [{ Key: 'a', Value: '2' }] }));
    world.clock.advance(10_000);
    const before = world.tags(foreign!);
    const stack = world.stack('Custom::FileSystem');
    const deferral = { FunctionArn: 'arn:aws:lambda:eu-west-1:111122223333:function:deferred', RoleArn: 'arn:aws:iam::111122223333:role/scheduler', GroupName: 'default' };
    const wanted = {
      Owner: 'Stack/Files',
      RemovalPolicy: 'Delete',
      FileSystemTags: [{ Key: 'a', Value: '1' }],
      BackupPolicy: { Status: 'ENABLED' },
      ReplicationConfiguration: { Destinations: [{ Region: 'eu-central-1' }] },
      Deferral: deferral,
      ThroughputMode: 'elastic',
    };
    const others = { ...wanted, FileSystemTags: [{ Key: 'b', Value: '1' }], ReplicationConfiguration: undefined, ThroughputMode: 'bursting' };
    const replacing = { ...others, PerformanceMode: 'maxIO', AllowReplacement: true };
    // Where replications led to stays. A rollback does not wait until EFS has deleted what it removes.
    const ours = () => world.efs.fileSystems
      .filter(({ tags, lifeCycleState }) => OWNERSHIP_TAGS.stackId in tags && lifeCycleState !== 'deleting')
      .map(({ id }) => id);
    death.armed = true;
    if (!await death.fails(() => stack.deploy(wanted))) {
      const first = stack.physicalId!;
      await death.takenBack(() => stack.deploy({ ...replacing, Encrypted: true }, { failAfter: true }));
      expect(stack.physicalId).toBe(first);
      expect(ours()).toEqual([first]);
      await death.fails(() => stack.deploy(others));
      await death.fails(() => stack.deploy(replacing));
      expect(ours()).toEqual([stack.physicalId]);
      await stack.destroy();
    }
    expect(ours()).toEqual([]);
    expect(world.tags(foreign!)).toEqual(before);
    expect(world.scheduler.schedules).toEqual([]);
  })));

  test('of mount targets and tags', () => dieEverywhere(death => dying(death, async world => {
    const { FileSystemId: id } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'token', Tags: [{ Key: 'foreign', Value: 'yes' }] }));
    world.clock.advance(10_000);
    const { a1, a2, b1, c1 } = world.subnet;
    const foreign = await world.foreignTarget(id!, c1);
    const targets = world.stack('Custom::MountTargets');
    const tags = world.stack('Custom::TagSet');
    const set = { Owner: 'Stack/Targets', RemovalPolicy: 'Delete', FileSystemId: id, SecurityGroups: [world.group.one] };
    const tagged = { Owner: 'Stack/Tags', RemovalPolicy: 'Delete', ResourceId: id };
    const subnets = () => world.efs.mountTargets.map(({ subnetId }) => subnetId).sort();
    death.armed = true;
    const deploy = async (SubnetIds: string[], SecurityGroups: string[], key: string) => {
      await targets.deploy({ ...set, SubnetIds, SecurityGroups });
      await tags.deploy({ ...tagged, Tags: [{ Key: key, Value: '1' }] });
    };
    if (!await death.fails(() => deploy([a1, b1], [world.group.one], 'a'))) {
      await death.takenBack(() => targets.deploy({ ...set, SubnetIds: [b1] }, { failAfter: true }));
      expect(subnets()).toEqual([a1, b1, c1].sort());
      if (!await death.fails(() => deploy([a2], [world.group.two], 'b'))) {
        expect(subnets()).toEqual([a2, c1].sort());
        expect(world.tags(id!)).toMatchObject({ foreign: 'yes', b: '1' });
      }
    }
    await tags.destroy();
    await targets.destroy();
    expect(world.efs.mountTargets.map(target => target.id)).toEqual([foreign]);
    expect(world.tags(id!)).toEqual({ foreign: 'yes' });
  })));
});
