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
    const { Arn, KeyState, KeySpec } = await this.describe(keyId);
    if (KeyState !== 'Enabled') { throw new Error(`'kmsKey' is ${keyId}, which is in state ${KeyState}: it must be Enabled`); }
    if (KeySpec !== 'SYMMETRIC_DEFAULT') { throw new Error(`'kmsKey' is ${keyId}, an asymmetric key (${KeySpec}): EFS takes symmetric keys only`); }
    return Arn!;
  }

  private async describe(keyId: string): Promise<KeyMetadata> {
    try {
      const { KeyMetadata: key } = await retrying(() => this.kms.send(new DescribeKeyCommand({ KeyId: keyId })), { what: 'DescribeKey' });
      return key!;
    } catch (error) {
      if (isNamed(error, 'NotFoundException')) { throw new Error(`'kmsKey' is ${keyId}, but there is no such key`); }
      throw error;
    }
  }
}
