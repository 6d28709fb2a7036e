/** The only block size of the EBS direct APIs, in bytes. */
export const BLOCK_SIZE = 512 * 1024;
export const GIB = 1024 ** 3;
/** The size of the largest EBS volume, in GiB. */
export const MOST_GIB = 65_536;

export function blocksOf(size: number): number {
  return Math.ceil(size / BLOCK_SIZE);
}
