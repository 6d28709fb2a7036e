import {
  CreateTagsCommand, DeleteSnapshotCommand, DeleteTagsCommand, DeregisterImageCommand, DescribeAvailabilityZonesCommand, DescribeImagesCommand,
  DescribeNetworkInterfacesCommand, DescribeSecurityGroupsCommand, DescribeSnapshotsCommand, DescribeSubnetsCommand, EC2Client,
  GetEbsDefaultKmsKeyIdCommand, GetEbsEncryptionByDefaultCommand, paginateDescribeSnapshots, RegisterImageCommand,
} from '@aws-sdk/client-ec2';
import { Clock } from '../../../world/emulator/clock';
import { Ec2, type Ec2Options, type SnapshotStatus } from '../../../world/emulator/ec2';
import { ACCOUNT, REGION } from '../../../world/emulator/environment';
import { THROTTLE } from '../../../world/emulator/faults';
import { Principal, type Statement } from '../../../world/emulator/iam';
import { Lateness } from '../../../world/emulator/lateness';
import { EmulatorServer } from '../../../world/emulator/server';

const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/11111111-2222-4333-8444-555555555555`;

const clock = new Clock();
let server: EmulatorServer;
let ec2: Ec2;
let client: EC2Client;

beforeEach(async () => {
  server = new EmulatorServer(clock);
  start();
  await server.listen();
  client = connect(EmulatorServer.ADMIN);
});

/** Begins with an account of these properties. */
function start(options?: Ec2Options): void {
  ec2 = new Ec2(clock, { resolve: id => id === 'alias/mine' || id === KEY ? KEY : undefined }, options);
  server.add(ec2);
}

afterEach(async () => {
  client.destroy();
  await server.close();
});

describe('the way to a service', () => {
  const ENDPOINT = 'com.amazonaws.eu-west-1.ebs';
  const given = () => {
    const { vpcId } = ec2.createVpc({ cidrBlock: '10.0.0.0/16' });
    const [mine, theirs] = [1, 2].map(i => ec2.createSubnet({ vpcId, cidrBlock: `10.0.${i}.0/24`, availabilityZone: `${REGION}a` }).subnetId);
    const [own, open] = ['own', 'open'].map(groupName => ec2.createSecurityGroup({ vpcId, groupName, description: '' }).groupId);
    ec2.addIngress(open, { ipProtocol: 'tcp', fromPort: 443, toPort: 443, cidrIp: '10.0.0.0/16' });
    ec2.routing.tables.set(mine, 'rtb-1');
    const way = (service = 'ebs') => ec2.routing.way({ subnetId: mine, groups: [own] }, service);
    const endpoint = (changes = {}) => ec2.routing.endpoints.set('vpce-1', {
      vpcId, serviceName: ENDPOINT, subnetIds: [theirs], groups: [open], privateDns: true, ...changes,
    });
    return { own, way, endpoint };
  };

  test('is an endpoint that lets HTTPS in, and that the name of the service leads to', () => {
    const { way, endpoint, own } = given();
    expect(way()).toBeUndefined();
    endpoint();
    expect(way()).toEqual({});
    expect(way('ec2')).toBeUndefined();
    endpoint({ groups: [own] });
    expect(way()).toBeUndefined();
    endpoint({ privateDns: false });
    expect(way()).toBeUndefined();
  });

  test('is a NAT gateway, but past an endpoint there is none', () => {
    const { way, endpoint, own } = given();
    ec2.routing.defaults.set('rtb-1', 'igw-1');
    expect(way()).toBeUndefined();
    ec2.routing.defaults.set('rtb-1', 'nat-1');
    expect(way()).toEqual({});
    endpoint({ groups: [own] });
    expect(way()).toBeUndefined();
  });

  test('to S3 is a gateway endpoint, if the route table of the subnet has it; its policy counts', () => {
    const { way, endpoint } = given();
    const policy: Statement[] = [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }];
    endpoint({ serviceName: 'com.amazonaws.eu-west-1.s3', privateDns: undefined, routeTableIds: ['rtb-2'], policy });
    expect(way('s3')).toBeUndefined();
    endpoint({ serviceName: 'com.amazonaws.eu-west-1.s3', privateDns: undefined, routeTableIds: ['rtb-1'], policy });
    expect(way('s3')).toEqual({ policy });
  });

  test('is none where no HTTPS may go out', () => {
    const { way, endpoint, own } = given();
    endpoint();
    ec2.rules(own).forEach(({ ruleId }) => ec2.deleteRule(ruleId));
    expect(way()).toBeUndefined();
  });
});

describe('network', () => {
  test('subnets are described with zone, id of the zone, and free addresses', async () => {
    const { subnet } = givenNetwork();
    ec2.createInterface(subnet.subnetId, { groups: [] });
    const { Subnets: [found] = [] } = await client.send(new DescribeSubnetsCommand({ SubnetIds: [subnet.subnetId] }));
    expect(found).toMatchObject({
      SubnetId: subnet.subnetId,
      VpcId: subnet.vpcId,
      AvailabilityZone: 'eu-west-1b',
      AvailabilityZoneId: 'euw1-az3',
      CidrBlock: '10.0.1.0/28',
      OwnerId: ACCOUNT,
      State: 'available',
      AvailableIpAddressCount: 10,
    });
    expect(subnet.subnetId).toMatch(/^subnet-[0-9a-f]{17}$/);
  });

  test('an unknown subnet, group or interface has EC2\'s own error', async () => {
    await expect(client.send(new DescribeSubnetsCommand({ SubnetIds: ['subnet-0aaaaaaaaaaaaaaaa'] }))).rejects.toMatchObject({
      name: 'InvalidSubnetID.NotFound', message: 'The subnet ID \'subnet-0aaaaaaaaaaaaaaaa\' does not exist', $metadata: { httpStatusCode: 400 },
    });
    await expect(client.send(new DescribeSecurityGroupsCommand({ GroupIds: ['sg-0aaaaaaaaaaaaaaaa'] })))
      .rejects.toMatchObject({ name: 'InvalidGroup.NotFound' });
    await expect(client.send(new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: ['eni-0aaaaaaaaaaaaaaaa'] })))
      .rejects.toMatchObject({ name: 'InvalidNetworkInterfaceID.NotFound' });
  });

  test('security groups show their rules, and every VPC has a default one', async () => {
    const { vpc, group } = givenNetwork();
    const source = ec2.createSecurityGroup({ vpcId: vpc.vpcId, groupName: 'clients', description: 'clients' });
    ec2.addIngress(group.groupId, { ipProtocol: 'tcp', fromPort: 2049, toPort: 2049, sourceGroupId: source.groupId });
    const { SecurityGroups = [] } = await client.send(new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpc.vpcId] }] }));
    expect(SecurityGroups.map(one => one.GroupName).sort()).toEqual(['clients', 'default', 'nfs']);
    expect(SecurityGroups.find(one => one.GroupName === 'nfs')).toMatchObject({
      GroupId: group.groupId,
      Description: 'NFS & <more>',
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 2049, ToPort: 2049, UserIdGroupPairs: [{ GroupId: source.groupId, UserId: ACCOUNT }] }],
      IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    });
    expect(() => ec2.deleteSecurityGroup(source.groupId)).toThrow('dependencies');
    ec2.rules(group.groupId).filter(rule => rule.direction === 'ingress').forEach(rule => ec2.deleteRule(rule.ruleId));
    ec2.deleteSecurityGroup(source.groupId);
  });

  test('interfaces take addresses that are free and not reserved', async () => {
    const { subnet, group } = givenNetwork();
    const first = ec2.createInterface(subnet.subnetId, { groups: [group.groupId], description: 'EFS mount target' });
    expect(first.privateIpAddress).toBe('10.0.1.4');
    expect(ec2.createInterface(subnet.subnetId, { groups: [], privateIpAddress: '10.0.1.9' }).privateIpAddress).toBe('10.0.1.9');
    expect(() => ec2.createInterface(subnet.subnetId, { groups: [], privateIpAddress: '10.0.1.9' }))
      .toThrow(expect.objectContaining({ code: 'IpAddressInUse', status: 409 }));
    expect(() => ec2.createInterface(subnet.subnetId, { groups: [], privateIpAddress: '10.0.1.3' })).toThrow('usable addresses');
    for (let i = 0; i < 9; i++) { ec2.createInterface(subnet.subnetId, { groups: [] }); }
    expect(() => ec2.createInterface(subnet.subnetId, { groups: [] }))
      .toThrow(expect.objectContaining({ code: 'NoFreeAddressesInSubnet', status: 409 }));

    ec2.modifyInterface(first.networkInterfaceId, { groups: [] });
    const { NetworkInterfaces: [found] = [] } = await client.send(new DescribeNetworkInterfacesCommand({
      Filters: [{ Name: 'description', Values: ['EFS*'] }, { Name: 'subnet-id', Values: [subnet.subnetId] }],
    }));
    expect(found).toMatchObject({ NetworkInterfaceId: first.networkInterfaceId, PrivateIpAddress: '10.0.1.4', Groups: [] });
  });

  test('nothing goes while something depends on it', () => {
    const { vpc, subnet, group } = givenNetwork();
    const { networkInterfaceId } = ec2.createInterface(subnet.subnetId, { groups: [group.groupId] });
    const violation = expect.objectContaining({ code: 'DependencyViolation' });
    expect(() => ec2.deleteSubnet(subnet.subnetId)).toThrow(violation);
    expect(() => ec2.deleteSecurityGroup(group.groupId)).toThrow(violation);
    expect(() => ec2.deleteVpc(vpc.vpcId)).toThrow(violation);
    ec2.deleteInterface(networkInterfaceId);
    ec2.deleteSecurityGroup(group.groupId);
    ec2.deleteSubnet(subnet.subnetId);
    ec2.deleteVpc(vpc.vpcId);
    expect([...ec2.vpcs, ...ec2.subnets, ...ec2.securityGroups, ...ec2.networkInterfaces, ...ec2.rules()]).toEqual([]);
  });

  test('subnets lie within their VPC and apart from each other', () => {
    const { vpc } = givenNetwork();
    const create = (cidrBlock: string) => () => ec2.createSubnet({ vpcId: vpc.vpcId, cidrBlock, availabilityZone: 'eu-west-1a' });
    expect(create('10.1.0.0/24')).toThrow(expect.objectContaining({ code: 'InvalidSubnet.Range' }));
    expect(create('10.0.1.0/24')).toThrow(expect.objectContaining({ code: 'InvalidSubnet.Conflict' }));
  });

  test('the zones are those of the environment', async () => {
    const { AvailabilityZones = [] } = await client.send(new DescribeAvailabilityZonesCommand());
    expect(AvailabilityZones.map(zone => [zone.ZoneName, zone.ZoneId, zone.State])).toEqual([
      ['eu-west-1a', 'euw1-az2', 'available'], ['eu-west-1b', 'euw1-az3', 'available'], ['eu-west-1c', 'euw1-az1', 'available'],
    ]);
  });
});

describe('snapshots', () => {
  test('are described with state, progress, message and tags', async () => {
    let status: SnapshotStatus = { state: 'pending', progress: 40 };
    const snapshot = ec2.snapshots.add({
      volumeSize: 8, startTime: clock.now(), description: 'a <b>', tags: { 'Name': 'x', 'a:b': '' }, kmsKeyId: KEY, status: () => status,
    });
    const describe_ = async () => (await client.send(new DescribeSnapshotsCommand({ SnapshotIds: [snapshot.snapshotId] }))).Snapshots![0];
    expect(await describe_()).toMatchObject({
      SnapshotId: snapshot.snapshotId,
      State: 'pending',
      Progress: '40%',
      VolumeSize: 8,
      Description: 'a <b>',
      Encrypted: true,
      KmsKeyId: KEY,
      OwnerId: ACCOUNT,
      StartTime: new Date(clock.now()),
      Tags: [{ Key: 'Name', Value: 'x' }, { Key: 'a:b', Value: '' }],
    });
    status = { state: 'error', progress: 40, message: 'Snapshot timed out' };
    expect(await describe_()).toMatchObject({ State: 'error', StateMessage: 'Snapshot timed out' });
  });

  test('are found by filters, all of which must fit', async () => {
    const [mine] = [{ stack: 'a', id: 'one' }, { stack: 'a', id: 'two' }, { stack: 'b' }].map(tags => givenSnapshot(tags as Record<string, string>));
    const find = async (...filters: [string, ...string[]][]) =>
      (await client.send(new DescribeSnapshotsCommand({
        OwnerIds: ['self'], Filters: filters.map(([Name, ...Values]) => ({ Name, Values })),
      }))).Snapshots!.map(snapshot => snapshot.SnapshotId);
    expect(await find(['tag:stack', 'a'])).toHaveLength(2);
    expect(await find(['tag:stack', 'a', 'b'])).toHaveLength(3);
    expect(await find(['tag:stack', 'a'], ['tag:id', 'o*'])).toEqual([mine.snapshotId]);
    expect(await find(['tag-key', 'id'])).toHaveLength(2);
    expect(await find(['status', 'pending'])).toEqual([]);
    expect(await find(['volume-size', '1'], ['snapshot-id', mine.snapshotId])).toEqual([mine.snapshotId]);
    await expect(find(['nonsense', 'x'])).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    expect((await client.send(new DescribeSnapshotsCommand({ OwnerIds: ['amazon'] }))).Snapshots).toEqual([]);
  });

  test('come in pages', async () => {
    for (let i = 0; i < 12; i++) { givenSnapshot(); }
    const sizes: number[] = [];
    const ids = new Set<string>();
    let token: string | undefined;
    do {
      const page = await client.send(new DescribeSnapshotsCommand({ MaxResults: 5, NextToken: token }));
      sizes.push(page.Snapshots!.length);
      page.Snapshots!.forEach(snapshot => ids.add(snapshot.SnapshotId!));
      token = page.NextToken;
    } while (token);
    expect([sizes, ids.size]).toEqual([[5, 5, 2], 12]);
    await expect(client.send(new DescribeSnapshotsCommand({ MaxResults: 4 }))).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(client.send(new DescribeSnapshotsCommand({ MaxResults: 5, SnapshotIds: [...ids] })))
      .rejects.toMatchObject({ name: 'InvalidParameterCombination' });
  });

  test('are deleted, pending ones too, and then are unknown', async () => {
    const { snapshotId } = ec2.snapshots.add({ volumeSize: 1, startTime: clock.now(), status: () => ({ state: 'pending', progress: 0 }) });
    await client.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId }));
    const gone = { name: 'InvalidSnapshot.NotFound', message: `The snapshot '${snapshotId}' does not exist.`, $metadata: { httpStatusCode: 400 } };
    await expect(client.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId }))).rejects.toMatchObject(gone);
    await expect(client.send(new DescribeSnapshotsCommand({ SnapshotIds: [snapshotId] }))).rejects.toMatchObject(gone);
    await expect(client.send(new DeleteSnapshotCommand({ SnapshotId: 'fs-1' }))).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  test('are not deleted while an AMI uses them', async () => {
    const { snapshotId } = givenSnapshot();
    const { ImageId } = await client.send(new RegisterImageCommand({
      Name: 'machine',
      RootDeviceName: '/dev/xvda',
      Architecture: 'arm64',
      VirtualizationType: 'hvm',
      EnaSupport: true,
      BootMode: 'uefi',
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshotId, VolumeType: 'gp3', DeleteOnTermination: true } }],
      TagSpecifications: [{ ResourceType: 'image', Tags: [{ Key: 'a', Value: 'b' }] }],
    }));
    await expect(client.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId }))).rejects.toMatchObject({
      name: 'InvalidSnapshot.InUse', message: `The snapshot ${snapshotId} is currently in use by ${ImageId}`,
    });
    const { Images = [] } = await client.send(new DescribeImagesCommand({
      Owners: ['self'], Filters: [{ Name: 'block-device-mapping.snapshot-id', Values: [snapshotId] }],
    }));
    expect(Images).toEqual([expect.objectContaining({
      ImageId,
      Name: 'machine',
      State: 'available',
      Architecture: 'arm64',
      BootMode: 'uefi',
      EnaSupport: true,
      Tags: [{ Key: 'a', Value: 'b' }],
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: expect.objectContaining({ SnapshotId: snapshotId, VolumeSize: 1, Encrypted: false }) }],
    })]);
    await client.send(new DeregisterImageCommand({ ImageId }));
    await client.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId }));
  });

  test('become volumes and images only when completed', async () => {
    const { snapshotId } = ec2.snapshots.add({ volumeSize: 2, startTime: clock.now(), status: () => ({ state: 'pending', progress: 0 }) });
    expect(() => ec2.createVolume(snapshotId, { availabilityZone: 'eu-west-1a' })).toThrow(expect.objectContaining({ code: 'IncorrectState' }));
    await expect(client.send(new RegisterImageCommand({
      Name: 'early', RootDeviceName: '/dev/xvda', BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { SnapshotId: snapshotId } }],
    }))).rejects.toMatchObject({ name: 'IncorrectState' });
    const done = givenSnapshot();
    expect(ec2.createVolume(done.snapshotId, { availabilityZone: 'eu-west-1a' })).toMatchObject({ size: 1, kmsKeyId: undefined });
    ec2.encryptionByDefault = true;
    ec2.defaultKmsKeyId = 'alias/mine';
    expect(ec2.createVolume(done.snapshotId, { availabilityZone: 'eu-west-1a', size: 4 })).toMatchObject({ size: 4, kmsKeyId: KEY });
  });

  test('are tagged and untagged', async () => {
    const snapshot = givenSnapshot({ a: '1', b: '2' });
    const Resources = [snapshot.snapshotId];
    await client.send(new CreateTagsCommand({ Resources, Tags: [{ Key: 'a', Value: 'new' }, { Key: 'c', Value: '' }] }));
    await client.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: 'b' }, { Key: 'a', Value: 'another' }] }));
    expect(Object.fromEntries(snapshot.tags)).toEqual({ a: 'new', c: '' });
    await expect(client.send(new CreateTagsCommand({ Resources, Tags: [{ Key: 'aws:x', Value: '' }] })))
      .rejects.toMatchObject({ name: 'InvalidParameterValue' });
    const many = Array.from({ length: 49 }, (_, i) => ({ Key: `k${i}`, Value: '' }));
    await expect(client.send(new CreateTagsCommand({ Resources, Tags: many }))).rejects.toMatchObject({ name: 'TagLimitExceeded' });
  });
});

describe('settings', () => {
  test('encryption by default and its key can be asked for', async () => {
    expect(await client.send(new GetEbsEncryptionByDefaultCommand())).toMatchObject({ EbsEncryptionByDefault: false });
    expect((await client.send(new GetEbsDefaultKmsKeyIdCommand())).KmsKeyId).toBe('alias/aws/ebs');
    ec2.encryptionByDefault = true;
    ec2.defaultKmsKeyId = 'alias/mine';
    expect(await client.send(new GetEbsEncryptionByDefaultCommand())).toMatchObject({ EbsEncryptionByDefault: true });
    expect((await client.send(new GetEbsDefaultKmsKeyIdCommand())).KmsKeyId).toBe(KEY);
  });
});

describe('authorization', () => {
  const snapshots = `arn:aws:ec2:${REGION}::snapshot/*`;

  test('a call without permission is an UnauthorizedOperation that names action and resource', async () => {
    const nobody = restricted();
    await expect(nobody.send(new DescribeSnapshotsCommand())).rejects.toMatchObject({
      name: 'UnauthorizedOperation', message: expect.stringContaining('ec2:DescribeSnapshots on resource: *'), $metadata: { httpStatusCode: 403 },
    });
  });

  test('deleting can be limited to snapshots with a tag', async () => {
    const limited = restricted({
      Effect: 'Allow', Action: 'ec2:DeleteSnapshot', Resource: snapshots, Condition: { StringEquals: { 'aws:ResourceTag/owner': 'us' } },
    });
    const [ours, theirs] = [givenSnapshot({ owner: 'us' }), givenSnapshot({ owner: 'them' })];
    await limited.send(new DeleteSnapshotCommand({ SnapshotId: ours.snapshotId }));
    await expect(limited.send(new DeleteSnapshotCommand({ SnapshotId: theirs.snapshotId })))
      .rejects.toMatchObject({ name: 'UnauthorizedOperation' });
    expect(ec2.snapshots.all).toEqual([theirs]);
  });

  test('tagging can be limited to keys, and to snapshots with a tag', async () => {
    const limited = restricted({
      Effect: 'Allow',
      Action: ['ec2:CreateTags', 'ec2:DeleteTags'],
      Resource: snapshots,
      Condition: { 'StringEquals': { 'aws:ResourceTag/owner': 'us' }, 'ForAllValues:StringEquals': { 'aws:TagKeys': ['state'] } },
    });
    const Resources = [givenSnapshot({ owner: 'us' }).snapshotId];
    await limited.send(new CreateTagsCommand({ Resources, Tags: [{ Key: 'state', Value: 'done' }] }));
    await limited.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: 'state' }] }));
    await expect(limited.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: 'owner' }] })))
      .rejects.toMatchObject({ name: 'UnauthorizedOperation' });
    const theirs = [givenSnapshot({ owner: 'them' }).snapshotId];
    await expect(limited.send(new CreateTagsCommand({ Resources: theirs, Tags: [{ Key: 'state', Value: 'x' }] })))
      .rejects.toMatchObject({ name: 'UnauthorizedOperation' });
  });
});

function connect(credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }): EC2Client {
  return new EC2Client({ region: REGION, endpoint: server.url, credentials, maxAttempts: 1 });
}

function restricted(...statements: Statement[]): EC2Client {
  return connect(server.issue(new Principal('arn:aws:sts::111122223333:assumed-role/test/function', () => statements)));
}

function givenNetwork() {
  const vpc = ec2.createVpc({ cidrBlock: '10.0.0.0/16' });
  const subnet = ec2.createSubnet({ vpcId: vpc.vpcId, cidrBlock: '10.0.1.0/28', availabilityZone: 'eu-west-1b' });
  const group = ec2.createSecurityGroup({ vpcId: vpc.vpcId, groupName: 'nfs', description: 'NFS & <more>' });
  return { vpc, subnet, group };
}

function givenSnapshot(tags: Record<string, string> = {}) {
  return ec2.snapshots.add({ volumeSize: 1, startTime: clock.now(), tags });
}

describe('what EC2 lists late', () => {
  const SECOND = 1_000;
  const lateness = (seconds: number) => new Lateness(1, { snapshotListing: seconds, imageListing: seconds });
  const tagged = { Filters: [{ Name: 'tag:role', Values: ['web'] }] };
  const snapshot = () => ec2.snapshots.add({ volumeSize: 1, startTime: clock.now(), tags: { role: 'web' } }).snapshotId;
  const listed = async (input: object) => (await client.send(new DescribeSnapshotsCommand(input))).Snapshots!.map(one => one.SnapshotId);

  test('is a new snapshot, for filters', async () => {
    start({ lateness: lateness(60) });
    const id = snapshot();
    expect(await listed(tagged)).toEqual([]);
    expect(await listed({ SnapshotIds: [id] })).toEqual([id]);
    clock.advance(60 * SECOND);
    expect(await listed(tagged)).toEqual([id]);
  });

  test('is a new snapshot, by its id too if the account is like that', async () => {
    start({ lateness: lateness(60), youngById: false });
    const id = snapshot();
    await expect(listed({ SnapshotIds: [id] })).rejects.toMatchObject({ name: 'InvalidSnapshot.NotFound' });
    clock.advance(60 * SECOND);
    expect(await listed({ SnapshotIds: [id] })).toEqual([id]);
  });

  test('is a new AMI', async () => {
    start({ lateness: lateness(60) });
    const mappings = [{ deviceName: '/dev/xvda', snapshotId: snapshot(), volumeType: 'gp3', deleteOnTermination: true }];
    const { imageId } = ec2.images.register({
      name: 'image', description: '', architecture: 'x86_64', virtualizationType: 'hvm', rootDeviceName: '/dev/xvda', enaSupport: true, mappings, tags: { role: 'web' },
    });
    const images = async (input: object) => (await client.send(new DescribeImagesCommand(input))).Images!.map(one => one.ImageId);
    expect([await images(tagged), await images({ ImageIds: [imageId] })]).toEqual([[], [imageId]]);
    clock.advance(60 * SECOND);
    expect(await images(tagged)).toEqual([imageId]);
  });
});

describe('a large account', () => {
  beforeEach(() => start({ large: true }));
  const tagged = { Filters: [{ Name: 'tag:role', Values: ['web'] }] };

  test('is refused a listing without ids and without MaxResults', async () => {
    await expect(client.send(new DescribeSnapshotsCommand(tagged))).rejects.toMatchObject({ name: 'RequestLimitExceeded', $metadata: { httpStatusCode: 503 } });
    await expect(client.send(new DescribeImagesCommand({ Owners: ['self'] }))).rejects.toMatchObject({ name: 'RequestLimitExceeded' });
  });

  test('gets pages, of which one with filters may be empty and yet not the last', async () => {
    const ids = Array.from({ length: 7 }, () => ec2.snapshots.add({ volumeSize: 1, startTime: clock.now(), tags: { role: 'web' } }).snapshotId);
    const pages = [];
    for await (const page of paginateDescribeSnapshots({ client, pageSize: 5 }, tagged)) { pages.push(page.Snapshots!.map(one => one.SnapshotId)); }
    expect(pages).toEqual([[], ids.slice(0, 5), ids.slice(5)]);
  });

  test('may ask for things by their ids, and then not for MaxResults', async () => {
    const { snapshotId } = ec2.snapshots.add({ volumeSize: 1, startTime: clock.now() });
    expect((await client.send(new DescribeSnapshotsCommand({ SnapshotIds: [snapshotId] }))).Snapshots).toHaveLength(1);
    await expect(client.send(new DescribeSnapshotsCommand({ SnapshotIds: [snapshotId], MaxResults: 1000 })))
      .rejects.toMatchObject({ name: 'InvalidParameterCombination' });
  });
});

describe('the deletion of a pending snapshot', () => {
  const pending = () => ec2.snapshots.add({ volumeSize: 1, startTime: clock.now(), status: () => ({ state: 'pending', progress: 0 }) }).snapshotId;

  test('is done', async () => {
    await client.send(new DeleteSnapshotCommand({ SnapshotId: pending() }));
    expect(ec2.snapshots.all).toEqual([]);
  });

  test('is refused, if the account is like that', async () => {
    start({ pendingDeletion: 'refused' });
    await expect(client.send(new DeleteSnapshotCommand({ SnapshotId: pending() }))).rejects.toMatchObject({ name: 'IncorrectState' });
  });
});

test('throttles as long as a test says', async () => {
  const until = clock.now() + 600_000;
  server.faults.persist(/^ec2:/, THROTTLE, () => clock.now() < until);
  const describe_ = () => client.send(new DescribeSnapshotsCommand({}));
  await expect(describe_()).rejects.toMatchObject({ name: 'RequestLimitExceeded' });
  clock.advance(600_000);
  await expect(describe_()).resolves.toBeDefined();
});
