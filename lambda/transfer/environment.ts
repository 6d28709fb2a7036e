import { S3Client } from '@aws-sdk/client-s3';
import { TRANSFER_ENVIRONMENT } from '../../src/contract/transfer';
import { clientConfig, type ConnectionOptions } from '../shared/client-config';
import { Source } from './source';
import { TransferStore } from './store';

/** An environment variable that the constructs set. */
export function variable(name: keyof typeof TRANSFER_ENVIRONMENT): string {
  const value = process.env[TRANSFER_ENVIRONMENT[name]];
  if (!value) { throw new Error(`environment variable ${TRANSFER_ENVIRONMENT[name]} is not set`); }
  return value;
}

/** The image and the transfer bucket. */
export function s3Things(options?: ConnectionOptions): { source: Source; store: TransferStore } {
  // Checksums of whole objects cost much and say nothing about ranges; what we copy is checked by SHA-256 anyway.
  const s3 = new S3Client({ ...clientConfig(options), requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' });
  return { source: new Source(s3), store: new TransferStore(s3, variable('bucket')) };
}

/** Makes something when it is first needed, and keeps it for the next invocation of the same process. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
