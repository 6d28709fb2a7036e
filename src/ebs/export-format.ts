/**
 * What a `SnapshotExport` writes.
 */
export enum ExportFormat {
  /** The content of the volume, byte for byte: as large as the volume is. */
  RAW = 'RAW',
  /**
   * QEMU's format, in its version 3, uncompressed and in clusters of 512 KiB. It holds the blocks that the snapshot has, and no others, so
   * it is as large as these, and some MiB for its tables.
   */
  QCOW2 = 'QCOW2',
  /** VHD, fixed, as Azure and Hyper-V take it: raw, with 512 bytes more. For volumes of at most 2040 GiB. */
  VHD = 'VHD',
}
