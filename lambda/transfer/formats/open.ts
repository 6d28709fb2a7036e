import type { DetectedFormat } from './detect';
import type { DiskLayout, ImageFile } from './layout';
import { openQcow2 } from './qcow2';
import { openRaw } from './raw';
import { openVhd } from './vhd';
import { openVhdx } from './vhdx';
import { openVmdk } from './vmdk';
import { xzFraming } from './xz';
import { openSeekableZstd } from './zstd-seekable';

const READERS: Partial<Record<DetectedFormat, (file: ImageFile) => Promise<DiskLayout | undefined>>> = {
  RAW: openRaw,
  QCOW2: openQcow2,
  VHD: openVhd,
  VHDX: openVhdx,
  VMDK: openVmdk,
  ZSTD: openSeekableZstd,
  XZ: async file => (await xzFraming(file))?.layout,
};

/** Reads the header of an image, and refuses what is not supported, or damaged. undefined: it is but a stream. */
export async function openLayout(file: ImageFile, format: DetectedFormat): Promise<DiskLayout | undefined> {
  return READERS[format]?.(file);
}
