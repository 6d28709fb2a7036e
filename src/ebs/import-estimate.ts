import { Duration, Size, Token } from 'aws-cdk-lib';
import { Verification } from './integrity';

/**
 * What to estimate an import of.
 */
export interface ImportEstimateOptions {
  /**
   * The size of the image.
   */
  readonly size: Size;

  /**
   * The part of its blocks of 512 KiB that are written, from 0 to 1: what is not zero, if zero blocks
   * are left out. All of the image is read and checked in any case.
   *
   * @default 1
   */
  readonly writtenFraction?: number;

  /**
   * As `maxPutsPerSecond` of the import, 10 to 1000. It is assumed that no other import shares the quota.
   *
   * @default 900
   */
  readonly maxPutsPerSecond?: number;

  /**
   * As `maxConcurrency` of the import, 1 to 1000.
   *
   * @default - as many as `maxPutsPerSecond` needs: 12 for the default
   */
  readonly maxConcurrency?: number;

  /**
   * As `verify` of the import.
   *
   * @default Verification.SAMPLE
   */
  readonly verify?: Verification;

  /**
   * Whether the image is pinned by `sha256` or `sha256SumsKey`, and S3 has no SHA-256 of the whole object, so that one function more reads
   * it from its start to its end.
   *
   * @default false
   */
  readonly hashed?: boolean;

  /**
   * As `workerMemory` of `StorageFunctions`.
   *
   * @default - 1769 MiB
   */
  readonly workerMemory?: Size;

  /**
   * What AWS bills in the Region, where that differs from the defaults.
   *
   * @default - list prices of us-east-1, without free tiers; `docs/cost.md` in the repository says where each is from
   */
  readonly prices?: ImportPrices;
}

/**
 * Prices of what an import uses, in US dollars.
 *
 * @see https://aws.amazon.com/ebs/pricing/
 */
export interface ImportPrices {
  /**
   * For 1,000 blocks written.
   *
   * @default 0.006
   */
  readonly thousandPuts?: number;

  /**
   * For 1,000 blocks read back.
   *
   * @default 0.003
   */
  readonly thousandGets?: number;

  /**
   * For a function of 1 GiB of memory to run for a second.
   *
   * @default 0.0000133334 - arm64
   */
  readonly lambdaGibibyteSecond?: number;

  /**
   * For 1,000 state transitions of Step Functions.
   *
   * @default 0.025
   */
  readonly thousandTransitions?: number;
}

/**
 * What an import is going to take; not what its snapshot costs to keep.
 */
export interface ImportEstimate {
  /**
   * Blocks of 512 KiB that are written.
   */
  readonly puts: number;

  /**
   * Blocks that are read back.
   */
  readonly gets: number;

  /**
   * How long it takes at least, start and completion included: the larger of what EBS
   * and the network of the functions need. Imports that share the quota take longer.
   */
  readonly duration: Duration;

  /**
   * What EBS bills for writing and reading back.
   */
  readonly ebsDollars: number;

  /**
   * What Lambda bills.
   */
  readonly lambdaDollars: number;

  /**
   * What Step Functions bills.
   */
  readonly stepFunctionsDollars: number;

  /**
   * All of that.
   */
  readonly dollars: number;
}

const BLOCK_SIZE = 512 * 1024;
/** What a function has of the network, whatever its size: 625 Mbit/s. */
const BYTES_PER_SECOND = 78e6;
/** What a function copies at least, by which their number is chosen. */
const LEAST_BYTES_PER_SECOND = 40e6;
/** The most functions that copy at once, and the slowest rate of each. */
const [MOST_WORKERS, LEAST_PUTS_PER_WORKER] = [40, 10];
/** Blocks of a range: as many as are good, and as many as are worth a function of their own. */
const [GOOD_RANGE, LEAST_RANGE, MOST_RANGES] = [512, 128, 1_000];
/** Blocks that the function that seals reads back by itself. */
const FEW_BLOCKS = 240;
/** Batches that are read back at once, blocks to be read in each, and their largest number. */
const [VERIFIERS, GOOD_BATCH, MOST_BATCHES] = [6, 4_096, 250];
/** StartSnapshot, cold starts, polling, and what EBS takes to complete a snapshot. */
const START_AND_END_SECONDS = 45;
const LARGEST_GIB = 65_536;
const MIB = 1024 ** 2;

