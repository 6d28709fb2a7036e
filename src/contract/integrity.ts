/** How an import treats zeros, and how it proves what it wrote; a part of the input of an execution, and of its plan. */
export interface IntegrityOptions {
  /** Blocks of zeros are not put. Absent: they are. */
  readonly zeroBlocks?: 'OMIT';
  /** How much is read back. Absent: nothing. */
  readonly verify?: 'SAMPLE' | 'FULL';
}

/** The input of `verify`: one batch of the ranges of one transfer. */
export interface VerifyInput {
  readonly snapshotId: string;
  readonly n: number;
  /** Blocks of the disk below this one are verified, or belong to other batches; 0 at first. */
  readonly from: number;
}

/** What `verify` answers. `done: false`: it came near its deadline, and wants to be invoked again with this very answer. */
export interface VerifyResult extends VerifyInput {
  readonly done: boolean;
}
