import { minutesIfTooLate, MOST_BLOCKS_PER_SECOND } from './deadlines';
import type { ImportOptions } from './import-limits';
import type { IntegrityOptions } from '../../../src/contract/integrity';
import { RESOURCE_MOST_MINUTES } from '../../../src/contract/limits';
import type { SnapshotImportProperties } from '../../../src/contract/snapshot-import';
import type { PinnedSource } from '../../../src/contract/transfer';
import { blocksOf } from '../../transfer/blocks/sizes';
import { diskSizeOf } from '../../transfer/bucket/plan';
import { nameOfImage } from '../../transfer/image/object';

export function integrityOf({ ZeroBlocks, Verify }: SnapshotImportProperties): IntegrityOptions {
  return {
    ...(oneOf('zeroBlocks', ZeroBlocks, ['WRITE', 'OMIT']) === 'OMIT' && { zeroBlocks: 'OMIT' }),
    ...((Verify ?? 'NONE') !== 'NONE' && { verify: oneOf('verify', Verify, ['SAMPLE', 'FULL']) as 'SAMPLE' | 'FULL' }),
  };
}

/** Throws if writing and reading back every block cannot end in time, even as fast as EBS allows. With zeros left out or a parent, it is unknown how many blocks there are. */
export function refuseUnverifiable(image: PinnedSource, { verify, zeroBlocks, increment }: ImportOptions): void {
  if (verify !== 'FULL' || zeroBlocks === 'OMIT' || increment) { return; }
  const blocks = blocksOf(image.image?.stream?.atLeast ?? diskSizeOf(image));
  const minutes = minutesIfTooLate(2 * blocks / MOST_BLOCKS_PER_SECOND * 1000);
  if (minutes === undefined) { return; }
  throw new Error(`${nameOfImage(image)} is too large for 'verify' FULL: to write ${blocks} blocks and to read them back, at ${MOST_BLOCKS_PER_SECOND} a second each, `
    + `which is all that EBS takes and gives, needs at least ${minutes} minutes, and an import may take ${RESOURCE_MOST_MINUTES}; set 'verify' to SAMPLE`);
}

/** The error for zeros that were left out of a snapshot which EBS encrypted unasked. */
export function zerosNeeded(snapshotId: string): string {
  return `'zeroBlocks' is OMIT, but this account encrypts by default, so snapshot ${snapshotId} was encrypted, and blocks that are left out of it would `
    + 'read as random data; set \'zeroBlocks\' to WRITE';
}

function oneOf(prop: string, value: string | undefined, allowed: readonly string[]): string | undefined {
  if (value !== undefined && !allowed.includes(value)) { throw new Error(`'${prop}' must be one of ${allowed.join(', ')}, got ${value}`); }
  return value;
}
