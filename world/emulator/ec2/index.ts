import { randomUUID } from 'crypto';
import type { Clock } from '../clock';
import { ACCOUNT, arn, AVAILABILITY_ZONES } from '../environment';
import type { Context } from '../iam';
import { AccessDenied, ServiceError, type Answer, type Call, type Service } from '../service';
import { Ids } from './ids';
import { checkDescription, checkImage } from './image-rules';
import { imageArn, Images, type Image } from './images';
import { list } from './listing';
import {
  AVAILABILITY_ZONE_LISTING, imageListing, interfaceListing, securityGroupListing, SNAPSHOT_LISTING, subnetListing,
} from './listings';
import { find, Network, refused } from './network';
import type { Ec2Options } from './options';
import { permissionContext } from './permissions';
import { answerXml, errorXml, Parameters, type Xml } from './query';
import { Routing } from './routing';
import { snapshotArn, Snapshots } from './snapshots';
import { addTags, removeTags, tagContext } from './tags';

export { Snapshot, snapshotArn, type SnapshotState, type SnapshotStatus } from './snapshots';
export { tagContext } from './tags';
export type { NetworkInterface, Rule, RuleSpec, SecurityGroup, Subnet, Vpc } from './network';
export type { Image } from './images';
export type { Ec2Options } from './options';

/** The account's KMS keys. */
export interface Keys {
  /** The ARN of the key of this Region that an ARN, an id or an alias stands for. */
  resolve(keyId: string): string | undefined;
  /** Refuses a use of the key: by key policy and identity policies, or because of the key's state. Without it, identity policies alone decide. */
  authorize?(call: Call, action: string, keyId: string, context?: Context): void;
}

export interface Volume {
  readonly volumeId: string;
  readonly snapshotId: string | undefined;
  readonly availabilityZone: string;
  readonly size: number;
  readonly kmsKeyId: string | undefined;
}

type Handler = (call: Call, parameters: Parameters) => { readonly [name: string]: Xml };

/** EC2: the network, snapshots, volumes and images of the account; over HTTP, what handlers and tests call. */
export class Ec2 extends Network implements Service {
  public readonly signingName = 'ec2';
  /** The account's setting: every new snapshot and volume is encrypted. */
  public encryptionByDefault = false;
  /** The key it uses: alias, id or ARN. `alias/aws/ebs` is the key that AWS manages. */
  public defaultKmsKeyId = AWS_MANAGED_ALIAS;
  public readonly snapshots: Snapshots;
  public readonly images: Images;
  public readonly routing = new Routing(this);
  private readonly volumesById = new Map<string, Volume>();

  private readonly handlers: Record<string, Handler> = {
    DescribeAvailabilityZones: (_, parameters) => list(AVAILABILITY_ZONE_LISTING, Object.keys(AVAILABILITY_ZONES), parameters),
    DescribeSubnets: (_, parameters) => list(subnetListing(this), this.subnets, parameters, this.options),
    DescribeSecurityGroups: (_, parameters) => list(securityGroupListing(this), this.securityGroups, parameters, this.options),
    DescribeNetworkInterfaces: (_, parameters) => list(interfaceListing(this), this.networkInterfaces, parameters, this.options),
    DescribeSnapshots: (_, parameters) => this.describeSnapshots(parameters),
    DescribeImages: (_, parameters) => this.describeImages(parameters),
    GetEbsEncryptionByDefault: () => ({ ebsEncryptionByDefault: this.encryptionByDefault }),
    // The ARN of a customer's key, but the alias of the one that AWS manages.
    GetEbsDefaultKmsKeyId: () => ({ kmsKeyId: this.defaultKmsKeyId === AWS_MANAGED_ALIAS ? AWS_MANAGED_ALIAS : this.defaultKmsKeyArn }),
    DeleteSnapshot: (call, parameters) => this.deleteSnapshot(call, parameters.required('SnapshotId')),
    CreateTags: (call, parameters) => this.createTags(call, parameters),
    DeleteTags: (call, parameters) => this.deleteTags(call, parameters),
    RegisterImage: (call, parameters) => this.registerImage(call, parameters),
    DeregisterImage: (call, parameters) => this.deregisterImage(call, parameters.required('ImageId')),
    ModifyImageAttribute: (call, parameters) => this.modifyImage(call, parameters),
    DescribeImageAttribute: (call, parameters) => this.describeImageAttribute(call, parameters),
    EnableImageDeprecation: (call, parameters) => {
      this.images.deprecate(this.authorizedImage(call, 'EnableImageDeprecation', parameters), parameters.required('DeprecateAt'));
      return { return: true };
    },
    DisableImageDeprecation: (call, parameters) => {
      this.authorizedImage(call, 'DisableImageDeprecation', parameters).deprecationTime = undefined;
      return { return: true };
    },
    ModifySnapshotAttribute: (call, parameters) => this.modifySnapshot(call, parameters),
    DescribeSnapshotAttribute: (call, parameters) => this.describeSnapshotAttribute(call, parameters),
  };

