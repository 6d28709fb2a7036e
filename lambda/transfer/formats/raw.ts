import type { DiskLayout, ImageFile } from './layout';

/** The file is the disk. */
export async function openRaw(file: ImageFile): Promise<DiskLayout> {
  return {
    format: 'raw',
    size: file.size,
    extents: async (from, to) => to > from ? [{ kind: 'data', at: from, length: to - from, file: from }] : [],
  };
}
