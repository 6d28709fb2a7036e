import { ACCOUNT, REGION } from '../environment';
import type { Context } from '../iam';
import type { Kms } from '../kms';
import { evaluate } from '../kms/resource-policy';
import { ServiceError, type Call } from '../service';
import type { Bucket, Encryption } from './bucket';
import { S3Error } from './errors';

/** What one caller may do with one bucket. */
export class Access {
  constructor(private readonly call: Call, private readonly bucket: Bucket, private readonly keys: Kms | undefined) {
    const owner = call.headers['x-amz-expected-bucket-owner'];
    if (owner !== undefined && owner !== bucket.owner) { throw new S3Error('AccessDenied', 403, 'Access Denied'); }
  }

  /** Throws unless the caller may do this with the bucket, or with one of its objects if a key is given. */
  public require(action: string, key?: string, context: Context = {}): void {
    const verdict = this.verdict(action, key, context);
    if (verdict === 'allowed') { return; }
    const why = verdict === 'denied'
      ? 'with an explicit deny in a resource-based policy'
      : `because no identity-based policy allows the ${action} action`;
    throw new S3Error('AccessDenied', 403,
      `User: ${this.call.caller.arn} is not authorized to perform: ${action} on resource: "${this.resource(key)}" ${why}`);
  }

  public allows(action: string, key?: string, context: Context = {}): boolean {
    return this.verdict(action, key, context) === 'allowed';
  }

  /** With the customer's key by its ARN, as S3 keeps and shows it. */
  public resolved(encryption: Encryption): Encryption {
    return resolved(encryption, this.keys);
  }

  /** Reading and writing what a customer's key encrypts is a use of that key, by the caller. */
  public requireKey(action: 'kms:Decrypt' | 'kms:GenerateDataKey', key: string, { kmsKey }: Encryption): void {
    if (kmsKey === undefined) { return; }
    const context: Context = {
      'kms:ViaService': `s3.${REGION}.amazonaws.com`, 'kms:CallerAccount': ACCOUNT, 'kms:EncryptionContext:aws:s3:arn': this.resource(key),
    };
    if (!this.keys) { return this.call.authorize(action, kmsKey, context); }
    try {
      this.keys.authorize(this.call, action, kmsKey, context);
    } catch (error) {
      if (!(error instanceof ServiceError) || error.status === 403) { throw error; }
      throw new S3Error(`KMS.${error.code}`, 400, error.message);
    }
  }

  private verdict(action: string, key: string | undefined, context: Context): 'allowed' | 'denied' | 'silent' {
    const resource = this.resource(key);
    const full: Context = { 'aws:ResourceAccount': this.bucket.owner, 's3:ResourceAccount': this.bucket.owner, ...context };
    // Asked in any case, so that the identity policy's grant counts as used.
    const byIdentity = this.call.allows(action, resource, full);
    const byPolicy = this.bucket.policy ? evaluate(this.bucket.policy, { caller: this.call.caller.arn, action, resource, context: full }) : 'silent';
    if (byPolicy === 'denied') { return 'denied'; }
    if (this.bucket.owner !== ACCOUNT) { return byIdentity && byPolicy === 'allowed' ? 'allowed' : 'silent'; }
    return byIdentity || byPolicy === 'allowed' && !this.call.caller.denies(action, resource, full) ? 'allowed' : 'silent';
  }

  private resource(key: string | undefined): string {
    return key === undefined ? this.bucket.arn : `${this.bucket.arn}/${key}`;
  }
}

export function resolved(encryption: Encryption, keys: Kms | undefined): Encryption {
  const kmsKey = encryption.kmsKey && (keys?.resolve(encryption.kmsKey) ?? encryption.kmsKey);
  return kmsKey ? { ...encryption, kmsKey } : encryption;
}
