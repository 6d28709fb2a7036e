import { plainLayout, type DiskLayout, type ImageFile } from './layout';
import { openQcow2 } from './qcow2';
import type { StreamFormat } from './streams';
import { openVhd } from './vhd';
import { openVhdx } from './vhdx';
import { openVmdk } from './vmdk';
import { xzFraming } from './xz';
import { openSeekableZstd } from './zstd-seekable';
import type { DetectedFormat } from '../../../src/contract/image-recognition';

type Reader<L> = (file: ImageFile) => Promise<L>;

/** A reader for every format. A stream may have none, and a reader of streams returns undefined if the image has to be read from its start. */
const READERS: Record<Exclude<DetectedFormat, StreamFormat>, Reader<DiskLayout>> & { [stream in StreamFormat]?: Reader<DiskLayout | undefined> } = {
  RAW: async file => plainLayout('raw', file.size),
  QCOW2: openQcow2,
  VHD: openVhd,
  VHDX: openVhdx,
  VMDK: openVmdk,
  ZSTD: openSeekableZstd,
  XZ: async file => (await xzFraming(file))?.layout,
};

/** Reads the header of an image. Refuses images that are damaged or not supported. Returns undefined if the image can be read as a stream only. */
export async function openLayout(file: ImageFile, format: DetectedFormat): Promise<DiskLayout | undefined> {
  return READERS[format]?.(file);
}
