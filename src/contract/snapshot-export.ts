import type { OwnerProperties } from './ownership';
import type { TransferPlace } from './transfer';

/** What an export may write, as a template and a plan name it. */
export const EXPORT_FORMATS = ['RAW', 'QCOW2', 'VHD'] as const;
export type ExportFormatName = (typeof EXPORT_FORMATS)[number];

/** What `SnapshotExport` and its handler say to each other; see `SnapshotImportProperties` about names and values. */
export interface SnapshotExportProperties extends OwnerProperties, TransferPlace {
  readonly SnapshotId: string;
  /** Only what differs from this snapshot. Absent: all. */
  readonly SinceSnapshotId?: string;
  readonly Bucket: string;
  /** The account that the bucket must belong to. Absent: any. */
  readonly BucketOwner?: string;
  readonly Key: string;
  /** Absent: raw, or with `SinceSnapshotId` a delta. */
  readonly Format?: string;
  /** `false`: complete as soon as the copying has begun. Absent: only when the object is there. */
  readonly WaitForCompletion?: string | boolean;
  /** Absent: 900. */
  readonly MaxGetsPerSecond?: string | number;
  /** Absent: as many as that rate needs. */
  readonly MaxConcurrency?: string | number;
}

/** All of them, always. Those of the finished object are empty as long as it is not there. */
export interface SnapshotExportAttributes {
  readonly Bucket: string;
  readonly Key: string;
  /** Empty if the bucket keeps no versions. */
  readonly VersionId: string;
  readonly ETag: string;
  /** CRC32 of the whole object, in base64, as S3 has it. */
  readonly ChecksumCrc32: string;
  /** Bytes. */
  readonly ObjectSize: string;
  /** GiB. */
  readonly VolumeSize: string;
}

/** The manifest of the object at a key. */
export function manifestKeyOf(key: string): string {
  return `${key}.manifest`;
}
