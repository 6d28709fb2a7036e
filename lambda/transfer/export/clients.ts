import { EBSClient } from '@aws-sdk/client-ebs';
import { S3Client } from '@aws-sdk/client-s3';
import { ExportStore } from './store';
import { ExportTarget } from './target';
import { clientConfig } from '../../shared/client-config';
import { variable } from '../../shared/environment';
import { BlockReader } from '../snapshot/block-reader';

/** A part streams until its blocks have come, so there is no limit but the function's own. `ExportTarget` aborts requests that stall. In milliseconds. */
const STREAM_TIMEOUT = 840_000;

/** Silences the SDK's warning that it cannot repeat a streamed body that broke off, because `ExportTarget` repeats it. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

export interface ExportClients {
  readonly store: ExportStore;
  readonly target: ExportTarget;
}

export interface ExportReadClients extends ExportClients {
  readonly reader: BlockReader;
}

/** Makes the clients of the transfer bucket and of the target bucket. */
export function exportClients(bucket = variable('bucket')): ExportClients {
  const checksums = { requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' } as const;
  return {
    store: new ExportStore(new S3Client({ ...clientConfig(), ...checksums }), bucket),
    target: new ExportTarget(new S3Client({ ...clientConfig({ requestTimeout: STREAM_TIMEOUT }), ...checksums, logger: SILENT })),
  };
}

/** Makes the clients of a function that also reads the snapshot. */
export function exportReadClients(connections: number): ExportReadClients {
  return { ...exportClients(), reader: new BlockReader(new EBSClient(clientConfig({ connections }))) };
}
