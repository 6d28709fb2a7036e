import { deflateDecoder, zstdDecoder } from './codecs';
import { damaged, Extents, MOST_DISK_BYTES, outside, refuse, type ChunkDecoder, type DiskLayout, type Extent, type ImageFile } from './layout';
import { Tables, u64be } from './tables';

/**
 * qcow2, versions 2 and 3, as https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt
 * has it: a table of tables (L1) of entries (L2), each of which says where a cluster is.
 */

const FORMAT = 'qcow2';
const SHORTEST_HEADER = 72;
const SHORTEST_HEADER_V3 = 104;
/** As in qemu: a table of 32 MiB is enough for 2 EiB in clusters of 64 KiB. */
const MOST_L1_ENTRIES = 32 * 1024 * 1024 / 8;
const SUBCLUSTERS = 32;

/** Incompatible features. */
const DIRTY = 1;
const CORRUPT = 2;
const EXTERNAL_DATA = 4;
const COMPRESSION_TYPE = 8;
const EXTENDED_L2 = 16;

/** Where an entry of either table points to: bits 9 to 55. */
const HIGH_OFFSET_BITS = 0x00ff_ffff;
const LOW_OFFSET_BITS = 0xffff_fe00;
/** Of an L2 entry's high half. */
const COMPRESSED = 0x4000_0000;
/** Of its low half. */
const ZERO = 1;

export async function openQcow2(file: ImageFile): Promise<DiskLayout> {
  const tables = new Tables(FORMAT, file);
  if (file.size < SHORTEST_HEADER) { damaged(FORMAT, 'its header is cut off'); }
  const start = await tables.bytes('the header', 0, SHORTEST_HEADER);
  const version = start.readUInt32BE(4);
  if (version === 1) { refuse('is in the format qcow1, which is not supported; convert it with: qemu-img convert -O qcow2'); }
  if (version !== 2 && version !== 3) { refuse(`is in version ${version} of qcow2, but only versions 2 and 3 are supported; convert it with: qemu-img convert -O qcow2`); }

  const clusterBits = start.readUInt32BE(20);
  const features = version === 3 ? await featuresOf(tables, clusterBits) : { flags: 0, zstd: false };
  if (start.readUInt32BE(32) !== 0) { refuse('is an encrypted qcow2 image; decrypt it first, with qemu-img convert, which takes the passphrase as --object secret'); }
  if (u64be(start, 8) !== 0) { refuse('is a qcow2 image with a backing file, which holds a part of its data; join them first, with: qemu-img convert -O qcow2'); }
  if (start.readUInt32BE(60) !== 0) {
    refuse('is a qcow2 image with snapshots inside; delete them with qemu-img snapshot -d, or leave them out with: qemu-img convert -O qcow2');
  }
  if (!(clusterBits >= 9 && clusterBits <= 21)) { damaged(FORMAT, `its clusters have 2^${clusterBits} bytes, where only 2^9 to 2^21 are allowed`); }

  const size = u64be(start, 24);
  if (size % 512 !== 0 || size > MOST_DISK_BYTES) { damaged(FORMAT, `it claims to be a disk of ${size} bytes`); }
  const clusterSize = 2 ** clusterBits;
  const extended = (features.flags & EXTENDED_L2) !== 0;
  if (extended && clusterBits < 14) { damaged(FORMAT, `it has subclusters in clusters of ${clusterSize} bytes`); }
  const l1Entries = start.readUInt32BE(36);
  const l1Offset = u64be(start, 40);
  const entrySize = extended ? 16 : 8;
  const perTable = clusterSize / entrySize;
  const needed = Math.ceil(size / clusterSize / perTable);
  if (l1Entries > MOST_L1_ENTRIES || l1Entries < needed) { damaged(FORMAT, `its L1 table has ${l1Entries} entries, where ${needed} are needed`); }
  if (l1Offset % clusterSize !== 0 || (needed > 0 && l1Offset === 0)) { damaged(FORMAT, `its L1 table lies at byte ${l1Offset}`); }
  if (l1Offset + l1Entries * 8 > file.size) { outside(FORMAT, 'the L1 table', l1Offset, file.size); }

  return new Qcow2(tables, {
    size,
    clusterBits,
    clusterSize,
    perTable,
    extended,
    l1Offset,
    l1Entries,
    zeroClusters: version === 3,
    decode: features.zstd ? zstdDecoder(FORMAT) : deflateDecoder,
  });
}

