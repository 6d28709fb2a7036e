import type * as s3 from 'aws-cdk-lib/aws-s3';

/** Where an image lies. */
export interface DiskImageLocation {
  readonly bucket: s3.IBucket;
  readonly key: string;
  readonly versionId?: string;
  /** Which it must have. */
  readonly etag?: string;
  /** Absent: what its first bytes say. */
  readonly format?: string;
  readonly containerAsRaw?: boolean;
  /** Beside it lies its manifest. */
  readonly manifest?: boolean;
}
