import { createHash } from 'node:crypto';
import type { EbsBlockDevice, LaunchPermission, RegisterImageRequest } from '@aws-sdk/client-ec2';
import { currentSince, ImageFamily } from './image-family';
import { NameTaken, type Image, type Images } from './images';
import type { KeptSnapshots } from './kept-snapshots';
import {
  MACHINE_IMAGE_TAGS, type LaunchPermissionProperty, type MachineImageAttributes, type MachineImageProperties,
} from '../../src/contract/machine-image';
import { OWNERSHIP_TAGS } from '../../src/contract/ownership';
import { log } from '../shared/log';
import { belongsTo, ownershipTags, tagChanges, valueOf } from '../shared/ownership';
import { boolean, integer } from '../shared/property-values';
import { identityOf, type Context, type Created, type Found, type Lifecycle, type ReadyContext } from '../shared/resource-lifecycle';
import type { Stacks } from '../shared/stacks';
import { stateOf, stateTag } from '../shared/state-tag';

export interface MachineImageServices {
  readonly images: Images;
  readonly kept: KeptSnapshots;
  readonly stacks: Stacks;
}

/** What the creation knows: when it was. */
interface Memo {
  /** Milliseconds since 1970. */
  readonly registered: number;
}

const { state: STATE, identity: IDENTITY, requestId: REQUEST_ID, stackId: STACK_ID } = OWNERSHIP_TAGS;

