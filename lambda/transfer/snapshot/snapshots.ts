import {
  CreateTagsCommand, DeleteSnapshotCommand, DeleteTagsCommand, GetEbsDefaultKmsKeyIdCommand, GetEbsEncryptionByDefaultCommand,
  paginateDescribeSnapshots, type EC2Client, type Filter,
  type Snapshot as Ec2Snapshot, type Tag,
} from '@aws-sdk/client-ec2';
import { isNamed, saidBy } from '../../shared/errors';
import { RETRY_POLICIES, retrying } from '../../shared/retry';

export interface Snapshot {
  readonly id: string;
  /** EC2 also has `recoverable` and `recovering`, for snapshots in the Recycle Bin. */
  readonly state: 'pending' | 'completed' | 'error' | string;
  /** EC2's reason for the state; rarely present. */
  readonly stateMessage?: string;
  /** Size of the volume in GiB. */
  readonly volumeSize: number;
  readonly encrypted: boolean;
  /** ARN of the key that encrypts the snapshot. */
  readonly kmsKeyArn?: string;
  readonly tags: readonly Tag[];
}

export function notCompleted({ id, stateMessage }: Snapshot): string {
  return `EBS could not complete snapshot ${id}: ${stateMessage ?? 'it gives no reason'}`;
}

/** The error for a snapshot that EC2 does not delete because an AMI uses it. */
export class SnapshotInUse extends Error {
  constructor(public readonly snapshotId: string, imageId: string) {
    super(`snapshot ${snapshotId} cannot be deleted while ${imageId} uses it; deregister ${imageId} first`);
  }
}

/** The account's snapshots in EC2. */
export class Snapshots {
  constructor(private readonly ec2: EC2Client) {}

  /** Returns undefined if there is none, or if EC2 does not list it yet. */
  public async find(id: string): Promise<Snapshot | undefined> {
    try {
      return (await this.list({ SnapshotIds: [id] }))[0];
    } catch (error) {
      if (isNamed(error, 'InvalidSnapshot.NotFound')) { return undefined; }
      throw error;
    }
  }

  /** Throws if the snapshot was deleted while something was done for it. Retries for a while, because not all of EC2 may list it yet. */
  public async expect(id: string, done: string): Promise<void> {
    const missing = new Error(`snapshot ${id} was deleted while ${done}`);
    await retrying(async () => {
      if (!await this.find(id)) { throw missing; }
    }, { policy: RETRY_POLICIES.SNAPSHOT_LISTING, retryIf: error => error === missing, what: 'find snapshot' });
  }

  /** Returns the snapshots that have all of these tags. */
  public async findTagged(tags: Record<string, string>): Promise<Snapshot[]> {
    return this.list({ OwnerIds: ['self'], Filters: Object.entries(tags).map(([key, value]): Filter => ({ Name: `tag:${key}`, Values: [value] })) });
  }

  /** Deletes a snapshot. Succeeds if it is gone already. */
  public async delete(id: string): Promise<void> {
    try {
      await this.call('DeleteSnapshot', id, () => this.ec2.send(new DeleteSnapshotCommand({ SnapshotId: id })));
    } catch (error) {
      if (isNamed(error, 'InvalidSnapshot.NotFound')) { return; }
      if (isNamed(error, 'InvalidSnapshot.InUse')) {
        throw new SnapshotInUse(id, /ami-[0-9a-f]+/.exec((error as Error).message)?.[0] ?? 'an AMI');
      }
      throw error;
    }
  }

  public async tag(id: string, tags: readonly Tag[]): Promise<void> {
    if (tags.length === 0) { return; }
    await this.call('CreateTags', id, () => this.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [...tags] })));
  }

  public async untag(id: string, keys: readonly string[]): Promise<void> {
    if (keys.length === 0) { return; }
    await this.call('DeleteTags', id, () => this.ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: keys.map(Key => ({ Key })) })));
  }

  /** Returns whether the account encrypts every snapshot, and the key of snapshots that name none. */
  public async defaultEncryption(): Promise<{ readonly always: boolean; readonly key: string }> {
    const [always, key] = await Promise.all([
      this.call('GetEbsEncryptionByDefault', undefined, () => this.ec2.send(new GetEbsEncryptionByDefaultCommand({}))),
      this.call('GetEbsDefaultKmsKeyId', undefined, () => this.ec2.send(new GetEbsDefaultKmsKeyIdCommand({}))),
    ]);
    return { always: always.EbsEncryptionByDefault === true, key: key.KmsKeyId! };
  }

  private list(input: { SnapshotIds?: string[]; OwnerIds?: string[]; Filters?: Filter[] }): Promise<Snapshot[]> {
    return this.call('DescribeSnapshots', input.SnapshotIds?.[0], async () => {
      const found: Ec2Snapshot[] = [];
      for await (const page of paginateDescribeSnapshots({ client: this.ec2 }, input)) { found.push(...page.Snapshots ?? []); }
      return found.map(({ SnapshotId, State, StateMessage, VolumeSize, Encrypted, KmsKeyId, Tags = [] }) => ({
        id: SnapshotId!,
        state: State!,
        stateMessage: StateMessage || undefined,
        volumeSize: VolumeSize!,
        encrypted: Encrypted === true,
        kmsKeyArn: KmsKeyId,
        tags: Tags,
      }));
    });
  }

  private call<T>(action: string, id: string | undefined, request: () => Promise<T>): Promise<T> {
    return retrying(request, { what: action }).catch((error: Error) => {
      if (isNamed(error, 'InvalidSnapshot.NotFound', 'InvalidSnapshot.InUse')) { throw error; }
      throw new Error(`ec2:${action} failed${id === undefined ? '' : ` for snapshot ${id}`}: ${saidBy(error)}`);
    });
  }
}
