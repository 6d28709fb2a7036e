import { createHash } from 'node:crypto';

/** Reads back one block in 100, and at least 64 per image. */
const ONE_IN = 100;
const LEAST = 64;

/** Returns how many blocks of an image are read back. */
export function sampleSize(blocks: number): number {
  return Math.min(blocks, Math.max(LEAST, Math.ceil(blocks / ONE_IN)));
}

/** Returns how many of them lie in a range. Those of all ranges add up. */
export function sampleSizeOf({ first, count }: { readonly first: number; readonly count: number }, blocks: number): number {
  const [before, upTo] = [first, first + count].map(block => Math.floor(block * sampleSize(blocks) / blocks));
  return upTo - before;
}

/**
 * Returns the blocks of a range to read back: one of each stretch of equal length, `most` of them.
 * The seed decides where in the stretch.
 */
export function readBackSample(indexes: readonly number[], most: number, seed: string): number[] {
  const wanted = Math.min(indexes.length, most);
  return Array.from({ length: wanted }, (_, i) => {
    const [begin, end] = [i, i + 1].map(at => Math.floor(at * indexes.length / wanted));
    const random = createHash('sha256').update(`${seed} ${i}`).digest().readUInt32BE() / 2 ** 32;
    return indexes[begin + Math.floor(random * (end - begin))];
  });
}
