export type Random = (below: number) => number;

/** xorshift32, from a number. */
export function numbers(seed: number): Random {
  let state = (Math.imul(seed + 1, 0x9e37_79b1) >>> 0) || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  for (let i = 0; i < 8; i++) { next(); }
  return below => next() % Math.max(below, 1);
}
