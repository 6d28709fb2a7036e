import { Tokens } from './tokens';

export interface PageRequest {
  readonly NextToken?: string;
  /** Ignored where there is a token. */
  readonly StartingBlockIndex?: number;
  readonly MaxResults?: number;
}

const MOST_RESULTS = 10_000;

/** The indexes of one page of a list, and the token of the next. */
export function page(
  tokens: Tokens, list: string, all: readonly number[], request: PageRequest, nonce: string,
): { readonly indexes: readonly number[]; readonly nextToken: string | undefined } {
  const from = request.NextToken === undefined ? request.StartingBlockIndex ?? 0 : tokens.openPage(request.NextToken, list);
  const begin = firstAtLeast(all, from);
  const end = begin + (request.MaxResults ?? MOST_RESULTS);
  return { indexes: all.slice(begin, end), nextToken: end < all.length ? tokens.page(list, all[end], nonce) : undefined };
}

/** The position of the first of the sorted numbers that is not below the limit. */
function firstAtLeast(sorted: readonly number[], limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (sorted[middle] < limit) { low = middle + 1; } else { high = middle; }
  }
  return low;
}
