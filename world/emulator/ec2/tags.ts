import type { Context } from '../iam';
import { refused } from './network';

const MOST_TAGS = 50;

/** The condition keys that IAM sees of tags: those of an existing resource, or those that a request sets. */
export function tagContext(kind: 'Resource' | 'Request', tags: ReadonlyMap<string, string> | Record<string, string>): Context {
  const entries = tags instanceof Map ? [...tags] : Object.entries(tags as Record<string, string>);
  const context: Context = Object.fromEntries(entries.map(([key, value]) => [`aws:${kind}Tag/${key}`, value]));
  if (kind === 'Request' && entries.length > 0) { context['aws:TagKeys'] = entries.map(([key]) => key); }
  return context;
}

export function addTags(tags: Map<string, string>, added: Record<string, string>): void {
  for (const [key, value] of Object.entries(added)) {
    if (key.toLowerCase().startsWith('aws:')) {
      throw refused('InvalidParameterValue',
        `Value ( ${key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use`);
    }
    if (key.length === 0 || key.length > 127) { throw refused('InvalidParameterValue', 'Tag key exceeds the maximum length of 127 characters'); }
    if (value.length > 255) { throw refused('InvalidParameterValue', 'Tag value exceeds the maximum length of 255 characters'); }
  }
  if (new Set([...tags.keys(), ...Object.keys(added)]).size > MOST_TAGS) {
    throw refused('TagLimitExceeded', 'You have reached the maximum number of tags');
  }
  Object.entries(added).forEach(([key, value]) => tags.set(key, value));
}

/** A tag named with a value goes only if it has that value; no tags named at all means all of them. */
export function removeTags(tags: Map<string, string>, removed: readonly { readonly key: string; readonly value?: string }[]): void {
  if (removed.length === 0) { return tags.clear(); }
  for (const { key, value } of removed) {
    if (value === undefined || tags.get(key) === value) { tags.delete(key); }
  }
}
