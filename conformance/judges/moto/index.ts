/**
 * moto, a second implementation of EFS, EC2, S3 and EBS direct, under the same
 * handlers: each resource lives there from its creation to its end.
 */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { GetSnapshotBlockCommand, ListSnapshotBlocksCommand } from '@aws-sdk/client-ebs';
import { DescribeImagesCommand, DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import {
  CreateFileSystemCommand, DescribeFileSystemPolicyCommand, DescribeFileSystemsCommand, DescribeLifecycleConfigurationCommand,
  DescribeMountTargetsCommand, DescribeMountTargetSecurityGroupsCommand, ListTagsForResourceCommand,
} from '@aws-sdk/client-efs';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { EXPORTS, IMAGES, MotoAccount } from './account';
import { OWNERSHIP_TAG_PREFIX } from '../../../src/contract/ownership';
import type { Stack } from '../../../test/harness/stack';
import { workFolder } from '../../tools/folders';
import type { Report, Section } from '../../tools/report';
import { python, version } from '../../tools/tools';

type Properties = Record<string, unknown>;

const BLOCK = 512 * 1024;
const OWNED = { Owner: 'Stack/Thing', RemovalPolicy: 'Delete' };
const tags = (entries: Record<string, string>) => Object.entries(entries).map(([Key, Value]) => ({ Key, Value }));

export async function judgeByMoto(report: Report): Promise<void> {
  const section = report.section(`moto ${version('moto')}`, 'handlers');
  let account: MotoAccount | undefined;
  try {
    await section.check('is set up', async () => { account = await MotoAccount.start(await python('moto'), workFolder('moto')); });
    if (!account) { return; }
    await fileSystems(section, account);
    await snapshots(section, account);
    for (const [operation, note] of Object.entries(CORRECTIONS)) {
      const seen = account.front.corrected.has(operation);
      section.row(operation, seen ? 'explained' : 'failed', seen ? note : 'moto is right by now, or was not asked; see conformance/judges/moto/front.ts');
    }
  } finally {
    await account?.stop();
  }
}

/** Where moto does what AWS does not: what is seen of it, and what `docs/conformance.md` says of it in short. */
interface Difference {
  readonly seen: RegExp;
  readonly note: string;
}

/** moto answers to what it does not have with a page of HTML. */
function absent(operation: string): Difference {
  return { seen: /Unexpected token '<'/, note: `EFS: has ${operation}. moto: 404, without an error that the model has` };
}

/** What `Front` puts right, so that the resources can live. */
const CORRECTIONS: Record<string, string> = {
  StartSnapshot: 'EBS: a snapshot is pending until CompleteSnapshot. moto: DescribeSnapshots has it completed from its start. conformance/judges/moto/front.ts puts it right',
  ListSnapshotBlocks: 'EBS: begins at StartingBlockIndex, and goes up. moto: lists all, in the order in which they were put. conformance/judges/moto/front.ts puts it right',
  RegisterImage: 'EC2: the image has its TagSpecifications. moto: takes name and description only. conformance/judges/moto/front.ts adds the tags',
};

/** Passed; or explained, if what is known of moto is what was seen. */
async function play(section: Section, what: string, run: () => Promise<string | void>, known?: Difference): Promise<void> {
  if (!known) { return void await section.check(what, run); }
  try {
    await run();
    section.row(what, 'failed', `docs/conformance.md says: ${known.note}. moto is right by now`);
  } catch (error) {
    if (known.seen.test((error as Error).message)) { return section.row(what, 'explained', known.note); }
    await section.check(what, () => { throw error; });
  }
}

async function fileSystems(section: Section, account: MotoAccount): Promise<void> {
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
    await assert.rejects(again.deploy(kept), /belongs to stack/);
    const other = account.stack('FileSystem', 'Files');
    await other.deploy({ ...kept, Adopt: 'ALWAYS' });
    assert.equal(other.physicalId, first.physicalId);
    await other.destroy();
    assert.equal((await all()).length, 1);
  });

  const [one, other] = [await make('one', { team: 'a' }), await make('other', { team: 'b' })];
  const setting = { ...OWNED, Address: 'c8abc' };
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

