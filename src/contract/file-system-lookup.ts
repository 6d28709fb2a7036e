import type { OwnerProperties, TagProperty } from './ownership';

/** What `FileSystem.fromLookup` and its handler say to each other. */
export interface FileSystemLookupProperties extends OwnerProperties {
  readonly CreationToken?: string;
  /** All of them. */
  readonly Tags?: readonly TagProperty[];
}

export interface FileSystemLookupAttributes {
  readonly FileSystemId: string;
}
