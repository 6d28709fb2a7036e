import { zlibDecoder } from './codecs';
import { damaged, Extents, MOST_DISK_BYTES, outside, refuse, type ChunkDecoder, type DiskLayout, type Extent, type ImageFile } from './layout';
import { Tables, u64le } from './tables';
import { createType } from '../../../src/contract/vmdk-descriptor';

/**
 * VMDK in one sparse extent: "Virtual Disk Format 5.0" of VMware. A directory
 * of tables (GD) of grains (GT). Stream-optimized ones have compressed grains,
 * each behind a marker that tells its length, and their last header at the end.
 */

const FORMAT = 'VMDK';
const SECTOR = 512;
const HEADER = 512;
/** The directory's position is in a copy of the header near the end, which one sector of zeros follows. */
const AT_END = 2 ** 64 - 1;
/** Zeros that may be behind the end, as archives and block devices leave them. */
const MOST_PADDING = 16 * 1024 * 1024;
const PADDING_READ = 32 * 1024;
const LARGEST_GRAIN = 128 * 1024 * 1024;
/** Those are decompressed in memory. VMware makes 64 KiB. */
const LARGEST_COMPRESSED_GRAIN = 2 * 1024 * 1024;
const LONGEST_DESCRIPTOR = 1024 * 1024;
/** Length of a grain's marker: its sector of the disk (8 bytes), and the length of the compressed data behind the marker (4 bytes). */
const GRAIN_MARKER = 12;
/** What zlib adds to data that cannot be compressed. */
const zlibBound = (bytes: number) => bytes + Math.ceil(bytes / 16_000) * 5 + 1024;

const ZEROED_GRAINS = 1 << 2;
const COMPRESSED = 1 << 16;
const MARKERS = 1 << 17;

export async function openVmdk(file: ImageFile): Promise<DiskLayout> {
  const tables = new Tables(FORMAT, file);
  if (file.size < HEADER) { damaged(FORMAT, 'its header is cut off'); }
  const start = await tables.bytes('the header', 0, HEADER);
  const version = start.readUInt32LE(4);
  if (version < 1 || version > 3) { refuse(`is in version ${version} of VMDK, but only versions 1 to 3 are supported; convert it with: qemu-img convert -O qcow2`); }
  await refuseDescriptor(tables, start);
  const header = u64le(start, 56) === AT_END ? await footer(tables) : start;

  const flags = header.readUInt32LE(8);
  const capacity = u64le(header, 12) * SECTOR;
  const grain = u64le(header, 20) * SECTOR;
  const perTable = header.readUInt32LE(44);
  const directory = u64le(header, 56) * SECTOR;
  const compressed = (flags & COMPRESSED) !== 0;
  const algorithm = header.readUInt16LE(77);
  if (compressed && algorithm !== 1) { refuse(`is a VMDK with compression ${algorithm}, but only 1 (deflate) is supported; convert it with: qemu-img convert -O qcow2`); }
  if (compressed && !(flags & MARKERS)) { refuse('is a VMDK with compressed grains without markers, which is not supported; convert it with: qemu-img convert -O qcow2'); }
  if (capacity === 0 || capacity > MOST_DISK_BYTES) { damaged(FORMAT, `it claims to be a disk of ${capacity} bytes`); }
  if (!isPowerOfTwo(grain, SECTOR, compressed ? LARGEST_COMPRESSED_GRAIN : LARGEST_GRAIN)) { damaged(FORMAT, `its grains have ${grain} bytes`); }
  if (!isPowerOfTwo(perTable, 1, 65_536)) { damaged(FORMAT, `its tables have ${perTable} entries`); }
  const entries = Math.ceil(capacity / grain / perTable);
  if (directory === 0 || directory + entries * 4 > file.size) { outside(FORMAT, 'the directory of grains', directory, file.size); }
  return new Vmdk(tables, { size: capacity, grain, perTable, directory, entries, compressed, zeroedGrains: (flags & ZEROED_GRAINS) !== 0 });
}

async function footer(tables: Tables): Promise<Buffer> {
  const bytes = await lastSector(tables);
  if (bytes.toString('latin1', 0, 4) !== 'KDMV' || u64le(bytes, 56) === AT_END) {
    damaged(FORMAT, 'it does not end with a copy of its header, so its end is missing, or something else is behind it; was it uploaded completely?');
  }
  return bytes;
}

/** Returns the last sector that is not zeros. */
async function lastSector(tables: Tables): Promise<Buffer> {
  const end = Math.floor(tables.file.size / SECTOR) * SECTOR;
  for (let to = end; to > Math.max(HEADER, end - MOST_PADDING);) {
    const from = Math.max(HEADER, to - PADDING_READ);
    const bytes = await tables.bytes('the footer', from, to - from);
    for (let at = bytes.length - SECTOR; at >= 0; at -= SECTOR) {
      const sector = bytes.subarray(at, at + SECTOR);
      if (sector.some(byte => byte !== 0)) { return sector; }
    }
    to = from;
  }
  return damaged(FORMAT, 'it has nothing but zeros at its end; was it uploaded completely?');
}

