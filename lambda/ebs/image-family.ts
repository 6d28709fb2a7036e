import { isAllListed, mayBeInvisible } from './completion';
import { isProof } from './evidence';
import { deregister, type Image } from './images';
import type { ImageServices } from './services';
import { SERVICE_TIMEOUT_SECONDS } from '../../src/contract/answering';
import { MACHINE_IMAGE_TAGS } from '../../src/contract/machine-image';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import type { Direction } from '../shared/direction';
import { saidBy } from '../shared/errors';
import { log } from '../shared/log';
import { valueOf } from '../shared/ownership';
import type { Context } from '../shared/resource-lifecycle';
import { isHandedOut, stateOf, stateTag } from '../shared/state-tag';

/** When the AMI last became the current one of its resource, in milliseconds since 1970; 0 if never. */
export function currentSince({ tags }: Image): number {
  return Number(valueOf(tags, MACHINE_IMAGE_TAGS.currentSince) ?? 0);
}

/** The fate of an image that is no longer the current one of its resource. */
export interface Departure {
  /** Whether it is kept, as `retainPrevious` says; otherwise it is deregistered. */
  readonly keep: boolean;
  /** Images that were kept and have to go first, with all kept snapshots that no image uses then. Absent: nothing else has to go. */
  readonly superfluous?: readonly Image[];
}

/**
 * Decides the fate of `image`.
 *
 * CloudFormation deletes what an update replaced only after the update has succeeded, and that Delete looks like the one of a
 * rollback, or of the end of the stack. So the decision needs two facts: whether another image has become current since, and
 * where the operation leads.
 *
 * @param others the other images of the resource that were handed out, the latest first
 * @param way `deletion`: the resource or its stack goes
 */
export function departureOf(image: Image, others: readonly Image[], way: Direction | 'deletion'): Departure {
  const most = isReplaced(image, others) ? mostKept(others) : 0;
  if (way === 'unknown' && most > 0) { return { keep: true }; }
  // A rollback: deregister what the failed update registered, but keep an image that it only made current again.
  if (way === 'unknown' || way === 'back') { return { keep: stateOf(image.tags) === 'returned' }; }
  const keep = most > 0 && way === 'forward';
  return { keep, superfluous: others.filter(({ tags }) => stateOf(tags) === 'retained').slice(keep ? most - 1 : 0) };
}

/** Whether another image has become current since `image` did. */
function isReplaced(image: Image, [latest]: readonly Image[]): boolean {
  return latest !== undefined && currentSince(latest) > currentSince(image);
}

/** How many replaced images the current one keeps. */
function mostKept([latest]: readonly Image[]): number {
  return Number(valueOf(latest.tags, MACHINE_IMAGE_TAGS.retainPrevious) ?? 0);
}

/** The images that one resource has made: the current one, and replaced ones that are kept for launch templates and instance refreshes. */
export class ImageFamily {
  constructor(
    private readonly aws: ImageServices,
    private readonly resource: Pick<Context, 'stackId' | 'logicalId' | 'deletionBegan' | 'certainDirection'>,
  ) {}

  /** The time for an image that becomes current: later than that of all others, even if the clocks of functions differ. */
  public async now(): Promise<number> {
    return Math.max(Date.now(), ...(await this.all()).map(image => currentSince(image) + 1));
  }

  /** Keeps or deregisters an image that is no longer current. Has to be called again while the image is still there, because others may have to go first, or may not be listed yet. */
  public async leave(image: Image): Promise<void> {
    const others = (await this.recorded())
      .filter(other => other.id !== image.id && isHandedOut(other))
      .sort((a, b) => currentSince(b) - currentSince(a));
    // The image that replaced it just before may not be listed yet.
    if (!isReplaced(image, others) && !isAllListed(this.resource.deletionBegan)) { return; }
    const { keep, superfluous } = departureOf(image, others, await this.wayOf(image, others));
    if (superfluous && !await this.remove(superfluous)) { return; }
    await (keep ? this.retain(image) : deregister(this.aws, image.id));
  }

  /** Returns the images that have a record: copies with copied tags have none. A stack that keeps no predecessors needs no records. */
  private async recorded(): Promise<Image[]> {
    const all = await this.all();
    const records = await Promise.all(all.map(({ id }) => this.aws.store?.creation(id)));
    const left = all.filter((_, i) => !isProof(records[i], this.resource));
    for (const { id } of this.aws.store ? left : []) { log({ event: 'left an image alone that has only the tags of the resource', imageId: id }); }
    return all.filter(image => !left.includes(image));
  }

  private all(): Promise<Image[]> {
    const { stackId, logicalId } = this.resource;
    return this.aws.images.findTagged({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.logicalId]: logicalId });
  }

  /** Returns false while EC2 is still releasing their snapshots. */
  private async remove(superfluous: readonly Image[]): Promise<boolean> {
    for (const { id } of superfluous) {
      await deregister(this.aws, id);
      log({ event: 'deregistered an image that was kept', imageId: id });
    }
    await this.removeRecordsOfDeregistered();
    return this.aws.kept.removeUnused(this.resource.stackId);
  }

  /** A step that died after it had deregistered an image left its record. */
  private async removeRecordsOfDeregistered(): Promise<void> {
    const { images, store } = this.aws;
    if (store === undefined) { return; }
    const there = (await this.all()).map(({ id }) => id);
    for (const id of (await store.images()).filter(each => !there.includes(each))) {
      const record = await store.creation(id);
      // A call may have registered the image until CloudFormation stopped waiting for it.
      const isOld = isProof(record, this.resource) && !mayBeInvisible(record.sent + 1000 * SERVICE_TIMEOUT_SECONDS);
      if (isOld && await images.find(id) === undefined) { await store.removeCreation(id); }
    }
  }

  /** CloudFormation names the image, so it is ours. Without a record, it could not be recognized later; it may be from before the stack had records. */
  private async retain({ id, tags, made }: Image): Promise<void> {
    const { store } = this.aws;
    const { stackId, logicalId } = this.resource;
    if (store && await store.creation(id) === undefined) {
      const [identity, call] = [OWNERSHIP_TAGS.identity, OWNERSHIP_TAGS.requestId].map(key => valueOf(tags, key) ?? '');
      await store.saveCreation({ id, stackId, logicalId, identity, call, sent: made });
    }
    await this.aws.images.tag(id, [stateTag('retained')]);
    log({ event: 'kept an image that was replaced', imageId: id });
  }

  /** Returns where the operation leads, which is certain only after a minute, so that it is asked for only if images are kept. */
  private async wayOf(image: Image, others: readonly Image[]): Promise<Direction | 'deletion'> {
    // An image that nothing replaced goes because its resource goes, whatever the stack does.
    if (!isReplaced(image, others)) { return 'deletion'; }
    const keeps = mostKept(others) > 0 || [image, ...others].some(({ tags }) => ['retained', 'returned'].includes(stateOf(tags) ?? ''));
    return !keeps || await this.isStackGoing() ? 'deletion' : this.resource.certainDirection();
  }

  private async isStackGoing(): Promise<boolean> {
    try {
      return /^DELETE/.test(await this.aws.stacks.status(this.resource.stackId) ?? 'DELETE_COMPLETE');
    } catch (error) {
      log({ event: 'could not ask for the state of the stack', stackId: this.resource.stackId, error: saidBy(error) });
      return false;
    }
  }
}
