import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { Crc, CRC_NAMES, type CrcName } from './crc';

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

/** Throws if the CRC of the content differs from S3's. @param name Name of the image for the error. */
export function compareChecksum({ algorithm, value }: ImageChecksum, crc: bigint, name: string): void {
  const read = Crc.named(algorithm).base64(crc);
  if (read === value) { return; }
  throw new Error(`what was read of ${name} is not what S3 says it holds: its ${algorithm} is ${read}, and should be ${value}; `
    + 'deploy again, and if that fails too, upload the image anew');
}
