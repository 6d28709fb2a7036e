import {
  DeregisterImageCommand, DescribeImageAttributeCommand, DisableImageDeprecationCommand, EnableImageDeprecationCommand, ModifyImageAttributeCommand,
  paginateDescribeImages, RegisterImageCommand, type Image as Ec2Image, type LaunchPermission, type RegisterImageRequest, type Tag,
} from '@aws-sdk/client-ec2';
import { type Ec2Query, Ec2Tagged, RESULTS_PER_PAGE } from '../shared/ec2-tagged';
import { isNamed } from '../shared/errors';
import { RETRY_POLICIES, retrying } from '../shared/retry';
import type { TransferStore } from '../transfer/bucket/store';

export interface Image {
  readonly id: string;
  readonly name: string;
  /** EC2 also has `invalid`, `transient`, `error`, `disabled`, and, for a while, `deregistered`. */
  readonly state: 'pending' | 'available' | 'failed' | string;
  readonly stateMessage?: string;
  readonly description: string;
  /** ISO 8601. */
  readonly deprecationTime?: string;
  readonly snapshotIds: readonly string[];
  /** The properties that it was registered with, and that EC2 returns. */
  readonly registered: Registered;
  readonly tags: readonly Tag[];
  /** When it was registered, in milliseconds since 1970. */
  readonly made: number;
}

/** Properties of an AMI that never change. */
export type Registered = Pick<
  Ec2Image, 'Architecture' | 'RootDeviceName' | 'VirtualizationType' | 'EnaSupport' | 'BootMode' | 'TpmSupport' | 'ImdsSupport'
>;

/** The error for a name that another AMI has. */
export class NameTaken extends Error {
  constructor(public readonly imageName: string) {
    super(`AMI name '${imageName}' is taken`);
  }
}

/** Deregisters an AMI and removes its record. Succeeds if the AMI does not exist. */
export async function deregister({ images, store }: { readonly images: Images; readonly store?: TransferStore }, id: string): Promise<void> {
  await images.deregister(id);
  await store?.removeCreation(id);
}

/** The account's AMIs. */
export class Images extends Ec2Tagged<Image> {
  protected readonly kind = 'AMI';
  protected readonly describeAction = 'DescribeImages';
  protected readonly notFound = ['InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable'];
  protected readonly handled = ['InvalidAMIName.Duplicate'];

  /** Returns the id. Throws `NameTaken`, also if an earlier attempt of this call succeeded and its answer was lost. */
  public async register(request: RegisterImageRequest): Promise<string> {
    try {
      const { ImageId } = await this.call('RegisterImage', request.Name, () => this.ec2.send(new RegisterImageCommand(request)));
      return ImageId!;
    } catch (error) {
      if (isNamed(error, 'InvalidAMIName.Duplicate')) { throw new NameTaken(request.Name!); }
      throw error;
    }
  }

  /** Returns the AMI with this name, which EC2 has said is taken. Looks for a while, because EC2 lists it late; undefined if it never does. */
  public async named(name: string): Promise<Image | undefined> {
    const missing = new Error('not visible yet');
    // EC2 does not allow the wildcards `*` and `?` in names.
    return retrying(async () => {
      const [image] = await this.list({ filters: [{ Name: 'name', Values: [name] }] });
      if (!image) { throw missing; }
      return image;
    }, { policy: RETRY_POLICIES.IMAGE_LISTING, retryIf: error => error === missing, what: 'find image by name' }).catch(error => {
      if (error === missing) { return undefined; }
      throw error;
    });
  }

  /** Returns the AMI that has a name; undefined if there is none. Waits a while for it to go, because EC2 may still list one that was deregistered just before. */
  public async holderOf(name: string): Promise<Image | undefined> {
    const taken = new Error('taken');
    let holder: Image | undefined;
    return retrying(async () => {
      [holder] = await this.list({ filters: [{ Name: 'name', Values: [name] }] });
      if (holder) { throw taken; }
      return undefined;
    }, { policy: RETRY_POLICIES.NAME_RELEASE, retryIf: error => error === taken, what: 'find image by name' }).catch(error => {
      if (error === taken) { return holder; }
      throw error;
    });
  }

  /** Returns the AMIs that use any of these snapshots. */
  public async using(snapshotIds: readonly string[]): Promise<Image[]> {
    if (snapshotIds.length === 0) { return []; }
    return this.list({ filters: [{ Name: 'block-device-mapping.snapshot-id', Values: [...snapshotIds] }] });
  }

  /** Succeeds if the AMI does not exist. */
  public async deregister(id: string): Promise<void> {
    try {
      await this.call('DeregisterImage', id, () => this.ec2.send(new DeregisterImageCommand({ ImageId: id })));
    } catch (error) {
      if (!isNamed(error, ...this.notFound)) { throw error; }
    }
  }

  public async describe(id: string, description: string): Promise<void> {
    await this.call('ModifyImageAttribute', id, () =>
      this.ec2.send(new ModifyImageAttributeCommand({ ImageId: id, Description: { Value: description } })));
  }

  public async launchPermissions(id: string): Promise<LaunchPermission[]> {
    const { LaunchPermissions = [] } = await this.call('DescribeImageAttribute', id, () =>
      this.ec2.send(new DescribeImageAttributeCommand({ ImageId: id, Attribute: 'launchPermission' })));
    return LaunchPermissions;
  }

  public async permit(id: string, add: LaunchPermission[], remove: LaunchPermission[]): Promise<void> {
    if (add.length + remove.length === 0) { return; }
    const LaunchPermission = { ...(add.length > 0 && { Add: add }), ...(remove.length > 0 && { Remove: remove }) };
    await this.call('ModifyImageAttribute', id, () => this.ec2.send(new ModifyImageAttributeCommand({ ImageId: id, LaunchPermission })));
  }

  /** Sets the deprecation date; undefined removes it. */
  public async deprecate(id: string, at: Date | undefined): Promise<void> {
    await (at
      ? this.call('EnableImageDeprecation', id, () => this.ec2.send(new EnableImageDeprecationCommand({ ImageId: id, DeprecateAt: at })))
      : this.call('DisableImageDeprecation', id, () => this.ec2.send(new DisableImageDeprecationCommand({ ImageId: id }))));
  }

  protected async *pages({ id, filters }: Ec2Query): AsyncIterable<Image[]> {
    // Include disabled AMIs, because they still hold their snapshots and their names.
    const input = { ...id === undefined ? { Owners: ['self'], Filters: filters, MaxResults: RESULTS_PER_PAGE } : { ImageIds: [id] }, IncludeDisabled: true };
    for await (const { Images: images = [] } of paginateDescribeImages({ client: this.ec2 }, input)) {
      yield images.map(imageOf).filter(({ state }) => state !== 'deregistered');
    }
  }
}

function imageOf(image: Ec2Image): Image {
  const { ImageId, Name, State, StateReason, Description, CreationDate, DeprecationTime, BlockDeviceMappings = [], Tags = [] } = image;
  const { Architecture, RootDeviceName, VirtualizationType, EnaSupport, BootMode, TpmSupport, ImdsSupport } = image;
  return {
    id: ImageId!,
    name: Name ?? '',
    state: State!,
    stateMessage: StateReason?.Message || undefined,
    description: Description ?? '',
    deprecationTime: DeprecationTime,
    registered: { Architecture, RootDeviceName, VirtualizationType, EnaSupport, BootMode, TpmSupport, ImdsSupport },
    snapshotIds: BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []),
    tags: Tags,
    made: Date.parse(CreationDate!),
  };
}
