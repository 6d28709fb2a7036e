import { OWNERSHIP_TAG_PREFIX, type TagProperty } from '../../src/contract/ownership';

/** Tags of a user may not stand in for those by which this library knows its own. */
export function refuseReserved(tags: readonly TagProperty[] = []): void {
  const reserved = tags.find(({ Key }) => Key.startsWith(OWNERSHIP_TAG_PREFIX));
  if (reserved) { throw new Error(`'tags' must not have keys that begin with ${OWNERSHIP_TAG_PREFIX}, got ${reserved.Key}`); }
}
