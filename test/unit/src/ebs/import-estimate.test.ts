import { Size } from 'aws-cdk-lib';
import { divide } from '../../../../lambda/transfer/flow/division';
import { batchesOf, isFewToRead } from '../../../../lambda/transfer/import/verify';
import { SnapshotImport, Verification, type ImportEstimateOptions } from '../../../../src';

const { estimate } = SnapshotImport;
const of = (gibibytes: number, options: Partial<ImportEstimateOptions> = {}) => estimate({ size: Size.gibibytes(gibibytes), ...options });

test.each([
  // 2,048 blocks a GiB, 900 a second; $0.006 for a thousand.
  [1, { puts: 2048, gets: 64, seconds: 50, ebs: 0.012 }],
  [100, { puts: 204_800, gets: 2048, seconds: 275, ebs: 1.235 }],
  [1000, { puts: 2_048_000, gets: 20_480, seconds: 2344, ebs: 12.349 }],
])('%d GiB', (gibibytes, { puts, gets, seconds, ebs }) => {
  const estimated = of(gibibytes);
  expect(estimated).toMatchObject({ puts, gets });
  expect(Math.abs(estimated.duration.toSeconds() - seconds)).toBeLessThanOrEqual(5);
  expect(estimated.ebsDollars).toBeCloseTo(ebs, 3);
  expect(estimated.dollars).toBeCloseTo(estimated.ebsDollars + estimated.lambdaDollars + estimated.stepFunctionsDollars, 10);
  // What EBS bills is nearly all of it.
  if (gibibytes >= 100) { expect(estimated.ebsDollars / estimated.dollars).toBeGreaterThan(0.9); }
});

test('reading all of it back costs half as much again, and takes as long again', () => {
  const [written, read] = [of(100, { verify: Verification.NONE }), of(100, { verify: Verification.FULL })];
  expect(written.gets).toBe(0);
  expect(read.ebsDollars / written.ebsDollars).toBeCloseTo(1.5, 5);
  expect(read.duration.toSeconds() - written.duration.toSeconds()).toBeGreaterThan(220);
});

test('what is not written is still read: the network is the limit then', () => {
  const { puts, duration } = of(100, { writtenFraction: 0.02 });
  expect(puts).toBe(4096);
  expect(duration.toSeconds()).toBeGreaterThan(100 * 1024 ** 3 / 12 / 78e6);
});

test('fewer puts a second take longer, and cost EBS nothing', () => {
  expect(of(10, { maxPutsPerSecond: 90 }).ebsDollars).toBe(of(10).ebsDollars);
  expect(of(10, { maxPutsPerSecond: 90 }).duration.toSeconds()).toBeGreaterThan(20_480 / 90);
});

test.each<[number, Partial<ImportEstimateOptions>]>([
  ...[0.01, 1, 3, 10, 100, 1000, 16_000].flatMap(gibibytes => [Verification.NONE, Verification.SAMPLE, Verification.FULL].map(
    (verify): [number, Partial<ImportEstimateOptions>] => [gibibytes, { verify }],
  )),
  [100, { verify: Verification.NONE, maxPutsPerSecond: 100 }],
  [100, { verify: Verification.NONE, maxConcurrency: 1_000 }],
  [100, { verify: Verification.NONE, maxConcurrency: 3 }],
])('the work of %d GiB is divided as the state machine divides it (%j)', (gibibytes, options) => {
  const blocks = Math.ceil(gibibytes * 2048);
  const { rangeBlocks } = divide(blocks, options);
  const ranges = Math.ceil(blocks / rangeBlocks);
  const how = { [Verification.NONE]: undefined, [Verification.SAMPLE]: 'SAMPLE' as const, [Verification.FULL]: 'FULL' as const }[options.verify!];
  const batches = isFewToRead({ blocks, verify: how }) ? 0 : batchesOf({ blocks, rangeBlocks, verify: how });
  const { stepFunctionsDollars } = estimate({ ...options, size: Size.bytes(blocks * 512 * 1024) });
  expect(stepFunctionsDollars).toBeCloseTo((6 + 3 * ranges + (batches > 0 ? 2 + 3 * batches : 0)) / 1000 * 0.025, 6);
});

test('hashing takes one function more, and as long as that reads the image', () => {
  const [plain, hashed] = [of(100), of(100, { hashed: true })];
  const seconds = 100 * 1024 ** 3 / 78e6;
  expect(hashed.duration.toSeconds()).toBeGreaterThan(seconds);
  expect(hashed.lambdaDollars - plain.lambdaDollars).toBeCloseTo(seconds * 1769 / 1024 * 0.0000133334, 6);
  expect(hashed.stepFunctionsDollars - plain.stepFunctionsDollars).toBeCloseTo(3 / 1000 * 0.025, 10);
  expect(hashed.ebsDollars).toBe(plain.ebsDollars);
});

test('prices are those of the Region', () => {
  const { ebsDollars, lambdaDollars } = of(1, { verify: Verification.NONE, prices: { thousandPuts: 0.01, lambdaGibibyteSecond: 0 } });
  expect(ebsDollars).toBeCloseTo(0.02048, 10);
  expect(lambdaDollars).toBe(0);
});

test.each<[Partial<ImportEstimateOptions>, string]>([
  [{ size: Size.bytes(0) }, "'size' must be from 1 byte to 65536 GiB, got 0"],
  [{ writtenFraction: 2 }, "'writtenFraction' must be from 0 to 1, got 2"],
  [{ maxPutsPerSecond: 2000 }, "'maxPutsPerSecond' must be from 10 to 1000, got 2000"],
  [{ maxConcurrency: 0 }, "'maxConcurrency' must be from 1 to 1000, got 0"],
  [{ prices: { thousandPuts: -1 } }, "'prices.thousandPuts' must be not negative, got -1"],
])('%j is refused', (options, message) => {
  expect(() => of(1, options)).toThrow(message);
});
