/** What a disk image may be, as a template and a plan name it. */
export const DISK_IMAGE_FORMATS = ['AUTO', 'RAW', 'QCOW2', 'VHD', 'VHDX', 'VMDK', 'GZIP', 'ZSTD', 'XZ'] as const;

/** In the place of a format: no image, but what an export with `since` made. */
export const DELTA_FORMAT = 'DELTA';

/** First bytes of a delta. */
export const DELTA_MAGIC = 'cdk-durable-storage delta 1\n';

/**
 * First bytes (in latin1) of what holds a disk, and is none. Those are looked
 * at when the image is imported; at synthesis too where the image is a local file.
 */
export const CONTAINER_MAGIC: readonly { readonly magic: string; readonly format: Exclude<(typeof DISK_IMAGE_FORMATS)[number], 'AUTO' | 'RAW'> }[] = [
  { magic: 'QFI\xfb', format: 'QCOW2' },
  { magic: 'conectix', format: 'VHD' },
  { magic: 'vhdxfile', format: 'VHDX' },
  { magic: 'KDMV', format: 'VMDK' },
  { magic: '\x1f\x8b\x08', format: 'GZIP' },
  { magic: '\x28\xb5\x2f\xfd', format: 'ZSTD' },
  // A frame of zstd that is skipped, as its seek table and others are: 0 to 15 of them.
  ...Array.from({ length: 16 }, (_, i) => ({ magic: `${String.fromCharCode(0x50 + i)}\x2a\x4d\x18`, format: 'ZSTD' as const })),
  { magic: '\xfd7zXZ\0', format: 'XZ' },
];
