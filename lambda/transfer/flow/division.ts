import type { TransferLimits } from '../../../src/contract/limits';
import { BLOCK_SIZE } from '../blocks/sizes';

type Limits = Pick<TransferLimits, 'maxPutsPerSecond' | 'maxConcurrency'>;

/** EBS direct takes 1,000 puts a second for one snapshot, and this quota cannot be raised. A tenth is left, so that jitter causes no throttling. */
export const PUTS_PER_SECOND = 900;
/** EBS direct takes as many gets. */
export const GETS_PER_SECOND = PUTS_PER_SECOND;
/** Network of a function of any size: 625 Mbit/s. */
export const WORKER_BYTES_PER_SECOND = 78e6;
/**
 * What a worker copies at least, by which their number is chosen: some have a network of 50 MB/s only, and a fifth of their time passes between two
 * ranges. Workers that the budget holds back cost little, see `npx projen bench:path`.
 */
const LEAST_WORKER_BYTES_PER_SECOND = 40e6;
/** A stream is read from its start by one worker, which has 15 minutes and keeps one of them for the end. */
const STREAM_SECONDS = 14 * 60;
export const MOST_STREAM_BYTES = STREAM_SECONDS * WORKER_BYTES_PER_SECOND;

/** A Map in the history of one execution works on at most 40 items at once. */
const MOST_WORKERS = 40;
/** The slowest rate of a worker: its 32 puts at once need time for their answers, and its shift ends after 14 minutes. */
const LEAST_PUTS_PER_WORKER = 10;
/** Each makes 11 events in the history of its execution, which may have 25,000. */
export const MOST_RANGES = 1_000;
/** 64 MiB. Workers that start at the same time cost money, but no time. */
const LEAST_RANGE_BLOCKS = 128;
/** 256 MiB, so that workers of unlike speed end at about the same time, and there is little to repeat. */
export const GOOD_RANGE_BLOCKS = 512;

/** How an import is divided among workers. */
export interface Division {
  /** Blocks of one range; the last range may have fewer. */
  readonly rangeBlocks: number;
  /** Number of ranges that are copied at once. */
  readonly workers: number;
  /** Puts per second for each worker. */
  readonly putsPerSecond: number;
}

/** Returns the number of workers that use up the budget. More of them would only wait for each other. */
export function mostWorkers({ maxPutsPerSecond = PUTS_PER_SECOND, maxConcurrency = workersFor(maxPutsPerSecond) }: Limits): number {
  return Math.max(1, Math.min(maxConcurrency, MOST_WORKERS, Math.floor(maxPutsPerSecond / LEAST_PUTS_PER_WORKER)));
}

function workersFor(putsPerSecond: number): number {
  return Math.ceil(putsPerSecond * BLOCK_SIZE / LEAST_WORKER_BYTES_PER_SECOND);
}

/** Returns how many bytes of a stream one worker can write. */
export function mostOfStream({ maxPutsPerSecond = PUTS_PER_SECOND }: Limits): number {
  return Math.min(MOST_STREAM_BYTES, STREAM_SECONDS * maxPutsPerSecond * BLOCK_SIZE);
}

/** Divides an import. @param rangeBlocks For tests, which copy few blocks in many ranges. */
export function divide(blocks: number, limits: Limits, rangeBlocks = goodRange(blocks, mostWorkers(limits))): Division {
  const workers = Math.min(mostWorkers(limits), Math.ceil(blocks / rangeBlocks));
  return { rangeBlocks, workers, putsPerSecond: (limits.maxPutsPerSecond ?? PUTS_PER_SECOND) / workers };
}

/** Returns a range size by which every worker gets the same number of ranges, so that all end at the same time. */
function goodRange(blocks: number, workers: number): number {
  if (blocks <= workers * LEAST_RANGE_BLOCKS) { return Math.ceil(blocks / Math.ceil(blocks / LEAST_RANGE_BLOCKS)); }
  // Rounded, but not up: 4 GiB take one round, so that no worker starts twice.
  const rounds = Math.min(Math.max(Math.round(blocks / workers / GOOD_RANGE_BLOCKS), 1), Math.floor(MOST_RANGES / workers));
  return Math.ceil(blocks / (workers * rounds));
}
