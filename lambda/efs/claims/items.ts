import { digestOf, NOTHING } from './claim';
import type { TagProperty } from '../../../src/contract/ownership';

/*
 * Tags as the claim of a set has them: an item for each, in the order of their keys. An item is a digest of the key, then one of the value.
 * `found` has a bit for each item, and then the items of found tags whose value the set has changed since.
 */

const KEY_CHARACTERS = 3;
const ITEM_CHARACTERS = 5;
const FOUND_SEPARATOR = '.';

export type Item = string;

export function itemOf({ Key: key, Value: value }: TagProperty): Item {
  return digestOf(key, KEY_CHARACTERS) + digestOf(`${key}\n${value}`, ITEM_CHARACTERS - KEY_CHARACTERS);
}

/** Returns the items of tags, as a claim has them. */
export function wantedItems(tags: readonly TagProperty[]): string {
  return [...tags].sort((one, other) => (one.Key < other.Key ? -1 : 1)).map(itemOf).join('') || NOTHING;
}

export function itemsIn(wanted: string): readonly Item[] {
  return wanted === NOTHING ? [] : wanted.match(new RegExp(`.{${ITEM_CHARACTERS}}`, 'g')) ?? [];
}

export function hasSameKey(one: Item, other: Item): boolean {
  return one.slice(0, KEY_CHARACTERS) === other.slice(0, KEY_CHARACTERS);
}

/** Whether two sets have the same value for each key that both have. */
export function agree(one: string, other: string): boolean {
  const items = itemsIn(other);
  return itemsIn(one).every(item => items.every(theirs => theirs === item || !hasSameKey(theirs, item)));
}

/** Returns the items that a claim has as found. */
export function foundItems({ wanted, found }: { readonly wanted: string; readonly found: string }): readonly Item[] {
  if (found === NOTHING) { return []; }
  const [bits, changed = ''] = found.split(FOUND_SEPARATOR);
  const items = itemsIn(wanted);
  const flags = BigInt(`0x${bits}`).toString(2).padStart(items.length, '0');
  return [...items.filter((_item, position) => flags[position] === '1'), ...itemsIn(changed)];
}

/** Returns how a claim has its found items. Those of keys that it does not want are left out. */
export function foundText(wanted: string, found: readonly Item[]): string {
  const items = itemsIn(wanted);
  const kept = found.filter(item => items.some(one => hasSameKey(one, item)));
  if (kept.length === 0) { return NOTHING; }
  const flags = items.map(item => kept.includes(item) ? '1' : '0').join('');
  const changed = kept.filter(item => !items.includes(item));
  return BigInt(`0b${flags}`).toString(16) + (changed.length > 0 ? FOUND_SEPARATOR + changed.join('') : '');
}
