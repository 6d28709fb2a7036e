import { Tokens } from './tokens';

export interface PageRequest {
  readonly NextToken?: string;
  /** Ignored where there is a token. */
  readonly StartingBlockIndex?: number;
  readonly MaxResults?: number;
}

const MOST_RESULTS = 10_000;

/** The indexes of one page of a list, and the token of the next. `indexesFrom` returns so many indexes, in order, from one on. */
export function page(
  tokens: Tokens, list: string, indexesFrom: (from: number, count: number) => readonly number[], request: PageRequest, nonce: string,
): { readonly indexes: readonly number[]; readonly nextToken: string | undefined } {
  const from = request.NextToken === undefined ? request.StartingBlockIndex ?? 0 : tokens.openPage(request.NextToken, list);
  const most = request.MaxResults ?? MOST_RESULTS;
  const indexes = indexesFrom(from, most + 1);
  return { indexes: indexes.slice(0, most), nextToken: most < indexes.length ? tokens.page(list, indexes[most], nonce) : undefined };
}

/** Merges two sorted lists of indexes, and returns the first of them. */
export function merged(a: readonly number[], b: readonly number[], count: number): number[] {
  const all: number[] = [];
  for (let i = 0, j = 0; all.length < count && (i < a.length || j < b.length);) {
    const next = Math.min(a[i] ?? Infinity, b[j] ?? Infinity);
    if (a[i] === next) { i++; }
    if (b[j] === next) { j++; }
    all.push(next);
  }
  return all;
}

/** The position of the first of the sorted numbers that is not below the limit. */
export function firstAtLeast(sorted: readonly number[], limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (sorted[middle] < limit) { low = middle + 1; } else { high = middle; }
  }
  return low;
}
