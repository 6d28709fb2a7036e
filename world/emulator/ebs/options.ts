import type { SnapshotStatus } from '../ec2';
import type { Quota } from './quotas';

/** All times in milliseconds of the clock. */
export interface EbsOptions {
  /** How long after StartSnapshot some servers do not know the snapshot yet; up to two minutes in reality. @default 5,000 */
  readonly startWindow?: number;
  /** The part of the calls that reach such a server, 0 to 1. @default 0.5 */
  readonly startMisses?: number;
  /** Which calls these are. @default 0: the first of every snapshot is one */
  readonly seed?: number;
  /** From CompleteSnapshot to the final state. @default 8,000 */
  readonly completionDelay?: number;
  /** From `completed` in EC2 until blocks can be listed and got. @default 20,000 */
  readonly readDelay?: number;
  /** Whether ListSnapshotBlocks and ListChangedBlocks answer a first request with an empty page and a token, as it may. @default false */
  readonly emptyPages?: boolean;
  /** Milliseconds that ListChangedBlocks takes for a page. @default 0 */
  readonly listingTime?: number;
  /** Other quotas than the default ones; Infinity switches one off. */
  readonly quotas?: Partial<Record<Quota, number>>;
  /** Multiplies all quotas; Infinity switches all off. @default 1 */
  readonly quotaFactor?: number;
  /** Seconds of calls that a quota allows at once after a pause. @default 1 */
  readonly quotaSeconds?: number;
  /** False keeps only the digests of blocks, so that nothing but zeros can be read. @default true */
  readonly keepData?: boolean;
  /** Whether EBS believes the checksum that comes with a block: a simulation has no time to hash each. @default false */
  readonly trustChecksums?: boolean;
  /**
   * What a second CompleteSnapshot gets. No source settles it, and a client must live with both.
   * @default 'refused'
   */
  readonly completeAgain?: 'refused' | 'answered';
  /**
   * The value of ec2:CreateAction when StartSnapshot's tags are authorized. The service reference lists none,
   * and policies that want one were seen denied. @default - none
   */
  readonly createAction?: string;
}

/** What tests may know of a snapshot. */
export interface SnapshotView extends SnapshotStatus {
  readonly snapshotId: string;
  readonly parentSnapshotId: string | undefined;
  readonly volumeSize: number;
  readonly kmsKeyId: string | undefined;
  readonly tags: Record<string, string>;
  /** Successful calls of PutSnapshotBlock. */
  readonly putCount: number;
  /** Indexes of the blocks written to this very snapshot, in order. */
  readonly writtenIndexes: number[];
  /** Those, and the blocks of its ancestors. */
  readonly presentIndexes: readonly number[];
}

export const DEFAULTS = {
  startWindow: 5_000,
  startMisses: 0.5,
  seed: 0,
  completionDelay: 8_000,
  readDelay: 20_000,
  quotas: {} as Partial<Record<Quota, number>>,
  quotaFactor: 1,
  keepData: true,
  completeAgain: 'refused' as 'refused' | 'answered',
};
