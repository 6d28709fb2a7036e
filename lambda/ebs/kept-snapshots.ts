import { isOfStack } from './completion';
import type { Image, Images } from './images';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import { log } from '../shared/log';
import type { Stacks } from '../shared/stacks';
import type { LeftState } from '../transfer/bucket/creation-record';
import type { TransferStore } from '../transfer/bucket/store';
import { condemnIfUsed, markLeft, ParentInUse } from '../transfer/parent/use';
import { SnapshotInUse, type Snapshot, type Snapshots } from '../transfer/snapshot/snapshots';

/** How long EC2 may refuse to delete a snapshot after its image was deregistered. */
const RELEASED_AFTER_MILLISECONDS = 120_000;

/** Snapshots that CloudFormation has deleted, but that were in use: by images, or by imports of other stacks. They are deleted when nothing uses them. */
export class KeptSnapshots {
  /** `store`: where records of snapshots are; undefined if the stack has no such place. */
  constructor(private readonly aws: {
    readonly images: Images; readonly snapshots: Snapshots; readonly stacks: Stacks; readonly store: TransferStore | undefined;
  }) {}

  /**
   * Keeps a snapshot that EC2 refused to delete, if images of this stack use it. Throws `refusal` if others do: the snapshot is marked then,
   * so that a later deletion of this stack removes it. Returns false while EC2 is still releasing it. `since`: when the deletion began, in milliseconds since 1970.
   */
  public async keep(refusal: SnapshotInUse, stackId: string, since: number): Promise<boolean> {
    const { snapshotId } = refusal;
    const users = await this.aws.images.using([snapshotId]);
    if (users.length === 0 && Date.now() < since + RELEASED_AFTER_MILLISECONDS) { return false; }
    const { snapshots, store } = this.aws;
    const isKept = store !== undefined && await anyOf(users.map(image => this.isOwnImage(image, stackId, store)));
    const snapshot = await snapshots.find(snapshotId);
    if (snapshot && store) { await markLeft({ snapshots, store }, snapshot, isKept ? 'retained' : 'used'); }
    if (!isKept) { throw refusal; }
    log({ event: 'kept the snapshot of an image of this stack', snapshotId });
    return true;
  }

  /** Deletes the snapshots that were left because they were in use, and that are unused now. Returns false while EC2 is still releasing some of them. */
  public async removeUnused(stackId: string): Promise<boolean> {
    const kept = await this.keptOf(stackId);
    const used = new Set((await this.aws.images.using(kept.map(({ id }) => id))).flatMap(({ snapshotIds }) => snapshotIds));
    let all = true;
    for (const snapshot of kept.filter(each => !used.has(each.id))) {
      if (await this.isParent(snapshot)) { continue; }
      all = await this.remove(snapshot) && all;
    }
    await this.removeFilesOfDeleted(stackId);
    return all;
  }

  /** Removes the files of a snapshot that was left and is deleted: a step died before it could do so. The Delete of any other snapshot does. */
  private async removeFilesOfDeleted(stackId: string): Promise<void> {
    const { snapshots, store } = this.aws;
    if (store === undefined) { return; }
    const there = (await snapshots.findTagged({ [OWNERSHIP_TAGS.stackId]: stackId })).map(({ id }) => id);
    for (const id of (await store.snapshots()).filter(each => !there.includes(each))) {
      const wasLeft = (await store.creation(id))?.state !== undefined;
      if (wasLeft && await snapshots.find(id) === undefined) { await store.remove(id); }
    }
  }

  /** Whether an import uses a snapshot as its parent. One of this stack deletes it in the end. */
  private async isParent(snapshot: Snapshot): Promise<boolean> {
    try {
      return await condemnIfUsed({ ...this.aws, store: this.aws.store! }, snapshot);
    } catch (error) {
      if (error instanceof ParentInUse) { return true; }
      throw error;
    }
  }

  /** This library keeps it, or CloudFormation has retained it: the Delete of an image comes before the one of its snapshots. */
  private async isOwnImage(image: Image, stackId: string, store: TransferStore): Promise<boolean> {
    return isOfStack(stackId, image) && (await store.creation(image.id))?.stackId === stackId;
  }

  /** Without records, nothing proves that a handler has left a snapshot. */
  private async keptOf(stackId: string): Promise<Snapshot[]> {
    const { snapshots, store } = this.aws;
    if (store === undefined) { return []; }
    // A parent that an image used when its last child ended is left condemned.
    const states: readonly LeftState[] = ['retained', 'condemned', 'used'];
    const found = await Promise.all(states.map(async state => {
      const tagged = await snapshots.findTagged({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.state]: state });
      const records = await Promise.all(tagged.map(({ id }) => store.creation(id)));
      return tagged.filter((_, i) => records[i]?.stackId === stackId && records[i]!.state !== undefined);
    }));
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

async function anyOf(answers: readonly Promise<boolean>[]): Promise<boolean> {
  return (await Promise.all(answers)).includes(true);
}