/** EC2 may know of an image later than it gave its id. */
const VISIBLE_AFTER_MILLISECONDS = 150_000;
const MINUTE = 60_000;
/** EC2 takes no date that has passed, and rounds to minutes. */
const SOONEST = 2 * MINUTE;
const LONGEST_NAME = 128;
const DIGEST_LENGTH = 12;
/** What names of AMIs may not have. */
const FORBIDDEN = /[^a-zA-Z0-9()[\] ./\-'@_]/g;

export function machineImage(aws: MachineImageServices): Lifecycle<MachineImageProperties, MachineImageAttributes> {
  const { images } = aws;
  const identity = {
    identity: [
      'Name', 'Architecture', 'RootDeviceName', 'BlockDeviceMappings', 'VirtualizationType', 'EnaSupport', 'BootMode', 'TpmSupport', 'UefiData',
      'ImdsSupport',
    ],
  } satisfies Partial<Lifecycle<MachineImageProperties, MachineImageAttributes>>;

  async function create(properties: MachineImageProperties, context: Context): Promise<Created> {
    const name = nameOf(properties, context);
    try {
      const id = await images.register(requestOf(name, properties, context));
      log({ event: 'image registered', imageId: id, name });
      return created(id);
    } catch (error) {
      if (!(error instanceof NameTaken)) { throw error; }
      return created(await registeredBefore(name, context));
    }
  }

  /** RegisterImage has no token: this very request may have been answered, and the answer lost. */
  async function registeredBefore(name: string, context: Context): Promise<string> {
    const image = await images.named(name);
    if (image && belongsTo(image.tags, context) && valueOf(image.tags, REQUEST_ID) === context.requestId) { return image.id; }
    const id = image?.id ?? 'an AMI that is not visible';
    throw new Error(image && belongsTo(image.tags, context)
      ? `AMI name '${name}' is taken by ${id}, which this one would replace, and a name belongs to one AMI: change imageName too, or leave it out`
      : `AMI name '${name}' is taken by ${id}, which is not of this stack; choose another imageName, or leave it out`);
  }

  /** In place: all that is not the image itself. */
  async function bringUpToDate(image: Image, properties: MachineImageProperties, context: ReadyContext<MachineImageProperties>): Promise<void> {
    const { old, identity: wanted } = context;
    const { id, tags } = image;
    if (image.description !== (properties.Description ?? '')) { await images.describe(id, properties.Description ?? ''); }
    await setPermissions(id, properties.LaunchPermissions ?? []);
    await setDeprecation(image, properties.DeprecateAt);

    const state = stateOf(tags);
    const becomesCurrent = currentSince(image) === 0 || state === 'creating' || state === 'retained'
      || (old !== undefined && identityOf(identity, old) !== wanted);
    const own = {
      [MACHINE_IMAGE_TAGS.retainPrevious]: `${properties.RetainPrevious ?? 0}`,
      ...(becomesCurrent && { [MACHINE_IMAGE_TAGS.currentSince]: `${await new ImageFamily(aws, context).now()}` }),
      ...(state === 'retained' && { [STATE]: stateTag('returned').Value }),
    };
    const { set, remove } = tagChanges(tags, properties.Tags ?? [], old?.Tags);
    await images.untag(id, remove);
    const changed = Object.entries(own).filter(([key, value]) => valueOf(tags, key) !== value);
    await images.tag(id, [...set, ...changed.map(([Key, Value]) => ({ Key, Value }))]);
    // Last: from now on only CloudFormation decides what becomes of it.
    await images.untag(id, state === 'creating' ? [STATE] : []);
  }

  /** Exactly these: it is nobody else's image, and one that was kept may have been shared otherwise. */
  async function setPermissions(id: string, wanted: readonly LaunchPermissionProperty[]): Promise<void> {
    const actual = await images.launchPermissions(id);
    const missing = wanted.filter(one => !actual.some(other => samePermission(one, other)));
    const superfluous = actual.filter(one => !wanted.some(other => samePermission(one, other)));
    await images.permit(id, missing.map(permissionOf), superfluous.map(permissionOf));
  }

  /** A date that has passed, be it during a rollback, means: at once. */
  async function setDeprecation({ id, deprecationTime }: Image, wanted: string | undefined): Promise<void> {
    const actual = deprecationTime === undefined ? undefined : Date.parse(deprecationTime);
    if (wanted === undefined) { return actual === undefined ? undefined : images.deprecate(id, undefined); }
    const soonest = Date.now() + SOONEST;
    const date = Date.parse(wanted);
    if (date < soonest ? actual !== undefined && actual <= soonest : actual !== undefined && Math.abs(actual - date) < MINUTE) { return; }
    await images.deprecate(id, new Date(Math.max(date, soonest)));
  }

  return {
    ...identity,
    physicalId: /^ami-[0-9a-f]{8,40}$/,
    several: true,
    inRollback: stackId => aws.stacks.isRollingBack(stackId, true),

    create,

    async ready(id, properties, context) {
      const image = await images.find(id);
      if (!image) {
        const made = context.memo === undefined ? undefined : JSON.parse(context.memo) as Memo;
        if (made && Date.now() < made.registered + VISIBLE_AFTER_MILLISECONDS) { return undefined; }
        throw new Error(`AMI ${id} does not exist any more; somebody deregistered it`);
      }
      if (image.state === 'pending' || image.state === 'transient') { return undefined; }
      if (image.state === 'disabled') { throw new Error(`AMI ${id} is disabled; enable it again (ec2:EnableImage)`); }
      if (image.state !== 'available') {
        throw new Error(`EC2 could not make AMI ${id}, which is ${image.state}: ${image.stateMessage ?? 'it gives no reason'}`);
      }
      if (!isHandedOut(image)) {
        const { registered } = JSON.parse(context.memo ?? '{}') as Partial<Memo>;
        if (!await aws.stacks.isAwaited(context, { id, begun: registered, remove: () => images.deregister(id) })) { return undefined; }
      }
      await bringUpToDate(image, properties, context);
      return { ImageId: id, ImageName: image.name };
    },

    async delete(id, { RemovalPolicy }, context) {
      const image = await images.find(id);
      if (!image) { return; }
      if (valueOf(image.tags, STACK_ID) !== context.stackId) { return log({ event: 'left an image alone that is not of this stack', imageId: id }); }
      if (!isHandedOut(image)) { return images.deregister(id); }
      if (RemovalPolicy === 'Retain') {
        throw new Error(`AMI ${id} is not deregistered, for its removalPolicy is RETAIN; CloudFormation should not have asked for it`);
      }
      await new ImageFamily(aws, context).leave(image);
    },

    async gone(id, _properties, { stackId }) {
      const image = await images.find(id);
      return image === undefined || valueOf(image.tags, STACK_ID) !== stackId || stateOf(image.tags) === 'retained';
    },

    async find(_candidates, { stackId, logicalId }) {
      const all = await images.findTagged({ [STACK_ID]: stackId, [OWNERSHIP_TAGS.logicalId]: logicalId });
      return all.filter(({ state }) => state !== 'disabled').map((image): Found => ({
        id: image.id,
        identity: valueOf(image.tags, IDENTITY),
        requestId: valueOf(image.tags, REQUEST_ID),
        state: image.state === 'available' && isHandedOut(image) ? 'usable' : 'unfinished',
      }));
    },
  };
}

function created(id: string): Created {
  return { id, memo: JSON.stringify({ registered: Date.now() } satisfies Memo) };
}

function isHandedOut({ tags }: Image): boolean {
  return stateOf(tags) !== 'creating';
}

/** The same for a repeated request, and another one for every other. */
function nameOf({ Name, Owner }: MachineImageProperties, { stackId, logicalId, requestId }: Context): string {
  if (Name !== undefined) { return Name; }
  const digest = createHash('sha256').update(JSON.stringify([stackId, logicalId, requestId])).digest('hex').slice(0, DIGEST_LENGTH);
  return `${Owner.replace(FORBIDDEN, '-').slice(0, LONGEST_NAME - DIGEST_LENGTH - 1)}-${digest}`;
}

function requestOf(name: string, properties: MachineImageProperties, context: Context): RegisterImageRequest {
  const { Description, Architecture, RootDeviceName, BlockDeviceMappings, VirtualizationType, EnaSupport, UefiData, Tags = [] } = properties;
  const optional = (prop: string, value: string | number | undefined) => value === undefined ? undefined : integer(prop, value);
  return {
    Name: name,
    Description,
    Architecture: Architecture as RegisterImageRequest['Architecture'],
    RootDeviceName,
    BlockDeviceMappings: BlockDeviceMappings.map(({ DeviceName, Ebs }) => ({
      DeviceName,
      Ebs: {
        SnapshotId: Ebs.SnapshotId,
        VolumeType: Ebs.VolumeType as NonNullable<EbsBlockDevice['VolumeType']>,
        VolumeSize: optional('volumeSize', Ebs.VolumeSize),
        Iops: optional('iops', Ebs.Iops),
        Throughput: optional('throughput', Ebs.Throughput),
        DeleteOnTermination: boolean('deleteOnTermination', Ebs.DeleteOnTermination),
      },
    })),
    VirtualizationType,
    EnaSupport: boolean('enaSupport', EnaSupport),
    BootMode: properties.BootMode as RegisterImageRequest['BootMode'],
    TpmSupport: properties.TpmSupport as RegisterImageRequest['TpmSupport'],
    UefiData,
    ImdsSupport: properties.ImdsSupport as RegisterImageRequest['ImdsSupport'],
    TagSpecifications: [{
      ResourceType: 'image',
      Tags: [
        ...Tags.map(({ Key, Value }) => ({ Key, Value })), ...ownershipTags(properties, context), stateTag('creating'),
      ],
    }],
  };
}

function permissionOf({ UserId, OrganizationArn, OrganizationalUnitArn, Group }: LaunchPermission | LaunchPermissionProperty): LaunchPermission {
  return {
    ...(UserId !== undefined && { UserId }),
    ...(OrganizationArn !== undefined && { OrganizationArn }),
    ...(OrganizationalUnitArn !== undefined && { OrganizationalUnitArn }),
    ...(Group !== undefined && { Group: Group as 'all' }),
  };
}

function samePermission(one: LaunchPermission | LaunchPermissionProperty, other: LaunchPermission | LaunchPermissionProperty): boolean {
  return one.UserId === other.UserId && one.OrganizationArn === other.OrganizationArn && one.OrganizationalUnitArn === other.OrganizationalUnitArn
    && one.Group === other.Group;
}
