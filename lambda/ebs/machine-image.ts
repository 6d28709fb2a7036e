import { isOfStack, mayBeInvisible, mayLackTags, notOfStack } from './completion';
import { evidenceOf, recordOf, recordOrRemove } from './evidence';
import { currentSince, ImageFamily } from './image-family';
import { imageNameOf, imageRequest, isMadeOf } from './image-request';
import { applySettings } from './image-settings';
import { deregister, NameTaken, type Image } from './images';
import { takenName } from './registration';
import type { ImageServices } from './services';
import { MACHINE_IMAGE_TAGS, type MachineImageAttributes, type MachineImageProperties } from '../../src/contract/machine-image';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import { throwUnlessBack } from '../shared/direction';
import { OutOfReach } from '../shared/errors';
import { identityOf } from '../shared/identity';
import { log } from '../shared/log';
import { belongsTo, tagChanges, valueOf } from '../shared/ownership';
import type { Context, Created, Found, Lifecycle, ReadyContext } from '../shared/resource-lifecycle';
import { isRetained } from '../shared/retained';
import { isHandedOut, stateOf, stateTag } from '../shared/state-tag';

/** Facts that only the creation can find out. */
interface ImageMemo {
  /** Milliseconds since 1970. */
  readonly registered: number;
}

/** An AMI. */
export class MachineImageLifecycle implements Lifecycle<MachineImageProperties, MachineImageAttributes> {
  public readonly identity = [
    'Name', 'Architecture', 'RootDeviceName', 'BlockDeviceMappings', 'VirtualizationType', 'EnaSupport', 'BootMode', 'TpmSupport', 'UefiData',
    'ImdsSupport',
  ] as const;
  public readonly physicalId = /^ami-[0-9a-f]{8,40}$/;
  public readonly allowsRetainedSiblings = true;
  public readonly isRepeatable = true;

  constructor(private readonly aws: ImageServices) {}

  public userTags({ Tags }: MachineImageProperties): MachineImageProperties['Tags'] {
    return Tags;
  }

  public async create(properties: MachineImageProperties, context: Context): Promise<Created> {
    const name = imageNameOf(properties, context);
    try {
      const id = await this.aws.images.register(imageRequest(name, properties, context));
      log({ event: 'image registered', imageId: id, name });
      return await this.created(id, context);
    } catch (error) {
      if (!(error instanceof NameTaken)) { throw error; }
      return this.created(await this.registeredBefore(name, context), context);
    }
  }

  private async created(id: string, context: Context): Promise<Created> {
    if (this.aws.store) { await recordOrRemove(this.aws.store, recordOf(id, context), () => this.aws.images.deregister(id)); }
    return { id, memo: JSON.stringify({ registered: Date.now() } satisfies ImageMemo) };
  }

  public async ready(
    id: string, properties: MachineImageProperties, context: ReadyContext<MachineImageProperties>,
  ): Promise<MachineImageAttributes | undefined> {
    const { registered } = JSON.parse(context.memo ?? '{}') as Partial<ImageMemo>;
    const image = await this.aws.images.find(id);
    if (!image) {
      if (mayBeInvisible(registered)) { return undefined; }
      throw new OutOfReach(`AMI ${id} no longer exists; somebody deregistered it, and a change of 'imageName' registers another one`);
    }
    if (!isOfStack(context.stackId, image)) { return mayLackTags(image, registered) ? undefined : this.leaveForeign(image, context); }
    if (!isAvailable(image)) { return undefined; }
    if (!isHandedOut(image)) {
      const unclaimed = { id, begun: registered, remove: () => deregister(this.aws, id) };
      if (!await this.aws.stacks.isAwaited(context, unclaimed)) { return undefined; }
    }
    await applySettings(this.aws.images, image, properties);
    await this.handOut(image, properties, context);
    return { ImageId: id, ImageName: image.name };
  }

  public withoutReach(id: string, { Name }: MachineImageProperties): MachineImageAttributes {
    return { ImageId: id, ImageName: Name ?? '' };
  }

  public async delete(id: string, properties: MachineImageProperties, context: Context): Promise<void> {
    const image = await this.aws.images.find(id);
    if (!image || mayLackTags(image, image.made)) { return; }
    if (!isOfStack(context.stackId, image)) { return log({ event: 'left an image alone that is not of this stack', imageId: id }); }
    if (await this.isRetained(image, properties, context)) { return; }
    // A policy that retains excludes `retainPrevious`.
    if (!isHandedOut(image) || properties.RemovalPolicy === 'Retain') { return deregister(this.aws, id); }
    await new ImageFamily(this.aws, context).leave(image);
  }

  public async gone(id: string, properties: MachineImageProperties, context: Context): Promise<boolean> {
    const image = await this.aws.images.find(id);
    // A step that died after it had deregistered the image left its record.
    if (image === undefined) { await this.aws.store?.removeCreation(id); }
    if (image === undefined || stateOf(image.tags) === 'retained') { return true; }
    if (!isOfStack(context.stackId, image)) { return !mayLackTags(image, image.made); }
    return this.isRetained(image, properties, context);
  }

