import { StartSnapshotCommand, type EBSClient, type Tag } from '@aws-sdk/client-ebs';
import { DescribeKeyCommand, type KeyMetadata, type KMSClient } from '@aws-sdk/client-kms';
import { isNamed, saidBy } from '../shared/errors';
import { log } from '../shared/log';
import { retrying } from '../shared/retry';
import { explainEbs, isDeniedKey, isNotYetVisible } from '../transfer/snapshot/errors';
import { BACKGROUND_INACTIVITY_MINUTES, INACTIVITY_MINUTES } from '../transfer/snapshot/pending';
import type { Snapshots } from '../transfer/snapshot/snapshots';

export interface NewSnapshot {
  /** Client token. EBS answers a repeated token with the same snapshot, even if that was deleted. */
  readonly token: string;
  /** GiB. */
  readonly volumeSize: number;
  readonly description?: string;
  readonly tags: readonly Tag[];
  /** `false`: the account's default decides. */
  readonly encrypted: boolean;
  readonly kmsKeyArn?: string;
  /** The new snapshot has the encryption of its parent. EBS refuses a key beside a parent. */
  readonly parentId?: string;
  /** The import may take longer than CloudFormation waits. */
  readonly background?: boolean;
}

export interface StartedSnapshot {
  readonly id: string;
  /** Also true if the account encrypts by default. */
  readonly encrypted: boolean;
}

/** EBS refused the parent. Nothing was started, and a start without the parent may succeed. */
export class ParentRefused extends Error {}

/** Starts snapshots that are filled block by block. */
export class SnapshotStarter {
  constructor(private readonly ebs: EBSClient, private readonly kms: KMSClient, private readonly snapshots: Snapshots) {}

  /** Starts a snapshot. undefined: the token was used before, with other parameters. */
  public async start(snapshot: NewSnapshot): Promise<StartedSnapshot | undefined> {
    const { token, volumeSize, description, tags, encrypted, kmsKeyArn, parentId, background } = snapshot;
    const command = new StartSnapshotCommand({
      ClientToken: token,
      VolumeSize: volumeSize,
      Description: description,
      Tags: [...tags],
      // EBS refuses `false` if the account encrypts by default, and ignores it otherwise.
      ...(encrypted && parentId === undefined && { Encrypted: true }),
      KmsKeyArn: parentId === undefined ? kmsKeyArn : undefined,
      ParentSnapshotId: parentId,
      Timeout: background ? BACKGROUND_INACTIVITY_MINUTES : INACTIVITY_MINUTES,
    });
    try {
      // The limit on pending snapshots may be free again within a minute, because other imports end.
      const { SnapshotId, KmsKeyArn, SseType } = await retrying(() => this.ebs.send(command), {
        retryIf: error => isNamed(error, 'ConcurrentLimitExceededException') || (parentId !== undefined && isNotYetVisible(error)), what: 'start snapshot',
      });
      return { id: SnapshotId!, encrypted: KmsKeyArn !== undefined || (SseType ?? 'none') !== 'none' };
    } catch (error) {
      if (isNamed(error, 'ConflictException')) { return undefined; }
      const what = `a snapshot of ${volumeSize} GiB${parentId === undefined ? '' : ` with parent ${parentId}`}`;
      const advice = kmsKeyArn === undefined && isDeniedKey(error) ? await this.adviceOnKey(parentId) : undefined;
      const why = explainEbs(error, 'StartSnapshot', what, advice);
      throw parentId !== undefined && isNamed(error, 'ValidationException', 'ResourceNotFoundException') ? new ParentRefused(why.message) : why;
    }
  }

  /** Returns the ARN of an enabled key, because EBS accepts only ARNs. */
  public async keyArn(keyId: string): Promise<string> {
    const region = /^arn:[^:]+:kms:([^:]+):/.exec(keyId)?.[1];
    const own = await this.kms.config.region();
    if (region !== undefined && region !== own) { throw new Error(`'kmsKey' must be a key of ${own}, got ${keyId}, which is in ${region}`); }
    try {
      const { KeyState, Arn } = await this.describeKey(keyId);
      if (KeyState !== 'Enabled') { throw new Error(`it is ${KeyState}`); }
      return Arn!;
    } catch (error) {
      throw new Error(`'kmsKey' ${keyId} cannot be used: ${saidBy(error)}`, { cause: error });
    }
  }

  /** Whether AWS manages a key. The handler may always describe the one that AWS manages for EBS. */
  public async isManagedByAws(keyArn: string): Promise<boolean> {
    return (await this.describeKey(keyArn)).KeyManager === 'AWS';
  }

  private async describeKey(keyId: string): Promise<KeyMetadata> {
    const { KeyMetadata } = await retrying(() => this.kms.send(new DescribeKeyCommand({ KeyId: keyId })), { what: 'kms:DescribeKey' });
    return KeyMetadata!;
  }

  /** Names the key that a snapshot gets for which the user named none. */
  private async adviceOnKey(parentId: string | undefined): Promise<string | undefined> {
    try {
      if (parentId !== undefined) {
        const parent = await this.snapshots.find(parentId);
        return `parent ${parentId} is encrypted with ${parent?.kmsKeyArn}: give that key as 'kmsKey'`;
      }
      const { key } = await this.snapshots.defaultEncryption();
      return `the account's default key for EBS is ${key}: give it as 'kmsKey'`;
    } catch (error) {
      log({ event: 'cannot tell which key is missing', error: saidBy(error) });
      return undefined;
    }
  }
}
