import { paginateDescribeImages, paginateDescribeSnapshots, type EC2Client } from '@aws-sdk/client-ec2';
import { paginateDescribeFileSystems, type EFSClient } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAGS, PARENT_TAG } from '../src/contract/ownership';

/** A file system, snapshot or AMI with tags of this library. */
export interface TaggedThing {
  readonly id: string;
  readonly kind: 'file system' | 'snapshot' | 'AMI';
  readonly created: string;
  /** Bytes; undefined for AMIs, whose snapshots have the size. */
  readonly size: number | undefined;
  readonly tags: ReadonlyMap<string, string>;
  /** The account that owns it. */
  readonly account: string;
  /** Ids of the snapshots that an AMI is made of, or from which a pending snapshot was started. */
  readonly uses: readonly string[];
}

interface Tag { Key?: string; Value?: string }

export const GIB = 2 ** 30;
const FILTERS = [{ Name: 'tag-key', Values: [OWNERSHIP_TAGS.stackId, OWNERSHIP_TAGS.owner] }];

/** Returns all file systems, snapshots and AMIs of the account and Region that carry tags of this library. */
export async function taggedThings(efs: EFSClient, ec2: EC2Client): Promise<TaggedThing[]> {
  const things: TaggedThing[] = [];
  for await (const page of paginateDescribeFileSystems({ client: efs }, {})) {
    for (const { FileSystemId: id, CreationTime: created, SizeInBytes: size, OwnerId: account, Tags } of page.FileSystems ?? []) {
      const tags = tagsIn(Tags);
      things.push({ id: id!, kind: 'file system', created: created!.toISOString(), size: size?.Value, account: account!, tags, uses: [] });
    }
  }
  for await (const page of paginateDescribeSnapshots({ client: ec2, pageSize: 1000 }, { OwnerIds: ['self'], Filters: FILTERS })) {
    for (const { SnapshotId: id, StartTime: created, VolumeSize: size, OwnerId: account, State: state, Tags } of page.Snapshots ?? []) {
      const tags = tagsIn(Tags);
      const uses = state === 'pending' && tags.has(PARENT_TAG) ? [tags.get(PARENT_TAG)!] : [];
      things.push({ id: id!, kind: 'snapshot', created: created!.toISOString(), size: GIB * size!, account: account!, tags, uses });
    }
  }
  for await (const page of paginateDescribeImages({ client: ec2, pageSize: 1000 }, { Owners: ['self'], Filters: FILTERS, IncludeDisabled: true })) {
    for (const { ImageId: id, CreationDate: created, OwnerId: account, BlockDeviceMappings: devices = [], Tags } of page.Images ?? []) {
      const uses = devices.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
      things.push({ id: id!, kind: 'AMI', created: created!, size: undefined, account: account!, tags: tagsIn(Tags), uses });
    }
  }
  return things.filter(({ tags }) => tags.has(OWNERSHIP_TAGS.stackId) || tags.has(OWNERSHIP_TAGS.owner));
}

function tagsIn(tags: Tag[] = []): Map<string, string> {
  return new Map(tags.map(({ Key, Value }) => [Key!, Value ?? '']));
}
