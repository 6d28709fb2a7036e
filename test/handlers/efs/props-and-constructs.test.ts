import {
  CreateFileSystemCommand, CreateReplicationConfigurationCommand, PutBackupPolicyCommand, PutFileSystemPolicyCommand,
  PutLifecycleConfigurationCommand,
} from '@aws-sdk/client-efs';
import { EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

/*
 * A setting that moves between a prop of a FileSystem and a construct of the same stack, in one deployment that fails. CloudFormation updates
 * the file system on the way back before it deletes the construct.
 */

const POLICY = { Version: '2012-10-17', Statement: [{ Sid: 'One', Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }] };
const REGION = 'eu-central-1';
const SETTINGS: Record<string, [type: Parameters<EfsHandlerWorld['stack']>[0], properties: Record<string, unknown>]> = {
  'a policy': ['Custom::FileSystemPolicy', { FileSystemPolicy: POLICY }],
  'a life-cycle configuration': ['Custom::LifecycleConfiguration', { LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }] }],
  'a replication': ['Custom::ReplicationConfiguration', { ReplicationConfiguration: { Destinations: [{ Region: REGION }] } }],
  'a backup policy': ['Custom::BackupPolicy', { BackupPolicy: { Status: 'ENABLED' } }],
};
const FILES = { Owner: 'Stack/Files', RemovalPolicy: 'Delete', Encrypted: 'true' };

let world: EfsHandlerWorld;
let files: Stack;
beforeEach(async () => {
  world = await EfsHandlerWorld.start();
  files = world.stack('Custom::FileSystem', 'Files');
});
afterEach(() => world.close());

const present = () => {
  const fileSystem = world.efs.fileSystems.find(({ id }) => id === files.physicalId)!;
  return [
    fileSystem.policy !== undefined, fileSystem.lifecyclePolicies.length > 0, fileSystem.backupPolicy === 'ENABLED',
    world.efs.replications.some(({ source }) => source.id === files.physicalId),
  ].includes(true);
};
const settle = () => world.clock.advance(120_000);

describe.each(Object.entries(SETTINGS))('%s', (_, [type, properties]) => {
  const setting = () => world.stack(type, 'Setting', 'Stack', files.stackId);
  const ofSetting = () => ({ Owner: 'Stack/Setting', RemovalPolicy: 'Delete', FileSystemId: files.physicalId, ...properties });
  const isBackup = type === 'Custom::BackupPolicy';

  test('that moved from the prop to a construct is in force after the rollback', async () => {
    await files.deploy({ ...FILES, ...properties });
    await files.deploy(FILES);
    const construct = setting();
    await construct.deploy(ofSetting());
    await files.deploy({ ...FILES, ...properties });
    await construct.destroy();
    settle();
    expect(present()).toBe(true);
  });

  test('that moved from a construct to the prop is in force after the rollback, and goes with the construct', async () => {
    await files.deploy(FILES);
    const construct = setting();
    await construct.deploy(ofSetting());
    await files.deploy({ ...FILES, ...properties });
    await files.deploy(FILES);
    settle();
    expect(present()).toBe(true);
    await construct.destroy();
    settle();
    expect(present()).toBe(isBackup);
  });
});

describe.each(Object.entries(SETTINGS))('%s in the props', (_, [type, properties]) => {
  /** By somebody who knows nothing of stacks. */
  const setByHand = async () => {
    const { FileSystemPolicy, LifecyclePolicies, ReplicationConfiguration, BackupPolicy } = properties as Record<string, any>;
    const FileSystemId = files.physicalId;
    if (FileSystemPolicy) { await world.client.send(new PutFileSystemPolicyCommand({ FileSystemId, Policy: JSON.stringify(FileSystemPolicy) })); }
    if (LifecyclePolicies) { await world.client.send(new PutLifecycleConfigurationCommand({ FileSystemId, LifecyclePolicies })); }
    if (BackupPolicy) { await world.client.send(new PutBackupPolicyCommand({ FileSystemId, BackupPolicy })); }
    if (ReplicationConfiguration) {
      await world.client.send(new CreateReplicationConfigurationCommand({ SourceFileSystemId: FileSystemId, ...ReplicationConfiguration }));
    }
    settle();
  };
  const failing = { failAfter: true };
  const FAILED = 'another resource failed';

  test('that was in force before is there after the rollback, and when the props lose it', async () => {
    await files.deploy(FILES);
    await setByHand();
    await expect(files.deploy({ ...FILES, ...properties }, failing)).rejects.toThrow(FAILED);
    settle();
    expect(present()).toBe(true);
    await files.deploy({ ...FILES, ...properties });
    await expect(files.deploy(FILES, failing)).rejects.toThrow(FAILED);
    await files.deploy(FILES);
    settle();
    expect(present()).toBe(true);
  });

  test('that was not goes with the prop, also after a deployment without it that failed before it changed anything', async () => {
    await files.deploy({ ...FILES, ...properties });
    const old = { ...FILES, ...properties };
    await world.handlers.act(files.event('Update', FILES, { PhysicalResourceId: files.physicalId, OldResourceProperties: old }));
    await files.play(files.event('Update', old, { PhysicalResourceId: files.physicalId, OldResourceProperties: FILES as any }));
    await files.deploy(FILES);
    settle();
    expect(present()).toBe(false);
  });

  test('that a construct set goes with the prop', async () => {
    await files.deploy(FILES);
    const construct = world.stack(type, 'Setting', 'Stack', files.stackId);
    await construct.deploy({ Owner: 'Stack/Setting', RemovalPolicy: 'Delete', FileSystemId: files.physicalId, ...properties });
    await files.deploy({ ...FILES, ...properties });
    await construct.destroy();
    await files.deploy(FILES);
    settle();
    expect(present()).toBe(false);
  });
});

describe('a tag', () => {
  const TAGS = [{ Key: 'team', Value: 'ours' }];
  const set = () => world.stack('Custom::TagSet', 'Tags', 'Stack', files.stackId);
  const ofSet = () => ({ Owner: 'Stack/Tags', RemovalPolicy: 'Delete', ResourceId: files.physicalId, Tags: TAGS });
  const tagged = { ...FILES, FileSystemTags: TAGS };
  const ours = { team: 'ours' };
  const tags = () => world.tags(files.physicalId!);

  test.each<[string, object[]]>([
    ['moved from the prop to a set is there after the rollback', [tagged, FILES]],
    ['moves from a set to the prop is there afterwards', [FILES]],
  ])('that %s, and goes with the prop', async (_, before) => {
    for (const one of before) { await files.deploy(one as Record<string, unknown>); }
    const construct = set();
    await construct.deploy(ofSet());
    await files.deploy(tagged);
    await construct.destroy();
    expect(tags()).toMatchObject(ours);
    await files.deploy(FILES);
    expect(tags()).not.toMatchObject(ours);
  });

  test('that moved from a set to the prop is there after the rollback, and goes with the set', async () => {
    await files.deploy(FILES);
    const construct = set();
    await construct.deploy(ofSet());
    await files.deploy(tagged);
    await files.deploy(FILES);
    expect(tags()).toMatchObject(ours);
    await construct.destroy();
    expect(tags()).not.toMatchObject(ours);
  });

  test('of a set is there after a file system that was adopted with the same tag is released', async () => {
    const { FileSystemId: id } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs', Encrypted: true }));
    world.clock.advance(10_000);
    await files.deploy({ ...tagged, AdoptFileSystemId: id });
    await set().deploy(ofSet());
    await files.destroy();
    expect(world.tags(id!)).toMatchObject(ours);
  });
});
