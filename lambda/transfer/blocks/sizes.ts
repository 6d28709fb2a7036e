/** The only size of a block that the EBS direct APIs know. */
export const BLOCK_SIZE = 512 * 1024;
export const GIB = 1024 ** 3;
/** The largest volume that there is. */
export const MOST_GIB = 65_536;

export function blocksOf(size: number): number {
  return Math.ceil(size / BLOCK_SIZE);
}
