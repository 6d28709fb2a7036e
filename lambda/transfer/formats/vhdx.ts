import { damaged, Extents, MOST_DISK_BYTES, outside, refuse, refuseLargeSectors, type DiskLayout, type Extent, type ImageFile } from './layout';
import { Tables, u64le } from './tables';
import { Crc } from '../blocks/crc';

/**
 * VHDX (Hyper-V), as MS-VHDX has it: two headers, two tables of regions, of
 * which one is the metadata, and one the table of blocks (BAT). Fixed and dynamic ones differ in nothing but what is allocated.
 */

const FORMAT = 'VHDX';
const KIB = 1024;
const SECTOR = 512;
const MIB = 1024 * KIB;
const HEADERS = [64 * KIB, 128 * KIB];
const HEADER_BYTES = 4 * KIB;
const REGION_TABLES = [192 * KIB, 256 * KIB];
const REGION_TABLE_BYTES = 64 * KIB;
const METADATA_TABLE_BYTES = 64 * KIB;
const MOST_REGIONS = 2_047;
const MOST_ITEMS = 2_047;

const REGIONS = { bat: '2dc27766-f623-4200-9d64-115e9bfd4a08', metadata: '8b7ca206-4790-4b9a-b8fe-575f050f886e' };
const ITEMS = {
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  diskSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  diskId: 'beca12ab-b2e6-4523-93ef-c309e000c746',
  logicalSector: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSector: 'cda348c7-445d-4471-9cc9-e9885251c556',
  parentLocator: 'a8d35f2d-b30b-454d-abf7-d3d84834ab0c',
};

/** What a block may be; all that is not full reads as zeros where there is no parent. 5 is what early versions called unmapped. */
const EMPTY_STATES = [0, 1, 2, 3, 5];
const FULL = 6;
const PARTIAL = 7;

export async function openVhdx(file: ImageFile): Promise<DiskLayout> {
  const tables = new Tables(FORMAT, file);
  if (file.size < MIB) { damaged(FORMAT, 'its header is cut off'); }
  await refuseLog(tables);
  const regions = await regionsOf(tables);
  const { size, blockSize } = await parametersOf(tables, regions.metadata);

  const blocks = Math.ceil(size / blockSize);
  /** After so many blocks, the table has an entry for a bitmap, which only differencing disks use. */
  const perBitmap = 2 ** 23 * SECTOR / blockSize;
  const entries = blocks + Math.floor(Math.max(blocks - 1, 0) / perBitmap);
  if (entries * 8 > regions.bat.length) { damaged(FORMAT, `its table of blocks has ${regions.bat.length} bytes, where ${entries * 8} are needed`); }
  return new Vhdx(tables, size, blockSize, perBitmap, regions.bat);
}

/** Of two headers, the valid one that was written last counts. */
async function refuseLog(tables: Tables): Promise<void> {
  const headers = await Promise.all(HEADERS.map(at => tables.bytes('a header', at, HEADER_BYTES)));
  const valid = headers.filter(header => header.toString('latin1', 0, 4) === 'head' && isWhole(header));
  if (valid.length === 0) { damaged(FORMAT, 'neither of its headers is valid'); }
  const header = valid.reduce((a, b) => b.readBigUInt64LE(8) > a.readBigUInt64LE(8) ? b : a);
  const version = header.readUInt16LE(66);
  if (version !== 1) { refuse(`is in version ${version} of VHDX, but only version 1 is supported; convert it with: qemu-img convert -O qcow2`); }
  if (!header.subarray(48, 64).every(byte => byte === 0)) {
    refuse('is a VHDX image that was not closed properly, or is in use: its log is not empty; mount it once read-write and detach it (Hyper-V: Mount-VHD, Dismount-VHD), '
      + 'or run: qemu-img check -r all');
  }
}

interface Region {
  readonly offset: number;
  readonly length: number;
}

async function regionsOf(tables: Tables): Promise<{ readonly bat: Region; readonly metadata: Region }> {
  const candidates = await Promise.all(REGION_TABLES.map(at => tables.bytes('a table of regions', at, REGION_TABLE_BYTES)));
  const table = candidates.find(candidate => candidate.toString('latin1', 0, 4) === 'regi' && isWhole(candidate));
  if (!table) { return damaged(FORMAT, 'neither of its tables of regions is valid'); }
  const count = table.readUInt32LE(8);
  if (count > MOST_REGIONS) { damaged(FORMAT, `it claims to have ${count} regions`); }
  const found = new Map<string, Region>();
  for (let i = 0; i < count; i++) {
    const at = 16 + i * 32;
    const id = guid(table, at);
    const region = { offset: u64le(table, at + 16), length: table.readUInt32LE(at + 24) };
    if (!Object.values(REGIONS).includes(id)) {
      if (table.readUInt32LE(at + 28) % 2 === 1) { refuse(`is a VHDX image with a region that is not supported (${id}); convert it with: qemu-img convert -O qcow2`); }
      continue;
    }
    if (found.has(id)) { damaged(FORMAT, 'it has the same region twice'); }
    if (region.offset % MIB !== 0 || region.offset < MIB) { damaged(FORMAT, `it has a region at byte ${region.offset}`); }
    if (region.offset + region.length > tables.file.size) { outside(FORMAT, 'a region', region.offset, tables.file.size); }
    found.set(id, region);
  }
  const [bat, metadata] = [found.get(REGIONS.bat), found.get(REGIONS.metadata)];
  if (!bat || !metadata) { return damaged(FORMAT, 'it lacks a region'); }
  if (bat.offset < metadata.offset + metadata.length && metadata.offset < bat.offset + bat.length) { damaged(FORMAT, 'its regions overlap'); }
  return { bat, metadata };
}

