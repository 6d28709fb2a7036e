import { BLOCK_SIZE } from '../blocks/sizes';
import type { Disk } from '../image/disk';

/** Blocks that one GET brings at most: 4 MiB. */
const PART_BLOCKS = 8;
export const PART_BYTES = PART_BLOCKS * BLOCK_SIZE;

/** Consecutive blocks of a range, which one GET brings. */
export type Part = readonly number[];

/** Divides the missing blocks of a range into parts. */
export function partsOf(missing: readonly number[]): Part[] {
  const parts: number[][] = [];
  for (const i of missing) {
    const last = parts.at(-1);
    if (last?.at(-1) === i - 1 && i % PART_BLOCKS > 0) { last.push(i); } else { parts.push([i]); }
  }
  return parts;
}

/** Takes a block of a range. The bytes are valid until the promise is settled; a rejection is not handled. */
export type TakeBlock = (i: number, block: Buffer) => Promise<unknown>;

/** Reads parts of a range from the disk. */
export class PartReader {
  /**
   * @param diskSize Bytes of the disk; the largest possible size if the disk is a stream.
   * @param end Returns the number of blocks in the range that have to be copied, which a stream may reveal only when it was read.
   */
  constructor(
    private readonly disk: Disk, private readonly diskSize: number, private readonly firstBlock: number, private readonly end: () => number,
  ) {}

  /**
   * Passes each block to `take` as soon as it has arrived, because it is still in the processor's cache then. Returns when
   * all of them have been taken, even if the reading failed, because the next part may use the same buffer.
   */
  public async read(part: Part, buffer: Buffer, take: TakeBlock): Promise<void> {
    const [start] = part;
    const offset = (this.firstBlock + start) * BLOCK_SIZE;
    const length = Math.max(0, Math.min(part.length * BLOCK_SIZE, this.diskSize - offset));
    const taken: Promise<unknown>[] = [];
    const takeArrived = (bytes: number) => {
      while (taken.length < part.length && (taken.length + 1) * BLOCK_SIZE <= bytes) {
        const at = taken.length * BLOCK_SIZE;
        taken.push(take(part[taken.length], buffer.subarray(at, at + BLOCK_SIZE)));
      }
    };
    try {
      if (length > 0) { await this.disk.read(offset, buffer.subarray(0, length), takeArrived); }
      // The image's last block is filled up with zeros, because the buffer was used before.
      buffer.fill(0, length);
      takeArrived(Math.min(part.length, this.end() - start) * BLOCK_SIZE);
    } finally {
      await Promise.all(taken);
    }
  }
}
