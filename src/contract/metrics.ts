/** Metrics of an import, written when it ends. */
export const IMPORT_METRICS = {
  namespace: 'cdk-durable-storage',
  /** Its value is the owner tag of the import: name of the root stack and logical ids. */
  dimension: 'Import',
  succeeded: 'ImportsSucceeded',
  failed: 'ImportsFailed',
  duration: 'ImportDuration',
} as const;

/** Metrics of each range that was copied, in the same namespace and dimension. */
export const TRANSFER_METRICS = {
  /** Bytes of the image, including zero blocks that were left out. */
  bytes: 'BytesCopied',
  /** Blocks that EBS has stored. */
  blocks: 'BlocksWritten',
  rate: 'PutsPerSecond',
  /** Puts that were repeated, by cause. */
  throttles: 'Throttles',
  notVisible: 'RetriesNotYetVisible',
  connections: 'RetriesBrokenConnection',
  others: 'RetriesServerError',
} as const;
