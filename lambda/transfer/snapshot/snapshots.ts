import {
  CreateTagsCommand, DeleteSnapshotCommand, DeleteTagsCommand, GetEbsDefaultKmsKeyIdCommand, GetEbsEncryptionByDefaultCommand,
  paginateDescribeSnapshots, type EC2Client, type Filter,
  type Snapshot as Ec2Snapshot, type Tag,
} from '@aws-sdk/client-ec2';
import { isNamed, saidBy } from '../../shared/errors';
import { RETRY_POLICIES, retrying } from '../../shared/retry';

export interface Snapshot {
  readonly id: string;
  /** EC2 also knows `recoverable` and `recovering`, for what is in the Recycle Bin. */
  readonly state: 'pending' | 'completed' | 'error' | string;
  /** Hardly ever there. */
  readonly stateMessage?: string;
  /** GiB. */
  readonly volumeSize: number;
  readonly encrypted: boolean;
  /** The ARN of the key. */
  readonly kmsKeyArn?: string;
  readonly tags: readonly Tag[];
}

export function notCompleted({ id, stateMessage }: Snapshot): string {
  return `EBS could not complete snapshot ${id}: ${stateMessage ?? 'it gives no reason'}`;
}

/** EC2 does not delete a snapshot that an AMI is made of. */
export class SnapshotInUse extends Error {
  constructor(public readonly snapshotId: string, imageId: string) {
    super(`snapshot ${snapshotId} cannot be deleted while ${imageId} uses it; deregister ${imageId} first`);
  }
}

/** The account's snapshots, as EC2 knows them. */
export class Snapshots {
  constructor(private readonly ec2: EC2Client) {}

  /** undefined: there is none, or EC2 does not know of it yet. */
  public async find(id: string): Promise<Snapshot | undefined> {
    try {
      return (await this.list({ SnapshotIds: [id] }))[0];
    } catch (error) {
      if (isNamed(error, 'InvalidSnapshot.NotFound')) { return undefined; }
      throw error;
    }
  }

  /** Throws if it was deleted while something was done for it. It was seen before, but not everywhere in EC2 maybe. */
  public async expect(id: string, done: string): Promise<void> {
    const missing = new Error(`snapshot ${id} was deleted while ${done}`);
    await retrying(async () => {
      if (!await this.find(id)) { throw missing; }
    }, { policy: RETRY_POLICIES.SNAPSHOT_LISTING, retryIf: error => error === missing, what: 'find snapshot' });
  }

  /** Those that carry all of these tags. */
  public async findTagged(tags: Record<string, string>): Promise<Snapshot[]> {
    return this.list({ OwnerIds: ['self'], Filters: Object.entries(tags).map(([key, value]): Filter => ({ Name: `tag:${key}`, Values: [value] })) });
  }

  /** Success if it is gone already. */
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

  /** What the account encrypts a snapshot with if nobody says anything, and if somebody only wants it encrypted. */
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
