import type { FileSystemProperties } from '../../../src/contract/file-system';
import type { Context } from '../../shared/resource-lifecycle';

type Names = Pick<FileSystemProperties, 'Owner' | 'Formerly'>;

/** Returns the owner of the construct, and those that it had under its former logical ids. */
export function ownersOfConstruct({ Owner, Formerly = [] }: Names): string[] {
  const root = Owner.slice(0, Owner.indexOf('/'));
  return [Owner, ...Formerly.map(place => `${root}/${place}`)];
}

/** Returns the logical id of the construct in its stack, and its former ones. */
export function logicalIdsOf({ Formerly = [] }: Names, { logicalId }: Pick<Context, 'logicalId'>): string[] {
  return [logicalId, ...Formerly.map(place => place.slice(place.lastIndexOf('/') + 1))];
}
