import { StartSnapshotCommand, type EBSClient, type Tag } from '@aws-sdk/client-ebs';
import { DescribeKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { isNamed, saidBy } from '../shared/errors';
import { retrying } from '../shared/retry';
import { explainEbs } from '../transfer/ebs-errors';

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
}

/** Minutes without a block after which EBS gives the snapshot up. */
const INACTIVITY_MINUTES = 20;

/** Starts snapshots that are filled block by block. */
export class SnapshotStarter {
  constructor(private readonly ebs: EBSClient, private readonly kms: KMSClient) {}

  /** undefined: the token was used before, with other parameters. */
  public async start({ token, volumeSize, description, tags, encrypted, kmsKeyArn }: NewSnapshot): Promise<string | undefined> {
    const command = new StartSnapshotCommand({
      ClientToken: token,
      VolumeSize: volumeSize,
      Description: description,
      Tags: [...tags],
      // `false` is refused where the account encrypts by default, and means nothing elsewhere.
      ...(encrypted && { Encrypted: true }),
      KmsKeyArn: kmsKeyArn,
      Timeout: INACTIVITY_MINUTES,
    });
    try {
      // Others' imports may end within a minute.
      const { SnapshotId } = await retrying(() => this.ebs.send(command), {
        also: error => isNamed(error, 'ConcurrentLimitExceededException'), what: 'start snapshot',
      });
      return SnapshotId!;
    } catch (error) {
      if (isNamed(error, 'ConflictException')) { return undefined; }
      throw explainEbs(error, 'StartSnapshot', `a snapshot of ${volumeSize} GiB`);
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
