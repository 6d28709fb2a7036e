import type { Lateness } from '../lateness';

export interface Ec2Options {
  /** Delays of listings. @default - none */
  readonly lateness?: Lateness;
  /** Whether Describe operations find a snapshot or an image by its id before filters find it. No source says for how long they may not. @default true */
  readonly youngById?: boolean;
  /**
   * Whether the account has so many resources that EC2 throttles a listing without ids and without MaxResults,
   * and answers one with filters by an empty page and a token first, as it may. @default false
   */
  readonly large?: boolean;
  /** What DeleteSnapshot does with a pending snapshot. No source settles it, and a client must live with both. @default 'deleted' */
  readonly pendingDeletion?: 'deleted' | 'refused';
}