async function featuresOf(tables: Tables, clusterBits: number): Promise<{ readonly flags: number; readonly zstd: boolean }> {
  if (tables.file.size < SHORTEST_HEADER_V3) { damaged(FORMAT, 'its header is cut off'); }
  const header = await tables.bytes('the header', 0, SHORTEST_HEADER_V3);
  const flags = header.readUInt32BE(76);
  const length = header.readUInt32BE(100);
  if (length < SHORTEST_HEADER_V3 || length % 8 !== 0 || length > 2 ** Math.min(clusterBits, 21)) { damaged(FORMAT, `its header has ${length} bytes`); }
  if (flags & DIRTY) { refuse('is a qcow2 image that was not closed properly, or is in use; stop what uses it, and repair it with: qemu-img check -r all'); }
  if (flags & CORRUPT) { refuse('is a qcow2 image that is marked as corrupt; repair it with: qemu-img check -r all'); }
  if (flags & EXTERNAL_DATA) { refuse('is a qcow2 image whose data is in another file; join them first, with: qemu-img convert -O qcow2'); }
  const known = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2;
  const unknown = header.readUInt32BE(72) !== 0 || (flags & ~known) !== 0;
  if (unknown) {
    const isSet = (bit: number) => (header.readUInt32BE(bit < 32 ? 76 : 72) >>> bit % 32) % 2 === 1;
    const bits = Array.from({ length: 64 }, (_, bit) => bit).filter(bit => bit > 4 && isSet(bit));
    refuse(`is a qcow2 image with features that are not supported (incompatible feature bits ${bits.join(', ')}); convert it with: qemu-img convert -O qcow2`);
  }
  if (!(flags & COMPRESSION_TYPE)) { return { flags, zstd: false }; }
  const type = length > SHORTEST_HEADER_V3 ? (await tables.bytes('the header', SHORTEST_HEADER_V3, 1))[0] : 0;
  if (type > 1) { refuse(`is a qcow2 image with compression type ${type}, but only zlib and zstd are supported; convert it with: qemu-img convert -O qcow2`); }
  return { flags, zstd: type === 1 };
}

interface Geometry {
  readonly size: number;
  readonly clusterBits: number;
  readonly clusterSize: number;
  /** Entries of an L2 table. */
  readonly perTable: number;
  /** Entries have a bitmap for the parts of a cluster. */
  readonly extended: boolean;
  readonly l1Offset: number;
  readonly l1Entries: number;
  /** Version 2 has none. */
  readonly zeroClusters: boolean;
  /** Decompresses a cluster. */
  readonly decode: ChunkDecoder;
}

class Qcow2 implements DiskLayout {
  public readonly format = FORMAT;
  public readonly size: number;

  constructor(private readonly tables: Tables, private readonly geometry: Geometry) {
    this.size = geometry.size;
  }

  public async extents(from: number, to: number): Promise<Extent[]> {
    const { clusterSize, perTable } = this.geometry;
    const extents = new Extents(FORMAT, this.tables.file.size, from, to);
    const tableBytes = clusterSize * perTable;
    for (let at = from; at < to;) {
      const l1Index = Math.floor(at / tableBytes);
      const end = Math.min(to, (l1Index + 1) * tableBytes);
      await this.ofTable(extents, l1Index, Math.floor(at / clusterSize), Math.ceil(end / clusterSize));
      at = end;
    }
    return extents.all;
  }

