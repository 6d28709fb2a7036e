import type { RegistrationProperty } from './machine-image';
import type { OwnerProperties, TagProperty } from './ownership';
import type { TransferPlace } from './transfer';

/**
 * What `SnapshotImport` and its handler say to each other.
 *
 * The names travel through CloudFormation, hence PascalCase, and so do the
 * values: a number arrives as a string, an absent property does not arrive at all.
 */
export interface SnapshotImportProperties extends OwnerProperties, TransferPlace {
  readonly SourceBucket: string;
  /** The account that the bucket must belong to. Absent: any. */
  readonly SourceBucketOwner?: string;
  readonly SourceKey: string;
  /** Version id of the object. Absent: the version that is current at the start. */
  readonly SourceVersion?: string;
  /** The ETag that the object must have, as an export tells it. Absent: any. */
  readonly SourceETag?: string;
  /** The SHA-256 that the object must have, as 64 hexadecimal digits. Absent: any. */
  readonly SourceSha256?: string;
  /** The key of a checksum file in the same bucket, whose line for the file name of the object has that SHA-256. Absent: none. */
  readonly SourceSha256SumsKey?: string;
  /** Any string; another one imports again. For objects without a version id. */
  readonly SourceRevision?: string;
  /** See `disk-image-format.ts`; or `DELTA`: what an export with `since` made, to be applied to `ParentSnapshotId`. Absent: what its first bytes say. */
  readonly SourceFormat?: string;
  /** `true`: of a file that holds a disk, the file itself shall be the disk. Absent: that is refused. */
  readonly ContainerAsRaw?: string | boolean;
  /** The file in an archive that is the disk. Absent: the only one that shows itself as a disk. */
  readonly ArchiveMember?: string;
  /** `true`: the image is what an export made, and the manifest beside it tells the digests. Absent: they are computed. */
  readonly Manifest?: string | boolean;
  /** `true`: the manifest may lie in a bucket of another account. Absent: that is refused, or an export is read without it. */
  readonly ForeignManifest?: string | boolean;
  /** Whole GiB. Absent: just large enough for the image. */
  readonly VolumeSize?: string | number;
  readonly Description?: string;
  /** `true`. Absent: as the account's default says. */
  readonly Encrypted?: string | boolean;
  readonly KmsKeyId?: string;
  /** `OMIT`: blocks of zeros are not put. Absent: they are. */
  readonly ZeroBlocks?: string;
  /** `false`: all blocks are put. Absent: only those that differ from the snapshot that is replaced, if that can be a parent. */
  readonly Incremental?: string | boolean;
  /** A snapshot to put only the differences to. Absent: the one that is replaced. */
  readonly ParentSnapshotId?: string;
  /** `SAMPLE` or `FULL`. Absent: nothing is read back. */
  readonly Verify?: string;
  /** `false`: complete as soon as the copying has begun. Absent: only when the snapshot is completed. */
  readonly WaitForCompletion?: string | boolean;
  /** Absent: 900. */
  readonly MaxPutsPerSecond?: string | number;
  /** Absent: as many as that rate needs. */
  readonly MaxConcurrency?: string | number;
  /** Machine images that are registered from the snapshot. Absent: none of which EC2 may refuse anything that is known before. */
  readonly Registrations?: readonly RegistrationProperty[];
  /** Ids of accounts that may make volumes from it. */
  readonly SharedWith?: readonly string[];
  readonly Tags?: readonly TagProperty[];
}

/** All of them, always: CloudFormation fails a `Fn::GetAtt` on a missing one. */
export interface SnapshotImportAttributes {
  readonly SnapshotId: string;
  /** Whole GiB. */
  readonly VolumeSize: string;
  /** Empty: all blocks were put. */
  readonly ParentSnapshotId: string;
}
