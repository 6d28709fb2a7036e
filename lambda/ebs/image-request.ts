import type { EbsBlockDevice, RegisterImageRequest } from '@aws-sdk/client-ec2';
import { requestDigest } from './idempotency';
import type { Image, Registered } from './images';
import type { BlockDeviceMappingProperty, MachineImageProperties } from '../../src/contract/machine-image';
import { ownershipTags } from '../shared/ownership';
import { boolean, integer } from '../shared/property-values';
import type { Context } from '../shared/resource-lifecycle';
import { stateTag } from '../shared/state-tag';

const LONGEST_NAME = 128;
const DIGEST_LENGTH = 12;
/** Characters that EC2 does not allow in the name of an AMI. */
const FORBIDDEN = /[^a-zA-Z0-9()[\] ./\-'@_]/g;

/** The name that the user chose, or else one that is unique to the request. */
export function imageNameOf({ Name, Owner }: MachineImageProperties, context: Context): string {
  if (Name !== undefined) { return Name; }
  const digest = requestDigest(context).slice(0, DIGEST_LENGTH);
  return `${Owner.replace(FORBIDDEN, '-').slice(0, LONGEST_NAME - DIGEST_LENGTH - 1)}-${digest}`;
}

/** The parameters of RegisterImage. */
export function imageRequest(name: string, properties: MachineImageProperties, context: Context): RegisterImageRequest {
  const { Description, RootDeviceName, BlockDeviceMappings, VirtualizationType, EnaSupport, UefiData, Tags = [] } = properties;
  return {
    Name: name,
    Description,
    Architecture: properties.Architecture as RegisterImageRequest['Architecture'],
    RootDeviceName,
    BlockDeviceMappings: BlockDeviceMappings.map(mapping),
    VirtualizationType,
    EnaSupport: boolean('enaSupport', EnaSupport),
    BootMode: properties.BootMode as RegisterImageRequest['BootMode'],
    TpmSupport: properties.TpmSupport as RegisterImageRequest['TpmSupport'],
    UefiData,
    ImdsSupport: properties.ImdsSupport as RegisterImageRequest['ImdsSupport'],
    TagSpecifications: [{
      ResourceType: 'image',
      Tags: [...Tags.map(({ Key, Value }) => ({ Key, Value })), ...ownershipTags(properties, context), stateTag('creating')],
    }],
  };
}

/**
 * Whether an AMI is made of the same snapshots as the one that these properties ask for, with the same properties. Without a record, that is the
 * evidence for an image that was found by its tags. EC2 does not list UEFI data, so nothing is known of an image that has some.
 */
export function isMadeOf({ registered, snapshotIds }: Image, properties: MachineImageProperties): boolean {
  const { UefiData, BlockDeviceMappings, ...others } = properties;
  const wanted = { ...others, EnaSupport: boolean('enaSupport', properties.EnaSupport) } as Registered;
  const isSame = (Object.keys(registered) as (keyof Registered)[]).every(name => (wanted[name] || undefined) === (registered[name] || undefined));
  const snapshots = BlockDeviceMappings.map(({ Ebs }) => Ebs.SnapshotId);
  return UefiData === undefined && isSame && JSON.stringify([...snapshots].sort()) === JSON.stringify([...snapshotIds].sort());
}

function mapping({ DeviceName, Ebs }: BlockDeviceMappingProperty) {
  const optional = (prop: string, value: string | number | undefined) => value === undefined ? undefined : integer(prop, value);
  return {
    DeviceName,
    Ebs: {
      SnapshotId: Ebs.SnapshotId,
      VolumeType: Ebs.VolumeType as NonNullable<EbsBlockDevice['VolumeType']>,
      VolumeSize: optional('volumeSize', Ebs.VolumeSize),
      Iops: optional('iops', Ebs.Iops),
      Throughput: optional('throughput', Ebs.Throughput),
      DeleteOnTermination: boolean('deleteOnTermination', Ebs.DeleteOnTermination),
    },
  };
}