  public async find(candidates: readonly MachineImageProperties[], context: Context): Promise<Found[]> {
    const { stackId, logicalId } = context;
    const all = await this.aws.images.findTagged({ [OWNERSHIP_TAGS.stackId]: stackId, [OWNERSHIP_TAGS.logicalId]: logicalId });
    return Promise.all(all.filter(({ state }) => state !== 'disabled').map(async (image): Promise<Found> => {
      const evidence = await this.evidence(image, candidates, context);
      const { requestId = '' } = evidence;
      return {
        ...evidence,
        isRemovable: candidates.some(each => imageNameOf(each, { ...context, requestId }) === image.name),
        state: image.state === 'available' && isHandedOut(image) ? 'usable' : 'unfinished',
      };
    }));
  }

  public async takeUp(id: string): Promise<void> {
    const image = await this.aws.images.find(id);
    // One that `retainPrevious` keeps has a state, and is kept again.
    if (image && stateOf(image.tags) === undefined) { await this.aws.images.tag(id, [stateTag('adopted')]); }
  }

  private async isRetained(image: Image, properties: MachineImageProperties, context: Context): Promise<boolean> {
    if (!isHandedOut(image)) { return false; }
    const record = await this.aws.store?.creation(image.id);
    const takenUp = stateOf(image.tags) === 'adopted';
    return isRetained({ made: record?.sent ?? image.made, takenUp }, properties, context, this.aws.stacks);
  }

  private async evidence(image: Image, candidates: readonly MachineImageProperties[], context: Context): Promise<ReturnType<typeof evidenceOf>> {
    const { store } = this.aws;
    const record = await store?.creation(image.id);
    const evidence = evidenceOf(image, record, context);
    // The image may be from before the stack had a place for records; then it was handed out.
    const lacksRecord = record === undefined && (store === undefined || isHandedOut(image));
    const isMadeHere = lacksRecord && candidates.some(each => identityOf(this, each) === evidence.identity && isMadeOf(image, each));
    return isMadeHere ? { ...evidence, made: undefined, isUnproven: false } : evidence;
  }

  /** Returns the id of the AMI with this name if this very request registered it: RegisterImage has no client token, and its answer may have been lost. */
  private async registeredBefore(name: string, context: Context): Promise<string> {
    const image = await this.aws.images.named(name);
    if (image && belongsTo(image.tags, context) && valueOf(image.tags, OWNERSHIP_TAGS.requestId) === context.requestId) { return image.id; }
    throw new Error(takenName(name, image, context));
  }

  /** Changes nothing of an image that is not of this stack. A rollback must not fail because of it. */
  private async leaveForeign(image: Image, context: Context): Promise<MachineImageAttributes> {
    await throwUnlessBack(context, new Error(notOfStack(`AMI ${image.id}`, image)));
    return { ImageId: image.id, ImageName: image.name };
  }

  /** Sets the tags. The state tag is removed last, because from then on only CloudFormation decides whether the image is deleted. */
  private async handOut(image: Image, properties: MachineImageProperties, context: ReadyContext<MachineImageProperties>): Promise<void> {
    const { images } = this.aws;
    const { id, tags } = image;
    const state = stateOf(tags);
    const own = {
      [MACHINE_IMAGE_TAGS.retainPrevious]: `${properties.RetainPrevious ?? 0}`,
      ...(this.becomesCurrent(image, context) && { [MACHINE_IMAGE_TAGS.currentSince]: `${await new ImageFamily(this.aws, context).now()}` }),
      ...(state === 'retained' && { [OWNERSHIP_TAGS.state]: stateTag('returned').Value }),
    };
    const { set, remove } = tagChanges(tags, properties.Tags ?? [], context.old?.Tags);
    await images.untag(id, remove);
    const changed = Object.entries(own).filter(([key, value]) => valueOf(tags, key) !== value);
    await images.tag(id, [...set, ...changed.map(([Key, Value]) => ({ Key, Value }))]);
    await images.untag(id, state === 'creating' ? [OWNERSHIP_TAGS.state] : []);
  }

  /** Whether the image was not the current one of its resource before this operation. */
  private becomesCurrent(image: Image, { old, identity }: ReadyContext<MachineImageProperties>): boolean {
    const state = stateOf(image.tags);
    return currentSince(image) === 0 || state === 'creating' || state === 'retained' || (old !== undefined && identityOf(this, old) !== identity);
  }
}

/** Whether EC2 has made the image; throws if it never will. */
function isAvailable({ id, state, stateMessage }: Image): boolean {
  switch (state) {
    case 'available': return true;
    case 'pending':
    case 'transient': return false;
    case 'disabled': throw new OutOfReach(`AMI ${id} is disabled; enable it again (ec2:EnableImage)`);
    default: throw new Error(`EC2 could not make AMI ${id}, which is ${state}: ${stateMessage ?? 'it gives no reason'}`);
  }
}
