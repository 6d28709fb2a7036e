import { deadlineOf, limitsOf, refuseLate, refuseLongStream } from '../../../../../lambda/ebs/limits/import-limits';
import type { IntegrityOptions } from '../../../../../src/contract/integrity';
import type { TransferLimits } from '../../../../../src/contract/limits';
import type { SnapshotImportProperties } from '../../../../../src/contract/snapshot-import';

const GIB = 1024 ** 3;
const HOUR = 3_600_000;
const image = (gib: number) => ({ bucket: 'images', key: 'disk.img', etag: '"e"', size: gib * GIB });
const refusal = (gib: number, limits: TransferLimits = {}, integrity: IntegrityOptions = {}) => {
  try {
    refuseLate(image(gib), limits, integrity);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};
const properties = (more: Partial<SnapshotImportProperties> = {}) => ({ ...more }) as SnapshotImportProperties;

describe('an import is refused only if it cannot end in time', () => {
  test.each<[number, TransferLimits, IntegrityOptions]>([
    [1_024, {}, {}],
    [1_318, {}, {}],
    [1_460, { maxPutsPerSecond: 1_000 }, {}],
    [14, { maxPutsPerSecond: 10 }, {}],
    [1_000, { maxConcurrency: 1 }, {}],
    [7_000, {}, { zeroBlocks: 'OMIT' }],
  ])('%d GiB with %j, %j may', (gib, limits, integrity) => {
    expect(refusal(gib, limits, integrity)).toBeUndefined();
  });

  test('by the rate of puts', () => {
    expect(refusal(1_500)).toBe('image s3://images/disk.img is too large to be imported during a deployment: 3072000 blocks of 512 KiB at 900 a second need '
      + 'at least 57 minutes, and an import may take 50; set \'waitForCompletion\' to false');
    expect(refusal(1_500, { maxPutsPerSecond: 1_000 })).toContain('at 1000 a second need at least 52 minutes');
    expect(refusal(100, { maxPutsPerSecond: 50 })).toContain('at 50 a second need at least 69 minutes, and an import may take 50; '
      + 'raise \'maxPutsPerSecond\' (EBS takes 1000), or set \'waitForCompletion\' to false');
  });

  test('by the workers\' network', () => {
    expect(refusal(1_200, { maxConcurrency: 1 })).toContain('to read 1288490188800 bytes by 1 workers at 375 MB a second, which is the most that Lambda offers, '
      + 'takes at least 58 minutes, and an import may take 50; raise \'maxConcurrency\', or set \'waitForCompletion\' to false');
    expect(refusal(14_000, {}, { zeroBlocks: 'OMIT' })).toContain('by 12 workers');
  });
});

test('one worker hashes an image whose SHA-256 is pinned, unless S3 has it', () => {
  const pinned = (gib: number, computed = true) => ({ ...image(gib), pin: { sha256: 'a'.repeat(64), prop: 'sha256' as const, computed } });
  expect(() => refuseLate(pinned(1_024), {}, {})).not.toThrow();
  expect(() => refuseLate(pinned(1_200), {}, { zeroBlocks: 'OMIT' })).toThrow('to compute the SHA-256 of 1288490188800 bytes in one worker at 375 MB a second, '
    + "which is the most that Lambda offers, takes at least 58 minutes, and an import may take 50; leave 'sha256' out, or set 'waitForCompletion' to false");
  expect(() => refuseLate(pinned(1_200, false), {}, { zeroBlocks: 'OMIT' })).not.toThrow();
  // At the network that most functions have, it takes 4.0 hours.
  expect(deadlineOf(pinned(1_024), properties({ WaitForCompletion: 'false' }), 0) / HOUR).toBeCloseTo(4 + 2 * 3.9, 1);
});

test('what may be known before it is read may take no time', () => {
  const parts = { ...image(14_000), etag: '"e-9000"' };
  expect(() => refuseLate(parts, {}, { increment: true })).not.toThrow();
  expect(() => refuseLate(parts, {}, { zeroBlocks: 'OMIT' })).toThrow('by 12 workers');
  expect(() => refuseLate({ ...parts, image: { format: 'QCOW2', diskSize: GIB } }, {}, { increment: true })).toThrow('by 12 workers');
  expect(() => refuseLate(image(14_000), {}, { increment: true })).toThrow('by 12 workers');
  const exported = { ...image(14_000), manifest: { ...image(1), digestsAt: 1 } };
  expect(() => refuseLate(exported, {}, { zeroBlocks: 'OMIT' })).not.toThrow();
  expect(() => refuseLate(exported, {}, {})).toThrow('blocks of 512 KiB');
});

test('a deadline follows from who waits: CloudFormation for less than 50 minutes, others for longer than the longest import', () => {
  expect(deadlineOf(image(1), properties(), 0)).toBe(49 * 60_000);
  expect(deadlineOf(image(1_024), properties({ WaitForCompletion: 'false' }), 0) / HOUR).toBeCloseTo(5.3, 1);
  expect(deadlineOf(image(65_536), properties({ WaitForCompletion: 'false' }), 0) / HOUR).toBeGreaterThan(80);
  expect(deadlineOf(image(65_536), properties({ WaitForCompletion: 'false', MaxPutsPerSecond: '10' }), 0) / HOUR).toBe(96);
});

test('limits come as strings, and are checked', () => {
  expect(limitsOf(properties())).toEqual({});
  expect(limitsOf(properties({ MaxPutsPerSecond: '500', MaxConcurrency: '4' }))).toEqual({ maxPutsPerSecond: 500, maxConcurrency: 4 });
  expect(() => limitsOf(properties({ MaxPutsPerSecond: '1001' }))).toThrow("'maxPutsPerSecond' must be a whole number from 10 to 1000, got 1001");
  expect(() => limitsOf(properties({ MaxConcurrency: '0' }))).toThrow("'maxConcurrency' must be a whole number from 1 to 1000, got 0");
});

describe('a stream is refused if one function cannot copy it in its 15 minutes', () => {
  const stream = (gib: number, file = gib) => ({
    ...image(file), image: { format: 'ZSTD', diskSize: gib * GIB, stream: { atLeast: gib * GIB, limit: 'STATED' as const } },
  });

  test('by what is known of its length', () => {
    expect(() => refuseLongStream(stream(61), {}, {})).not.toThrow();
    expect(() => refuseLongStream(stream(62, 5), {}, {})).toThrow('image s3://images/disk.img is compressed as a whole, so that one function must read it from its start; '
      + 'at 78 MB a second it copies 65520000000 bytes in its 15 minutes, but there are at least 66571993088; use a format that several can read');
    expect(() => refuseLongStream(stream(10, 5), { maxPutsPerSecond: 20 }, {})).toThrow('at 20 blocks a second (\'maxPutsPerSecond\') it copies 8808038400 bytes');
  });

  test('of which zeros may be left out, by the length of the file', () => {
    expect(() => refuseLongStream(stream(62, 5), {}, { zeroBlocks: 'OMIT' })).not.toThrow();
  });

  test('but not what several can read', () => {
    expect(() => refuseLongStream({ ...image(5), image: { format: 'QCOW2', diskSize: 1000 * GIB } }, {}, {})).not.toThrow();
  });
});

test('the size of the disk counts for the puts, and that of the file for the network', () => {
  const qcow2 = (disk: number, file: number) => ({ ...image(file), image: { format: 'QCOW2', diskSize: disk * GIB } });
  expect(() => refuseLate(qcow2(1_500, 1), {}, {})).toThrow('3072000 blocks of 512 KiB');
  expect(() => refuseLate(qcow2(1_500, 1), {}, { zeroBlocks: 'OMIT' })).not.toThrow();
  expect(() => refuseLate(qcow2(100, 1_200), { maxConcurrency: 1 }, {})).toThrow('to read 1288490188800 bytes by 1 workers');
});
