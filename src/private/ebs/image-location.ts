import { Token } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';

/** The object that holds an image, and its format. */
export interface DiskImageLocation {
  readonly bucket: s3.IBucket;
  /** The account that the bucket must belong to; any if absent. */
  readonly bucketOwner?: string;
  readonly key: string;
  readonly versionId?: string;
  /** The key that encrypts the object; that of the bucket if absent. */
  readonly encryptionKey?: kms.IKeyRef;
  /** The ETag that the object must have. */
  readonly etag?: string;
  /** The SHA-256 that the object must have. */
  readonly sha256?: string;
  /** The key of the object that names the SHA-256. */
  readonly sha256SumsKey?: string;
  /** The format; detected from the content if absent. */
  readonly format?: string;
  readonly containerAsRaw?: boolean;
  /** The file in an archive that is the disk. */
  readonly archiveMember?: string;
  /** Whether an export wrote a manifest beside the object. */
  readonly manifest?: boolean;
  /** Whether the manifest may lie in a bucket of another account. */
  readonly allowForeignManifest?: boolean;
}

/** Returns a key as a policy must write it: wildcards are escaped, and characters beyond Latin-1, which IAM does not accept, become `*`. */
export function literally(key: string): string {
  return Token.isUnresolved(key) ? key : key.replace(/[*?$]/g, character => `\${${character}}`).replace(/[^\x20-\xff]+/gu, '*');
}
