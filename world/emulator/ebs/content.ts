import { createCipheriv, createHash } from 'crypto';
import { firstAtLeast } from './pages';
import type { SnapshotStatus } from '../ec2';

export const BLOCK_SIZE = 524_288;
export const BLOCKS_PER_GIB = 2048;

const ZEROS = Buffer.alloc(BLOCK_SIZE);
const ZERO_DIGEST = createHash('sha256').update(ZEROS).digest('base64');

export interface Block {
  readonly digest: Buffer;
  /** Undefined where only digests are kept. */
  readonly data: Buffer | undefined;
}

/** Blocks of the same content are one block, however often and wherever they are written. */
export class BlockStore {
  /** By digest; a block lives as long as a snapshot holds it. */
  private readonly blocks = new Map<string, WeakRef<Block>>();

  constructor(private readonly keepData: boolean) {}

  public keep(data: Buffer, digest: Buffer): Block {
    const name = digest.toString('base64');
    const known = this.blocks.get(name)?.deref();
    if (known) { return known; }
    // A copy, because a simulated process uses its buffer again.
    const block: Block = { digest, data: name === ZERO_DIGEST ? ZEROS : this.keepData ? Buffer.from(data) : undefined };
    this.blocks.set(name, new WeakRef(block));
    return block;
  }
}

interface Seal {
  readonly completesAt: number;
  /** The EBS direct APIs see a snapshot later than EC2 calls it completed. */
  readonly readableAt: number;
  /** What turned out wrong with it, so that it ends in error. */
  readonly defect?: string;
}

/** What was put into a snapshot, and how far it is. */
export class Content {
  /** Blocks written to this snapshot itself. */
  public readonly written = new Map<number, Block>();
  public puts = 0;
  /** Calls that asked for the snapshot while the service was still spreading the news of it. */
  public earlyCalls = 0;
  public progress = 0;
  /** What the volume has where this snapshot has no block of its own. */
  public filler: Block | undefined;
  private seal: Seal | undefined;
  private failure: string | undefined;
  private sorted: number[] | undefined;
  private lastActivity: number;

  constructor(
    public readonly snapshotId: string,
    public readonly startedAt: number,
    public readonly volumeSize: number,
    public readonly encrypted: boolean,
    public readonly parent: Content | undefined,
    /** Milliseconds without a write after which the service gives up. */
    private readonly timeout: number,
  ) {
    this.lastActivity = startedAt;
  }

  public get blockCount(): number { return this.volumeSize * BLOCKS_PER_GIB; }
  public get isSealed(): boolean { return this.seal !== undefined; }

  /** The first snapshot of the lineage. */
  public get root(): Content {
    let root: Content = this;
    while (root.parent) { root = root.parent; }
    return root;
  }

  public status(now: number): SnapshotStatus {
    const error = (message: string): SnapshotStatus => ({ state: 'error', progress: this.progress, message });
    if (this.failure !== undefined) { return error(this.failure); }
    if (!this.seal) {
      return now < this.lastActivity + this.timeout ? { state: 'pending', progress: this.progress } : error('Snapshot timed out');
    }
    if (now < this.seal.completesAt) { return { state: 'pending', progress: this.progress }; }
    return this.seal.defect === undefined ? { state: 'completed', progress: 100 } : error(this.seal.defect);
  }

  public isReadable(now: number): boolean {
    return this.status(now).state === 'completed' && now >= this.seal!.readableAt;
  }

  public write(index: number, block: Block, now: number): void {
    this.written.set(index, block);
    this.puts++;
    this.lastActivity = now;
  }

  public complete(seal: Seal): void {
    this.seal = seal;
  }

  public fail(message: string): void {
    this.failure = message;
  }

  /** LINEAR: the digest of all raw digests of what was written, in the order of their blocks. */
  public linearChecksum(): string {
    const hash = createHash('sha256');
    for (const index of [...this.written.keys()].sort((a, b) => a - b)) { hash.update(this.written.get(index)!.digest); }
    return hash.digest('base64');
  }

  /** The block at an index, from this snapshot or the nearest ancestor that has it. */
  public find(index: number): { readonly block: Block; readonly writer: Content } | undefined {
    for (let writer: Content | undefined = this; writer; writer = writer.parent) {
      const block = writer.written.get(index) ?? (index < writer.blockCount ? writer.filler : undefined);
      if (block) { return { block, writer }; }
    }
    return undefined;
  }

  /** So many indexes that this snapshot and its ancestors have a block at, in order, from one on. */
  public indexesFrom(from: number, count: number): number[] {
    const sparse = this.indexes();
    const begin = firstAtLeast(sparse, Math.max(from, this.filled));
    const full = Array.from({ length: Math.max(0, Math.min(count, this.filled - from)) }, (_, i) => from + i);
    return [...full, ...sparse.slice(begin, begin + count - full.length)];
  }

  /** Number of blocks at the start of the volume that are there without having been written one by one. */
  private get filled(): number {
    return Math.max(this.filler ? this.blockCount : 0, this.parent?.filled ?? 0);
  }

  /** All indexes that this snapshot and its ancestors have a written block at, in order; only asked of what is complete. */
  public indexes(): readonly number[] {
    this.sorted ??= [...new Set([...this.written.keys(), ...(this.parent?.indexes() ?? [])])].sort((a, b) => a - b);
    return this.sorted;
  }

  /** What a volume made of the snapshot holds at an index: where no block is, zeros, or random data if it is encrypted. */
  public read(index: number): Buffer {
    const found = this.find(index);
    if (!found) { return this.encrypted ? noise(`${this.snapshotId} ${index}`) : ZEROS; }
    if (!found.block.data) { throw new Error('the emulator was told to keep only the digests of blocks'); }
    return found.block.data;
  }
}

function noise(seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(ZEROS);
}
