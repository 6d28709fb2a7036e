import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { disk, IMAGES, properties as importProperties, TRANSFERS } from './ebs/disk-images';
import { EbsHandlerWorld } from './ebs/ebs-handler-world';
import { machineProperties } from './ebs/machine-stack';
import { EfsHandlerWorld } from './efs/efs-handler-world';
import { Stack } from './stack';
import type { Stacks } from './stacks';
import { OWNERSHIP_TAG_PREFIX } from '../../src/contract/ownership';
import type { EbsResourceType, EfsResourceType } from '../../src/contract/resource-types';
import { BLOCK_SIZE } from '../../world/emulator/ebs';

type Properties = Record<string, unknown>;

/** One custom resource in an account of its own, as tests that hold for every custom resource need it. */
export interface Kind {
  readonly type: EfsResourceType | EbsResourceType;
  readonly stacks: Stacks;
  /** Properties of the resource with this owner, `<stack>/<logical id>`. All else is equal. */
  readonly properties: (owner: string) => Properties;
  /** A physical id of the right form of which nothing was ever made. */
  readonly unknownId: string;
  /** Whether the resources of two stacks want one thing that only one may have: the other creation is refused. */
  readonly isExclusive?: boolean;
  /** Whether there is something to make at all. */
  readonly makesNothing?: boolean;
  /** Whether something stays when the resource is deleted, because it must: backups, and the copy that a replication made. */
  readonly leavesSomething?: boolean;
  /** A stack, or with `stackId` another resource of one. */
  stack(name: string, logicalId?: string, stackId?: string): Stack;
  /** Everything in the account. It shows only the names of this library's tags and records, because their values have the latest call. */
  picture(): unknown;
  close(): Promise<void>;
}

const UNKNOWN = '0123456789abcdef0';
const owned = (Owner: string): Properties => ({ Owner, RemovalPolicy: 'Delete' });

type Special = Pick<Kind, 'isExclusive' | 'makesNothing' | 'leavesSomething'>;

function efs(
  type: EfsResourceType, unknownId: string, properties: (world: EfsHandlerWorld, fileSystemId: string) => Properties, special: Special = {},
) {
  return async (): Promise<Kind> => {
    const world = await EfsHandlerWorld.start();
    const { FileSystemId: id } = await world.client.send(new CreateFileSystemCommand({ CreationToken: 'theirs' }));
    world.clock.advance(60_000);
    return {
      type,
      unknownId,
      ...special,
      stacks: world.stacks,
      properties: owner => ({ ...owned(owner), ...properties(world, id!) }),
      stack: (name, logicalId = 'Thing', stackId) => world.follow(world.stack(type, logicalId, name, stackId)),
      picture: () => ({
        fileSystems: [...world.efs.fileSystems, ...world.efs.replicas].map(one => ({
          id: one.id,
          state: one.lifeCycleState,
          policy: one.policy,
          backup: one.backupPolicy,
          lifecycle: one.lifecyclePolicies,
          protection: one.protection,
          throughput: [one.throughputMode, one.provisionedThroughputInMibps],
          tags: shown(Object.entries(one.tags)),
        })),
        mountTargets: world.efs.mountTargets.map(one => [one.id, one.fileSystemId, one.subnetId, one.lifeCycleState, one.securityGroups]),
        replications: world.efs.replications.map(({ source, destination }) => [source.id, destination.id, destination.region]),
      }),
      close: () => world.close(),
    };
  };
}

