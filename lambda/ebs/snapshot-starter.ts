import { StartSnapshotCommand, type EBSClient, type Tag } from '@aws-sdk/client-ebs';
import { DescribeKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { isNamed, saidBy } from '../shared/errors';
import { retrying } from '../shared/retry';
import { explainEbs, isNotYetVisible } from '../transfer/snapshot/errors';

export interface NewSnapshot {
  /** The same gives the same snapshot again, even if that was deleted. */
  readonly token: string;
  /** GiB. */
  readonly volumeSize: number;
  readonly description?: string;
  readonly tags: readonly Tag[];
  /** Otherwise the account's default decides. */
  readonly encrypted: boolean;
  readonly kmsKeyArn?: string;
  /** Its key, or none, is then that of the new one too: EBS refuses to be told. */
  readonly parentId?: string;
  /** Much time may pass without a block, for zeros, or what has not changed, are read but not put. */
  readonly sparse?: boolean;
  /** It may take longer than CloudFormation waits. */
  readonly background?: boolean;
}

export interface StartedSnapshot {
  readonly id: string;
  /** Also where nobody asked for it: by the account's default. */
  readonly encrypted: boolean;
}

/**
 * Minutes without a block after which EBS gives the snapshot up, so that even
 * a lost account does not keep it pending. The longest silence of an import that goes on: a minute until isComplete has
 * started the transfer, two in which Lambda has no room for a worker, two and a half in which EBS does not know the
 * snapshot, and as much again for a worker that dies meanwhile and is repeated.
 */
const INACTIVITY_MINUTES = 15;
/** As long as an import can take. */
const SPARSE_INACTIVITY_MINUTES = 60;
/** Three days, the most that EBS allows. */
const LONG_INACTIVITY_MINUTES = 4_320;

/** Nothing was started. Without a parent it may be. */
export class ParentRefused extends Error {}

/** Starts snapshots that are filled block by block. */
export class SnapshotStarter {
  constructor(private readonly ebs: EBSClient, private readonly kms: KMSClient) {}

  /** undefined: the token was used before, with other parameters. */
  public async start(snapshot: NewSnapshot): Promise<StartedSnapshot | undefined> {
    const { token, volumeSize, description, tags, encrypted, kmsKeyArn, parentId, sparse, background } = snapshot;
    const command = new StartSnapshotCommand({
      ClientToken: token,
      VolumeSize: volumeSize,
      Description: description,
      Tags: [...tags],
      // `false` is refused where the account encrypts by default, and means nothing elsewhere.
      ...(encrypted && parentId === undefined && { Encrypted: true }),
      KmsKeyArn: parentId === undefined ? kmsKeyArn : undefined,
      ParentSnapshotId: parentId,
      Timeout: !sparse ? INACTIVITY_MINUTES : background ? LONG_INACTIVITY_MINUTES : SPARSE_INACTIVITY_MINUTES,
    });
    try {
      // Others' imports may end within a minute.
      const { SnapshotId, KmsKeyArn, SseType } = await retrying(() => this.ebs.send(command), {
        retryIf: error => isNamed(error, 'ConcurrentLimitExceededException') || (parentId !== undefined && isNotYetVisible(error)), what: 'start snapshot',
      });
      return { id: SnapshotId!, encrypted: KmsKeyArn !== undefined || (SseType ?? 'none') !== 'none' };
    } catch (error) {
      if (isNamed(error, 'ConflictException')) { return undefined; }
      const why = explainEbs(error, 'StartSnapshot', `a snapshot of ${volumeSize} GiB${parentId === undefined ? '' : ` with parent ${parentId}`}`);
      throw parentId !== undefined && isNamed(error, 'ValidationException', 'ResourceNotFoundException') ? new ParentRefused(why.message) : why;
    }
  }

  /** EBS takes nothing but a key's ARN. */
  public async keyArn(keyId: string): Promise<string> {
    try {
      const { KeyMetadata } = await retrying(() => this.kms.send(new DescribeKeyCommand({ KeyId: keyId })), { what: 'kms:DescribeKey' });
      if (KeyMetadata!.KeyState !== 'Enabled') { throw new Error(`it is ${KeyMetadata!.KeyState}`); }
      return KeyMetadata!.Arn!;
    } catch (error) {
      throw new Error(`kmsKey ${keyId} cannot be used: ${saidBy(error)}`);
    }
  }
}
