/**
 * How much of a snapshot is read back, and compared with what was written.
 */
export enum Verification {
  /** Nothing. EBS itself checks the SHA-256 of each block that it takes, and of all of them together. */
  NONE = 'NONE',
  /**
   * That exactly the blocks that were written exist, and the content of one percent of them, at least 64.
   * It takes until EBS lets the snapshot be read, which can be a minute, and some seconds more.
   */
  SAMPLE = 'SAMPLE',
  /** That exactly the blocks that were written exist, and the content of each. It takes as long as writing them. */
  FULL = 'FULL',
}

/**
 * What becomes of blocks that hold nothing but zeros.
 */
export enum ZeroBlocks {
  /** They are written, like all others. */
  WRITE = 'WRITE',
  /**
   * They are left out, which is cheaper and faster. Never of an encrypted snapshot: what was left out of it reads as
   * random data. Where the account encrypts by default, the deployment fails.
   */
  OMIT = 'OMIT',
}
