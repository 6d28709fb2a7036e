import { createHash } from 'node:crypto';

/** One block in so many is read back, but at least so many of an image. */
const ONE_IN = 100;
const LEAST = 64;

/**
 * Which blocks of a range to read back: one of each stretch of equal length,
 * where in it follows from the seed. `share`: the range's part of the image.
 */
export function sample(indexes: readonly number[], share: number, seed: string): number[] {
  const wanted = Math.min(indexes.length, Math.max(Math.ceil(indexes.length / ONE_IN), Math.ceil(LEAST * share)));
  return Array.from({ length: wanted }, (_, i) => {
    const [begin, end] = [i, i + 1].map(at => Math.floor(at * indexes.length / wanted));
    const random = createHash('sha256').update(`${seed} ${i}`).digest().readUInt32BE() / 2 ** 32;
    return indexes[begin + Math.floor(random * (end - begin))];
  });
}
