import type { PinnedSource } from '../../src/contract/transfer';
import { integer } from '../shared/wire';
import { BLOCK_SIZE, blocksOf, GIB, MOST_GIB } from '../transfer/blocks';
import { nameOfImage } from '../transfer/source';

/** EBS takes no more blocks of one snapshot, and nobody can have that raised. */
const PUTS_PER_SECOND = 1_000;
/** CloudFormation waits 60; the rest is for starting, sealing and completing. */
const MOST_MINUTES = 50;

/** The size of the volume in GiB. Throws if the image cannot be imported, before anything is made. */
export function volumeSizeFor(image: PinnedSource, wanted: string | number | undefined): number {
  const name = nameOfImage(image);
  if (image.size === 0) { throw new Error(`${name} is empty`); }
  const needed = Math.ceil(image.size / GIB);
  if (needed > MOST_GIB) { throw new Error(`${name} has ${needed} GiB, but no volume is larger than ${MOST_GIB} GiB`); }

  const size = wanted === undefined ? needed : integer('volumeSize', wanted);
  if (size < 1 || size > MOST_GIB) { throw new Error(`volumeSize must be a whole number of GiB from 1 to ${MOST_GIB}, got ${size}`); }
  if (size < needed) { throw new Error(`volumeSize is ${size} GiB, but the ${name} needs ${needed} GiB`); }

  const blocks = blocksOf(image.size);
  const minutes = Math.ceil(blocks / PUTS_PER_SECOND / 60);
  if (blocks / PUTS_PER_SECOND > MOST_MINUTES * 60) {
    throw new Error(`${name} is too large to be imported during a deployment: ${blocks} blocks of ${BLOCK_SIZE / 1024} KiB at ${PUTS_PER_SECOND} a second, `
      + `which is all that EBS takes, need at least ${minutes} minutes, and an import may take ${MOST_MINUTES}`);
  }
  return size;
}
