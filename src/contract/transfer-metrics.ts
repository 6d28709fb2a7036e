/** What CloudWatch is told of each range that was copied, beside what `IMPORT_METRICS` says of the whole import. */
export const TRANSFER_METRICS = {
  /** Of the image, zero blocks that were left out included. */
  bytes: 'BytesCopied',
  /** Blocks that EBS took. */
  blocks: 'BlocksWritten',
  rate: 'PutsPerSecond',
  /** Puts that were refused and repeated, by cause. */
  throttles: 'Throttles',
  notVisible: 'RetriesNotYetVisible',
  connections: 'RetriesBrokenConnection',
  others: 'RetriesServerError',
} as const;
