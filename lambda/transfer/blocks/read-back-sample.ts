import { createHash } from 'node:crypto';

/** Reads back one block in 100, and at least 64 per image. */
const ONE_IN = 100;
const LEAST = 64;

/**
 * Returns the blocks of a range to read back: one of each stretch of equal length. The seed decides where in the stretch.
 * `share` is the part of the image that the range makes up, from 0 to 1.
 */
export function readBackSample(indexes: readonly number[], share: number, seed: string): number[] {
  const wanted = Math.min(indexes.length, Math.max(Math.ceil(indexes.length / ONE_IN), Math.ceil(LEAST * share)));
  return Array.from({ length: wanted }, (_, i) => {
    const [begin, end] = [i, i + 1].map(at => Math.floor(at * indexes.length / wanted));
    const random = createHash('sha256').update(`${seed} ${i}`).digest().readUInt32BE() / 2 ** 32;
    return indexes[begin + Math.floor(random * (end - begin))];
  });
}
