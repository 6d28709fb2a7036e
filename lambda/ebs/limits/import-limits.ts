import {
  deadlineInBackground, deadlineWhileWaiting, FASTEST_WORKER_BYTES_PER_SECOND, LEAST_BLOCKS_PER_SECOND, minutesIfTooLate, MOST_BLOCKS_PER_SECOND,
  MOST_CONCURRENCY, waitsForCompletion,
} from './deadlines';
import type { IntegrityOptions } from '../../../src/contract/integrity';
import { RESOURCE_MOST_MINUTES, type TransferLimits } from '../../../src/contract/limits';
import type { SnapshotImportProperties } from '../../../src/contract/snapshot-import';
import type { PinnedSource } from '../../../src/contract/transfer';
import { integer, within } from '../../shared/property-values';
import { BLOCK_SIZE, blocksOf, GIB, MOST_GIB } from '../../transfer/blocks/sizes';
import { diskSizeOf } from '../../transfer/bucket/plan';
import { mostOfStream, mostWorkers, PUTS_PER_SECOND, WORKER_BYTES_PER_SECOND } from '../../transfer/flow/division';
import { mayBeKnown } from '../../transfer/image/known-digests';
import { nameOfImage } from '../../transfer/image/object';

/** How an import treats zeros and proves what it wrote, and whether it puts only what differs from a parent. */
export type ImportOptions = IntegrityOptions & { readonly increment?: boolean };

/** A lower bound for one part of an import. */
interface LeastTime {
  readonly milliseconds: number;
  /** The arithmetic, as the beginning of a sentence that ends with the time. */
  readonly because: string;
  /** The advice beside `waitForCompletion`, or nothing. */
  readonly remedy: string;
}

/** Returns the size of the volume in GiB. Throws if the image does not fit into it, or into any. */
export function volumeSizeFor(image: PinnedSource, wanted: string | number | undefined): number {
  const name = nameOfImage(image);
  if (image.size === 0) { throw new Error(`${name} is empty`); }
  const needed = Math.ceil(diskSizeOf(image) / GIB);
  if (needed > MOST_GIB) { throw new Error(`${name} has ${needed} GiB, but no volume is larger than ${MOST_GIB} GiB`); }

  const size = wanted === undefined ? needed : integer('volumeSize', wanted);
  if (size < 1 || size > MOST_GIB) { throw new Error(`'volumeSize' must be a whole number of GiB from 1 to ${MOST_GIB}, got ${size}`); }
  if (size < needed) { throw new Error(`'volumeSize' is ${size} GiB, but the ${name} needs ${needed} GiB`); }
  return size;
}

export function limitsOf({ MaxPutsPerSecond, MaxConcurrency }: SnapshotImportProperties): Pick<TransferLimits, 'maxPutsPerSecond' | 'maxConcurrency'> {
  return {
    ...(MaxPutsPerSecond !== undefined
      && { maxPutsPerSecond: within('maxPutsPerSecond', MaxPutsPerSecond, LEAST_BLOCKS_PER_SECOND, MOST_BLOCKS_PER_SECOND) }),
    ...(MaxConcurrency !== undefined && { maxConcurrency: within('maxConcurrency', MaxConcurrency, 1, MOST_CONCURRENCY) }),
  };
}

/** Throws if the import cannot end while CloudFormation waits, even if everything goes well. The error has the arithmetic and the advice. */
export function refuseLate(image: PinnedSource, limits: TransferLimits, options: ImportOptions): void {
  const { milliseconds, because, remedy } = leastTime(image, limits, options);
  const minutes = minutesIfTooLate(milliseconds);
  if (minutes === undefined) { return; }
  throw new Error(`${nameOfImage(image)} is too large to be imported during a deployment: ${because} at least ${minutes} minutes, `
    + `and an import may take ${RESOURCE_MOST_MINUTES}; ${remedy}set 'waitForCompletion' to false`);
}

