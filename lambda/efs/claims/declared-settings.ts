import type { FileSystemDescription, Tag } from '@aws-sdk/client-efs';
import { claimsIn } from './claim';
import { stayingIn } from './transitions';
import { SETTINGS_TAG, type ClaimKind } from '../../../src/contract/claims';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import type { TagProperty } from '../../../src/contract/ownership';
import { valueOf } from '../../shared/ownership';

// A setting may be a prop of a FileSystem, or a resource of its own. The resource claims it; the FileSystem declares it in one tag.

/** The properties of a file system whose settings may also be resources of their own. */
const SETTING_PROPERTIES: readonly { readonly property: keyof FileSystemProperties; readonly kind: ClaimKind }[] = [
  { property: 'FileSystemPolicy', kind: 'policy' },
  { property: 'LifecyclePolicies', kind: 'lifecycle' },
  { property: 'ReplicationConfiguration', kind: 'replication' },
  { property: 'BackupPolicy', kind: 'backup' },
];

/** Returns the tag by which the props of a file system declare settings. A file system that never had any needs no tag. */
export function settingsTags(properties: FileSystemProperties, present: readonly Tag[] = []): TagProperty[] {
  const declared = SETTING_PROPERTIES.filter(({ property }) => properties[property] !== undefined).map(({ kind }) => kind);
  if (declared.length === 0 && valueOf(present, SETTINGS_TAG) === undefined) { return []; }
  return [{ Key: SETTINGS_TAG, Value: declared.join(' ') || 'none' }];
}

/** Whether the props of the file system declare a setting, so that it stays when a resource of its own goes. */
export function isDeclaredByProps(tags: readonly Tag[], kind: ClaimKind): boolean {
  return valueOf(tags, SETTINGS_TAG)?.split(' ').includes(kind) === true;
}

/** Returns the old properties without those that the props no longer have and that resources of their own claim: those settings stay. */
export function withoutClaimed(
  { FileSystemId: id, Tags: tags = [] }: FileSystemDescription, wanted: FileSystemProperties, old: FileSystemProperties,
): FileSystemProperties {
  const claimed = SETTING_PROPERTIES
    .filter(({ property, kind }) => wanted[property] === undefined && stayingIn(claimsIn(tags, id!, kind, '')).length > 0);
  return { ...old, ...Object.fromEntries(claimed.map(({ property }) => [property, undefined])) };
}
