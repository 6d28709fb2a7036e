import { integrityOf, refuseUnverifiable } from '../../../../../lambda/ebs/limits/integrity';
import type { SnapshotImportProperties } from '../../../../../src/contract/snapshot-import';

const properties = (more: Partial<SnapshotImportProperties> = {}) => ({ ...more }) as SnapshotImportProperties;
const image = (blocks: number) => ({ bucket: 'images', key: 'disk.img', etag: '"e"', size: blocks * 512 * 1024 });

test('defaults are left out', () => {
  expect(integrityOf(properties())).toEqual({});
  expect(integrityOf(properties({ ZeroBlocks: 'WRITE', Verify: 'NONE' }))).toEqual({});
  expect(integrityOf(properties({ ZeroBlocks: 'OMIT', Verify: 'SAMPLE' }))).toEqual({ zeroBlocks: 'OMIT', verify: 'SAMPLE' });
});

test('unknown values are refused', () => {
  expect(() => integrityOf(properties({ ZeroBlocks: 'SKIP' }))).toThrow("'zeroBlocks' must be one of WRITE, OMIT, got SKIP");
  expect(() => integrityOf(properties({ Verify: 'ALL' }))).toThrow("'verify' must be one of SAMPLE, FULL, got ALL");
});

test('reading everything back is refused only if all blocks certainly take more than 50 minutes', () => {
  expect(() => refuseUnverifiable(image(1_500_000), { verify: 'FULL' })).not.toThrow();
  expect(() => refuseUnverifiable(image(1_500_001), { verify: 'FULL' })).toThrow('needs at least 51 minutes, and an import may take 50');
  expect(() => refuseUnverifiable(image(1_500_001), { verify: 'SAMPLE' })).not.toThrow();
  expect(() => refuseUnverifiable(image(1_500_001), { verify: 'FULL', zeroBlocks: 'OMIT' })).not.toThrow();
  expect(() => refuseUnverifiable(image(1_500_001), { verify: 'FULL', increment: true })).not.toThrow();
});