  constructor(clock: Clock, private readonly kms: Keys, private readonly options: Ec2Options = {}) {
    super(new Ids());
    this.snapshots = new Snapshots(clock, this.ids, options);
    this.images = new Images(clock, this.ids, this.snapshots, options);
  }

  /** The key that AWS manages for EBS: anybody in the account may use it, so no policy needs to say so. */
  public get managedKmsKeyArn(): string {
    return this.kms.resolve(AWS_MANAGED_ALIAS) ?? arn('kms', 'key/aaaaaaaa-0000-4000-8000-00000000ebeb');
  }

  public get defaultKmsKeyArn(): string {
    if (this.defaultKmsKeyId === AWS_MANAGED_ALIAS) { return this.managedKmsKeyArn; }
    const key = this.kms.resolve(this.defaultKmsKeyId);
    if (key === undefined) { throw refused('InvalidKmsKey.NotFound', `The KMS key '${this.defaultKmsKeyId}' does not exist`); }
    return key;
  }

  public get volumes(): Volume[] { return [...this.volumesById.values()]; }

  /** What `AWS::EC2::Volume` does with a snapshot. */
  public createVolume(
    snapshotId: string | undefined,
    { availabilityZone, size, kmsKeyId }: { readonly availabilityZone: string; readonly size?: number; readonly kmsKeyId?: string },
  ): Volume {
    const snapshot = snapshotId === undefined ? undefined : this.snapshots.get(snapshotId);
    if (!AVAILABILITY_ZONES[availabilityZone]) { throw refused('InvalidZone.NotFound', `The zone '${availabilityZone}' does not exist.`); }
    if (snapshot && snapshot.state !== 'completed') { throw refused('IncorrectState', `Snapshot is in invalid state - ${snapshot.state}`); }
    const actual = size ?? snapshot?.volumeSize;
    if (actual === undefined) { throw refused('MissingParameter', 'The request must contain the parameter size/snapshot'); }
    if (snapshot && actual < snapshot.volumeSize) {
      throw refused('InvalidParameterValue',
        `Volume of ${actual}GiB is smaller than snapshot '${snapshotId}', expect size >= ${snapshot.volumeSize}GiB`);
    }
    const key = kmsKeyId === undefined ? undefined : this.kms.resolve(kmsKeyId);
    if (kmsKeyId !== undefined && key === undefined) { throw refused('InvalidKmsKey.NotFound', `The KMS key '${kmsKeyId}' does not exist`); }
    const volume: Volume = {
      volumeId: this.ids.next('vol'),
      snapshotId,
      availabilityZone,
      size: actual,
      kmsKeyId: key ?? snapshot?.kmsKeyId ?? (this.encryptionByDefault ? this.defaultKmsKeyArn : undefined),
    };
    this.volumesById.set(volume.volumeId, volume);
    return volume;
  }

