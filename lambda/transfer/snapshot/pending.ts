import { RefusedForNow, saidBy } from '../../shared/errors';

/**
 * Minutes without a block after which EBS gives up the snapshot, so that it does not stay pending if nothing else can remove it. An import may
 * be silent for all of its time and go on then: Lambda may have no free concurrency for its workers, and nothing but zeros that are left out,
 * or blocks that a parent has, may come for long.
 */
export const INACTIVITY_MINUTES = 60;
/** Three days, the most that EBS allows. */
export const BACKGROUND_INACTIVITY_MINUTES = 4_320;

/** The error for a snapshot that EC2 does not delete because it is pending. */
export class SnapshotPending extends RefusedForNow {
  constructor(snapshotId: string, refusal: unknown) {
    super(`snapshot ${snapshotId} cannot be deleted while it is pending (${saidBy(refusal)}); EBS gives it up ${INACTIVITY_MINUTES} minutes after its last block, `
      + `or ${BACKGROUND_INACTIVITY_MINUTES / 1_440} days with 'waitForCompletion: false'; delete it then`);
  }
}
