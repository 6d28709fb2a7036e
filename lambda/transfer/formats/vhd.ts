import { damaged, Extents, MOST_DISK_BYTES, outside, plainLayout, refuse, type DiskLayout, type Extent, type ImageFile } from './layout';
import { Tables, u64be } from './tables';

/**
 * VHD (Virtual PC, Hyper-V 1, Azure, Xen): a footer of 512 bytes at the end. A
 * fixed one is nothing else than the disk before it; a dynamic one has a copy
 * of the footer at its start, and a table (BAT) of blocks.
 */

export const VHD_FOOTER = 512;
const FOOTER = VHD_FOOTER;
const SECTOR = 512;
const DYNAMIC_HEADER = 1024;
const UNALLOCATED = 0xffff_ffff;
const LARGEST_BLOCK = 256 * 1024 * 1024;

export async function openVhd(file: ImageFile): Promise<DiskLayout> {
  const tables = new Tables('VHD', file);
  const footer = await footerOf(tables);
  const type = footer.readUInt32BE(60);
  // The size in the footer, not the one that its cylinders, heads and sectors make, which is less where they do not fit.
  const size = u64be(footer, 48);
  if (size === 0 || size % SECTOR !== 0 || size > MOST_DISK_BYTES) { damaged('VHD', `it claims to be a disk of ${size} bytes`); }
  switch (type) {
    case 2: return fixed(file, size);
    case 3: return dynamic(tables, size, u64be(footer, 16));
    case 4: return refuse('is a differencing VHD, which holds only what differs from its parent; merge it into that first (Hyper-V: Merge-VHD)');
    default: return refuse(`is a VHD of type ${type}, but only fixed and dynamic ones are supported; convert it with: qemu-img convert -O qcow2`);
  }
}

/** Returns the copy of the footer at the start of a dynamic disk, or the footer at the end if that copy is damaged. */
async function footerOf(tables: Tables): Promise<Buffer> {
  const { size } = tables.file;
  if (size < FOOTER) { damaged('VHD', 'its footer is cut off'); }
  const footers = [await tables.bytes('the footer', 0, FOOTER), await tables.bytes('the footer', size - FOOTER, FOOTER)].filter(isFooter);
  if (footers.length === 0) { refuse('is no VHD: it has no footer'); }
  return withChecksum(footers.find(hasChecksum) ?? footers[0]);
}

function isFooter(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 8) === 'conectix';
}

/** Throws if this footer is not that of a fixed VHD whose disk is the so many bytes before it. */
export function checkFixedVhdFooter(tail: Buffer, before: number): void {
  const [type, size] = [withChecksum(tail).readUInt32BE(60), u64be(tail, 48)];
  if (type !== 2) { damaged('VHD', `its footer is that of type ${type}, which is not fixed, but nothing of that is at its start`); }
  if (size !== before) { damaged('fixed VHD', `its footer tells of a disk of ${size} bytes, but there are ${before} before it`); }
}

function withChecksum(footer: Buffer): Buffer {
  return hasChecksum(footer) ? footer : damaged('VHD', 'the checksum of its footer is wrong');
}

function hasChecksum(footer: Buffer): boolean {
  return checksum(footer, 64) === footer.readUInt32BE(64);
}

/** The ones' complement of the sum of all bytes but the checksum's own. */
function checksum(bytes: Buffer, own: number): number {
  let sum = 0;
  bytes.forEach((byte, i) => { if (i < own || i >= own + 4) { sum += byte; } });
  return ~sum >>> 0;
}

function fixed(file: ImageFile, size: number): DiskLayout {
  if (size > file.size - FOOTER) { outside('fixed VHD', 'the end of the disk', size, file.size - FOOTER); }
  return plainLayout('fixed VHD', size);
}

async function dynamic(tables: Tables, size: number, headerOffset: number): Promise<DiskLayout> {
  const format = 'dynamic VHD';
  const header = await tables.bytes('the header', headerOffset, DYNAMIC_HEADER);
  if (header.toString('latin1', 0, 8) !== 'cxsparse') { damaged(format, 'it has no header'); }
  if (checksum(header, 36) !== header.readUInt32BE(36)) { damaged(format, 'the checksum of its header is wrong'); }
  const tableOffset = u64be(header, 16);
  const entries = header.readUInt32BE(28);
  const blockSize = header.readUInt32BE(32);
  if (blockSize < SECTOR || blockSize > LARGEST_BLOCK || (blockSize & (blockSize - 1)) !== 0) { damaged(format, `its blocks have ${blockSize} bytes`); }
  if (entries * blockSize < size) { damaged(format, `its table has ${entries} entries, which are too few for a disk of ${size} bytes`); }
  if (tableOffset + entries * 4 > tables.file.size) { outside(format, 'the table of blocks', tableOffset, tables.file.size); }
  return new DynamicVhd(tables, size, tableOffset, entries, blockSize);
}

class DynamicVhd implements DiskLayout {
  public readonly format = 'dynamic VHD';
  /** Of the bitmap before each block: one bit per sector, whether it was ever written. */
  private readonly bitmapBytes: number;

  constructor(
    private readonly tables: Tables, public readonly size: number,
    private readonly tableOffset: number, private readonly entries: number, private readonly blockSize: number,
  ) {
    this.bitmapBytes = Math.ceil(blockSize / SECTOR / 8);
  }

  public async extents(from: number, to: number): Promise<Extent[]> {
    const { blockSize, tableOffset } = this;
    const extents = new Extents(this.format, this.tables.file.size, from, to);
    if (to <= from) { return []; }
    const first = Math.floor(from / blockSize);
    const last = Math.ceil(to / blockSize) - 1;
    const table = await this.tables.bytes('the table of blocks', tableOffset + first * 4, (last - first + 1) * 4);
    for (let block = first; block <= last; block++) {
      const sector = table.readUInt32BE((block - first) * 4);
      const start = Math.max(from, block * blockSize);
      const end = Math.min(to, (block + 1) * blockSize);
      if (sector === UNALLOCATED) { extents.zeros(start, end - start); } else { await this.addBlock(extents, block, sector * SECTOR, start, end); }
    }
    return extents.all;
  }

  private async addBlock(extents: Extents, block: number, offset: number, start: number, end: number): Promise<void> {
    const { bitmapBytes, blockSize, tableOffset, entries } = this;
    const data = offset + Math.ceil(bitmapBytes / SECTOR) * SECTOR;
    if (offset < tableOffset + entries * 4 && data + blockSize > tableOffset) { damaged(this.format, 'its data and its table of blocks overlap'); }
    const firstSector = Math.floor((start - block * blockSize) / SECTOR);
    const sectors = Math.ceil((end - block * blockSize) / SECTOR) - firstSector;
    const firstByte = Math.floor(firstSector / 8);
    const bitmap = await this.tables.bytes('a bitmap of sectors', offset + firstByte, Math.ceil((firstSector + sectors) / 8) - firstByte);
    for (let i = firstSector; i < firstSector + sectors; i++) {
      const at = block * blockSize + i * SECTOR;
      const written = (bitmap[Math.floor(i / 8) - firstByte] >> (7 - i % 8)) % 2 === 1;
      if (written) { extents.data(at, SECTOR, data + i * SECTOR); } else { extents.zeros(at, SECTOR); }
    }
  }
}