  public deleteVolume(volumeId: string): void {
    find(this.volumesById, volumeId, 'InvalidVolume.NotFound', 'volume');
    this.volumesById.delete(volumeId);
  }

  public operation(call: Call): string {
    return new Parameters(new URLSearchParams(call.body.toString())).action;
  }

  public async handle(call: Call): Promise<Answer> {
    const parameters = new Parameters(new URLSearchParams(call.body.toString()));
    const handler = Object.hasOwn(this.handlers, parameters.action) ? this.handlers[parameters.action] : undefined;
    if (!handler) { throw refused('InvalidAction', `The action ${parameters.action} is not valid for this web service.`); }
    if (/^(Describe|Get)(?!(Image|Snapshot)Attribute)/.test(parameters.action)) { call.authorize(`ec2:${parameters.action}`, '*'); }
    const body = answerXml(parameters.action, randomUUID(), handler(call, parameters));
    return { status: 200, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body };
  }

  public refuse(error: ServiceError): Answer {
    const [code, status, message] = error instanceof AccessDenied
      ? ['UnauthorizedOperation', 403, `You are not authorized to perform this operation. ${error.message}`] as const
      : error.code === 'ThrottlingException'
        ? ['RequestLimitExceeded', 503, 'Request limit exceeded.'] as const
        : [error.code, error.status, error.message] as const;
    return { status, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body: errorXml(code, message, randomUUID()) };
  }

  private describeSnapshots(parameters: Parameters): { readonly [name: string]: Xml } {
    const ids = parameters.list('SnapshotId');
    ids.forEach(id => this.snapshots.get(id));
    const found = this.findsById(ids) ? this.snapshots.all : this.snapshots.listed;
    return list(SNAPSHOT_LISTING, found.filter(snapshot => ownedBy(parameters.list('Owner'), snapshot.ownerId)), parameters, this.options);
  }

  /** Whether a Describe operation with these ids finds what filters do not find yet. */
  private findsById(ids: readonly string[]): boolean {
    return ids.length > 0 && this.options.youngById !== false;
  }

  private deleteSnapshot(call: Call, snapshotId: string): { readonly [name: string]: Xml } {
    const snapshot = this.snapshots.get(snapshotId);
    call.authorize('ec2:DeleteSnapshot', snapshot.arn, tagContext('Resource', snapshot.tags));
    const image = this.images.using(snapshotId);
    if (image) { throw refused('InvalidSnapshot.InUse', `The snapshot ${snapshotId} is currently in use by ${image.imageId}`); }
    if (snapshot.state === 'pending' && this.options.pendingDeletion === 'refused') {
      throw refused('IncorrectState', `Snapshot is in invalid state - ${snapshot.state}`);
    }
    this.snapshots.remove(snapshotId);
    return { return: true };
  }

  private createTags(call: Call, parameters: Parameters): { readonly [name: string]: Xml } {
    const tags = parameters.tags();
    if (Object.keys(tags).length === 0) { throw refused('MissingParameter', 'The request must contain the parameter tags'); }
    const resources = this.taggable(parameters);
    resources.forEach(one => call.authorize('ec2:CreateTags', one.arn, { ...tagContext('Resource', one.tags), ...tagContext('Request', tags) }));
    resources.forEach(one => addTags(one.tags, tags));
    return { return: true };
  }

  private deleteTags(call: Call, parameters: Parameters): { readonly [name: string]: Xml } {
    const resources = this.taggable(parameters);
    const tags = parameters.structures('Tag').map(tag => ({ key: tag.required('Key'), value: tag.text('Value') }));
    const request = tagContext('Request', Object.fromEntries(tags.map(({ key, value }) => [key, value ?? ''])));
    resources.forEach(one => call.authorize('ec2:DeleteTags', one.arn, { ...tagContext('Resource', one.tags), ...request }));
    resources.forEach(one => removeTags(one.tags, tags));
    return { return: true };
  }

