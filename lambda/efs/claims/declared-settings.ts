import type { FileSystemDescription, Tag } from '@aws-sdk/client-efs';
import { claimsIn, isNewer } from './claim';
import { itemOf, itemsIn, type Item } from './items';
import { stayingIn } from './transitions';
import { SETTINGS_TAG, type ClaimKind } from '../../../src/contract/claims';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import type { TagProperty } from '../../../src/contract/ownership';
import { valueOf } from '../../shared/ownership';

// A setting or tag may be in the props of a FileSystem, or in a resource of its own. The resource claims it; the FileSystem declares it in one tag.

/** The properties of a file system whose settings may also be resources of their own. */
const SETTING_PROPERTIES: readonly { readonly property: keyof FileSystemProperties; readonly kind: ClaimKind }[] = [
  { property: 'FileSystemPolicy', kind: 'policy' },
  { property: 'LifecyclePolicies', kind: 'lifecycle' },
  { property: 'ReplicationConfiguration', kind: 'replication' },
  { property: 'BackupPolicy', kind: 'backup' },
];

/** Begins the word for the tags that the props declare and sets claim: an item for each, see `items.ts`. */
const TAGS = 'tags:';

/**
 * Returns the tag by which the props of a file system declare settings, and tags that sets claim. A file system that never had any needs no
 * tag. `id`: absent if it is new.
 */
export function settingsTags(properties: FileSystemProperties, present: readonly Tag[] = [], id = ''): TagProperty[] {
  const kinds = SETTING_PROPERTIES.filter(({ property }) => properties[property] !== undefined).map(({ kind }) => kind);
  const items = claimedTags(present, id, properties.FileSystemTags).map(itemOf);
  const declared = [...kinds, ...items.length > 0 ? [`${TAGS}${items.join('')}`] : []];
  if (declared.length === 0 && valueOf(present, SETTINGS_TAG) === undefined) { return []; }
  return [{ Key: SETTINGS_TAG, Value: declared.join(' ') || 'none' }];
}

/** Whether the props of the file system declare a setting, so that it stays when a resource of its own goes. */
export function isDeclaredByProps(tags: readonly Tag[], kind: ClaimKind): boolean {
  return valueOf(tags, SETTINGS_TAG)?.split(' ').includes(kind) === true;
}

/** Returns the tags that the props of the file system declare and sets claim, as items: they stay when a set goes. */
export function itemsDeclaredByProps(tags: readonly Tag[]): readonly Item[] {
  return valueOf(tags, SETTINGS_TAG)?.split(' ').filter(word => word.startsWith(TAGS)).flatMap(word => itemsIn(word.slice(TAGS.length))) ?? [];
}

/** Returns those of some tags that sets claim with the same value. All, if a later release has written a claim. */
export function claimedTags(present: readonly Tag[], id: string, some: readonly TagProperty[] = []): TagProperty[] {
  const claims = stayingIn(claimsIn(present, id, 'tags', ''));
  return some.filter(tag => claims.some(claim => isNewer(claim) || itemsIn(claim.wanted).includes(itemOf(tag))));
}

/** Returns the old properties without those that the props no longer have and that resources of their own claim: those settings and tags stay. */
export function withoutClaimed(
  { FileSystemId: id, Tags: tags = [] }: FileSystemDescription, wanted: FileSystemProperties, old: FileSystemProperties,
): FileSystemProperties {
  const claimed = SETTING_PROPERTIES
    .filter(({ property, kind }) => wanted[property] === undefined && stayingIn(claimsIn(tags, id!, kind, '')).length > 0);
  const ofSets = claimedTags(tags, id!, old.FileSystemTags);
  return {
    ...old,
    FileSystemTags: old.FileSystemTags?.filter(tag => !ofSets.includes(tag)),
    ...Object.fromEntries(claimed.map(({ property }) => [property, undefined])),
  };
}
