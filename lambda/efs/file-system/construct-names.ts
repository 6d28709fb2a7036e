import type { FileSystemProperties } from '../../../src/contract/file-system';
import type { Context } from '../../shared/resource-lifecycle';

type Names = Pick<FileSystemProperties, 'Owner' | 'Formerly'>;

/** Returns the owner of the construct, and those that it had under its former logical ids. */
export function ownersOfConstruct({ Owner, Formerly = [] }: Names): string[] {
  return [Owner, ...Formerly.map(place => `${rootOf(Owner)}/${place}`)];
}

/** Returns the name of the root stack in an owner. */
export function rootOf(owner: string): string {
  return owner.slice(0, owner.indexOf('/'));
}

/** Returns the logical id of the construct in its stack, and its former ones. */
export function logicalIdsOf({ Formerly = [] }: Names, { logicalId }: Pick<Context, 'logicalId'>): string[] {
  return [logicalId, ...Formerly.map(place => place.slice(place.lastIndexOf('/') + 1))];
}