/** A text that says, among others, what kind of disk it is. */
async function refuseDescriptor(tables: Tables, header: Buffer): Promise<void> {
  const offset = u64le(header, 28) * SECTOR;
  const length = u64le(header, 36) * SECTOR;
  if (length > LONGEST_DESCRIPTOR) { damaged(FORMAT, `its descriptor has ${length} bytes`); }
  const descriptor = offset === 0 ? '' : (await tables.bytes('the descriptor', offset, length)).toString('latin1');
  if (!/^createType/im.test(descriptor)) { refuse('is one extent of a VMDK in several files; convert the disk, by its descriptor, with: qemu-img convert -O qcow2'); }
  refuseVariant(descriptor);
}

/** Refuses what the descriptor calls a disk that is not whole. */
function refuseVariant(descriptor: string): void {
  const type = createType(descriptor);
  if (!/^(monolithicSparse|streamOptimized)$/i.test(type)) {
    refuse(`is a VMDK of type '${type}', but only monolithicSparse and streamOptimized are supported; convert it with: qemu-img convert -O qcow2`);
  }
  const parent = /^parentCID\s*=\s*([0-9a-f]+)/im.exec(descriptor)?.[1];
  if (parent !== undefined && !/^f{8}$/i.test(parent)) {
    refuse('is a VMDK with a parent, which holds a part of its data; join them first, with: qemu-img convert -O qcow2');
  }
  const extents = descriptor.match(/^(RW|RDONLY|NOACCESS)\s/gm)?.length ?? 1;
  if (extents > 1) { refuse(`is one extent of a VMDK in ${extents} files; convert the disk, by its descriptor, with: qemu-img convert -O qcow2`); }
}

function isPowerOfTwo(value: number, least: number, most: number): boolean {
  return value >= least && value <= most && Number.isInteger(Math.log2(value));
}

/** Decompresses a grain, whose marker must name the grain's own place on the disk. */
const decodeGrain: ChunkDecoder = async (bytes, chunk) => {
  if (bytes.length < GRAIN_MARKER || u64le(bytes, 0) * SECTOR !== chunk.at) {
    damaged(FORMAT, `where the grain for byte ${chunk.at} of the disk should be, there is another, or none`);
  }
  const end = GRAIN_MARKER + bytes.readUInt32LE(8);
  if (end > bytes.length) { damaged(FORMAT, `the grain for byte ${chunk.at} of the disk is cut off`); }
  return zlibDecoder(bytes.subarray(GRAIN_MARKER, end), chunk);
};

interface Geometry {
  readonly size: number;
  readonly grain: number;
  /** Entries of a table of grains. */
  readonly perTable: number;
  readonly directory: number;
  /** Of the directory. */
  readonly entries: number;
  readonly compressed: boolean;
  /** 1 instead of a sector means zeros. */
  readonly zeroedGrains: boolean;
}

class Vmdk implements DiskLayout {
  public readonly format = FORMAT;
  public readonly size: number;

  constructor(private readonly tables: Tables, private readonly geometry: Geometry) {
    this.size = geometry.size;
  }

  public async extents(from: number, to: number): Promise<Extent[]> {
    const { grain, perTable } = this.geometry;
    const extents = new Extents(FORMAT, this.tables.file.size, from, to);
    const tableBytes = grain * perTable;
    for (let at = from; at < to;) {
      const n = Math.floor(at / tableBytes);
      const end = Math.min(to, (n + 1) * tableBytes);
      await this.ofTable(extents, n, Math.floor(at / grain), Math.ceil(end / grain));
      at = end;
    }
    return extents.all;
  }

  /** Grains from `first` to before `end`, which all have their entries in table `n`. */
  private async ofTable(extents: Extents, n: number, first: number, end: number): Promise<void> {
    const { grain, perTable, directory, entries, compressed, zeroedGrains } = this.geometry;
    const table = (await this.tables.bytes('the directory of grains', directory + n * 4, 4)).readUInt32LE() * SECTOR;
    if (table === 0) { return extents.zeros(first * grain, (end - first) * grain); }
    if (table < directory + entries * 4 && table + perTable * 4 > directory) { damaged(FORMAT, 'its directory and a table of grains overlap'); }

    const sectors = await this.tables.bytes('a table of grains', table + first % perTable * 4, (end - first) * 4);
    for (let i = first; i < end; i++) {
      const sector = sectors.readUInt32LE((i - first) * 4);
      const [at, offset] = [i * grain, sector * SECTOR];
      if (sector === 0 || (sector === 1 && zeroedGrains)) { extents.zeros(at, grain); continue; }
      if (offset < table + perTable * 4 && offset + (compressed ? 1 : grain) > table) { damaged(FORMAT, 'its data and a table of grains overlap'); }
      if (compressed) { extents.chunk(at, grain, offset, GRAIN_MARKER + zlibBound(grain), decodeGrain); } else { extents.data(at, grain, offset); }
    }
  }
}