  private describeImages(parameters: Parameters): { readonly [name: string]: Xml } {
    const disabled = parameters.text('IncludeDisabled') === 'true';
    const found = this.findsById(parameters.list('ImageId')) ? this.images.visible : this.images.listed;
    const images = found.filter(image => ownedBy(parameters.list('Owner'), image.ownerId) && (disabled || !image.disabled));
    return list(imageListing(this.images), images, parameters, this.options);
  }

  private registerImage(call: Call, parameters: Parameters): { readonly [name: string]: Xml } {
    checkImage(parameters);
    const mappings = parameters.structures('BlockDeviceMapping').map(mapping => ({
      deviceName: mapping.required('DeviceName'),
      snapshotId: mapping.text('Ebs.SnapshotId'),
      volumeSize: mapping.number('Ebs.VolumeSize'),
      volumeType: mapping.text('Ebs.VolumeType') ?? 'standard',
      iops: mapping.number('Ebs.Iops'),
      throughput: mapping.number('Ebs.Throughput'),
      deleteOnTermination: mapping.text('Ebs.DeleteOnTermination') !== 'false',
    }));
    const ofImages = parameters.structures('TagSpecification').filter(specification => specification.required('ResourceType') === 'image');
    const tags = Object.assign({}, ...ofImages.map(specification => specification.tags())) as Record<string, string>;

    call.authorize('ec2:RegisterImage', imageArn('*'), tagContext('Request', tags));
    for (const { snapshotId } of mappings) {
      if (snapshotId === undefined) { continue; }
      call.authorize('ec2:RegisterImage', snapshotArn(snapshotId), {
        ...tagContext('Resource', this.snapshots.get(snapshotId).tags), ...tagContext('Request', tags),
      });
    }
    if (Object.keys(tags).length > 0) {
      call.authorize('ec2:CreateTags', imageArn('*'), { ...tagContext('Request', tags), 'ec2:CreateAction': 'RegisterImage' });
    }
    const image = this.images.register({
      name: parameters.required('Name'),
      description: parameters.text('Description') ?? '',
      architecture: parameters.text('Architecture') ?? 'i386',
      virtualizationType: parameters.text('VirtualizationType') ?? 'paravirtual',
      rootDeviceName: parameters.required('RootDeviceName'),
      bootMode: parameters.text('BootMode'),
      tpmSupport: parameters.text('TpmSupport'),
      uefiData: parameters.text('UefiData'),
      imdsSupport: parameters.text('ImdsSupport'),
      enaSupport: parameters.text('EnaSupport') === 'true',
      mappings,
      tags,
    });
    return { imageId: image.imageId };
  }

  private deregisterImage(call: Call, imageId: string): { readonly [name: string]: Xml } {
    const image = this.images.get(imageId);
    call.authorize('ec2:DeregisterImage', imageArn(imageId), tagContext('Resource', image.tags));
    this.images.deregister(imageId);
    return { return: true };
  }

  private authorizedImage(call: Call, action: string, parameters: Parameters): Image {
    const image = this.images.get(parameters.required('ImageId'));
    call.authorize(`ec2:${action}`, imageArn(image.imageId), { ...tagContext('Resource', image.tags), ...permissionContext('LaunchPermission', parameters) });
    return image;
  }

  /** One attribute at a time, in the form that has a parameter for each. */
  private modifyImage(call: Call, parameters: Parameters): { readonly [name: string]: Xml } {
    const image = this.authorizedImage(call, 'ModifyImageAttribute', parameters);
    const description = parameters.text('Description.Value');
    const imdsSupport = parameters.text('ImdsSupport.Value');
    const permissions = ['Add', 'Remove'].some(verb => parameters.structures(`LaunchPermission.${verb}`).length > 0);
    if ([description !== undefined, imdsSupport !== undefined, permissions].filter(given => given).length !== 1) {
      throw refused('InvalidParameterCombination', 'The request must contain exactly one of Description, ImdsSupport and LaunchPermission');
    }
    if (description !== undefined) {
      checkDescription(description);
      image.description = description;
    }
    if (imdsSupport !== undefined) { this.images.requireImdsV2(image, imdsSupport); }
    if (permissions) {
      this.refuseSharing(image, parameters);
      image.launchPermissions.modify('LaunchPermission', parameters);
    }
    return { return: true };
  }

