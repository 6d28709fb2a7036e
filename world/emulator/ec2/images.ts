import type { Clock } from '../clock';
import { ACCOUNT, arn } from '../environment';
import type { Ids } from './ids';
import { checkVolume } from './image-rules';
import { find, refused } from './network';
import type { Ec2Options } from './options';
import { Permissions } from './permissions';
import type { Snapshots } from './snapshots';

export interface Mapping {
  readonly deviceName: string;
  readonly snapshotId?: string;
  readonly volumeSize: number;
  readonly volumeType: string;
  readonly iops?: number;
  readonly throughput?: number;
  readonly deleteOnTermination: boolean;
  readonly encrypted: boolean;
}

export interface Image {
  readonly imageId: string;
  readonly name: string;
  description: string;
  readonly architecture: string;
  readonly virtualizationType: string;
  readonly rootDeviceName: string;
  readonly bootMode?: string;
  readonly tpmSupport?: string;
  readonly uefiData?: string;
  imdsSupport?: string;
  readonly enaSupport: boolean;
  readonly ownerId: string;
  readonly creationTime: number;
  /** Before that time, filters do not find it. */
  readonly listedAt: number;
  /** Milliseconds since 1970. */
  deprecationTime?: number;
  readonly mappings: readonly Mapping[];
  readonly tags: Map<string, string>;
  readonly launchPermissions: Permissions;
  /** Why it failed, if it did. */
  readonly failure?: string;
  disabled: boolean;
}

export type ImageSpec = Omit<Image, 'imageId' | 'ownerId' | 'mappings' | 'tags' | 'creationTime' | 'listedAt' | 'launchPermissions' | 'failure' | 'disabled'> & {
  readonly mappings: readonly (Omit<Mapping, 'volumeSize' | 'encrypted'> & { readonly volumeSize?: number })[];
  readonly tags: Record<string, string>;
};

const MINUTE = 60_000;
const YEAR = 365.25 * 24 * 60 * MINUTE;

/** The account's AMIs. */
export class Images {
  /** So long after it was registered, an image is pending; in milliseconds. */
  public pendingTime = 0;
  /** So long after it was registered, no Describe operation finds it. */
  public visibleAfter = 0;
  /** The next image fails with this reason. */
  public failNext: string | undefined;
  /** So long a snapshot counts as used after its image was deregistered. */
  public releaseTime = 0;
  private readonly byId = new Map<string, Image>();
  private readonly released: { readonly at: number; readonly image: Image }[] = [];

  constructor(
    private readonly clock: Clock, private readonly ids: Ids, private readonly snapshots: Snapshots, private readonly options: Ec2Options,
  ) {}

  public get all(): Image[] { return [...this.byId.values()]; }
  /** Those that Describe operations find. */
  public get visible(): Image[] { return this.all.filter(image => this.clock.now() >= image.creationTime + this.visibleAfter); }
  /** Those that filters find. */
  public get listed(): Image[] { return this.visible.filter(image => this.clock.now() >= image.listedAt); }

  public get(imageId: string): Image {
    if (!/^ami-[0-9a-f]{8,17}$/.test(imageId)) { throw refused('InvalidAMIID.Malformed', `Invalid id: "${imageId}" (expecting "ami-...")`); }
    return find(this.byId, imageId, 'InvalidAMIID.NotFound', 'image id');
  }

  public stateOf(image: Image): 'pending' | 'available' | 'failed' | 'disabled' {
    if (this.clock.now() < image.creationTime + this.pendingTime) { return 'pending'; }
    return image.failure !== undefined ? 'failed' : image.disabled ? 'disabled' : 'available';
  }

  public register(spec: ImageSpec): Image {
    const existing = this.all.find(image => image.name === spec.name);
    if (existing) { throw refused('InvalidAMIName.Duplicate', `AMI name ${spec.name} is already in use by AMI ${existing.imageId}`); }
    if (!spec.mappings.some(mapping => mapping.deviceName === spec.rootDeviceName && mapping.snapshotId !== undefined)) {
      throw refused('InvalidBlockDeviceMapping', `a snapshotId must be specified for the root device ${spec.rootDeviceName}`);
    }
    const imageId = this.ids.next('ami');
    const image: Image = {
      ...spec,
      imageId,
      ownerId: ACCOUNT,
      creationTime: this.clock.now(),
      listedAt: this.clock.now() + (this.options.lateness?.delay('imageListing', imageId) ?? 0),
      mappings: spec.mappings.map(mapping => this.resolve(mapping)),
      tags: new Map(Object.entries(spec.tags)),
      launchPermissions: new Permissions(['UserId', 'Group', 'OrganizationArn', 'OrganizationalUnitArn']),
      failure: this.failNext,
      disabled: false,
    };
    this.failNext = undefined;
    this.byId.set(image.imageId, image);
    return image;
  }

  public deregister(imageId: string): void {
    this.released.push({ at: this.clock.now(), image: this.get(imageId) });
    this.byId.delete(imageId);
  }

  public deprecate(image: Image, at: string): void {
    const time = Math.round(Date.parse(at) / MINUTE) * MINUTE;
    if (!(time > this.clock.now())) { throw refused('InvalidParameterValue', 'The specified deprecation date must be in the future'); }
    if (time > this.clock.now() + 10 * YEAR) { throw refused('InvalidParameterValue', 'The specified deprecation date must not be more than 10 years from now'); }
    image.deprecationTime = time;
  }

  /** It cannot be undone. */
  public requireImdsV2(image: Image, value: string): void {
    if (value !== 'v2.0') { throw refused('InvalidParameterValue', `Value (${value}) for parameter imdsSupport is invalid`); }
    image.imdsSupport = value;
  }

  /** The AMI that a snapshot is in use by. */
  public using(snapshotId: string): Image | undefined {
    const recent = this.released.filter(({ at }) => this.clock.now() < at + this.releaseTime).map(({ image }) => image);
    return [...this.all, ...recent].find(image => image.mappings.some(mapping => mapping.snapshotId === snapshotId));
  }

  private resolve(mapping: ImageSpec['mappings'][number]): Mapping {
    const { snapshotId, volumeType, iops, throughput } = mapping;
    const snapshot = snapshotId === undefined ? undefined : this.snapshots.get(snapshotId);
    if (snapshot && snapshot.state !== 'completed') { throw refused('IncorrectState', `Snapshot is in invalid state - ${snapshot.state}`); }
    const volumeSize = mapping.volumeSize ?? snapshot?.volumeSize ?? 8;
    if (snapshot && volumeSize < snapshot.volumeSize) {
      throw refused('InvalidBlockDeviceMapping',
        `Volume of size ${volumeSize}GB is smaller than snapshot '${snapshot.snapshotId}', expect size>= ${snapshot.volumeSize}GB`);
    }
    checkVolume(volumeType, volumeSize, iops, throughput);
    return { ...mapping, volumeSize, encrypted: snapshot?.encrypted ?? false };
  }
}

export function imageArn(imageId: string): string {
  return arn('ec2', `image/${imageId}`, { account: '' });
}