/** Throws if a stream is longer than what one worker can copy. */
export function refuseLongStream(image: PinnedSource, limits: TransferLimits, { zeroBlocks }: IntegrityOptions): void {
  const stream = image.image?.stream;
  if (!stream) { return; }
  const most = mostOfStream(limits);
  // It is unknown how many zeros are left out: maybe all of the disk.
  const bytes = zeroBlocks === 'OMIT' ? image.size : stream.atLeast;
  if (bytes <= most) { return; }
  const rate = most < mostOfStream({}) ? `${limits.maxPutsPerSecond} blocks a second ('maxPutsPerSecond')` : `${WORKER_BYTES_PER_SECOND / 1e6} MB a second`;
  throw new Error(`${nameOfImage(image)} is compressed as a whole, so that one function must read it from its start; at ${rate} it copies ${most} bytes in its 15 minutes, `
    + `but there are at least ${bytes}; use a format that several can read, as qcow2 (qemu-img convert -c -O qcow2) or seekable zstd are`);
}

/** When the import is given up, in milliseconds since 1970. */
export function deadlineOf(image: PinnedSource, properties: SnapshotImportProperties, started: number): number {
  if (waitsForCompletion(properties)) { return deadlineWhileWaiting(started); }
  const { milliseconds } = leastTime(image, limitsOf(properties), {});
  // Most functions have a fifth of the fastest network.
  const hashing = image.pin?.computed ? image.size / WORKER_BYTES_PER_SECOND * 1000 : 0;
  return deadlineInBackground(started, Math.max(milliseconds, hashing));
}

/** A lower bound from limits that cannot be raised: the rate of puts, and the network of the workers. */
function leastTime(image: PinnedSource, limits: TransferLimits, options: ImportOptions): LeastTime {
  const times = [puttingTime(image, limits, options), readingTime(image, limits, options), hashingTime(image)];
  return times.reduce((longest, time) => time.milliseconds > longest.milliseconds ? time : longest);
}

function puttingTime(image: PinnedSource, { maxPutsPerSecond: rate = PUTS_PER_SECOND }: TransferLimits, options: ImportOptions): LeastTime {
  // The size of a stream is only known at its end.
  const blocks = blocksOf(image.image?.stream?.atLeast ?? diskSizeOf(image));
  return {
    milliseconds: mayPutNothing(options) ? 0 : blocks / rate * 1000,
    because: `${blocks} blocks of ${BLOCK_SIZE / 1024} KiB at ${rate} a second need`,
    remedy: rate < PUTS_PER_SECOND ? `raise 'maxPutsPerSecond' (EBS takes ${MOST_BLOCKS_PER_SECOND}), or ` : '',
  };
}

function readingTime(image: PinnedSource, limits: TransferLimits, options: ImportOptions): LeastTime {
  const { size } = image;
  const workers = image.image?.stream ? 1 : mostWorkers(limits);
  return {
    milliseconds: mayReadNothing(image, options) ? 0 : size / workers / FASTEST_WORKER_BYTES_PER_SECOND * 1000,
    because: `to read ${size} bytes by ${workers} workers at ${FASTEST_WORKER_BYTES_PER_SECOND / 1e6} MB a second, which is the most that Lambda offers, takes`,
    remedy: 'raise \'maxConcurrency\', or ',
  };
}

/** One worker computes the SHA-256 of an image that is pinned, from its start to its end. */
function hashingTime({ size, pin }: PinnedSource): LeastTime {
  return {
    milliseconds: pin?.computed ? size / FASTEST_WORKER_BYTES_PER_SECOND * 1000 : 0,
    because: `to compute the SHA-256 of ${size} bytes in one worker at ${FASTEST_WORKER_BYTES_PER_SECOND / 1e6} MB a second, which is the most that Lambda offers, takes`,
    remedy: `leave '${pin?.prop}' out, or `,
  };
}

/** Whether all blocks may be zeros that are left out, or equal to those of the parent. */
function mayPutNothing({ zeroBlocks, increment }: ImportOptions): boolean {
  return zeroBlocks === 'OMIT' || increment === true;
}

/** Whether blocks that are not put need not be read either, because their digests are known beforehand. */
function mayReadNothing(image: PinnedSource, options: ImportOptions): boolean {
  return image.manifest ? mayPutNothing(options) : options.increment === true && mayBeKnown(image);
}
