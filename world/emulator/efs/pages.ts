import { createHash } from 'crypto';
import { badRequest } from './requests';

/**
 * One page of a list, and the token of the next. A token holds the last item's
 * place in the order of creation, so that no item is missed or told twice when
 * others go meanwhile, and is good only for the list it was given for.
 */
export function page<T>(
  list: string, items: readonly T[], size: number, token: string | undefined, order: (item: T, index: number) => number,
): { items: T[]; next: string | undefined } {
  const after = token === undefined ? -1 : position(list, token);
  const left = items.map((item, index) => ({ item, order: order(item, index) })).filter(entry => entry.order > after);
  const shown = left.slice(0, size);
  return { items: shown.map(({ item }) => item), next: left.length > size ? encode(list, shown[size - 1].order) : undefined };
}

function encode(list: string, order: number): string {
  return Buffer.from(`${order}:${seal(list, `${order}`)}`).toString('base64url');
}

function position(list: string, token: string): number {
  const [order, given] = Buffer.from(token, 'base64url').toString().split(':');
  if (given === undefined || given !== seal(list, order)) { throw badRequest(`Invalid pagination token '${token}'.`); }
  return Number(order);
}

function seal(list: string, order: string): string {
  return createHash('sha256').update(`${list} ${order}`).digest('hex').slice(0, 12);
}
