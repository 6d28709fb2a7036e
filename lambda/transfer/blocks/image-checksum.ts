import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { CRC_NAMES, type CrcName } from './crc';

/** S3's checksum of the content of a whole object. */
export interface ImageChecksum {
  readonly algorithm: CrcName;
  /** Base64. */
  readonly value: string;
}

/**
 * Returns the checksum in an answer to HeadObject that can be computed from the blocks of the object. Ignores composite checksums of
 * multipart uploads, which cover the checksums of the parts, and SHA-1 and SHA-256, because those of the whole do not follow from the blocks'.
 */
export function imageChecksumOf(head: HeadObjectCommandOutput): ImageChecksum | undefined {
  if (head.ChecksumType !== 'FULL_OBJECT') { return undefined; }
  const algorithm = CRC_NAMES.find(name => head[`Checksum${name}`] !== undefined);
  return algorithm && { algorithm, value: head[`Checksum${algorithm}`]! };
}
