import { OWNERSHIP_TAG_PREFIX } from './ownership';

/** What can be claimed on a file system; tags also on an access point. */
export const CLAIM_KINDS = ['policy', 'lifecycle', 'replication', 'backup', 'tags', 'mount-targets'] as const;
export type ClaimKind = (typeof CLAIM_KINDS)[number];

/** Returns the key of the tag by which a resource claims something. @param claimant Digest of its owner. */
export function claimKey(kind: ClaimKind, claimant: string): string {
  return `${OWNERSHIP_TAG_PREFIX}${kind}:${claimant}`;
}

/** On a file system of this library: the kinds of settings that the props of its own resource declare, and the tags that sets have too; or `none`. */
export const SETTINGS_TAG = `${OWNERSHIP_TAG_PREFIX}settings`;

/** Tags of a set: its claim has room for these. */
export const MOST_TAGS_OF_SET = 30;
