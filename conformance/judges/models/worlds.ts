import { createHash } from 'node:crypto';
import { send } from './requests';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { Emulator } from '../../../world/emulator/emulator';
import { REGION } from '../../../world/emulator/environment';
import { loadModel, type Model } from '../../../world/emulator/rest-json';

type Inputs = Record<string, Record<string, any>>;

/** An emulator with something in it, and for each operation a request that succeeds there. */
export interface World {
  readonly emulator: Emulator;
  readonly inputs: Inputs;
}

export interface ServiceUnderTest {
  readonly model: Model;
  readonly signingName: string;
  /** What refuses a request that breaks the model. */
  readonly refusal: string;
  /** Operations that the emulator does not have, since nothing here calls them. */
  readonly absent: string[];
  world(): Promise<World>;
}

const efs = loadModel('efs-2015-02-01');
const ebs = loadModel('ebs-2019-11-02');
const MINUTE = 60_000;

export const EFS: ServiceUnderTest = {
  model: efs,
  signingName: 'elasticfilesystem',
  refusal: 'BadRequest',
  absent: ['CreateTags', 'DeleteTags', 'DescribeTags', 'DescribeAccountPreferences', 'PutAccountPreferences'],
  async world() {
    const emulator = await Emulator.start();
    const { ec2 } = emulator;
    const { vpcId } = ec2.createVpc({ cidrBlock: '10.1.0.0/16' });
    const [a, b] = ['a', 'b'].map((zone, i) => ec2.createSubnet({ vpcId, cidrBlock: `10.1.${i}.0/24`, availabilityZone: `${REGION}${zone}` }).subnetId);
    const { groupId } = ec2.createSecurityGroup({ vpcId, groupName: 'one', description: 'one' });
    const call = async (operation: string, input: Record<string, any>) => {
      const answer = await send(emulator.server.url, 'elasticfilesystem', efs, operation, input);
      if (answer.error !== undefined) { throw new Error(`${operation}: ${answer.error} ${JSON.stringify(answer.body)}`); }
      emulator.clock.advance(2 * MINUTE);
      return answer.body;
    };
    const [id, replicated, empty] = await Promise.all(['one', 'two', 'three'].map(async token =>
      (await call('CreateFileSystem', { CreationToken: token, ThroughputMode: 'elastic', Encrypted: true, Backup: true, Tags: [{ Key: 'Name', Value: token }] })).FileSystemId as string));
    const { MountTargetId } = await call('CreateMountTarget', { FileSystemId: id, SubnetId: a });
    const { AccessPointId } = await call('CreateAccessPoint', { FileSystemId: id, ClientToken: 'point' });
    await call('CreateReplicationConfiguration', { SourceFileSystemId: replicated, Destinations: [{ Region: 'eu-central-1' }] });
    const policy = JSON.stringify({ Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }] });
    await call('PutFileSystemPolicy', { FileSystemId: id, Policy: policy });
    return {
      emulator,
      inputs: {
        CreateAccessPoint: {
          ClientToken: 'another',
          FileSystemId: id,
          Tags: [{ Key: 'a', Value: 'b' }],
          PosixUser: { Uid: 1, Gid: 1, SecondaryGids: [1] },
          RootDirectory: { Path: '/a', CreationInfo: { OwnerUid: 1, OwnerGid: 1, Permissions: '755' } },
        },
        CreateFileSystem: {
          CreationToken: 'another',
          PerformanceMode: 'generalPurpose',
          Encrypted: true,
          ThroughputMode: 'provisioned',
          ProvisionedThroughputInMibps: 10,
          AvailabilityZoneName: `${REGION}a`,
          Backup: false,
          Tags: [{ Key: 'a', Value: 'b' }],
        },
        CreateMountTarget: { FileSystemId: id, SubnetId: b, IpAddress: '10.1.1.77', SecurityGroups: [groupId] },
        CreateReplicationConfiguration: { SourceFileSystemId: id, Destinations: [{ Region: 'eu-central-1' }] },
        DeleteAccessPoint: { AccessPointId },
        DeleteFileSystem: { FileSystemId: empty },
        DeleteFileSystemPolicy: { FileSystemId: id },
        DeleteMountTarget: { MountTargetId },
        DeleteReplicationConfiguration: { SourceFileSystemId: replicated },
        DescribeAccessPoints: { FileSystemId: id, MaxResults: 10 },
        DescribeBackupPolicy: { FileSystemId: id },
        DescribeFileSystemPolicy: { FileSystemId: id },
        DescribeFileSystems: { FileSystemId: id, MaxItems: 10 },
        DescribeLifecycleConfiguration: { FileSystemId: id },
        DescribeMountTargetSecurityGroups: { MountTargetId },
        DescribeMountTargets: { FileSystemId: id, MaxItems: 10 },
        DescribeReplicationConfigurations: { FileSystemId: replicated, MaxResults: 10 },
        ListTagsForResource: { ResourceId: id, MaxResults: 10 },
        ModifyMountTargetSecurityGroups: { MountTargetId, SecurityGroups: [groupId] },
        PutBackupPolicy: { FileSystemId: id, BackupPolicy: { Status: 'ENABLED' } },
        PutFileSystemPolicy: { FileSystemId: id, Policy: policy, BypassPolicyLockoutSafetyCheck: false },
        PutLifecycleConfiguration: {
          FileSystemId: id, LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }, { TransitionToArchive: 'AFTER_90_DAYS' }],
        },
        TagResource: { ResourceId: id, Tags: [{ Key: 'a', Value: 'b' }] },
        UntagResource: { ResourceId: id, TagKeys: ['a'] },
        UpdateFileSystem: { FileSystemId: id, ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 10 },
        UpdateFileSystemProtection: { FileSystemId: id, ReplicationOverwriteProtection: 'DISABLED' },
      },
    };
  },
};

