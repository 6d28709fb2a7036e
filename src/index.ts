export { FileSystem, type FileSystemProps } from './efs/file-system';
export { MountTargets, type MountTargetsProps } from './efs/mount-targets';
export { TagSet, type TagSetProps } from './efs/tag-set';

export { DiskImage } from './ebs/disk-image';
export { Verification, ZeroBlocks } from './ebs/integrity';
export { SnapshotImport, type SnapshotImportProps } from './ebs/snapshot-import';
export type { TransferOptions } from './ebs/transfer-options';
