import { ACCOUNT, arn } from '../environment';
import type { Ids } from './ids';
import { find, refused } from './network';
import type { Snapshots } from './snapshots';

export interface Mapping {
  readonly deviceName: string;
  readonly snapshotId?: string;
  readonly volumeSize: number;
  readonly volumeType: string;
  readonly deleteOnTermination: boolean;
  readonly encrypted: boolean;
}

export interface Image {
  readonly imageId: string;
  readonly name: string;
  readonly description: string;
  readonly architecture: string;
  readonly virtualizationType: string;
  readonly rootDeviceName: string;
  readonly bootMode?: string;
  readonly enaSupport: boolean;
  readonly ownerId: string;
  readonly creationTime: number;
  readonly mappings: readonly Mapping[];
  readonly tags: Map<string, string>;
}

export type ImageSpec = Omit<Image, 'imageId' | 'ownerId' | 'mappings' | 'tags'> & {
  readonly mappings: readonly (Omit<Mapping, 'volumeSize' | 'encrypted'> & { readonly volumeSize?: number })[];
  readonly tags: Record<string, string>;
};

/** The account's AMIs, as far as snapshots have to do with them. */
export class Images {
  private readonly byId = new Map<string, Image>();

  constructor(private readonly ids: Ids, private readonly snapshots: Snapshots) {}

  public get all(): Image[] { return [...this.byId.values()]; }

  public get(imageId: string): Image {
    return find(this.byId, imageId, 'InvalidAMIID.NotFound', 'image id');
  }

  public register(spec: ImageSpec): Image {
    if (spec.name.length < 3 || spec.name.length > 128) {
      throw refused('InvalidAMIName.Malformed', 'AMI names must be between 3 and 128 characters long');
    }
    const existing = this.all.find(image => image.name === spec.name);
    if (existing) { throw refused('InvalidAMIName.Duplicate', `AMI name ${spec.name} is already in use by AMI ${existing.imageId}`); }
    if (!spec.mappings.some(mapping => mapping.deviceName === spec.rootDeviceName && mapping.snapshotId !== undefined)) {
      throw refused('InvalidBlockDeviceMapping', `a snapshotId must be specified for the root device ${spec.rootDeviceName}`);
    }
    const image: Image = {
      ...spec,
      imageId: this.ids.next('ami'),
      ownerId: ACCOUNT,
      mappings: spec.mappings.map(mapping => this.resolve(mapping)),
      tags: new Map(Object.entries(spec.tags)),
    };
    this.byId.set(image.imageId, image);
    return image;
  }

  public deregister(imageId: string): void {
    this.get(imageId);
    this.byId.delete(imageId);
  }

  /** The AMI that a snapshot is in use by. */
  public using(snapshotId: string): Image | undefined {
    return this.all.find(image => image.mappings.some(mapping => mapping.snapshotId === snapshotId));
  }

  private resolve(mapping: ImageSpec['mappings'][number]): Mapping {
    if (mapping.snapshotId === undefined) { return { ...mapping, volumeSize: mapping.volumeSize ?? 8, encrypted: false }; }
    const snapshot = this.snapshots.get(mapping.snapshotId);
    if (snapshot.state !== 'completed') { throw refused('IncorrectState', `Snapshot is in invalid state - ${snapshot.state}`); }
    const volumeSize = mapping.volumeSize ?? snapshot.volumeSize;
    if (volumeSize < snapshot.volumeSize) {
      throw refused('InvalidBlockDeviceMapping',
        `Volume of size ${volumeSize}GB is smaller than snapshot '${snapshot.snapshotId}', expect size>= ${snapshot.volumeSize}GB`);
    }
    return { ...mapping, volumeSize, encrypted: snapshot.encrypted };
  }
}

export function imageArn(imageId: string): string {
  return arn('ec2', `image/${imageId}`, { account: '' });
}
