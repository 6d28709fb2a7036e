import { exportDeadlineOf, exportFormatOf, exportLimitsOf, refuseLateExport } from '../../../../../lambda/ebs/limits/export-limits';
import type { SnapshotExportProperties } from '../../../../../src/contract/snapshot-export';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const properties = (more: Partial<SnapshotExportProperties> = {}) => ({ ...more }) as SnapshotExportProperties;
const SNAPSHOT = 'snap-0123456789abcdef0';

describe('an export is refused', () => {
  test('if writing it takes more than 50 minutes at the fastest network of Lambda', () => {
    // 50 minutes at 375 MB a second are 1,125 GB.
    expect(() => refuseLateExport(SNAPSHOT, 1_047, properties({ MaxConcurrency: '1' }))).not.toThrow();
    expect(() => refuseLateExport(SNAPSHOT, 1_048, properties({ MaxConcurrency: '1' }))).toThrow(
      'to write 1048 GiB by 1 workers at 375 MB a second, which is the most that Lambda offers, takes at least 51 minutes, and an export may take 50; '
      + "raise 'maxConcurrency', or set 'waitForCompletion' to false");
  });

  test.each<[string, Partial<SnapshotExportProperties>]>([
    ['nothing waits for it', { WaitForCompletion: 'false' }],
    ['it is a delta', { SinceSnapshotId: 'snap-0fedcba9876543210' }],
    ['it is a qcow2 image, which leaves zeros out', { Format: 'QCOW2' }],
  ])('but not if %s', (_, more) => {
    expect(() => refuseLateExport(SNAPSHOT, 65_536, properties({ MaxConcurrency: '1', ...more }))).not.toThrow();
  });
});

test('the deadline is one minute before the waiting ends, or twice the least time and four hours', () => {
  expect(exportDeadlineOf(1, properties(), 1_000)).toBe(1_000 + 49 * MINUTE);
  const background = properties({ WaitForCompletion: 'false', MaxGetsPerSecond: '1000' });
  // 1,000 GiB are 2,048,000 blocks.
  expect(exportDeadlineOf(1_000, background, 1_000)).toBe(1_000 + 2 * 2_048_000 + 4 * HOUR);
  expect(exportDeadlineOf(65_536, properties({ WaitForCompletion: 'false', MaxGetsPerSecond: '10' }), 0)).toBe(96 * HOUR);
});

test('a raw image and a delta have no format of their own, and other formats exclude a delta', () => {
  expect(exportFormatOf(properties())).toBeUndefined();
  expect(exportFormatOf(properties({ Format: 'RAW', SinceSnapshotId: SNAPSHOT }))).toBeUndefined();
  expect(exportFormatOf(properties({ Format: 'VHD' }))).toBe('VHD');
  expect(() => exportFormatOf(properties({ Format: 'VMDK' }))).toThrow("'format' must be one of RAW, QCOW2, VHD, got VMDK");
  expect(() => exportFormatOf(properties({ Format: 'QCOW2', SinceSnapshotId: SNAPSHOT }))).toThrow("'format' is QCOW2, but with 'since' there is no image");
});

test('rates and workers are read from strings and checked', () => {
  expect(exportLimitsOf(properties())).toEqual({});
  expect(exportLimitsOf(properties({ MaxGetsPerSecond: '10', MaxConcurrency: '1000' }))).toEqual({ maxGetsPerSecond: 10, maxConcurrency: 1000 });
  expect(() => exportLimitsOf(properties({ MaxGetsPerSecond: '9' }))).toThrow("'maxGetsPerSecond' must be a whole number from 10 to 1000, got 9");
  expect(() => exportLimitsOf(properties({ MaxConcurrency: '1001' }))).toThrow("'maxConcurrency' must be a whole number from 1 to 1000, got 1001");
});
