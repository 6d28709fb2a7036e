import {
  DeleteSnapshotCommand, GetEbsDefaultKmsKeyIdCommand, GetEbsEncryptionByDefaultCommand, paginateDescribeSnapshots,
  type Snapshot as Ec2Snapshot, type Tag,
} from '@aws-sdk/client-ec2';
import { SnapshotPending } from './pending';
import { isDenial } from '../../shared/denials';
import { type Ec2Query, Ec2Tagged, RESULTS_PER_PAGE } from '../../shared/ec2-tagged';
import { isNamed } from '../../shared/errors';
import { findLate, isPostponed, passesByItself, RETRY_POLICIES, retrying, type RetryPolicy } from '../../shared/retry';

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
  /** Milliseconds since 1970. */
  readonly started: number;
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

/** The account's snapshots, as EC2 lists them. */
export class Snapshots extends Ec2Tagged<Snapshot> {
  protected readonly kind = 'snapshot';
  protected readonly describeAction = 'DescribeSnapshots';
  protected readonly notFound = ['InvalidSnapshot.NotFound'];
  protected readonly handled = ['InvalidSnapshot.InUse'];

  /** Throws if a snapshot was deleted while something was done for it. Looks for a while, because not every host of EC2 may list it yet. */
  public async expect(id: string, done: string, policy: RetryPolicy = RETRY_POLICIES.SNAPSHOT_LISTING): Promise<void> {
    const missing = new Error(`snapshot ${id} was deleted while ${done}`);
    await retrying(async () => {
      if (!await this.find(id)) { throw missing; }
    }, { policy, retryIf: error => error === missing, what: 'find snapshot' });
  }

  /** Returns the snapshots with all of these tags, of which there must be one. Looks for a while, because EC2 lists them late. */
  public findExisting(tags: Record<string, string>): Promise<Snapshot[]> {
    return findLate(() => this.findTagged(tags), 'find snapshot by tags');
  }

  /** Succeeds if the snapshot does not exist. Throws `SnapshotInUse` and `SnapshotPending`. */
  public async delete(id: string): Promise<void> {
    try {
      await this.call('DeleteSnapshot', id, () => this.ec2.send(new DeleteSnapshotCommand({ SnapshotId: id })));
    } catch (error) {
      if (isNamed(error, ...this.notFound)) { return; }
      if (isNamed(error, 'InvalidSnapshot.InUse')) {
        throw new SnapshotInUse(id, /ami-[0-9a-f]+/.exec((error as Error).message)?.[0] ?? 'an AMI');
      }
      throw await this.isRefusedAsPending(id, error) ? new SnapshotPending(id, (error as Error).cause) : error;
    }
  }

  /**
   * Returns whether EC2 did not delete a snapshot because it is pending. AWS documents neither that EC2 does so nor the name of that error,
   * so the state decides, unless the name does: the snapshot may have become complete meanwhile.
   */
  private async isRefusedAsPending(id: string, error: unknown): Promise<boolean> {
    if (isNamed(error, 'IncorrectState')) { return true; }
    if (isDenial(error) || passesByItself(error) || isPostponed(error)) { return false; }
    return (await this.find(id).catch(() => undefined))?.state === 'pending';
  }

  /** Returns whether the account encrypts every new snapshot, and the key for snapshots that are encrypted without naming one. */
  public async defaultEncryption(): Promise<{ readonly always: boolean; readonly key: string }> {
    const [always, key] = await Promise.all([
      this.call('GetEbsEncryptionByDefault', undefined, () => this.ec2.send(new GetEbsEncryptionByDefaultCommand({}))),
      this.call('GetEbsDefaultKmsKeyId', undefined, () => this.ec2.send(new GetEbsDefaultKmsKeyIdCommand({}))),
    ]);
    return { always: always.EbsEncryptionByDefault === true, key: key.KmsKeyId! };
  }

  protected async *pages({ id, filters }: Ec2Query): AsyncIterable<Snapshot[]> {
    const input = id === undefined ? { OwnerIds: ['self'], Filters: filters, MaxResults: RESULTS_PER_PAGE } : { SnapshotIds: [id] };
    for await (const page of paginateDescribeSnapshots({ client: this.ec2 }, input)) { yield (page.Snapshots ?? []).map(snapshotOf); }
  }
}

function snapshotOf({ SnapshotId, State, StateMessage, VolumeSize, Encrypted, KmsKeyId, StartTime, Tags = [] }: Ec2Snapshot): Snapshot {
  return {
    id: SnapshotId!,
    state: State!,
    stateMessage: StateMessage || undefined,
    volumeSize: VolumeSize!,
    encrypted: Encrypted === true,
    kmsKeyArn: KmsKeyId,
    started: StartTime!.getTime(),
    tags: Tags,
  };
}
