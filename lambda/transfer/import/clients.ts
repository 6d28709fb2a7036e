import { S3Client } from '@aws-sdk/client-s3';
import { clientConfig, type ConnectionOptions } from '../../shared/client-config';
import { variable } from '../../shared/environment';
import { TransferStore } from '../bucket/store';
import { Source } from '../image/object';

/** Makes the clients for the image and the transfer bucket. */
export function importClients(options?: ConnectionOptions, bucket = variable('bucket')): { source: Source; store: TransferStore } {
  // Checksums of whole objects are expensive and do not cover ranges; blocks are compared by SHA-256 anyway.
  const s3 = new S3Client({ ...clientConfig(options), requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' });
  return { source: new Source(s3), store: new TransferStore(s3, bucket) };
}
