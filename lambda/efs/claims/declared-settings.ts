import type { FileSystemDescription, Tag } from '@aws-sdk/client-efs';
import { claimsIn, isNewer } from './claim';
import { itemOf, itemsIn, type Item } from './items';
import { stayingIn } from './transitions';
import { SETTINGS_TAG, type ClaimKind } from '../../../src/contract/claims';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import type { TagProperty } from '../../../src/contract/ownership';
import { valueOf } from '../../shared/ownership';

// A setting or tag may be in the props of a FileSystem, or in a resource of its own. The resource claims it; the FileSystem declares it in one tag.

interface Setting {
  readonly property: keyof FileSystemProperties;
  readonly kind: ClaimKind;
}

/** The properties of a file system whose settings may also be resources of their own. */
const SETTING_PROPERTIES: readonly Setting[] = [
  { property: 'FileSystemPolicy', kind: 'policy' },
  { property: 'LifecyclePolicies', kind: 'lifecycle' },
  { property: 'ReplicationConfiguration', kind: 'replication' },
  { property: 'BackupPolicy', kind: 'backup' },
];

/*
 * The words of the tag, for each setting:
 *
 *     policy     declared
 *     policy+    declared, and was in force before: it stays when the props lose it
 *     /policy    the update in hand removes it from the props. If it is rolled back, it is declared again
 *     -policy    the same of one that was in force before
 */
const [DECLARED, FOUND, GIVEN_UP, LEFT] = [
  (kind: ClaimKind) => kind, (kind: ClaimKind) => `${kind}+`, (kind: ClaimKind) => `/${kind}`, (kind: ClaimKind) => `-${kind}`,
];

/** The value of the tag if there are no words. */
const NONE = 'none';

/** Begins the word for the tags that the props declare and sets claim: an item for each, see `items.ts`. */
const TAGS = 'tags:';

/** Facts about the settings when the props change. */
export interface SettingsChange {
  /** The properties before, of the same file system. */
  readonly old?: FileSystemProperties;
  /** Settings of the new properties that were in force before, see `newlyDeclared`. */
  readonly found?: readonly ClaimKind[];
}

/**
 * Returns the tag by which the props of a file system declare settings, and tags that sets claim. A file system that never had any needs no
 * tag. `id`: absent if it is new.
 */
export function settingsTags(properties: FileSystemProperties, present: readonly Tag[] = [], id = '', change: SettingsChange = {}): TagProperty[] {
  const settings = SETTING_PROPERTIES.flatMap(setting => wordOf(setting, properties, wordsIn(present), change) ?? []);
  const items = claimedTags(present, id, properties.FileSystemTags).map(itemOf);
  const words = [...settings, ...items.length > 0 ? [`${TAGS}${items.join('')}`] : [], ...laterWordsIn(present)];
  if (words.length === 0 && valueOf(present, SETTINGS_TAG) === undefined) { return []; }
  return [{ Key: SETTINGS_TAG, Value: words.join(' ') || NONE }];
}

function wordOf(
  { property, kind }: Setting, wanted: FileSystemProperties, words: readonly string[], { old, found = [] }: SettingsChange,
): string | undefined {
  const wasFound = words.includes(FOUND(kind));
  if (wanted[property] === undefined) {
    if (old?.[property] === undefined) { return undefined; }
    return wasFound || words.includes(LEFT(kind)) ? LEFT(kind) : GIVEN_UP(kind);
  }
  const isUnchanged = old?.[property] === undefined || JSON.stringify(old[property]) === JSON.stringify(wanted[property]);
  return found.includes(kind) || (wasFound && isUnchanged) ? FOUND(kind) : DECLARED(kind);
}

/** Returns the settings that the props declare from now on, and that no resource has set: if they are in force already, somebody else has set them. */
export function newlyDeclared(
  { FileSystemId: id, Tags: tags = [] }: FileSystemDescription, wanted: FileSystemProperties, old?: FileSystemProperties,
): ClaimKind[] {
  const words = wordsIn(tags);
  return SETTING_PROPERTIES
    .filter(({ property, kind }) => wanted[property] !== undefined && old?.[property] === undefined
      && ![DECLARED, FOUND, GIVEN_UP].some(word => words.includes(word(kind))))
    .map(({ kind }) => kind)
    .filter(kind => {
      const claims = stayingIn(claimsIn(tags, id!, kind, ''));
      return claims.length === 0 || claims.some(claim => !isNewer(claim) && claim.found === claim.wanted);
    });
}

/** Whether the props of the file system declare a setting, so that it stays when a resource of its own goes. */
export function isDeclaredByProps(tags: readonly Tag[], kind: ClaimKind): boolean {
  const words = wordsIn(tags);
  return words.includes(DECLARED(kind)) || words.includes(FOUND(kind));
}

/** Returns the tags that the props of the file system declare and sets claim, as items: they stay when a set goes. */
export function itemsDeclaredByProps(tags: readonly Tag[]): readonly Item[] {
  return wordsIn(tags).filter(word => word.startsWith(TAGS)).flatMap(word => itemsIn(word.slice(TAGS.length)));
}

/** Returns those of some tags that sets claim with the same value. All, if a later release has written a claim. */
export function claimedTags(present: readonly Tag[], id: string, some: readonly TagProperty[] = []): TagProperty[] {
  const claims = stayingIn(claimsIn(present, id, 'tags', ''));
  return some.filter(tag => claims.some(claim => isNewer(claim) || itemsIn(claim.wanted).includes(itemOf(tag))));
}

/**
 * Returns the old properties without those that the props no longer have and that stay: settings and tags that resources of their own claim, and settings
 * that were in force before the props declared them.
 */
export function withoutClaimed(
  { FileSystemId: id, Tags: tags = [] }: FileSystemDescription, wanted: FileSystemProperties, old: FileSystemProperties,
): FileSystemProperties {
  const staying = SETTING_PROPERTIES
    .filter(({ property, kind }) => wanted[property] === undefined
      && (wordsIn(tags).includes(LEFT(kind)) || stayingIn(claimsIn(tags, id!, kind, '')).length > 0));
  const ofSets = claimedTags(tags, id!, old.FileSystemTags);
  return {
    ...old,
    FileSystemTags: old.FileSystemTags?.filter(tag => !ofSets.includes(tag)),
    ...Object.fromEntries(staying.map(({ property }) => [property, undefined])),
  };
}

/** Returns the words of a later release, which stay as they are. */
function laterWordsIn(tags: readonly Tag[]): string[] {
  const known = SETTING_PROPERTIES.flatMap(({ kind }) => [DECLARED, FOUND, GIVEN_UP, LEFT].map(word => word(kind)));
  return wordsIn(tags).filter(word => word !== NONE && !known.includes(word) && !word.startsWith(TAGS));
}

function wordsIn(tags: readonly Tag[]): string[] {
  return valueOf(tags, SETTINGS_TAG)?.split(' ') ?? [];
}
