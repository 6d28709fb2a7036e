/**
 * The format of a disk image.
 */
export enum DiskImageFormat {
  /**
   * Detected from the first bytes, or from the last ones where only these tell, never from the name. A raw disk must show itself by a boot
   * signature, a partition table or a file system.
   */
  AUTO = 'AUTO',
  /** The content of a disk, byte for byte, whatever it begins with. */
  RAW = 'RAW',
  /**
   * QEMU's format, in its versions 2 and 3: also with compressed clusters (zlib, zstd), extended L2 entries, and
   * clusters of any size. Not encrypted, and without backing file, external data file, or snapshots inside.
   */
  QCOW2 = 'QCOW2',
  /** VHD, fixed or dynamic. Not differencing. */
  VHD = 'VHD',
  /** VHDX, fixed or dynamic, that was closed properly. Not differencing. */
  VHDX = 'VHDX',
  /** VMDK in a single file: monolithic sparse, or stream-optimized, as in OVA archives. Not split, flat, or with a parent. */
  VMDK = 'VMDK',
  /** A raw disk or a fixed VHD, compressed with gzip. It needs `volumeSize`, for it does not say how large the disk is. One function reads it. */
  GZIP = 'GZIP',
  /**
   * A raw disk or a fixed VHD, compressed with zstd. One function reads it, unless it has a seek table (as t2sz makes it) and frames of at
   * most 16 MiB. It needs `volumeSize` if it does not state
   * its size; and if, of several frames without such a table, only the first one states it.
   */
  ZSTD = 'ZSTD',
  /**
   * A raw disk or a fixed VHD, compressed with xz, without filters other than LZMA2. One function reads it, unless it is in several
   * blocks of at most 32 MiB (as `xz --block-size` makes them).
   */
  XZ = 'XZ',
}
