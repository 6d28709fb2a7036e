/** The limits of an import that the user chose, and its deadline; a part of the input of an execution. */
export interface TransferLimits {
  /** Puts per second of all workers together. */
  readonly maxPutsPerSecond?: number;
  /** Number of ranges that may be copied at once. */
  readonly maxConcurrency?: number;
  /** When the import is given up, in milliseconds since 1970. Absent: only when Step Functions ends it. */
  readonly deadline?: number;
  /** CloudFormation does not wait for the end, so that it may take days. */
  readonly background?: boolean;
}

/** The longest that CloudFormation is kept waiting for a resource. It would wait for 60 minutes; the rest is for starting, sealing and completing. */
export const RESOURCE_MOST_MINUTES = 50;

/** The longest that an execution may take; Step Functions ends it then. Even the largest volume takes two days at full speed. */
export const TRANSFER_MOST_HOURS = 96;
