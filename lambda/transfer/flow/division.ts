import type { TransferLimits } from '../../../src/contract/limits';
import { BLOCK_SIZE } from '../blocks/sizes';

type Limits = Pick<TransferLimits, 'maxPutsPerSecond' | 'maxConcurrency'>;

/** EBS takes 1,000 of one snapshot, which nobody can have raised; a tenth is left, so that jitter throttles nobody. */
export const PUTS_PER_SECOND = 900;
/** It gives as many. */
export const GETS_PER_SECOND = 900;
/** What Lambda's network gives a function of any size: 625 Mbit/s. */
export const WORKER_BYTES_PER_SECOND = 78e6;
/** A stream is read by one worker from its start; in its 15 minutes, one is kept for the end. */
const STREAM_SECONDS = 14 * 60;
export const MOST_STREAM_BYTES = STREAM_SECONDS * WORKER_BYTES_PER_SECOND;

/** So many ranges fit into the Distributed Map's input. */
const MOST_RANGES = 1_000;
/** A worker's start takes as long as copying a third of these, 256 MiB. */
const LEAST_RANGE_BLOCKS = 512;
/** About 512 MiB: a worker that comes last holds the others up for some seconds only, and there is little to repeat. */
const GOOD_RANGE_BLOCKS = 1_024;

/** How the work is divided. */
export interface Division {
  /** Blocks of one range; the last range may have fewer. */
  readonly rangeBlocks: number;
  /** How many ranges are copied at once. */
  readonly workers: number;
  /** Of each worker. */
  readonly putsPerSecond: number;
}

/** As many workers as use the budget up, given the network that each of them has; more would only wait for it. */
export function mostWorkers({ maxPutsPerSecond = PUTS_PER_SECOND, maxConcurrency }: Limits): number {
  return maxConcurrency ?? Math.ceil(maxPutsPerSecond * BLOCK_SIZE / WORKER_BYTES_PER_SECOND);
}

/** How much of a stream one worker can write. */
export function mostOfStream({ maxPutsPerSecond = PUTS_PER_SECOND }: Limits): number {
  return Math.min(MOST_STREAM_BYTES, STREAM_SECONDS * maxPutsPerSecond * BLOCK_SIZE);
}

/** `rangeBlocks`: for tests, which copy few blocks in many ranges. */
export function divide(blocks: number, limits: Limits, rangeBlocks = goodRange(blocks, mostWorkers(limits))): Division {
  const workers = Math.min(mostWorkers(limits), Math.ceil(blocks / rangeBlocks));
  return { rangeBlocks, workers, putsPerSecond: (limits.maxPutsPerSecond ?? PUTS_PER_SECOND) / workers };
}

/** Every worker gets as many ranges as every other, so that all end at the same time. */
function goodRange(blocks: number, workers: number): number {
  if (blocks <= workers * LEAST_RANGE_BLOCKS) { return Math.ceil(blocks / Math.ceil(blocks / LEAST_RANGE_BLOCKS)); }
  // Rounded, not up: 4 GiB need but one round, and no worker a second start.
  const rounds = Math.min(Math.max(Math.round(blocks / workers / GOOD_RANGE_BLOCKS), 1), Math.floor(MOST_RANGES / workers));
  return Math.ceil(blocks / (workers * rounds));
}
