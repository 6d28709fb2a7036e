import { DescribeKeyCommand, type KeyMetadata, type KMSClient } from '@aws-sdk/client-kms';
import { isNamed } from '../../shared/errors';
import { retrying } from '../../shared/retry';

/** Looks up KMS keys. */
export class Keys {
  constructor(private readonly kms: KMSClient) {}

  /**
   * Returns the ARN of the key that an id, an alias or an ARN names, because EFS describes file systems by it. Throws if EFS could not
   * use the key.
   */
  public async arnOf(keyId: string): Promise<string> {
    const key = await this.describe(keyId);
    if (!key) { throw new Error(`'kmsKey' is ${keyId}, but there is no such key`); }
    const { Arn, KeyState, KeySpec } = key;
    if (KeyState !== 'Enabled') { throw new Error(`'kmsKey' is ${keyId}, which is in state ${KeyState}: it must be Enabled`); }
    if (KeySpec !== 'SYMMETRIC_DEFAULT') { throw new Error(`'kmsKey' is ${keyId}, an asymmetric key (${KeySpec}): EFS takes symmetric keys only`); }
    return Arn!;
  }

  /** Returns the ARN of the key, whatever its state; the name itself if there is no such key. */
  public async find(keyId: string): Promise<string> {
    return (await this.describe(keyId))?.Arn ?? keyId;
  }

  private async describe(keyId: string): Promise<KeyMetadata | undefined> {
    try {
      return (await retrying(() => this.kms.send(new DescribeKeyCommand({ KeyId: keyId })), { what: 'DescribeKey' })).KeyMetadata;
    } catch (error) {
      if (isNamed(error, 'NotFoundException')) { return undefined; }
      throw error;
    }
  }
}
