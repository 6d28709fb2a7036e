const CLUSTER = 65_536;
const ENTRIES = CLUSTER / 8;
/** The entry's cluster is used once. */
const COPIED = 1n << 63n;

/** A qcow2 image of that many GiB with one cluster of data at its start: little to store and to read, however large the disk is. */
export function sparseQcow2(gibibytes: number, data: Buffer): Buffer {
  const image = Buffer.alloc(4 * CLUSTER);
  const size = gibibytes * 2 ** 30;
  image.write('QFI\xfb', 'latin1');
  image.writeUInt32BE(2, 4);
  image.writeUInt32BE(16, 20);
  image.writeBigUInt64BE(BigInt(size), 24);
  image.writeUInt32BE(Math.ceil(size / CLUSTER / ENTRIES), 36);
  image.writeBigUInt64BE(BigInt(CLUSTER), 40);
  image.writeBigUInt64BE(COPIED | BigInt(2 * CLUSTER), CLUSTER);
  image.writeBigUInt64BE(COPIED | BigInt(3 * CLUSTER), 2 * CLUSTER);
  data.copy(image, 3 * CLUSTER, 0, CLUSTER);
  return image;
}
