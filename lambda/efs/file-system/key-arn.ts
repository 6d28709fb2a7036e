import { DescribeKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { isNamed } from '../../shared/errors';
import { retrying } from '../../shared/retry';

/** The ARN of the key that an id, an alias or an ARN names: EFS describes file systems by it, however they were created. */
export async function keyArn(kms: KMSClient, keyId: string): Promise<string> {
  const { Arn, KeyState, KeySpec } = await describe(kms, keyId);
  if (KeyState !== 'Enabled') { throw new Error(`'kmsKey' is ${keyId}, which is in state ${KeyState}: it must be Enabled`); }
  if (KeySpec !== 'SYMMETRIC_DEFAULT') { throw new Error(`'kmsKey' is ${keyId}, an asymmetric key (${KeySpec}): EFS takes symmetric keys only`); }
  return Arn!;
}

async function describe(kms: KMSClient, keyId: string) {
  try {
    const { KeyMetadata } = await retrying(() => kms.send(new DescribeKeyCommand({ KeyId: keyId })), { what: 'DescribeKey' });
    return KeyMetadata!;
  } catch (error) {
    if (isNamed(error, 'NotFoundException')) { throw new Error(`'kmsKey' is ${keyId}, but there is no such key`); }
    throw error;
  }
}