function ebs(
  type: EbsResourceType, unknownId: string, properties: (world: EbsHandlerWorld, snapshotId: string) => Properties, special: Special = {},
) {
  return async (): Promise<Kind> => {
    const world = await EbsHandlerWorld.start({ smallExport: { partBlocks: 10, rangeParts: 2, blocks: 12 }, ebs: { startWindow: 0 } });
    await world.s3.put(IMAGES, 'disk.img', disk(2 * BLOCK_SIZE));
    const id = await world.givenSnapshot({ 0: Buffer.alloc(BLOCK_SIZE, 'data') });
    return {
      type,
      unknownId,
      ...special,
      stacks: world.stacks,
      properties: owner => ({ ...properties(world, id), ...owned(owner) }),
      stack: (name, logicalId = 'Thing', stackId) => world.told(new Stack(world.clock, world.handlers, type, logicalId, name, stackId)),
      picture: () => ({
        snapshots: world.ec2.snapshots.all.map(one => [one.snapshotId, one.status.state, shown(one.tags)]),
        images: world.ec2.images.all.map(one => [one.imageId, shown(one.tags)]),
        objects: [...world.s3.buckets.values()].map(({ name, uploads }) => [name, [...uploads.keys()], objectsIn(world, name)]),
      }),
      close: () => world.close(),
    };
  };
}

function objectsIn(world: EbsHandlerWorld, name: string): unknown[] {
  return world.s3.buckets.get(name)!.versions().map(one => [one.key, ...name === TRANSFERS ? [] : [one.versionId, 'etag' in one && one.etag]]);
}

function shown(tags: Iterable<[string, string]>): string[] {
  return [...tags].map(([key, value]) => key.startsWith(OWNERSHIP_TAG_PREFIX) ? key : `${key}=${value}`).sort();
}

const POLICY = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'elasticfilesystem:ClientMount' }] };
const setting = (type: EfsResourceType, properties: Properties, special?: Special) =>
  efs(type, `fs-${UNKNOWN}/${UNKNOWN}`, (_, FileSystemId) => ({ FileSystemId, ...properties }), special);

/** Every custom resource. One that is missing is an error of the compiler, and of the test that goes through them. */
export const KINDS: Readonly<Record<EfsResourceType | EbsResourceType, () => Promise<Kind>>> = {
  'Custom::FileSystem': efs('Custom::FileSystem', `fs-${UNKNOWN}`, () => ({ FileSystemTags: [{ Key: 'team', Value: 'storage' }] })),
  'Custom::FileSystemLookup': efs('Custom::FileSystemLookup', `lookup/${UNKNOWN}/fs-${UNKNOWN}`, () => ({
    CreationToken: 'theirs',
  }), { makesNothing: true }),
  'Custom::MountTargets': efs('Custom::MountTargets', `fs-${UNKNOWN}/${UNKNOWN}`, ({ subnet, group }, FileSystemId) => ({
    FileSystemId, SubnetIds: [subnet.a1, subnet.b1], SecurityGroups: [group.one],
  })),
  'Custom::TagSet': efs('Custom::TagSet', `fs-${UNKNOWN}/${UNKNOWN}`, (_, ResourceId) => ({ ResourceId, Tags: [{ Key: 'team', Value: 'storage' }] })),
  'Custom::FileSystemPolicy': setting('Custom::FileSystemPolicy', { FileSystemPolicy: POLICY }),
  'Custom::BackupPolicy': setting('Custom::BackupPolicy', { BackupPolicy: { Status: 'ENABLED' } }, { leavesSomething: true }),
  'Custom::LifecycleConfiguration': setting('Custom::LifecycleConfiguration', { LifecyclePolicies: [{ TransitionToIA: 'AFTER_7_DAYS' }] }),
  'Custom::ReplicationConfiguration': setting('Custom::ReplicationConfiguration', {
    ReplicationConfiguration: { Destinations: [{ Region: 'eu-central-1' }] },
  }, { leavesSomething: true }),
  'Custom::SnapshotImport': ebs('Custom::SnapshotImport', `snap-${UNKNOWN}`, () => importProperties()),
  'Custom::SnapshotExport': ebs('Custom::SnapshotExport', `export-${UNKNOWN.repeat(2).slice(0, 32)}`, (_, SnapshotId) => ({
    SnapshotId, Bucket: IMAGES, Key: 'copy.img',
  }), { isExclusive: true }),
  'Custom::MachineImage': ebs('Custom::MachineImage', `ami-${UNKNOWN}`, (_, snapshotId) => machineProperties(snapshotId)),
};