async function snapshots(section: Section, account: MotoAccount): Promise<void> {
  const { ebs, ec2, s3 } = account;
  const put = (Key: string, Body: Buffer) => s3.send(new PutObjectCommand({ Bucket: IMAGES, Key, Body }));
  const mine = async () => (await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters: [{ Name: 'tag-key', Values: [`${OWNERSHIP_TAG_PREFIX}*`] }] }))).Snapshots!
    .map(({ SnapshotId }) => SnapshotId!);
  const first = disk(9, 'first');
  const second = Buffer.concat([first.subarray(0, BLOCK), disk(1, 'second'), first.subarray(2 * BLOCK)]);
  await put('first.img', first);
  await put('second.img', second);
  const properties = (SourceKey: string, more: Properties = {}) => ({ ...OWNED, SourceBucket: IMAGES, SourceKey, ...more });

  const read = async (SnapshotId: string) => {
    const blocks = new Map<number, Buffer>();
    const { Blocks = [] } = await ebs.send(new ListSnapshotBlocksCommand({ SnapshotId }));
    for (const { BlockIndex, BlockToken } of Blocks) {
      const { BlockData } = await ebs.send(new GetSnapshotBlockCommand({ SnapshotId, BlockIndex, BlockToken }));
      blocks.set(BlockIndex!, Buffer.from(await BlockData!.transformToByteArray()));
    }
    return blocks;
  };
  const expectImage = async (id: string, image: Buffer) => {
    const blocks = await read(id);
    assert.deepEqual([...blocks.keys()].sort((a, b) => a - b), Array.from({ length: image.length / BLOCK }, (_, i) => i));
    for (const [index, bytes] of blocks) { assert.ok(bytes.equals(image.subarray(index * BLOCK, (index + 1) * BLOCK)), `block ${index} differs`); }
    return `${blocks.size} blocks, identical`;
  };

  const disks = account.stack('SnapshotImport', 'Disk');
  await play(section, 'SnapshotImport: create', async () => {
    const { SnapshotId } = await disks.deploy(properties('first.img', { Tags: tags({ team: 'a' }) }));
    return expectImage(SnapshotId, first);
  });
  await play(section, 'SnapshotImport: update in place', async () => {
    const id = disks.physicalId;
    await disks.deploy(properties('first.img', { Tags: tags({ team: 'b' }) }));
    const { Snapshots } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [id!] }));
    assert.equal(disks.physicalId, id);
    assert.equal(Snapshots![0].Tags!.find(({ Key }) => Key === 'team')!.Value, 'b');
  });
  await play(section, 'SnapshotImport: replacement that is rolled back', async () => {
    const id = disks.physicalId!;
    await assert.rejects(disks.deploy(properties('second.img', { Incremental: false }), { failAfter: true }), /another resource failed/);
    assert.deepEqual(await mine(), [id]);
    return expectImage(id, first);
  });
  await play(section, 'SnapshotImport: replace, and read all of it back to verify', async () => {
    const { SnapshotId } = await disks.deploy(properties('second.img', { Incremental: false, Verify: 'FULL' }));
    assert.deepEqual(await mine(), [SnapshotId]);
    return expectImage(SnapshotId, second);
  });

  await machineImages(section, account, disks);
  await snapshotExports(section, account, disks.physicalId!, { image: second, block: second.subarray(BLOCK, 2 * BLOCK) }, properties('first.img'));
  await play(section, 'SnapshotImport: delete', async () => {
    await disks.destroy();
    assert.deepEqual(await mine(), []);
  });
}

async function machineImages(section: Section, account: MotoAccount, disks: Stack): Promise<void> {
  const images = async () => (await account.ec2.send(new DescribeImagesCommand({ Owners: ['self'] }))).Images!.map(({ ImageId }) => ImageId);
  const machines = account.stack('MachineImage', 'Machine');
  const machine = (more: Properties = {}) => ({
    ...OWNED,
    Architecture: 'x86_64',
    RootDeviceName: '/dev/xvda',
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: disks.physicalId, VolumeType: 'gp3', DeleteOnTermination: true } }],
    VirtualizationType: 'hvm',
    EnaSupport: true,
    ...more,
  });
  await play(section, 'MachineImage: create', async () => {
    const { ImageId } = await machines.deploy(machine());
    assert.deepEqual(await images(), [ImageId]);
  });
  await play(section, 'MachineImage: update in place', async () => {
    const [id] = await images();
    await machines.deploy(machine({ Tags: tags({ team: 'a' }), LaunchPermissions: [{ UserId: '999900001111' }] }));
    assert.deepEqual(await images(), [id]);
  });
  await play(section, 'MachineImage: replacement that is rolled back', async () => {
    const before = await images();
    await assert.rejects(machines.deploy(machine({ Architecture: 'arm64' }), { failAfter: true }), /another resource failed/);
    assert.deepEqual(await images(), before);
  });
  await play(section, 'MachineImage: replace', async () => {
    const [before] = await images();
    const { ImageId } = await machines.deploy(machine({ Architecture: 'arm64' }));
    assert.notEqual(ImageId, before);
    assert.deepEqual(await images(), [ImageId]);
  });
  await play(section, 'MachineImage: delete', async () => {
    await machines.destroy();
    assert.deepEqual(await images(), []);
  });
}

async function snapshotExports(
  section: Section, account: MotoAccount, snapshotId: string, { image, block }: { image: Buffer; block: Buffer }, since: Properties,
): Promise<void> {
  const { s3 } = account;
  const exports = account.stack('SnapshotExport', 'Export');
  const bytesOf = async (Key: string) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: EXPORTS, Key }));
    return Buffer.from(await Body!.transformToByteArray());
  };
  await play(section, 'SnapshotExport: create', async () => {
    await exports.deploy({ ...OWNED, SnapshotId: snapshotId, Bucket: EXPORTS, Key: 'disk.img' });
    const bytes = await bytesOf('disk.img');
    assert.ok(bytes.subarray(0, image.length).equals(image), 'the object is not the image');
    return `${bytes.length} bytes, identical`;
  });
  await play(section, 'SnapshotExport: replace by a delta', async () => {
    const base = account.stack('SnapshotImport', 'Base');
    const { SnapshotId } = await base.deploy(since);
    await exports.deploy({ ...OWNED, SnapshotId: snapshotId, SinceSnapshotId: SnapshotId, Bucket: EXPORTS, Key: 'delta' });
    const bytes = await bytesOf('delta');
    assert.ok(bytes.length < 2 * BLOCK && bytes.includes(block), 'the delta is not the block that differs');
    await base.destroy();
    return `${bytes.length} bytes, with the block that differs`;
  });
  await play(section, 'SnapshotExport: delete', async () => {
    await exports.destroy();
    assert.equal((await s3.send(new ListObjectsV2Command({ Bucket: EXPORTS }))).KeyCount, 0);
  });
}

/** Bytes that differ from block to block; every third block is zeros. */
function disk(blocks: number, seed: string): Buffer {
  return Buffer.concat(Array.from({ length: blocks }, (_, i) =>
    i % 3 === 1 ? Buffer.alloc(BLOCK) : Buffer.alloc(BLOCK, createHash('sha256').update(`${seed} ${i}`).digest())));
}
