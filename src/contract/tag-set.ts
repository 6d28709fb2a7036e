import type { OwnerProperties, TagProperty } from './ownership';

/** What `TagSet` and its handler say to each other. */
export interface TagSetProperties extends OwnerProperties {
  readonly FileSystemId: string;
  /** `Node.addr` of the construct: tells this set from others on the same file system. */
  readonly Address: string;
  readonly Tags: readonly TagProperty[];
  /** `true`: replace a value that somebody else set. Absent: refuse. */
  readonly Overwrite?: string | boolean;
}

export interface TagSetAttributes {
  readonly FileSystemId: string;
}
