import type { Image, Images } from './images';
import type { KeptSnapshots } from './kept-snapshots';
import { MACHINE_IMAGE_TAGS } from '../../src/contract/machine-image';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import { saidBy } from '../shared/errors';
import { log } from '../shared/log';
import { valueOf } from '../shared/ownership';
import type { Stacks } from '../shared/stacks';
import { stateOf, stateTag } from '../shared/state-tag';

/** When the image was last what its resource is; 0: never. */
export function currentSince({ tags }: Image): number {
  return Number(valueOf(tags, MACHINE_IMAGE_TAGS.currentSince) ?? 0);
}

/**
 * The images that one resource has made: the current one, and those that
 * were replaced but are kept for launch templates and instance refreshes.
 *
 * CloudFormation deletes what an update replaced only after the update has
 * succeeded, and the events of that look like those of a rollback and of the
 * end of the stack. So an image that has to go asks two things: whether another
 * one has become current since, and what the stack is doing.
 */
export class ImageFamily {
  constructor(
    private readonly aws: { readonly images: Images; readonly kept: KeptSnapshots; readonly stacks: Stacks },
    private readonly resource: { readonly stackId: string; readonly logicalId: string },
  ) {}

  /** For an image that becomes current: later than for all others, whatever the clocks of functions say. */
  public async now(): Promise<number> {
    return Math.max(Date.now(), ...(await this.all()).map(image => currentSince(image) + 1));
  }

  /** The resource is not this image any more. All that has to go before it goes first; so it is repeated while that takes time. */
  public async leave(image: Image): Promise<void> {
    const others = (await this.all())
      .filter(({ id, tags }) => id !== image.id && stateOf(tags) !== 'creating')
      .sort((a, b) => currentSince(b) - currentSince(a));
    const [latest] = others;
    const replaced = latest !== undefined && currentSince(latest) > currentSince(image);
    const status = replaced ? await this.stackStatus() : 'DELETE_IN_PROGRESS';
    const most = replaced ? Number(valueOf(latest.tags, MACHINE_IMAGE_TAGS.retainPrevious) ?? 0) : 0;

    if (status === undefined && most > 0) { return this.retain(image); }
    if (status === undefined || /ROLLBACK/.test(status)) {
      // What the failed update had made goes; but not what it had taken up again.
      return stateOf(image.tags) === 'returned' ? this.retain(image) : this.aws.images.deregister(image.id);
    }
    const stays = most > 0 && !/^DELETE/.test(status);
    const superfluous = others.filter(({ tags }) => stateOf(tags) === 'retained').slice(stays ? most - 1 : 0);
    for (const { id } of superfluous) {
      await this.aws.images.deregister(id);
      log({ event: 'deregistered an image that was kept', imageId: id });
    }
    if (!await this.aws.kept.removeUnused(this.resource.stackId)) { return; }
    await (stays ? this.retain(image) : this.aws.images.deregister(image.id));
  }

  private all(): Promise<Image[]> {
    const { stackId, logicalId } = this.resource;
    return this.aws.images.findTagged({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.logicalId]: logicalId });
  }

  private async retain({ id }: Image): Promise<void> {
    await this.aws.images.tag(id, [stateTag('retained')]);
    log({ event: 'kept an image that was replaced', imageId: id });
  }

  private async stackStatus(): Promise<string | undefined> {
    try {
      return await this.aws.stacks.status(this.resource.stackId) ?? 'DELETE_COMPLETE';
    } catch (error) {
      log({ event: 'could not ask for the state of the stack', stackId: this.resource.stackId, error: saidBy(error) });
      return undefined;
    }
  }
}
