import { digestOf } from '../blocks/digests';
import { ABSENT_DIGEST, isZero, ZERO_DIGEST } from '../blocks/zero';
import type { Plan } from '../bucket/plan';

/** The action for a block, and the digest that is recorded for it. */
export interface BlockDecision {
  /** `put`: written to the snapshot. `inherit`: the parent has it already. `omit`: zeros, which are left out. */
  readonly action: 'put' | 'inherit' | 'omit';
  readonly digest: Buffer;
}

/** The facts about a block that are known before it is read. */
export interface BlockFacts {
  readonly zeroBlocks: Plan['zeroBlocks'];
  /** Digest of the block in the parent, `ABSENT_DIGEST` if the parent does not have it; undefined if there is no parent. */
  readonly inherited: Buffer | undefined;
  /** Digest that the block must have, from a manifest or because this part of the image did not change since the parent. */
  readonly known: Buffer | undefined;
}

/** Decides about a block without reading it. Returns undefined if it has to be read. */
export function decideUnread({ zeroBlocks, inherited, known }: BlockFacts): BlockDecision | undefined {
  if (!known) { return undefined; }
  if (zeroBlocks === 'OMIT' && known.equals(ZERO_DIGEST)) { return { action: 'omit', digest: known }; }
  return inherited?.equals(known) ? { action: 'inherit', digest: known } : undefined;
}

/** Decides about a block that was read. @param beyondImage Whether the image ends before the block. */
export function decide(block: Uint8Array, { zeroBlocks, inherited, known }: BlockFacts, beyondImage: boolean): BlockDecision {
  if (zeroBlocks === 'OMIT' && isZero(block) && (known ?? ZERO_DIGEST).equals(ZERO_DIGEST)) { return { action: 'omit', digest: ZERO_DIGEST }; }
  // Beyond the end of the image, nothing has to overwrite what the parent does not have.
  const staysAbsent = beyondImage && inherited?.equals(ABSENT_DIGEST);
  // A wrong known digest does no harm: EBS compares the digest of a block with its content and refuses the block.
  const digest = known ?? (staysAbsent ? ABSENT_DIGEST : digestOf(block));
  return { action: inherited?.equals(digest) ? 'inherit' : 'put', digest };
}
