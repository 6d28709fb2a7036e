import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { CRC_NAMES, type CrcName } from './crc';

/** What S3 itself says of the content of a whole object. */
export interface ImageChecksum {
  readonly algorithm: CrcName;
  /** In base64. */
  readonly value: string;
}

/**
 * Of what HeadObject answers. Composite checksums, of multipart uploads, are not of
 * the content but of its parts' checksums; and SHA-1 and SHA-256 of a whole do not follow from those of its blocks.
 */
export function imageChecksumOf(head: HeadObjectCommandOutput): ImageChecksum | undefined {
  if (head.ChecksumType !== 'FULL_OBJECT') { return undefined; }
  const algorithm = CRC_NAMES.find(name => head[`Checksum${name}`] !== undefined);
  return algorithm && { algorithm, value: head[`Checksum${algorithm}`]! };
}
