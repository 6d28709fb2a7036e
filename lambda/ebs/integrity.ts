import type { IntegrityOptions } from '../../src/contract/integrity';
import type { SnapshotImportProperties } from '../../src/contract/snapshot-import';
import type { PinnedSource } from '../../src/contract/transfer';
import { blocksOf } from '../transfer/blocks/sizes';
import { diskSizeOf } from '../transfer/bucket/plan';
import { nameOfImage } from '../transfer/image/object';

/** EBS takes no more blocks of one snapshot, and gives no more; nobody can have that raised. */
const BLOCKS_PER_SECOND = 1_000;
/** What an import may take: CloudFormation waits 60 minutes, and not all of them are for the blocks. */
const MOST_MINUTES = 50;

export function integrityOf({ ZeroBlocks, Verify }: SnapshotImportProperties): IntegrityOptions {
  return {
    ...(oneOf('zeroBlocks', ZeroBlocks, ['WRITE', 'OMIT']) === 'OMIT' && { zeroBlocks: 'OMIT' }),
    ...((Verify ?? 'NONE') !== 'NONE' && { verify: oneOf('verify', Verify, ['SAMPLE', 'FULL']) as 'SAMPLE' | 'FULL' }),
  };
}

/** Throws if writing and reading back every block cannot end in time, even as fast as EBS allows. Nobody knows how many zeros there are to omit, or what has changed. */
export function refuseUnverifiable(
  image: PinnedSource, { verify, zeroBlocks, increment }: IntegrityOptions & { readonly increment?: boolean },
): void {
  if (verify !== 'FULL' || zeroBlocks === 'OMIT' || increment) { return; }
  const blocks = blocksOf(image.image?.stream?.atLeast ?? diskSizeOf(image));
  const minutes = 2 * blocks / BLOCKS_PER_SECOND / 60;
  if (minutes <= MOST_MINUTES) { return; }
  throw new Error(`${nameOfImage(image)} is too large for verify FULL: to write ${blocks} blocks and to read them back, at ${BLOCKS_PER_SECOND} a second each, `
    + `which is all that EBS takes and gives, needs at least ${Math.ceil(minutes)} minutes, and an import may take ${MOST_MINUTES}; verify a SAMPLE`);
}

export function zerosNeeded(snapshotId: string): string {
  return `zeroBlocks is OMIT, but this account encrypts by default, so that snapshot ${snapshotId} was encrypted, and what is left out of it would `
    + 'read as random data; set zeroBlocks to WRITE';
}

function oneOf(name: string, value: string | undefined, allowed: readonly string[]): string | undefined {
  if (value !== undefined && !allowed.includes(value)) { throw new Error(`${name} must be one of ${allowed.join(', ')}, got ${value}`); }
  return value;
}
