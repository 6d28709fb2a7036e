export { Adopt } from './efs/adopt';
export { BackupPolicy, type BackupPolicyProps } from './efs/backup-policy';
export type { FileSystemLookupOptions } from './efs/file-system-lookup';
export { FileSystem, type FileSystemProps } from './efs/file-system';
export type { FileSystemConfigurationOptions, LifecycleOptions } from './private/efs/configuration-options';
export { FileSystemPolicy, type FileSystemPolicyProps } from './efs/file-system-policy';
export { LifecycleConfiguration, type LifecycleConfigurationProps } from './efs/lifecycle-configuration';
export { ReplicationConfiguration, type ReplicationConfigurationProps } from './efs/replication-configuration';
export { IpAddressType, type MountTargetOptions } from './efs/mount-target-options';
export { MountTargets, type MountTargetsProps } from './efs/mount-targets';
export { ThroughputCooldown } from './efs/throughput-cooldown';
export { TagSet, type TagSetProps } from './efs/tag-set';

export {
  DiskImage, type DiskImageAssetOptions, type DiskImageBucketOptions, type DiskImageDeltaOptions, type DiskImageOptions,
  type DiskImagePinOptions, type DiskImageReadOptions,
} from './ebs/disk-image';
export { DiskImageFormat } from './ebs/disk-image-format';
export { ExportFormat } from './ebs/export-format';
export { Verification, ZeroBlocks } from './ebs/integrity';
export type { ImportEstimate, ImportEstimateOptions, ImportPrices } from './ebs/import-estimate';
export { MachineDisk, type MachineDiskOptions } from './ebs/machine-disk';
export { BootMode, MachineImage, Virtualization, type MachineImageProps } from './ebs/machine-image';
export { Snapshot, type ISnapshot } from './ebs/snapshot';
export { SnapshotExport, type SnapshotExportProps } from './ebs/snapshot-export';
export { SnapshotImport, type SnapshotImportProps } from './ebs/snapshot-import';

export { StorageFunctions, type StorageEndpointsOptions } from './storage-functions';
export type { StorageFunctionsOptions } from './private/functions/options';
