import { EBSClient } from '@aws-sdk/client-ebs';
import { S3Client } from '@aws-sdk/client-s3';
import { ExportStore } from './store';
import { ExportTarget } from './target';
import { clientConfig } from '../../shared/client-config';
import { variable } from '../../shared/environment';
import { BlockReader } from '../snapshot/block-reader';

/** A part streams as long as its blocks come; what stalls is given up by `ExportTarget`. */
const STREAM_TIMEOUT = 840_000;

/** The SDK would warn of every body that broke off that it cannot repeat it; `ExportTarget` does. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

export interface ExportThings {
  readonly store: ExportStore;
  readonly target: ExportTarget;
}

export interface ExportReading extends ExportThings {
  readonly reader: BlockReader;
}

/** The transfer bucket, and the bucket that the object is made in. */
export function exportThings(): ExportThings {
  const checksums = { requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' } as const;
  return {
    store: new ExportStore(new S3Client({ ...clientConfig(), ...checksums }), variable('bucket')),
    target: new ExportTarget(new S3Client({ ...clientConfig({ requestTimeout: STREAM_TIMEOUT }), ...checksums, logger: SILENT })),
  };
}

export function exportReading(connections: number): ExportReading {
  return { ...exportThings(), reader: new BlockReader(new EBSClient(clientConfig({ connections }))) };
}
