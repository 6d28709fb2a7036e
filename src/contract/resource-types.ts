/** Every custom resource whose events the EFS handlers receive. Tables of handlers, lives and tests are typed by this list, so none can miss one. */
export const EFS_RESOURCE_TYPES = [
  'Custom::FileSystem',
  'Custom::FileSystemLookup',
  'Custom::MountTargets',
  'Custom::TagSet',
  'Custom::FileSystemPolicy',
  'Custom::BackupPolicy',
  'Custom::LifecycleConfiguration',
  'Custom::ReplicationConfiguration',
] as const;

/** Every custom resource whose events the EBS handlers receive. */
export const EBS_RESOURCE_TYPES = ['Custom::SnapshotImport', 'Custom::SnapshotExport', 'Custom::MachineImage'] as const;

export type EfsResourceType = (typeof EFS_RESOURCE_TYPES)[number];
export type EbsResourceType = (typeof EBS_RESOURCE_TYPES)[number];
