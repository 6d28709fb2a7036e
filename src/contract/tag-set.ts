import type { OwnerProperties, TagProperty } from './ownership';

/** What `TagSet` and its handler say to each other. */
export interface TagSetProperties extends OwnerProperties {
  /** The id of a file system or access point. */
  readonly ResourceId: string;
  readonly Tags: readonly TagProperty[];
  /** `true`: replace a value that somebody else set. Absent: refuse. */
  readonly Overwrite?: string | boolean;
}

export interface TagSetAttributes {
  readonly ResourceId: string;
}