export const EBS: ServiceUnderTest = {
  model: ebs,
  signingName: 'ebs',
  refusal: 'ValidationException',
  absent: [],
  async world() {
    const emulator = await Emulator.start({ ebs: { startMisses: 0, quotaFactor: Infinity } });
    const call = async (operation: string, input: Record<string, any>) => {
      const answer = await send(emulator.server.url, 'ebs', ebs, operation, input);
      if (answer.error !== undefined) { throw new Error(`${operation}: ${answer.error} ${JSON.stringify(answer.body)}`); }
      return answer.body;
    };
    const data = Buffer.alloc(BLOCK_SIZE, 'data');
    const block = {
      BlockIndex: 0, BlockData: data, DataLength: BLOCK_SIZE, Progress: 50, Checksum: createHash('sha256').update(data).digest('base64'), ChecksumAlgorithm: 'SHA256',
    };
    const make = async (ParentSnapshotId?: string) => {
      const { SnapshotId } = await call('StartSnapshot', { VolumeSize: 1, ParentSnapshotId });
      await call('PutSnapshotBlock', { SnapshotId, ...block, BlockIndex: ParentSnapshotId ? 1 : 0 });
      await call('CompleteSnapshot', { SnapshotId, ChangedBlocksCount: 1 });
      emulator.clock.advance(5 * MINUTE);
      return SnapshotId as string;
    };
    const first = await make();
    const second = await make(first);
    const { SnapshotId: pending } = await call('StartSnapshot', { VolumeSize: 1 });
    const { Blocks: [{ BlockToken }] } = await call('ListSnapshotBlocks', { SnapshotId: first });
    return {
      emulator,
      inputs: {
        StartSnapshot: { VolumeSize: 1, ParentSnapshotId: first, Tags: [{ Key: 'a', Value: 'b' }], Description: 'one', ClientToken: 'another', Timeout: 60 },
        PutSnapshotBlock: { SnapshotId: pending, ...block },
        CompleteSnapshot: { SnapshotId: pending, ChangedBlocksCount: 0 },
        ListSnapshotBlocks: { SnapshotId: first, MaxResults: 1000, StartingBlockIndex: 0 },
        ListChangedBlocks: { FirstSnapshotId: first, SecondSnapshotId: second, MaxResults: 1000, StartingBlockIndex: 0 },
        GetSnapshotBlock: { SnapshotId: first, BlockIndex: 0, BlockToken },
      },
    };
  },
};
