import type { Images } from './images';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import { log } from '../shared/log';
import { valueOf } from '../shared/ownership';
import { type State, stateOf, stateTag } from '../shared/state-tag';
import type { TransferStore } from '../transfer/bucket/store';
import { condemnIfUsed } from '../transfer/parent/use';
import { SnapshotInUse, type Snapshots } from '../transfer/snapshot/snapshots';

/** EC2 may hold a snapshot to be in use for a while after its image is gone. */
const RELEASED_AFTER_MILLISECONDS = 120_000;

/**
 * Snapshots that CloudFormation has deleted, but that belong to images that
 * `retainPrevious` keeps. They go when no image uses them any more.
 */
export class KeptSnapshots {
  constructor(private readonly aws: { readonly images: Images; readonly snapshots: Snapshots; readonly store: TransferStore }) {}

  /**
   * What DeleteSnapshot refused: leaves it to the images that keep it, or throws why it cannot go.
   * False: EC2 is still releasing it. `since`: when the deletion began.
   */
  public async keep(refusal: SnapshotInUse, stackId: string, since: number): Promise<boolean> {
    const { snapshotId } = refusal;
    const users = await this.aws.images.using([snapshotId]);
    if (users.length === 0 && Date.now() < since + RELEASED_AFTER_MILLISECONDS) { return false; }
    const keeps = users.some(({ tags }) =>
      valueOf(tags, OWNERSHIP_TAGS.stackId) === stackId && stateOf(tags) === 'retained');
    if (!keeps) { throw refusal; }
    await this.aws.snapshots.tag(snapshotId, [stateTag('retained')]);
    log({ event: 'kept the snapshot of an image that is kept', snapshotId });
    return true;
  }

  /** False: some are still being released. */
  public async removeUnused(stackId: string): Promise<boolean> {
    // A parent that an image used when its last child was done is left condemned.
    const kept = (await Promise.all((['retained', 'condemned'] satisfies State[]).map(state =>
      this.aws.snapshots.findTagged({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.state]: state })))).flat();
    const used = new Set((await this.aws.images.using(kept.map(({ id }) => id))).flatMap(({ snapshotIds }) => snapshotIds));
    let all = true;
    for (const snapshot of kept.filter(each => !used.has(each.id))) {
      const { id } = snapshot;
      // An import that runs goes on from it: then that one's end removes it.
      if (await condemnIfUsed(this.aws, snapshot)) { continue; }
      try {
        await this.aws.snapshots.delete(id);
        await this.aws.store.remove(id);
        log({ event: 'deleted a snapshot that was kept', snapshotId: id });
      } catch (error) {
        if (!(error instanceof SnapshotInUse)) { throw error; }
        all = false;
      }
    }
    return all;
  }
}
