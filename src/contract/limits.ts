/** How fast an import may be, as the user chose, and when it is given up; a part of the input of an execution. */
export interface TransferLimits {
  /** The budget that all its workers share. */
  readonly maxPutsPerSecond?: number;
  /** How many ranges may be copied at once. */
  readonly maxConcurrency?: number;
  /** When it is given up, in milliseconds since 1970. Absent: only when Step Functions ends it. */
  readonly deadline?: number;
}

/** Longest of all: even the largest volume, at all speed, takes two days. Step Functions ends an execution then. */
export const TRANSFER_MOST_HOURS = 96;
