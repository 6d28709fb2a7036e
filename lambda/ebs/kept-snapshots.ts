import { isOfStack } from './completion';
import type { Images } from './images';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import { log } from '../shared/log';
import { type State, stateOf, stateTag } from '../shared/state-tag';
import type { TransferStore } from '../transfer/bucket/store';
import { condemnIfUsed } from '../transfer/parent/use';
import { SnapshotInUse, type Snapshot, type Snapshots } from '../transfer/snapshot/snapshots';

/** How long EC2 may refuse to delete a snapshot after its image was deregistered. */
const RELEASED_AFTER_MILLISECONDS = 120_000;

/** Snapshots that CloudFormation has deleted, but that images use which `retainPrevious` keeps. They are deleted when no image uses them. */
export class KeptSnapshots {
  /** `store`: where records of snapshots are; undefined if the stack has no such place. */
  constructor(private readonly aws: { readonly images: Images; readonly snapshots: Snapshots; readonly store: TransferStore | undefined }) {}

  /**
   * Keeps a snapshot that EC2 refused to delete, if images that are kept use it; throws `refusal` if others do.
   * Returns false while EC2 is still releasing it. `since`: when the deletion began, in milliseconds since 1970.
   */
  public async keep(refusal: SnapshotInUse, stackId: string, since: number): Promise<boolean> {
    const { snapshotId } = refusal;
    const users = await this.aws.images.using([snapshotId]);
    if (users.length === 0 && Date.now() < since + RELEASED_AFTER_MILLISECONDS) { return false; }
    const isKept = users.some(image => isOfStack(stackId, image) && stateOf(image.tags) === 'retained');
    if (!isKept) { throw refusal; }
    await this.aws.snapshots.tag(snapshotId, [stateTag('retained')]);
    log({ event: 'kept the snapshot of an image that is kept', snapshotId });
    return true;
  }

  /** Deletes the kept snapshots of a stack that no image uses. Returns false while EC2 is still releasing some of them. */
  public async removeUnused(stackId: string): Promise<boolean> {
    const kept = await this.keptOf(stackId);
    const used = new Set((await this.aws.images.using(kept.map(({ id }) => id))).flatMap(({ snapshotIds }) => snapshotIds));
    let all = true;
    for (const snapshot of kept.filter(each => !used.has(each.id))) {
      // An import that uses it as its parent deletes it in the end.
      if (await condemnIfUsed(this.aws, snapshot)) { continue; }
      all = await this.remove(snapshot) && all;
    }
    return all;
  }

  private async keptOf(stackId: string): Promise<Snapshot[]> {
    // A parent that an image used when its last child ended is left condemned.
    const states: readonly State[] = ['retained', 'condemned'];
    const found = await Promise.all(states.map(state =>
      this.aws.snapshots.findTagged({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.state]: state })));
    return found.flat();
  }

  /** Returns false if EC2 refuses, because it is still releasing the snapshot. */
  private async remove({ id }: Snapshot): Promise<boolean> {
    try {
      await this.aws.snapshots.delete(id);
    } catch (error) {
      if (!(error instanceof SnapshotInUse)) { throw error; }
      return false;
    }
    await this.aws.store?.remove(id);
    log({ event: 'deleted a snapshot that was kept', snapshotId: id });
    return true;
  }
}