  /** As the user guide of EC2 has it; the texts of the errors are guesses. */
  private refuseSharing({ imageId, mappings }: Image, parameters: Parameters): void {
    const added = parameters.structures('LaunchPermission.Add');
    if (added.length === 0) { return; }
    const snapshots = mappings.flatMap(({ snapshotId }) => snapshotId === undefined ? [] : this.snapshots.get(snapshotId));
    if (snapshots.some(({ kmsKeyId }) => kmsKeyId === this.managedKmsKeyArn)) {
      throw refused('InvalidParameterValue', `Image ${imageId} has snapshots that are encrypted with the AWS Managed CMK, and can't be shared`);
    }
    if (snapshots.some(({ encrypted }) => encrypted) && added.some(one => one.text('Group') !== undefined)) {
      throw refused('InvalidParameterValue', `Image ${imageId} has encrypted snapshots, and can't be made public`);
    }
  }

  private describeImageAttribute(call: Call, parameters: Parameters): { readonly [name: string]: Xml } {
    const { imageId, description, launchPermissions } = this.authorizedImage(call, 'DescribeImageAttribute', parameters);
    switch (parameters.required('Attribute')) {
      case 'launchPermission': return { imageId, launchPermission: launchPermissions.show() };
      case 'description': return { imageId, description: { value: description } };
      default: throw refused('InvalidParameterValue', `the emulated EC2 does not know the attribute ${parameters.text('Attribute')}`);
    }
  }

  private modifySnapshot(call: Call, parameters: Parameters): { readonly [name: string]: Xml } {
    const snapshot = this.snapshots.get(parameters.required('SnapshotId'));
    call.authorize('ec2:ModifySnapshotAttribute', snapshot.arn, {
      ...tagContext('Resource', snapshot.tags), ...permissionContext('CreateVolumePermission', parameters),
    });
    if (snapshot.kmsKeyId === this.managedKmsKeyArn) {
      throw refused('InvalidParameterValue', 'Snapshots encrypted with the AWS Managed CMK can\'t be shared. Specify another snapshot.');
    }
    snapshot.createVolumePermissions.modify('CreateVolumePermission', parameters);
    return { return: true };
  }

  private describeSnapshotAttribute(call: Call, parameters: Parameters): { readonly [name: string]: Xml } {
    const snapshot = this.snapshots.get(parameters.required('SnapshotId'));
    call.authorize('ec2:DescribeSnapshotAttribute', snapshot.arn, tagContext('Resource', snapshot.tags));
    if (parameters.required('Attribute') !== 'createVolumePermission') {
      throw refused('InvalidParameterValue', `the emulated EC2 does not know the attribute ${parameters.text('Attribute')}`);
    }
    return { snapshotId: snapshot.snapshotId, createVolumePermission: snapshot.createVolumePermissions.show() };
  }

  private taggable(parameters: Parameters): { readonly arn: string; readonly tags: Map<string, string> }[] {
    return parameters.list('ResourceId').map(id => {
      if (id.startsWith('snap-')) { return this.snapshots.get(id); }
      if (id.startsWith('ami-')) { return { arn: imageArn(id), tags: this.images.get(id).tags }; }
      throw refused('InvalidID', `The ID '${id}' is not valid`);
    });
  }
}

const AWS_MANAGED_ALIAS = 'alias/aws/ebs';

function ownedBy(owners: string[], ownerId: string): boolean {
  return owners.length === 0 || owners.some(owner => owner === ownerId || (owner === 'self' && ownerId === ACCOUNT));
}