export function estimateImport(options: ImportEstimateOptions): ImportEstimate {
  const { writtenFraction = 1, maxPutsPerSecond = 900, verify = Verification.SAMPLE, prices = {} } = options;
  inRange('size', options.size.toBytes(), 1, LARGEST_GIB * 1024 ** 3, 'from 1 byte to 65536 GiB');
  inRange('writtenFraction', writtenFraction, 0, 1, 'from 0 to 1');
  inRange('maxPutsPerSecond', maxPutsPerSecond, 10, 1000, 'from 10 to 1000');
  inRange('maxConcurrency', options.maxConcurrency ?? 1, 1, 1000, 'from 1 to 1000');
  const memoryGiB = (options.workerMemory ?? Size.mebibytes(1769)).toBytes() / MIB / 1024;
  for (const [name, price] of Object.entries(prices)) { inRange(`prices.${name}`, price, 0, Infinity, 'not negative'); }

  const blocks = Math.ceil(options.size.toBytes() / BLOCK_SIZE);
  const puts = Math.round(blocks * writtenFraction);
  const gets = verify === Verification.FULL ? puts : Math.min(puts, blocksToRead(blocks, verify));

  const most = workersFor(maxPutsPerSecond, options.maxConcurrency);
  const ranges = rangesFor(blocks, most);
  const workers = Math.min(most, ranges);
  const copying = Math.max(puts / maxPutsPerSecond, blocks * BLOCK_SIZE / workers / BYTES_PER_SECOND);
  const hashing = options.hashed ? blocks * BLOCK_SIZE / BYTES_PER_SECOND : 0;
  const batches = batchesFor(blocksToRead(blocks, verify), ranges);
  const verifiers = Math.min(VERIFIERS, Math.max(1, batches));
  const verifying = gets * BLOCK_SIZE / verifiers / BYTES_PER_SECOND;

  // Each range is copied, asked whether it is done, and ends, and so is each batch that is read back. The hashing is counted as a range.
  const transitions = 6 + (options.hashed ? ranges + 1 : ranges) * 3 + (batches > 0 ? 2 + batches * 3 : 0);
  const ebsDollars = puts / 1000 * (prices.thousandPuts ?? 0.006) + gets / 1000 * (prices.thousandGets ?? 0.003);
  const gibibyteSeconds = (copying * workers + hashing) * memoryGiB + verifying * verifiers + START_AND_END_SECONDS;
  const lambdaDollars = gibibyteSeconds * (prices.lambdaGibibyteSecond ?? 0.0000133334);
  const stepFunctionsDollars = transitions / 1000 * (prices.thousandTransitions ?? 0.025);
  return {
    puts,
    gets,
    duration: Duration.seconds(Math.ceil(Math.max(copying, hashing) + verifying + START_AND_END_SECONDS)),
    ebsDollars,
    lambdaDollars,
    stepFunctionsDollars,
    dollars: ebsDollars + lambdaDollars + stepFunctionsDollars,
  };
}

function workersFor(putsPerSecond: number, maxConcurrency = Math.ceil(putsPerSecond * BLOCK_SIZE / LEAST_BYTES_PER_SECOND)): number {
  return Math.max(1, Math.min(maxConcurrency, MOST_WORKERS, Math.floor(putsPerSecond / LEAST_PUTS_PER_WORKER)));
}

/** As many ranges for each worker, but not too many in all. */
function rangesFor(blocks: number, workers: number): number {
  if (blocks <= workers * LEAST_RANGE) { return Math.ceil(blocks / LEAST_RANGE); }
  const rounds = Math.min(Math.max(Math.round(blocks / workers / GOOD_RANGE), 1), Math.floor(MOST_RANGES / workers));
  return Math.ceil(blocks / Math.ceil(blocks / (workers * rounds)));
}

function blocksToRead(blocks: number, verify: Verification): number {
  const sample = Math.min(blocks, Math.max(64, Math.ceil(blocks / 100)));
  return { [Verification.NONE]: 0, [Verification.SAMPLE]: sample, [Verification.FULL]: blocks }[verify];
}

function batchesFor(toRead: number, ranges: number): number {
  return toRead <= FEW_BLOCKS ? 0 : Math.min(ranges, MOST_BATCHES, Math.max(VERIFIERS, Math.ceil(toRead / GOOD_BATCH)));
}

/** It belongs to no construct, so there is no path to name. */
function inRange(name: string, value: number, least: number, most: number, allowed: string): void {
  if (Token.isUnresolved(value) || !(value >= least && value <= most)) { throw new Error(`'${name}' must be ${allowed}, got ${value}`); }
}
