import { AVAILABILITY_ZONES, PARTITION, REGION } from '../environment';
import type { Image, Images } from './images';
import { tagSet, time, type Listing } from './listing';
import { refused, type NetworkInterface, type Network, type Rule, type SecurityGroup, type Subnet } from './network';
import type { Xml } from './query';
import type { Snapshot } from './snapshots';

export const AVAILABILITY_ZONE_LISTING: Listing<string> = {
  set: 'availabilityZoneInfo',
  idParameter: 'ZoneName',
  id: name => name,
  missing: name => refused('InvalidParameterValue', `Invalid availability zone: [${name}]`),
  filters: {
    'zone-name': name => [name],
    'zone-id': name => [AVAILABILITY_ZONES[name]],
    'state': () => ['available'],
    'region-name': () => [REGION],
    'zone-type': () => ['availability-zone'],
    'opt-in-status': () => ['opt-in-not-required'],
  },
  show: name => ({
    zoneName: name,
    zoneId: AVAILABILITY_ZONES[name],
    zoneState: 'available',
    regionName: REGION,
    zoneType: 'availability-zone',
    groupName: REGION,
    networkBorderGroup: REGION,
    optInStatus: 'opt-in-not-required',
  }),
};

export function subnetListing(network: Network): Listing<Subnet> {
  return {
    set: 'subnetSet',
    idParameter: 'SubnetId',
    id: subnet => subnet.subnetId,
    missing: id => refused('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`),
    filters: {
      'subnet-id': subnet => [subnet.subnetId],
      'vpc-id': subnet => [subnet.vpcId],
      'availability-zone': subnet => [subnet.availabilityZone],
      'availability-zone-id': subnet => [subnet.availabilityZoneId],
      'cidr-block': subnet => [subnet.cidrBlock],
      'owner-id': subnet => [subnet.ownerId],
      'state': () => ['available'],
    },
    show: ({ ipv6CidrBlock, ...subnet }) => ({
      ...subnet,
      ipv6CidrBlockAssociationSet: ipv6CidrBlock === undefined ? [] : [{
        ipv6CidrBlock, associationId: `subnet-cidr-assoc-${subnet.subnetId.slice(-17)}`, ipv6CidrBlockState: { state: 'associated' },
      }],
      ipv6Native: false,
      state: 'available',
      availableIpAddressCount: network.freeAddresses(subnet.subnetId),
      subnetArn: `arn:${PARTITION}:ec2:${REGION}:${subnet.ownerId}:subnet/${subnet.subnetId}`,
      tagSet: tagSet(),
    }),
  };
}

export function securityGroupListing(network: Network): Listing<SecurityGroup> {
  const permissions = (group: SecurityGroup, direction: Rule['direction']): Xml =>
    network.rules(group.groupId).filter(rule => rule.direction === direction).map(rule => ({
      ipProtocol: rule.ipProtocol,
      fromPort: rule.fromPort,
      toPort: rule.toPort,
      groups: rule.sourceGroupId === undefined ? [] : [{ userId: group.ownerId, groupId: rule.sourceGroupId, description: rule.description }],
      ipRanges: rule.cidrIp === undefined ? [] : [{ cidrIp: rule.cidrIp, description: rule.description }],
    }));
  return {
    set: 'securityGroupInfo',
    idParameter: 'GroupId',
    id: group => group.groupId,
    missing: id => refused('InvalidGroup.NotFound', `The security group '${id}' does not exist`),
    filters: {
      'group-id': group => [group.groupId],
      'group-name': group => [group.groupName],
      'vpc-id': group => [group.vpcId],
      'owner-id': group => [group.ownerId],
      'description': group => [group.description],
    },
    show: group => ({
      groupId: group.groupId,
      groupName: group.groupName,
      groupDescription: group.description,
      vpcId: group.vpcId,
      ownerId: group.ownerId,
      ipPermissions: permissions(group, 'ingress'),
      ipPermissionsEgress: permissions(group, 'egress'),
      tagSet: tagSet(),
    }),
  };
}

export function interfaceListing(network: Network): Listing<NetworkInterface> {
  return {
    set: 'networkInterfaceSet',
    idParameter: 'NetworkInterfaceId',
    id: one => one.networkInterfaceId,
    missing: id => refused('InvalidNetworkInterfaceID.NotFound', `The networkInterface ID '${id}' does not exist`),
    filters: {
      'network-interface-id': one => [one.networkInterfaceId],
      'subnet-id': one => [one.subnetId],
      'vpc-id': one => [one.vpcId],
      'availability-zone': one => [one.availabilityZone],
      'group-id': one => [...one.groups],
      'description': one => [one.description],
      'private-ip-address': one => [one.privateIpAddress],
      'addresses.private-ip-address': one => [one.privateIpAddress],
      'status': () => ['in-use'],
    },
    show: one => ({
      networkInterfaceId: one.networkInterfaceId,
      subnetId: one.subnetId,
      vpcId: one.vpcId,
      availabilityZone: one.availabilityZone,
      description: one.description,
      ownerId: network.subnet(one.subnetId)?.ownerId,
      requesterManaged: true,
      status: 'in-use',
      privateIpAddress: one.privateIpAddress,
      privateIpAddressesSet: [{ privateIpAddress: one.privateIpAddress, primary: true }],
      ipv6AddressesSet: one.ipv6Address === undefined ? [] : [{ ipv6Address: one.ipv6Address }],
      groupSet: one.groups.map(groupId => ({ groupId, groupName: network.securityGroup(groupId)?.groupName })),
      tagSet: tagSet(),
    }),
  };
}

export const SNAPSHOT_LISTING: Listing<Snapshot> = {
  set: 'snapshotSet',
  idParameter: 'SnapshotId',
  id: snapshot => snapshot.snapshotId,
  missing: id => refused('InvalidSnapshot.NotFound', `The snapshot '${id}' does not exist.`),
  tags: snapshot => snapshot.tags,
  filters: {
    'snapshot-id': snapshot => [snapshot.snapshotId],
    'owner-id': snapshot => [snapshot.ownerId],
    'status': snapshot => [snapshot.state],
    'progress': snapshot => [`${snapshot.status.progress}%`],
    'volume-id': snapshot => [snapshot.volumeId],
    'volume-size': snapshot => [String(snapshot.volumeSize)],
    'description': snapshot => [snapshot.description],
    'encrypted': snapshot => [String(snapshot.encrypted)],
    'start-time': snapshot => [time(snapshot.startTime)],
    'storage-tier': () => ['standard'],
  },
  show: snapshot => ({
    snapshotId: snapshot.snapshotId,
    volumeId: snapshot.volumeId,
    status: snapshot.state,
    statusMessage: snapshot.status.message,
    startTime: time(snapshot.startTime),
    progress: `${snapshot.status.progress}%`,
    ownerId: snapshot.ownerId,
    volumeSize: snapshot.volumeSize,
    description: snapshot.description,
    encrypted: snapshot.encrypted,
    kmsKeyId: snapshot.kmsKeyId,
    storageTier: 'standard',
    tagSet: tagSet(snapshot.tags),
  }),
};

export function imageListing(images: Images): Listing<Image> {
  return {
    set: 'imagesSet',
    idParameter: 'ImageId',
    id: image => image.imageId,
    missing: id => refused('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`),
    tags: image => image.tags,
    filters: {
      'image-id': image => [image.imageId],
      'name': image => [image.name],
      'owner-id': image => [image.ownerId],
      'architecture': image => [image.architecture],
      'state': image => [images.stateOf(image)],
      'root-device-name': image => [image.rootDeviceName],
      'block-device-mapping.snapshot-id': image => image.mappings.flatMap(mapping => mapping.snapshotId ?? []),
      'block-device-mapping.device-name': image => image.mappings.map(mapping => mapping.deviceName),
    },
    show: image => ({
      imageId: image.imageId,
      imageLocation: `${image.ownerId}/${image.name}`,
      imageState: images.stateOf(image),
      stateReason: image.failure === undefined ? undefined : { code: 'Client.InvalidParameterValue', message: image.failure },
      imageOwnerId: image.ownerId,
      isPublic: image.launchPermissions.isPublic,
      imageType: 'machine',
      name: image.name,
      description: image.description,
      architecture: image.architecture,
      virtualizationType: image.virtualizationType,
      hypervisor: 'xen',
      rootDeviceType: 'ebs',
      rootDeviceName: image.rootDeviceName,
      bootMode: image.bootMode,
      tpmSupport: image.tpmSupport,
      imdsSupport: image.imdsSupport,
      deprecationTime: image.deprecationTime === undefined ? undefined : time(image.deprecationTime),
      enaSupport: image.enaSupport,
      creationDate: time(image.creationTime),
      blockDeviceMapping: image.mappings.map(({ deviceName, ...ebs }) => ({ deviceName, ebs })),
      tagSet: tagSet(image.tags),
    }),
  };
}
