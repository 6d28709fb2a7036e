import type { BlockSet } from '../blocks/block-set';
import { BLOCK_SIZE, blocksOf } from '../blocks/sizes';

/**
 * How a qcow2 image (version 3) begins whose clusters are the blocks that a snapshot has, one behind the other in their order. In
 * clusters: header, table of refcount blocks, refcount blocks, L1 table, those L2 tables that have an entry. The data follows.
 */

const CLUSTER = BLOCK_SIZE;
const CLUSTER_BITS = Math.log2(CLUSTER);
const ENTRY = 8;
/** Entries of an L2 table: 32 GiB of the disk. */
const PER_TABLE = CLUSTER / ENTRY;
/** Of 16 bits each, as everywhere. */
const PER_REFCOUNT_BLOCK = CLUSTER / 2;
/** Of an entry of either table: what it points to is used once. */
const USED_ONCE = 0x8000_0000;

export class Qcow2Prelude {
  private readonly tables: number[];
  /** In clusters. */
  private readonly refcountBlocks: number;
  private readonly refcountTable: number;
  private readonly l1: number;
  private readonly clusters: number;
  private readonly dataClusters: number;

  constructor(private readonly volumeBlocks: number, private readonly present: BlockSet) {
    const tables = Math.ceil(volumeBlocks / PER_TABLE);
    this.tables = Array.from({ length: tables }, (_, i) => i).filter(i => present.count(i * PER_TABLE, (i + 1) * PER_TABLE) > 0);
    this.l1 = blocksOf(tables * ENTRY);
    this.dataClusters = present.count();
    // Refcount blocks count themselves, too.
    let [blocks, table] = [0, 0];
    for (let all = 0; all === 0 || blocks * PER_REFCOUNT_BLOCK < all;) {
      blocks++;
      table = blocksOf(blocks * ENTRY);
      all = 1 + table + blocks + this.l1 + this.tables.length + this.dataClusters;
    }
    [this.refcountBlocks, this.refcountTable] = [blocks, table];
    this.clusters = 1 + table + blocks + this.l1 + this.tables.length;
  }

  /** Bytes before the data. */
  public get size(): number {
    return this.clusters * CLUSTER;
  }

  /** Cluster by cluster: of a large volume, they are too many for the memory. */
  public* pieces(): Generator<Buffer> {
    const refcountBlocksAt = 1 + this.refcountTable;
    const l1At = refcountBlocksAt + this.refcountBlocks;
    yield this.header(l1At);
    yield pointers(this.refcountTable, range(this.refcountBlocks, i => [i, refcountBlocksAt + i, 0]));
    const all = this.clusters + this.dataClusters;
    for (let i = 0; i < this.refcountBlocks; i++) {
      const used = Math.min(PER_REFCOUNT_BLOCK, all - i * PER_REFCOUNT_BLOCK);
      const refcounts = Buffer.alloc(CLUSTER);
      for (let n = 0; n < used; n++) { refcounts[n * 2 + 1] = 1; }
      yield refcounts;
    }
    yield pointers(this.l1, this.tables.map((table, i) => [table, l1At + this.l1 + i, USED_ONCE]));
    const members = this.present.members();
    let next = members.next();
    for (let data = this.clusters; !next.done;) {
      const first = next.value - next.value % PER_TABLE;
      const entries: Pointer[] = [];
      for (; !next.done && next.value < first + PER_TABLE; next = members.next()) { entries.push([next.value - first, data++, USED_ONCE]); }
      yield pointers(1, entries);
    }
  }

  private header(l1At: number): Buffer {
    const header = Buffer.alloc(CLUSTER);
    header.write('QFI\xfb', 0, 'latin1');
    header.writeUInt32BE(3, 4);
    header.writeUInt32BE(CLUSTER_BITS, 20);
    header.writeBigUInt64BE(BigInt(this.volumeBlocks) * BigInt(BLOCK_SIZE), 24);
    header.writeUInt32BE(Math.ceil(this.volumeBlocks / PER_TABLE), 36);
    header.writeBigUInt64BE(BigInt(l1At) * BigInt(CLUSTER), 40);
    header.writeBigUInt64BE(BigInt(CLUSTER), 48);
    header.writeUInt32BE(this.refcountTable, 56);
    // Refcounts of 2⁴ bits; its own length; no extensions behind it.
    header.writeUInt32BE(4, 96);
    header.writeUInt32BE(104, 100);
    return header;
  }
}

/** Where in the table, to which cluster, and what bits before that. */
type Pointer = readonly [index: number, cluster: number, flags: number];

function pointers(clusters: number, entries: readonly Pointer[]): Buffer {
  const table = Buffer.alloc(clusters * CLUSTER);
  for (const [index, cluster, flags] of entries) {
    const offset = cluster * CLUSTER;
    table.writeUInt32BE(Math.floor(offset / 2 ** 32) + flags, index * ENTRY);
    table.writeUInt32BE(offset % 2 ** 32, index * ENTRY + 4);
  }
  return table;
}

function range<T>(count: number, of: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => of(i));
}
