const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) { n = n & 1 ? (n >>> 1) ^ 0x82f6_3b78 : n >>> 1; }
  return n;
});

/** Castagnoli's, which zlib's `crc32` is not. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) { crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8); }
  return ~crc >>> 0;
}