interface Parameters {
  readonly size: number;
  readonly blockSize: number;
}

async function parametersOf(tables: Tables, region: Region): Promise<Parameters> {
  if (region.length < METADATA_TABLE_BYTES) { damaged(FORMAT, 'its metadata is cut off'); }
  const table = await tables.bytes('the metadata', region.offset, METADATA_TABLE_BYTES);
  if (table.toString('latin1', 0, 8) !== 'metadata') { damaged(FORMAT, 'it has no metadata'); }
  const count = table.readUInt16LE(10);
  if (count > MOST_ITEMS) { damaged(FORMAT, `it claims to have ${count} items of metadata`); }
  const items = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const at = 32 + i * 32;
    const id = guid(table, at);
    const [offset, length, flags] = [table.readUInt32LE(at + 16), table.readUInt32LE(at + 20), table.readUInt32LE(at + 24)];
    if (!Object.values(ITEMS).includes(id)) {
      if (flags & 4) { refuse(`is a VHDX image with metadata that is not supported (${id}); convert it with: qemu-img convert -O qcow2`); }
      continue;
    }
    if (offset < METADATA_TABLE_BYTES || length > MIB || offset + length > region.length) { damaged(FORMAT, 'its metadata overlaps, or is cut off'); }
    items.set(id, region.offset + offset);
  }
  const item = async (id: string, length: number): Promise<Buffer> =>
    tables.bytes('the metadata', items.get(id) ?? damaged(FORMAT, 'its metadata is not complete'), length);

  const parameters = await item(ITEMS.fileParameters, 8);
  if (parameters.readUInt32LE(4) & 2) {
    refuse('is a differencing VHDX, which holds only what differs from its parent; merge it into that first (Hyper-V: Merge-VHD)');
  }
  const blockSize = parameters.readUInt32LE(0);
  if (blockSize < MIB || blockSize > 256 * MIB || (blockSize & (blockSize - 1)) !== 0) { damaged(FORMAT, `its blocks have ${blockSize} bytes`); }
  const sectorSize = (await item(ITEMS.logicalSector, 4)).readUInt32LE(0);
  if (sectorSize === 4096) { refuseLargeSectors(); }
  if (sectorSize !== SECTOR) { damaged(FORMAT, `its sectors have ${sectorSize} bytes`); }
  const size = u64le(await item(ITEMS.diskSize, 8), 0);
  if (size === 0 || size % SECTOR !== 0 || size > MOST_DISK_BYTES) { damaged(FORMAT, `it claims to be a disk of ${size} bytes`); }
  return { size, blockSize };
}

class Vhdx implements DiskLayout {
  public readonly format = FORMAT;

  constructor(
    private readonly tables: Tables, public readonly size: number,
    private readonly blockSize: number, private readonly perBitmap: number, private readonly bat: Region,
  ) {}

  public async extents(from: number, to: number): Promise<Extent[]> {
    const { blockSize, perBitmap, bat } = this;
    const extents = new Extents(FORMAT, this.tables.file.size, from, to);
    for (let block = Math.floor(from / blockSize); block * blockSize < to; block++) {
      const entry = await this.tables.bytes('the table of blocks', bat.offset + (block + Math.floor(block / perBitmap)) * 8, 8);
      const state = entry[0] & 7;
      const at = block * blockSize;
      if (EMPTY_STATES.includes(state)) {
        extents.zeros(at, blockSize);
      } else if (state === FULL) {
        // Bits 20 to 63 are a number of MiB.
        const offset = u64le(entry, 0) - entry.readUInt32LE(0) % MIB;
        if (offset < MIB || (offset < bat.offset + bat.length && offset + blockSize > bat.offset)) { damaged(FORMAT, 'its data and its tables overlap'); }
        extents.data(at, blockSize, offset);
      } else {
        damaged(FORMAT, state === PARTIAL ? 'a block is only partly there, although it has no parent' : `a block is in state ${state}, which means nothing`);
      }
    }
    return extents.all;
  }
}

/** Whether the checksum at byte 4 is right. */
function isWhole(structure: Buffer): boolean {
  const copy = Buffer.from(structure);
  copy.fill(0, 4, 8);
  return Crc.named('CRC32C').of(copy) === BigInt(structure.readUInt32LE(4));
}

/** Its first three parts are numbers, and little-endian. */
function guid(bytes: Buffer, at: number): string {
  const hex = (...positions: number[]) => positions.map(i => bytes[at + i].toString(16).padStart(2, '0')).join('');
  return [hex(3, 2, 1, 0), hex(5, 4), hex(7, 6), hex(8, 9), hex(10, 11, 12, 13, 14, 15)].join('-');
}
