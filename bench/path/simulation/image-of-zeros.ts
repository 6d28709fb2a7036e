/** The most that a transfer function reads of an image at once. */
const LARGEST_READ = 4 * 1024 * 1024;
/** What any later part of the image reads as, wherever in it a read begins. */
export const ZEROS = Buffer.alloc(2 * LARGEST_READ);

/** The content of an image that holds nothing but a boot signature, of whatever size: AWS takes as long for zeros as for other bytes. */
export function imageOfZeros(size: number): { readonly size: number; read(start: number, end: number): Promise<Buffer> } {
  const first = Buffer.alloc(ZEROS.length);
  first.set([0x55, 0xaa], 510);
  return { size, read: async (start, end) => (start < LARGEST_READ ? first : ZEROS).subarray(start % LARGEST_READ).subarray(0, end - start) };
}
