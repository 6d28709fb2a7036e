import type { IntegrityOptions } from '../../src/contract/integrity';
import { TRANSFER_MOST_HOURS, type TransferLimits } from '../../src/contract/limits';
import type { SnapshotImportProperties } from '../../src/contract/snapshot-import';
import type { PinnedSource } from '../../src/contract/transfer';
import { boolean, integer, within } from '../shared/property-values';
import { BLOCK_SIZE, blocksOf, GIB, MOST_GIB } from '../transfer/blocks/sizes';
import { diskSizeOf } from '../transfer/bucket/plan';
import { mostOfStream, mostWorkers, PUTS_PER_SECOND, WORKER_BYTES_PER_SECOND } from '../transfer/flow/division';
import { mayBeKnown } from '../transfer/image/known-digests';
import { nameOfImage } from '../transfer/image/object';

/** EBS takes no more blocks of one snapshot, and nobody can have that raised. */
const MOST_PUTS_PER_SECOND = 1_000;
/** So slowly, a worker still puts what it has read before its time is over. */
const LEAST_PUTS_PER_SECOND = 10;
const MOST_CONCURRENCY = 1_000;
/** CloudFormation waits 60 minutes; the rest is for starting, sealing and completing. */
const MOST_MINUTES = 50;
/** The most that Lambda's network can be made to bring to a function: 3,000 Mbit/s. Most have a fifth of it. */
const FASTEST_WORKER_BYTES_PER_SECOND = 375e6;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The size of the volume in GiB. Throws if the image cannot be imported, before anything is made. */
export function volumeSizeFor(image: PinnedSource, wanted: string | number | undefined): number {
  const name = nameOfImage(image);
  if (image.size === 0) { throw new Error(`${name} is empty`); }
  const needed = Math.ceil(diskSizeOf(image) / GIB);
  if (needed > MOST_GIB) { throw new Error(`${name} has ${needed} GiB, but no volume is larger than ${MOST_GIB} GiB`); }

  const size = wanted === undefined ? needed : integer('volumeSize', wanted);
  if (size < 1 || size > MOST_GIB) { throw new Error(`volumeSize must be a whole number of GiB from 1 to ${MOST_GIB}, got ${size}`); }
  if (size < needed) { throw new Error(`volumeSize is ${size} GiB, but the ${name} needs ${needed} GiB`); }
  return size;
}

/** Whether CloudFormation waits for the end of the import. */
export function waits({ WaitForCompletion }: SnapshotImportProperties): boolean {
  return WaitForCompletion === undefined || boolean('waitForCompletion', WaitForCompletion);
}

export function limitsOf({ MaxPutsPerSecond, MaxConcurrency }: SnapshotImportProperties): Pick<TransferLimits, 'maxPutsPerSecond' | 'maxConcurrency'> {
  return {
    ...(MaxPutsPerSecond !== undefined && { maxPutsPerSecond: within('maxPutsPerSecond', MaxPutsPerSecond, LEAST_PUTS_PER_SECOND, MOST_PUTS_PER_SECOND) }),
    ...(MaxConcurrency !== undefined && { maxConcurrency: within('maxConcurrency', MaxConcurrency, 1, MOST_CONCURRENCY) }),
  };
}

/** Throws if the import cannot end while CloudFormation waits, however well it goes; says why, and what to do. */
export function refuseLate(image: PinnedSource, limits: TransferLimits, integrity: IntegrityOptions & { readonly increment?: boolean }): void {
  const { least, because, remedy } = leastTime(image, limits, integrity);
  if (least <= MOST_MINUTES * MINUTE) { return; }
  throw new Error(`${nameOfImage(image)} is too large to be imported during a deployment: ${because} at least ${Math.ceil(least / MINUTE)} minutes, `
    + `and an import may take ${MOST_MINUTES}; ${remedy}set waitForCompletion to false`);
}

/** Throws if a stream is longer than what one worker can copy. */
export function refuseLongStream(image: PinnedSource, limits: TransferLimits, { zeroBlocks }: IntegrityOptions): void {
  const stream = image.image?.stream;
  if (!stream) { return; }
  const most = mostOfStream(limits);
  // Nobody knows how many zeros there are to omit: all of it, maybe.
  const bytes = zeroBlocks === 'OMIT' ? image.size : stream.atLeast;
  if (bytes <= most) { return; }
  const rate = most < mostOfStream({}) ? `${limits.maxPutsPerSecond} blocks a second (maxPutsPerSecond)` : `${WORKER_BYTES_PER_SECOND / 1e6} MB a second`;
  throw new Error(`${nameOfImage(image)} is compressed as a whole, so that one function must read it from its start; at ${rate} it copies ${most} bytes in its 15 minutes, `
    + `but there are at least ${bytes}; use a format that several can read, as qcow2 (qemu-img convert -c -O qcow2) or seekable zstd are`);
}

/** When the import is given up. One that nobody waits for has twice the time that it needs at least, and some hours. */
export function deadlineOf(image: PinnedSource, properties: SnapshotImportProperties, started: number): number {
  // Shortly before the provider framework would end the waiting, without a word on why.
  if (waits(properties)) { return started + (MOST_MINUTES - 1) * MINUTE; }
  return started + Math.min(2 * leastTime(image, limitsOf(properties), {}).least + 4 * HOUR, TRANSFER_MOST_HOURS * HOUR);
}

/** A lower bound in milliseconds, from what is not to be beaten: the rate of puts, and the workers' network. */
function leastTime(image: PinnedSource, limits: TransferLimits, { zeroBlocks, increment }: IntegrityOptions & { readonly increment?: boolean }) {
  const rate = limits.maxPutsPerSecond ?? PUTS_PER_SECOND;
  const { size } = image;
  // How much of a stream there is to put is known at its end.
  const blocks = blocksOf(image.image?.stream?.atLeast ?? diskSizeOf(image));
  // Nobody knows how many zeros there are to omit, or how little has changed: all of it, or nothing, maybe.
  const maybeNothing = zeroBlocks === 'OMIT' || increment;
  const putting = maybeNothing ? 0 : blocks / rate * 1000;
  const workers = image.image?.stream ? 1 : mostWorkers(limits);
  // Nor how much must be read, where digests are known beforehand.
  const mayBeUnread = image.manifest ? maybeNothing : increment && mayBeKnown(image);
  const reading = mayBeUnread ? 0 : size / workers / FASTEST_WORKER_BYTES_PER_SECOND * 1000;
  if (reading > putting) {
    const network = `${FASTEST_WORKER_BYTES_PER_SECOND / 1e6} MB a second, which is the most that Lambda offers,`;
    return { least: reading, because: `to read ${size} bytes by ${workers} workers at ${network} takes`, remedy: 'raise maxConcurrency, or ' };
  }
  return {
    least: putting,
    because: `${blocks} blocks of ${BLOCK_SIZE / 1024} KiB at ${rate} a second need`,
    remedy: rate < PUTS_PER_SECOND ? `raise maxPutsPerSecond (EBS takes ${MOST_PUTS_PER_SECOND}), or ` : '',
  };
}
