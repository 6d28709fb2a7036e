/** The settings that an adoption overwrites, and the mount targets that it finds. */
import {
  CreateFileSystemCommand, CreateReplicationConfigurationCommand, PutBackupPolicyCommand, PutFileSystemPolicyCommand,
  PutLifecycleConfigurationCommand,
} from '@aws-sdk/client-efs';
import { SETTINGS_TAG } from '../../../src/contract/claims';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS } from '../../../src/contract/ownership';
import { inEachTest, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const PLAIN = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };
const FAILED = /^another resource failed$/;
const policy = (Sid: string) => ({
  Version: '2012-10-17', Statement: [{ Sid, Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }],
});

let world: EfsHandlerWorld;
let stack: Stack;
let id: string;
inEachTest('Custom::FileSystem', (...given) => {
  [world, stack] = given;
  world.follow(stack);
});
/** A file system of others. */
beforeEach(async () => {
  id = (await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs' }))).FileSystemId!;
  world.clock.advance(10_000);
});

const of = (fileSystemId = id) => world.efs.fileSystems.find(one => one.id === fileSystemId)!;
const settings = () => ({
  policy: /S\d/.exec(of().policy ?? '')?.[0],
  lifecycle: of().lifecyclePolicies,
  backup: of().backupPolicy ?? 'DISABLED',
  replication: world.efs.replications.filter(({ source }) => source.id === id).map(({ destination }) => destination.region),
});
const put = {
  policy: (Sid: string) => world.client.send(new PutFileSystemPolicyCommand({ FileSystemId: id, Policy: JSON.stringify(policy(Sid)) })),
  lifecycle: (TransitionToIA: 'AFTER_7_DAYS') => world.client.send(new PutLifecycleConfigurationCommand({ FileSystemId: id, LifecyclePolicies: [{ TransitionToIA }] })),
  backup: () => world.client.send(new PutBackupPolicyCommand({ FileSystemId: id, BackupPolicy: { Status: 'ENABLED' } })),
  replication: () => world.client.send(new CreateReplicationConfigurationCommand({ SourceFileSystemId: id, Destinations: [{ Region: 'us-east-1' }] })),
};
const ADOPTING = () => ({ ...PLAIN, AdoptFileSystemId: id });
const NOTHING = async () => {};

describe('an adoption that is rolled back', () => {
  const CASES: [string, () => Promise<unknown>, object][] = [
    ['no policy', NOTHING, { FileSystemPolicy: policy('S1') }],
    ['an equal policy', () => put.policy('S1'), { FileSystemPolicy: policy('S1') }],
    ['no life cycle', NOTHING, { LifecyclePolicies: [{ TransitionToIA: 'AFTER_30_DAYS' }] }],
    ['another life cycle', () => put.lifecycle('AFTER_7_DAYS'), { LifecyclePolicies: [{ TransitionToIA: 'AFTER_30_DAYS' }] }],
    ['a life cycle, and the props remove it', () => put.lifecycle('AFTER_7_DAYS'), { LifecyclePolicies: [] }],
    ['backups turned off', NOTHING, { BackupPolicy: { Status: 'ENABLED' } }],
    ['backups turned on', put.backup, { BackupPolicy: { Status: 'DISABLED' } }],
    ['no replication', NOTHING, { ReplicationConfiguration: { Destinations: [{ Region: 'us-east-1' }] } }],
    ['an equal replication', put.replication, { ReplicationConfiguration: { Destinations: [{ Region: 'us-east-1' }] } }],
    ['none of all', NOTHING, {
      FileSystemPolicy: policy('S1'),
      BackupPolicy: { Status: 'ENABLED' },
      LifecyclePolicies: [{ TransitionToIA: 'AFTER_30_DAYS' }, { TransitionToPrimaryStorageClass: 'AFTER_1_ACCESS' }],
    }],
  ];

  test.each(CASES)('leaves the settings as they were if there was %s', async (_, prepare, declared) => {
    await prepare();
    world.clock.advance(600_000);
    const before = settings();
    await expect(stack.deploy({ ...ADOPTING(), ...declared }, { failAfter: true })).rejects.toThrow(FAILED);
    world.clock.advance(600_000);
    expect(settings()).toEqual(before);
    expect(world.tags(id)).toEqual({});
  });

  test.each([0, 1, 2, 3])('leaves the settings as they were although the deletion dies at change %i', async dies => {
    await put.lifecycle('AFTER_7_DAYS');
    const before = settings();
    const wanted = { ...ADOPTING(), FileSystemPolicy: policy('S1'), LifecyclePolicies: [] };
    await stack.play(stack.event('Create', wanted));
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    let made = 0;
    const dead = { kind: 'error', code: 'ValidationException', status: 400, message: 'dead' } as const;
    world.server.faults.choose(operation => (/:(Put|Tag|Untag|Delete)/.test(operation) && made++ === dies ? dead : undefined));
    const deletion = stack.event('Delete', wanted, { PhysicalResourceId: id });
    await stack.play(deletion).catch(() => stack.play(deletion));
    expect([settings(), world.tags(id)]).toEqual([before, {}]);
  });

  test('leaves a policy that somebody has put since', async () => {
    const wanted = { ...ADOPTING(), FileSystemPolicy: policy('S1') };
    await stack.play(stack.event('Create', wanted));
    await put.policy('S2');
    world.stacks.statuses.set(stack.stackId, 'ROLLBACK_IN_PROGRESS');
    await stack.play(stack.event('Delete', wanted, { PhysicalResourceId: id }));
    expect(settings().policy).toBe('S2');
  });

  test('keeps its own policy in the place of another one, which stands in the log', async () => {
    await put.policy('S2');
    await expect(stack.deploy({ ...ADOPTING(), FileSystemPolicy: policy('S1') }, { failAfter: true })).rejects.toThrow(FAILED);
    expect(settings().policy).toBe('S1');
    expect(world.logged('the adoption overwrites a file system policy')).toMatchObject([{ id, policy: expect.stringContaining('S2') }]);
  });

  test('does not use a record that the adoption has not made', async () => {
    await put.policy('S2');
    await world.tag(id, { [`${OWNERSHIP_TAG_PREFIX}before:settings`]: 'policy=none' });
    await expect(stack.deploy({ ...ADOPTING(), FileSystemPolicy: policy('S2') }, { failAfter: true })).rejects.toThrow(FAILED);
    expect(settings().policy).toBe('S2');
  });
});

describe('an adoption that is not rolled back', () => {
  const wanted = () => ({ ...ADOPTING(), LifecyclePolicies: [{ TransitionToIA: 'AFTER_30_DAYS' }], FileSystemPolicy: policy('S1') });

  test.each<[string, () => void]>([
    ['the stack is deleted', () => { world.stacks.statuses.set(stack.stackId, 'DELETE_IN_PROGRESS'); world.stacks.latestOperation = 'DELETE_STACK'; }],
    ['CloudFormation does not answer', () => { world.stacks.broken = true; }],
    ['CloudFormation still tells the rollback before', () => {
      world.stacks.statuses.set(stack.stackId, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
      world.lag('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
    }],
  ])('leaves its settings in force when %s', async (_, change) => {
    await stack.deploy(wanted());
    change();
    await stack.play(stack.event('Delete', wanted(), { PhysicalResourceId: id }));
    world.clock.advance(120_000);
    expect(settings()).toMatchObject({ policy: 'S1', lifecycle: [{ TransitionToIA: 'AFTER_30_DAYS' }] });
    expect(world.tags(id)).toEqual({});
  });

  test('does not use a mark that the deletion has not set', async () => {
    await stack.deploy(wanted());
    await world.tag(id, { [OWNERSHIP_TAGS.state]: 'released', [`${OWNERSHIP_TAG_PREFIX}before:settings`]: 'policy=none' });
    await stack.destroy();
    expect(settings().policy).toBe('S1');
  });

  test('leaves a setting that was there before when the props lose it', async () => {
    await put.policy('S1');
    await put.lifecycle('AFTER_7_DAYS');
    await stack.deploy({ ...ADOPTING(), FileSystemPolicy: policy('S1'), LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }] });
    await stack.deploy({ ...ADOPTING(), AdoptAsIs: true });
    expect(settings()).toMatchObject({ policy: 'S1', lifecycle: [{ TransitionToIA: 'AFTER_7_DAYS' }] });
  });

  test('forgets what it has overwritten with the next update', async () => {
    await stack.deploy(wanted());
    expect(world.tags(id)).toHaveProperty([`${OWNERSHIP_TAG_PREFIX}before:settings`]);
    await stack.deploy({ ...wanted(), FileSystemTags: [{ Key: 'a', Value: 'b' }] });
    expect(Object.keys(world.tags(id)).filter(key => key.startsWith(`${OWNERSHIP_TAG_PREFIX}before`))).toEqual([]);
  });
});

describe('a renamed resource whose deployment fails', () => {
  const OLD = { Owner: 'Stack/Thing', RemovalPolicy: 'Delete', LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }], FileSystemPolicy: policy('S1') };

  test.each<[string, object]>([
    ['the same settings', {}],
    ['other settings', { LifecyclePolicies: [{ TransitionToIA: 'AFTER_30_DAYS' }], BackupPolicy: { Status: 'ENABLED' } }],
    ['fewer settings', { LifecyclePolicies: undefined }],
  ])('with %s gives the file system back with the former settings, and declared as before', async (_, more) => {
    await stack.deploy(OLD);
    id = stack.physicalId!;
    world.stacks.resources.set(id, { stackId: stack.stackId, logicalId: 'Thing', type: 'Custom::FileSystem' });
    const [before, declared] = [settings(), world.tags(id)[SETTINGS_TAG]];
    world.stacks.statuses.set(stack.stackId, 'UPDATE_IN_PROGRESS');
    const renamed = world.stack('Custom::FileSystem', 'Renamed', 'Stack', stack.stackId);
    const wanted = { ...OLD, Owner: 'Stack/Renamed', Formerly: ['Thing'], ...more };
    await renamed.play(renamed.event('Create', wanted));
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await renamed.play(renamed.event('Delete', wanted, { PhysicalResourceId: id }));
    world.clock.advance(120_000);
    expect([settings(), world.tags(id)[SETTINGS_TAG]]).toEqual([before, declared]);
    await stack.deploy({ ...OLD, LifecyclePolicies: undefined });
    expect(settings()).toMatchObject({ lifecycle: [], policy: 'S1' });
  });
});

describe('the mount targets of an adopted file system', () => {
  test('are named in the log if no set has them', async () => {
    const target = await world.foreignTarget(id, world.subnet.a1);
    await stack.deploy(ADOPTING());
    expect(world.logged('has mount targets that are of no set')).toMatchObject([{ id, mountTargets: [`${target} in ${world.subnet.a1}`] }]);
  });

  test('are not named if a set has them', async () => {
    const set = world.stack('Custom::MountTargets', 'Targets', 'Other');
    await set.deploy({ Owner: 'Other/Targets', RemovalPolicy: 'Retain', FileSystemId: id, SubnetIds: [world.subnet.a1], SecurityGroups: [] });
    await stack.deploy(ADOPTING());
    expect(world.logged('has mount targets that are of no set')).toEqual([]);
  });
});
