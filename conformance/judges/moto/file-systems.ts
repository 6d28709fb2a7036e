import { strict as assert } from 'node:assert';
import { CreateFileSystemCommand, DescribeFileSystemPolicyCommand, DescribeFileSystemsCommand, DescribeLifecycleConfigurationCommand, DescribeMountTargetsCommand, DescribeMountTargetSecurityGroupsCommand, ListTagsForResourceCommand } from '@aws-sdk/client-efs';
import { MotoAccount } from './account';
import { absent, OWNED, play, type Properties, tags } from './play';
import { OWNERSHIP_TAG_PREFIX } from '../../../src/contract/ownership';
import type { Section } from '../../tools/report';

/** Plays the life of each resource of EFS. */
export async function fileSystems(section: Section, account: MotoAccount): Promise<void> {
  const { efs, subnet, group } = account;
  const all = async () => (await efs.send(new DescribeFileSystemsCommand({}))).FileSystems!;
  const tagsOf = async (id: string) => Object.fromEntries((await efs.send(new ListTagsForResourceCommand({ ResourceId: id }))).Tags!
    .filter(({ Key }) => !Key!.startsWith(OWNERSHIP_TAG_PREFIX)).map(({ Key, Value }) => [Key, Value]));
  const make = async (CreationToken: string, of: Record<string, string> = {}) =>
    (await efs.send(new CreateFileSystemCommand({ CreationToken, Tags: tags(of) }))).FileSystemId!;

  const files = account.stack('FileSystem', 'Files');
  await play(section, 'FileSystem: create', async () => {
    await files.deploy({ ...OWNED, Encrypted: true, FileSystemTags: tags({ Name: 'files' }), LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }] });
    const [one, ...more] = await all();
    assert.deepEqual([one.FileSystemId, one.Encrypted, more.length], [files.physicalId, true, 0]);
    assert.deepEqual(await tagsOf(files.physicalId!), { Name: 'files' });
    const { LifecyclePolicies } = await efs.send(new DescribeLifecycleConfigurationCommand({ FileSystemId: files.physicalId }));
    assert.deepEqual(LifecyclePolicies, [{ TransitionToIA: 'AFTER_7_DAYS' }]);
  });
  await play(section, 'FileSystem: update of tags and life cycle', async () => {
    const id = files.physicalId;
    await files.deploy({ ...OWNED, Encrypted: true, FileSystemTags: tags({ team: 'a' }), LifecyclePolicies: [{ TransitionToIA: 'AFTER_14_DAYS' }] });
    assert.equal(files.physicalId, id);
    assert.deepEqual(await tagsOf(id!), { team: 'a' });
  });
  await play(section, 'FileSystem: update of the throughput', async () => {
    await files.deploy({ ...OWNED, Encrypted: true, ThroughputMode: 'elastic' });
  }, absent('UpdateFileSystem'));
  await play(section, 'FileSystem: update of backups', async () => {
    await files.deploy({ ...OWNED, Encrypted: true, BackupPolicy: { Status: 'ENABLED' } });
  }, absent('PutBackupPolicy'));
  await play(section, 'FileSystem: update of protection', async () => {
    await files.deploy({ ...OWNED, Encrypted: true, FileSystemProtection: { ReplicationOverwriteProtection: 'DISABLED' } });
  }, absent('UpdateFileSystemProtection'));
  await play(section, 'FileSystem: update of replication', async () => {
    await files.deploy({ ...OWNED, Encrypted: true, ReplicationConfiguration: { Destinations: [{ Region: 'eu-central-1' }] } });
  }, absent('CreateReplicationConfiguration'));
  const replaced = { ...OWNED, Encrypted: false, AllowReplacement: true };
  await play(section, 'FileSystem: replacement that is rolled back', async () => {
    const id = files.physicalId;
    await assert.rejects(files.deploy(replaced, { failAfter: true }), /another resource failed/);
    assert.deepEqual((await all()).map(({ FileSystemId }) => FileSystemId), [id]);
  });
  await play(section, 'FileSystem: replace', async () => {
    const id = files.physicalId;
    await files.deploy(replaced);
    const left = await all();
    assert.notEqual(files.physicalId, id);
    assert.deepEqual(left.map(({ FileSystemId, Encrypted }) => [FileSystemId, Encrypted]), [[files.physicalId, false]]);
  });
  await play(section, 'FileSystem: delete', async () => {
    await files.destroy();
    assert.deepEqual(await all(), []);
  });
  await play(section, 'FileSystem: retained, and taken up by the next stack', async () => {
    const first = account.stack('FileSystem', 'Files');
    const kept = { ...OWNED, RemovalPolicy: 'Retain', CreationToken: 'kept' };
    await first.deploy(kept);
    const again = account.stack('FileSystem', 'Files');
    await assert.rejects(again.deploy(kept), /CloudFormation does not list it/);
    const other = account.stack('FileSystem', 'Files');
    // moto has no replications, of which an adoption asks unless it takes the file system as it is.
    await other.deploy({ ...kept, Adopt: 'ALWAYS', AdoptAsIs: 'true' });
    assert.equal(other.physicalId, first.physicalId);
    await other.destroy();
    assert.equal((await all()).length, 1);
  });

  const [one, other] = [await make('one', { team: 'a' }), await make('other', { team: 'b' })];
  const setting = { ...OWNED };
  const lookup = account.stack('FileSystemLookup', 'Lookup');
  await play(section, 'FileSystemLookup: find, and find another', async () => {
    assert.equal((await lookup.deploy({ ...OWNED, Tags: tags({ team: 'a' }) })).FileSystemId, one);
    assert.equal((await lookup.deploy({ ...OWNED, Tags: tags({ team: 'b' }) })).FileSystemId, other);
    await lookup.destroy();
  });

  const targets = account.stack('MountTargets', 'Targets');
  const set = (names: string[], groups: string[], more: Properties = {}) => ({
    ...setting, FileSystemId: one, SubnetIds: names.map(name => subnet[name]), SecurityGroups: groups.map(name => group[name]), ...more,
  });
  const places = async (id = one) => (await efs.send(new DescribeMountTargetsCommand({ FileSystemId: id }))).MountTargets!;
  const expectPlaces = async (...names: string[]) =>
    assert.deepEqual((await places()).map(({ SubnetId }) => SubnetId).sort(), names.map(name => subnet[name]).sort());
  await play(section, 'MountTargets: create', async () => {
    await targets.deploy(set(['a', 'b'], ['one']));
    await expectPlaces('a', 'b');
  });
  await play(section, 'MountTargets: update of security groups', async () => {
    const before = (await places()).map(({ MountTargetId }) => MountTargetId).sort();
    await targets.deploy(set(['a', 'b'], ['one', 'two']));
    const now = await places();
    assert.deepEqual(now.map(({ MountTargetId }) => MountTargetId).sort(), before);
    for (const { MountTargetId } of now) {
      const { SecurityGroups } = await efs.send(new DescribeMountTargetSecurityGroupsCommand({ MountTargetId }));
      assert.deepEqual([...SecurityGroups!].sort(), [group.one, group.two].sort());
    }
  });
  await play(section, 'MountTargets: another subnet of the same zone, and one zone less', async () => {
    await targets.deploy(set(['a2'], ['one']));
    await expectPlaces('a2');
  });
  await play(section, 'MountTargets: update that is rolled back', async () => {
    await assert.rejects(targets.deploy(set(['a', 'b'], ['two']), { failAfter: true }), /another resource failed/);
    await expectPlaces('a2');
  });
  await play(section, 'MountTargets: delete', async () => {
    await targets.destroy();
    await expectPlaces();
    assert.deepEqual(await efs.send(new ListTagsForResourceCommand({ ResourceId: one })).then(({ Tags }) => Tags), tags({ team: 'a' }));
  });

  const set2 = account.stack('TagSet', 'Tags');
  await play(section, 'TagSet: create, update, rollback, replace, delete', async () => {
    await set2.deploy({ ...setting, ResourceId: one, Tags: tags({ a: '1', b: '1' }) });
    await set2.deploy({ ...setting, ResourceId: one, Tags: tags({ a: '2' }) });
    assert.deepEqual(await tagsOf(one), { team: 'a', a: '2' });
    await assert.rejects(set2.deploy({ ...setting, ResourceId: other, Tags: tags({ c: '1' }) }, { failAfter: true }), /another resource failed/);
    assert.deepEqual([await tagsOf(one), await tagsOf(other)], [{ team: 'a', a: '2' }, { team: 'b' }]);
    await set2.deploy({ ...setting, ResourceId: other, Tags: tags({ c: '1' }) });
    assert.deepEqual([await tagsOf(one), await tagsOf(other)], [{ team: 'a' }, { team: 'b', c: '1' }]);
    await set2.destroy();
    assert.deepEqual(await tagsOf(other), { team: 'b' });
  });

  const policy = (Sid: string) => ({ Version: '2012-10-17', Statement: [{ Sid, Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }] });
  const policies = account.stack('FileSystemPolicy', 'Policy');
  const sidOf = async (FileSystemId: string) =>
    JSON.parse((await efs.send(new DescribeFileSystemPolicyCommand({ FileSystemId }))).Policy!).Statement[0].Sid as string;
  await play(section, 'FileSystemPolicy: create, update, rollback', async () => {
    await policies.deploy({ ...setting, FileSystemId: one, FileSystemPolicy: policy('a') });
    await policies.deploy({ ...setting, FileSystemId: one, FileSystemPolicy: policy('b') });
    await assert.rejects(policies.deploy({ ...setting, FileSystemId: one, FileSystemPolicy: policy('c') }, { failAfter: true }), /another resource failed/);
    assert.equal(await sidOf(one), 'b');
  });
  await play(section, 'FileSystemPolicy: delete', () => policies.destroy(), absent('DeleteFileSystemPolicy'));
  const lifecycles = account.stack('LifecycleConfiguration', 'Lifecycle');
  await play(section, 'LifecycleConfiguration: create, update, delete', async () => {
    const of = (TransitionToIA: string) => ({ ...setting, FileSystemId: one, LifecyclePolicies: [{ TransitionToIA }] });
    const present = async () => (await efs.send(new DescribeLifecycleConfigurationCommand({ FileSystemId: one }))).LifecyclePolicies;
    await lifecycles.deploy(of('AFTER_7_DAYS'));
    await lifecycles.deploy(of('AFTER_14_DAYS'));
    assert.deepEqual(await present(), [{ TransitionToIA: 'AFTER_14_DAYS' }]);
    await lifecycles.destroy();
    assert.deepEqual(await present(), []);
  });
}
