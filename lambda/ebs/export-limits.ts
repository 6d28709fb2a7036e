import type { ExportInput } from '../../src/contract/export';
import { TRANSFER_MOST_HOURS } from '../../src/contract/limits';
import { EXPORT_FORMATS, type SnapshotExportProperties } from '../../src/contract/snapshot-export';
import { boolean, within } from '../shared/property-values';
import { BLOCK_SIZE, GIB } from '../transfer/blocks/sizes';
import { GETS_PER_SECOND, mostWorkers } from '../transfer/flow/division';

/** The same as of imports: CloudFormation waits 60 minutes. */
const MOST_MINUTES = 50;
/** The most that Lambda's network can be made to send for a function: 3,000 Mbit/s. */
const FASTEST_WORKER_BYTES_PER_SECOND = 375e6;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

type Limits = Pick<ExportInput, 'maxGetsPerSecond' | 'maxConcurrency'>;

/** Whether CloudFormation waits for the end of the export. */
export function waitsForExport({ WaitForCompletion }: SnapshotExportProperties): boolean {
  return WaitForCompletion === undefined || boolean('waitForCompletion', WaitForCompletion);
}

/** Absent: raw, or a delta. */
export function exportFormatOf({ Format: name = 'RAW', SinceSnapshotId }: SnapshotExportProperties): ExportInput['format'] {
  const format = EXPORT_FORMATS.find(known => known === name);
  if (!format) { throw new Error(`format must be one of ${EXPORT_FORMATS.join(', ')}, got ${name}`); }
  if (format === 'RAW') { return undefined; }
  if (SinceSnapshotId !== undefined) { throw new Error(`format is ${format}, but with since there is no image; leave one of them out`); }
  return format;
}

export function exportLimitsOf({ MaxGetsPerSecond, MaxConcurrency }: SnapshotExportProperties): Limits {
  return {
    ...(MaxGetsPerSecond !== undefined && { maxGetsPerSecond: within('maxGetsPerSecond', MaxGetsPerSecond, 10, 1_000) }),
    ...(MaxConcurrency !== undefined && { maxConcurrency: within('maxConcurrency', MaxConcurrency, 1, 1_000) }),
  };
}

/** Throws if the export cannot end while CloudFormation waits, however few blocks the snapshot has. */
export function refuseLateExport(snapshotId: string, volumeSize: number, properties: SnapshotExportProperties): void {
  // Nobody knows how much changed, or how much the snapshot has: nothing, maybe.
  if (!waitsForExport(properties) || properties.SinceSnapshotId !== undefined || exportFormatOf(properties) === 'QCOW2') { return; }
  const workers = workersOf(properties);
  const least = volumeSize * GIB / workers / FASTEST_WORKER_BYTES_PER_SECOND * 1000;
  if (least <= MOST_MINUTES * MINUTE) { return; }
  throw new Error(`snapshot ${snapshotId} is too large to be exported during a deployment: to write ${volumeSize} GiB by ${workers} workers at `
    + `${FASTEST_WORKER_BYTES_PER_SECOND / 1e6} MB a second, which is the most that Lambda offers, takes at least ${Math.ceil(least / MINUTE)} minutes, `
    + `and an export may take ${MOST_MINUTES}; raise maxConcurrency, or set waitForCompletion to false`);
}

/** When the export is given up; see `deadlineOf` of imports. */
export function exportDeadlineOf(volumeSize: number, properties: SnapshotExportProperties, started: number): number {
  if (waitsForExport(properties)) { return started + (MOST_MINUTES - 1) * MINUTE; }
  const { maxGetsPerSecond = GETS_PER_SECOND } = exportLimitsOf(properties);
  return started + Math.min(2 * volumeSize * GIB / BLOCK_SIZE / maxGetsPerSecond * 1000 + 4 * HOUR, TRANSFER_MOST_HOURS * HOUR);
}

function workersOf(properties: SnapshotExportProperties): number {
  const { maxGetsPerSecond, maxConcurrency } = exportLimitsOf(properties);
  return mostWorkers({ maxPutsPerSecond: maxGetsPerSecond, maxConcurrency });
}
