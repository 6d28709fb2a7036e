import { like } from '../iam';
import { refused } from './network';
import type { Ec2Options } from './options';
import type { Parameters, Xml } from './query';
import { ServiceError } from '../service';

/** How a Describe operation finds, filters and shows one kind of thing. */
export interface Listing<T> {
  /** The element around the items of the answer. */
  readonly set: string;
  /** The parameter that names things by id. */
  readonly idParameter: string;
  readonly id: (thing: T) => string;
  /** EC2's error for an id that there is none of. */
  readonly missing: (id: string) => Error;
  readonly filters: Record<string, (thing: T) => string[]>;
  readonly tags?: (thing: T) => ReadonlyMap<string, string>;
  readonly show: (thing: T) => Xml;
  readonly maxResults?: { readonly least: number; readonly most: number };
}

export function list<T>(
  listing: Listing<T>, things: readonly T[], parameters: Parameters, { large = false }: Ec2Options = {},
): { readonly [name: string]: Xml } {
  const ids = parameters.list(listing.idParameter);
  const maxResults = parameters.number('MaxResults');
  if (ids.length > 0 && maxResults !== undefined) {
    throw refused('InvalidParameterCombination', `The parameter ${listing.idParameter.toLowerCase()} cannot be used with the parameter maxResults`);
  }
  if (large && ids.length === 0 && maxResults === undefined) { throw new ServiceError('ThrottlingException', 400, 'Rate exceeded'); }
  const missing = ids.find(id => !things.some(thing => listing.id(thing) === id));
  if (missing !== undefined) { throw listing.missing(missing); }

  const named = ids.length === 0 ? things : things.filter(thing => ids.includes(listing.id(thing)));
  const tests = parameters.filters().map(filter => test(listing, filter.name, filter.values));
  const found = named.filter(thing => tests.every(passes => passes(thing)));
  const token = parameters.text('NextToken');
  if (large && ids.length === 0 && tests.length > 0 && token === undefined) { return { [listing.set]: [], nextToken: tokenFrom(0) }; }
  const { page, nextToken } = paginate(found, listing, maxResults, token);
  return { [listing.set]: page.map(listing.show), nextToken };
}

export function tagSet(tags: ReadonlyMap<string, string> = new Map()): Xml {
  return [...tags].map(([key, value]) => ({ key, value }));
}

export function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function test<T>(listing: Listing<T>, name: string, values: string[]): (thing: T) => boolean {
  const actual = reader(listing, name);
  return thing => actual(thing).some(value => values.some(pattern => like(pattern, value)));
}

function reader<T>(listing: Listing<T>, name: string): (thing: T) => string[] {
  const { tags } = listing;
  if (tags && name === 'tag-key') { return thing => [...tags(thing).keys()]; }
  if (tags && name.startsWith('tag:')) {
    return thing => [tags(thing).get(name.slice('tag:'.length))].filter(value => value !== undefined);
  }
  if (!Object.hasOwn(listing.filters, name)) { throw refused('InvalidParameterValue', `The filter '${name}' is invalid`); }
  return listing.filters[name];
}

/** The tokens are opaque to whoever gets them; these say where the next page begins. */
function paginate<T>(things: readonly T[], listing: Listing<T>, maxResults: number | undefined, token: string | undefined) {
  const { least, most } = listing.maxResults ?? { least: 5, most: 1000 };
  if (maxResults !== undefined && (maxResults < least || maxResults > most)) {
    throw refused('InvalidParameterValue',
      `Value ( ${maxResults} ) for parameter maxResults is invalid. Expecting a value between ${least} and ${most}.`);
  }
  const start = token === undefined ? 0 : position(token);
  const end = start + (maxResults ?? most);
  return { page: things.slice(start, end), nextToken: end < things.length ? tokenFrom(end) : undefined };
}

function tokenFrom(start: number): string {
  return Buffer.from(`from ${start}`).toString('base64');
}

function position(token: string): number {
  const found = /^from (\d+)$/.exec(Buffer.from(token, 'base64').toString());
  if (!found) { throw refused('InvalidParameterValue', 'Unable to parse pagination token'); }
  return Number(found[1]);
}
