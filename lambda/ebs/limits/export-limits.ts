import {
  deadlineInBackground, deadlineWhileWaiting, FASTEST_WORKER_BYTES_PER_SECOND, LEAST_BLOCKS_PER_SECOND, minutesIfTooLate, MOST_BLOCKS_PER_SECOND,
  MOST_CONCURRENCY, waitsForCompletion,
} from './deadlines';
import type { ExportInput } from '../../../src/contract/export';
import { RESOURCE_MOST_MINUTES } from '../../../src/contract/limits';
import { EXPORT_FORMATS, type SnapshotExportProperties } from '../../../src/contract/snapshot-export';
import { within } from '../../shared/property-values';
import { BLOCK_SIZE, GIB } from '../../transfer/blocks/sizes';
import { GETS_PER_SECOND, mostWorkers } from '../../transfer/flow/division';

type Limits = Pick<ExportInput, 'maxGetsPerSecond' | 'maxConcurrency'>;

/** Returns undefined for a raw image, and for a delta. */
export function exportFormatOf({ Format: name = 'RAW', SinceSnapshotId }: SnapshotExportProperties): ExportInput['format'] {
  const format = EXPORT_FORMATS.find(known => known === name);
  if (!format) { throw new Error(`'format' must be one of ${EXPORT_FORMATS.join(', ')}, got ${name}`); }
  if (format === 'RAW') { return undefined; }
  if (SinceSnapshotId !== undefined) { throw new Error(`'format' is ${format}, but with 'since' there is no image; leave one of them out`); }
  return format;
}

export function exportLimitsOf({ MaxGetsPerSecond, MaxConcurrency }: SnapshotExportProperties): Limits {
  return {
    ...(MaxGetsPerSecond !== undefined
      && { maxGetsPerSecond: within('maxGetsPerSecond', MaxGetsPerSecond, LEAST_BLOCKS_PER_SECOND, MOST_BLOCKS_PER_SECOND) }),
    ...(MaxConcurrency !== undefined && { maxConcurrency: within('maxConcurrency', MaxConcurrency, 1, MOST_CONCURRENCY) }),
  };
}

/** Throws if the export cannot end while CloudFormation waits, even if the snapshot has few blocks. */
export function refuseLateExport(snapshotId: string, volumeSize: number, properties: SnapshotExportProperties): void {
  // It is unknown how much of a delta or a qcow2 image there is to write: maybe nothing.
  if (!waitsForCompletion(properties) || properties.SinceSnapshotId !== undefined || exportFormatOf(properties) === 'QCOW2') { return; }
  const workers = workersOf(properties);
  const minutes = minutesIfTooLate(volumeSize * GIB / workers / FASTEST_WORKER_BYTES_PER_SECOND * 1000);
  if (minutes === undefined) { return; }
  throw new Error(`snapshot ${snapshotId} is too large to be exported during a deployment: to write ${volumeSize} GiB by ${workers} workers at `
    + `${FASTEST_WORKER_BYTES_PER_SECOND / 1e6} MB a second, which is the most that Lambda offers, takes at least ${minutes} minutes, `
    + `and an export may take ${RESOURCE_MOST_MINUTES}; raise 'maxConcurrency', or set 'waitForCompletion' to false`);
}

/** When the export is given up, in milliseconds since 1970. */
export function exportDeadlineOf(volumeSize: number, properties: SnapshotExportProperties, started: number): number {
  if (waitsForCompletion(properties)) { return deadlineWhileWaiting(started); }
  const { maxGetsPerSecond = GETS_PER_SECOND } = exportLimitsOf(properties);
  return deadlineInBackground(started, volumeSize * GIB / BLOCK_SIZE / maxGetsPerSecond * 1000);
}

function workersOf(properties: SnapshotExportProperties): number {
  const { maxGetsPerSecond, maxConcurrency } = exportLimitsOf(properties);
  return mostWorkers({ maxPutsPerSecond: maxGetsPerSecond, maxConcurrency });
}