  /** Clusters from `first` to before `end`, which all have their entries in one L2 table. */
  private async ofTable(extents: Extents, l1Index: number, first: number, end: number): Promise<void> {
    const { clusterSize, perTable, extended, l1Offset, l1Entries } = this.geometry;
    const l2Offset = offsetIn(await this.tables.bytes('an entry of the L1 table', l1Offset + l1Index * 8, 8), 0);
    if (l2Offset === 0) { return extents.zeros(first * clusterSize, (end - first) * clusterSize); }
    if (l2Offset % clusterSize !== 0) { damaged(FORMAT, `an L2 table lies at byte ${l2Offset}, in the middle of a cluster`); }
    if (l2Offset < l1Offset + l1Entries * 8 && l2Offset + clusterSize > l1Offset) { damaged(FORMAT, 'its L1 table and an L2 table overlap'); }

    const entrySize = extended ? 16 : 8;
    const entries = await this.tables.bytes('an L2 table', l2Offset + (first % perTable) * entrySize, (end - first) * entrySize);
    for (let cluster = first; cluster < end; cluster++) {
      this.addCluster(extents, cluster * clusterSize, entries, (cluster - first) * entrySize, l2Offset);
    }
  }

  private addCluster(extents: Extents, at: number, entries: Buffer, entry: number, l2Offset: number): void {
    const { clusterSize, extended, zeroClusters, decode } = this.geometry;
    if (entries.readUInt32BE(entry) & COMPRESSED) {
      const [offset, length] = this.compressed(entries, entry);
      return extents.chunk(at, clusterSize, offset, length, decode);
    }
    const offset = offsetIn(entries, entry);
    if (offset % clusterSize !== 0) { damaged(FORMAT, `the cluster at byte ${at} of the disk lies at byte ${offset}, in the middle of another`); }
    if (offset !== 0) { this.refuseTable(offset, l2Offset); }
    if (extended) { return this.addSubclusters(extents, at, offset, entries.readUInt32BE(entry + 8), entries.readUInt32BE(entry + 12)); }
    if (entries.readUInt32BE(entry + 4) & ZERO) {
      if (!zeroClusters) { damaged(FORMAT, `the cluster at byte ${at} of the disk is marked as zeros, which version 2 does not know`); }
      return extents.zeros(at, clusterSize);
    }
    return offset === 0 ? extents.zeros(at, clusterSize) : extents.data(at, clusterSize, offset);
  }

  /** Offset and length: the upper bits of the entry count further sectors of 512 bytes. */
  private compressed(entries: Buffer, entry: number): [number, number] {
    const value = entries.readBigUInt64BE(entry);
    const offsetBits = BigInt(62 - (this.geometry.clusterBits - 8));
    const offset = Number(value & ((1n << offsetBits) - 1n));
    const sectors = Number((value & ((1n << 62n) - 1n)) >> offsetBits) + 1;
    return [offset, sectors * 512 - offset % 512];
  }

  private addSubclusters(extents: Extents, at: number, offset: number, zero: number, allocated: number): void {
    if ((zero & allocated) !== 0 || (offset === 0 && allocated !== 0)) {
      damaged(FORMAT, `the subclusters at byte ${at} of the disk are marked as both data and none`);
    }
    const length = this.geometry.clusterSize / SUBCLUSTERS;
    for (let i = 0; i < SUBCLUSTERS; i++) {
      const start = i * length;
      if ((allocated >>> i) % 2 === 1) { extents.data(at + start, length, offset + start); } else { extents.zeros(at + start, length); }
    }
  }

  /** Data cannot lie where the tables are that led to it. */
  private refuseTable(offset: number, l2Offset: number): void {
    const { clusterSize, l1Offset, l1Entries } = this.geometry;
    if (offset === l2Offset || (offset < l1Offset + l1Entries * 8 && offset + clusterSize > l1Offset)) { damaged(FORMAT, 'its data and its tables overlap'); }
  }
}

function offsetIn(entries: Buffer, at: number): number {
  // `>>> 0`: bitwise operations yield signed numbers.
  return (entries.readUInt32BE(at) & HIGH_OFFSET_BITS) * 2 ** 32 + ((entries.readUInt32BE(at + 4) & LOW_OFFSET_BITS) >>> 0);
}
