import {
  CreateTagsCommand, DeleteTagsCommand, DeregisterImageCommand, DescribeImageAttributeCommand, DisableImageDeprecationCommand,
  EnableImageDeprecationCommand, ModifyImageAttributeCommand, paginateDescribeImages, RegisterImageCommand,
  type EC2Client, type Filter, type Image as Ec2Image, type LaunchPermission, type RegisterImageRequest, type Tag,
} from '@aws-sdk/client-ec2';
import { isNamed, saidBy } from '../shared/errors';
import { RETRY_POLICIES, retrying } from '../shared/retry';

export interface Image {
  readonly id: string;
  readonly name: string;
  /** EC2 also knows `invalid`, `transient`, `error`, `disabled`, and, for a while, `deregistered`. */
  readonly state: 'pending' | 'available' | 'failed' | string;
  readonly stateMessage?: string;
  readonly description: string;
  /** ISO 8601. */
  readonly deprecationTime?: string;
  readonly snapshotIds: readonly string[];
  readonly tags: readonly Tag[];
}

/** Whoever registered the name before. */
export class NameTaken extends Error {
  constructor(public readonly imageName: string) {
    super(`AMI name '${imageName}' is taken`);
  }
}

/** The account's AMIs. */
export class Images {
  constructor(private readonly ec2: EC2Client) {}

  /** The id. Throws `NameTaken`, which may also mean that this very call was made before and its answer lost. */
  public async register(request: RegisterImageRequest): Promise<string> {
    try {
      const { ImageId } = await this.call('RegisterImage', request.Name, () => this.ec2.send(new RegisterImageCommand(request)));
      return ImageId!;
    } catch (error) {
      if (isNamed(error, 'InvalidAMIName.Duplicate')) { throw new NameTaken(request.Name!); }
      throw error;
    }
  }

  /** undefined: there is none, or EC2 does not know of it yet. */
  public async find(id: string): Promise<Image | undefined> {
    try {
      return (await this.list({ ImageIds: [id] }, id))[0];
    } catch (error) {
      if (isNamed(error, ...GONE)) { return undefined; }
      throw error;
    }
  }

  /** Those that carry all of these tags. */
  public findTagged(tags: Record<string, string>): Promise<Image[]> {
    return this.list({ Owners: ['self'], Filters: Object.entries(tags).map(([key, value]): Filter => ({ Name: `tag:${key}`, Values: [value] })) });
  }

  /** The one of this name, of which EC2 has said that it exists. */
  public async named(name: string): Promise<Image | undefined> {
    const missing = new Error('not visible yet');
    // `*` and `?` would match others, but no name can have them.
    return retrying(async () => {
      const [image] = await this.list({ Owners: ['self'], Filters: [{ Name: 'name', Values: [name] }] });
      if (!image) { throw missing; }
      return image;
    }, { policy: RETRY_POLICIES.IMAGE_LISTING, retryIf: error => error === missing, what: 'find image by name' }).catch(error => {
      if (error === missing) { return undefined; }
      throw error;
    });
  }

  /** Those that are made of any of these snapshots. */
  public async using(snapshotIds: readonly string[]): Promise<Image[]> {
    if (snapshotIds.length === 0) { return []; }
    return this.list({ Owners: ['self'], Filters: [{ Name: 'block-device-mapping.snapshot-id', Values: [...snapshotIds] }] });
  }

  /** Success if it is gone already. */
  public async deregister(id: string): Promise<void> {
    try {
      await this.call('DeregisterImage', id, () => this.ec2.send(new DeregisterImageCommand({ ImageId: id })));
    } catch (error) {
      if (!isNamed(error, ...GONE)) { throw error; }
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

  /** undefined: never. */
  public async deprecate(id: string, at: Date | undefined): Promise<void> {
    await (at
      ? this.call('EnableImageDeprecation', id, () => this.ec2.send(new EnableImageDeprecationCommand({ ImageId: id, DeprecateAt: at })))
      : this.call('DisableImageDeprecation', id, () => this.ec2.send(new DisableImageDeprecationCommand({ ImageId: id }))));
  }

  public async tag(id: string, tags: readonly Tag[]): Promise<void> {
    if (tags.length === 0) { return; }
    await this.call('CreateTags', id, () => this.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [...tags] })));
  }

  public async untag(id: string, keys: readonly string[]): Promise<void> {
    if (keys.length === 0) { return; }
    await this.call('DeleteTags', id, () => this.ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: keys.map(Key => ({ Key })) })));
  }

  private list(input: { ImageIds?: string[]; Owners?: string[]; Filters?: Filter[] }, id?: string): Promise<Image[]> {
    return this.call('DescribeImages', id, async () => {
      const found: Ec2Image[] = [];
      // A disabled one still holds its snapshots, and its name.
      const pages = paginateDescribeImages({ client: this.ec2 }, { ...input, IncludeDisabled: true });
      for await (const page of pages) { found.push(...page.Images ?? []); }
      return found.map(imageOf).filter(({ state }) => state !== 'deregistered');
    });
  }

  private call<T>(action: string, id: string | undefined, request: () => Promise<T>): Promise<T> {
    return retrying(request, { what: action }).catch((error: Error) => {
      if (isNamed(error, ...GONE, 'InvalidAMIName.Duplicate')) { throw error; }
      throw new Error(`ec2:${action} failed${id === undefined ? '' : ` for AMI ${id}`}: ${saidBy(error)}`);
    });
  }
}

const GONE = ['InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable'];

function imageOf({ ImageId, Name, State, StateReason, Description, DeprecationTime, BlockDeviceMappings = [], Tags = [] }: Ec2Image): Image {
  return {
    id: ImageId!,
    name: Name ?? '',
    state: State!,
    stateMessage: StateReason?.Message || undefined,
    description: Description ?? '',
    deprecationTime: DeprecationTime,
    snapshotIds: BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []),
    tags: Tags,
  };
}
