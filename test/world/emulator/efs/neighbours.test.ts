import {
  CreateFileSystemCommand, CreateMountTargetCommand, CreateReplicationConfigurationCommand, DeleteMountTargetCommand, DescribeFileSystemsCommand,
  EFSClient,
} from '@aws-sdk/client-efs';
import { Clock } from '../../../../world/emulator/clock';
import { Ec2 } from '../../../../world/emulator/ec2';
import { Efs } from '../../../../world/emulator/efs';
import { REGION } from '../../../../world/emulator/environment';
import { Kms } from '../../../../world/emulator/kms';
import { EmulatorServer } from '../../../../world/emulator/server';

/** EFS beside the emulated EC2 and KMS, as everything but these tests uses it. */
describe('EFS with EC2 and KMS', () => {
  const clock = new Clock();
  const kms = new Kms(clock);
  const ec2 = new Ec2(clock, kms);
  const efs = new Efs(clock, ec2, kms);
  const server = new EmulatorServer(clock);
  const vpc = ec2.createVpc({ cidrBlock: '10.0.0.0/16' });
  const subnet = ec2.createSubnet({ vpcId: vpc.vpcId, cidrBlock: '10.0.0.0/28', availabilityZone: `${REGION}a` });
  let client: EFSClient;

  beforeAll(async () => {
    server.add(efs);
    await server.listen();
    client = new EFSClient({ endpoint: server.url, region: REGION, credentials: EmulatorServer.ADMIN, maxAttempts: 1 });
  });
  afterAll(async () => {
    client.destroy();
    await server.close();
  });

  test('a mount target is a network interface while it lives', async () => {
    const group = ec2.createSecurityGroup({ vpcId: vpc.vpcId, groupName: 'nfs', description: 'mount targets' });
    const { FileSystemId } = await client.send(new CreateFileSystemCommand({ CreationToken: 'plain' }));
    clock.advance(5_000);
    const request = { FileSystemId, SubnetId: subnet.subnetId, SecurityGroups: [group.groupId] };
    await expect(client.send(new CreateMountTargetCommand({ ...request, IpAddress: '10.0.0.15' }))).rejects.toThrow('10.0.0.15');
    const target = await client.send(new CreateMountTargetCommand({ ...request, IpAddress: '10.0.0.14' }));
    expect(ec2.networkInterfaces).toMatchObject([{
      networkInterfaceId: target.NetworkInterfaceId,
      privateIpAddress: '10.0.0.14',
      groups: [group.groupId],
      description: expect.stringContaining(FileSystemId!),
    }]);
    expect(() => ec2.deleteSubnet(subnet.subnetId)).toThrow();

    await client.send(new DeleteMountTargetCommand({ MountTargetId: target.MountTargetId }));
    clock.advance(40_000);
    await client.send(new DescribeFileSystemsCommand({ FileSystemId }));
    expect(ec2.networkInterfaces).toEqual([]);
  });

  test('a replica takes a key of its own Region, by id, alias or ARN, and no other', async () => {
    const FAR = 'eu-central-1';
    const [near, far] = [kms.createKey(), kms.createKey({ region: FAR })];
    kms.createAlias('alias/far', far.keyId);
    let sources = 0;
    const replicate = async (KmsKeyId: string) => {
      const { FileSystemId } = await client.send(new CreateFileSystemCommand({ CreationToken: `source ${sources++}`, Encrypted: true }));
      clock.advance(5_000);
      await client.send(new CreateReplicationConfigurationCommand({ SourceFileSystemId: FileSystemId, Destinations: [{ Region: FAR, KmsKeyId }] }));
      return efs.replicas.at(-1)!.kmsKeyId;
    };
    for (const key of [far.keyId, far.arn, 'alias/far']) { expect(await replicate(key)).toBe(far.arn); }
    for (const key of [near.keyId, near.arn]) {
      await expect(replicate(key)).rejects.toMatchObject({ name: 'BadRequest', message: expect.stringContaining(`does not exist in ${FAR}`) });
    }
  });

  test('a subnet that is full has no room for one', async () => {
    const { FileSystemId } = await client.send(new CreateFileSystemCommand({ CreationToken: 'full' }));
    clock.advance(5_000);
    const { groupId } = ec2.defaultSecurityGroup(vpc.vpcId)!;
    while (ec2.freeAddresses(subnet.subnetId) > 0) { ec2.createInterface(subnet.subnetId, { groups: [groupId] }); }
    await expect(client.send(new CreateMountTargetCommand({ FileSystemId, SubnetId: subnet.subnetId })))
      .rejects.toMatchObject({ name: 'NoFreeAddressesInSubnet', $metadata: { httpStatusCode: 409 } });
  });

  test('a mount target has IPv6 addresses where the subnet has them', async () => {
    const { vpcId } = ec2.createVpc({ cidrBlock: '10.1.0.0/16', ipv6CidrBlock: '2001:db8:1::/56' });
    const six = (cidrBlock: string, ipv6CidrBlock: string) => () => ec2.createSubnet({ vpcId, cidrBlock, ipv6CidrBlock, availabilityZone: `${REGION}b` });
    const { subnetId: SubnetId } = six('10.1.1.0/24', '2001:db8:1:5::/64')();
    expect(six('10.1.2.0/24', '2001:db8:2:5::/64')).toThrow(expect.objectContaining({ code: 'InvalidSubnet.Range' }));
    expect(six('10.1.2.0/24', '2001:db8:1::/60')).toThrow(expect.objectContaining({ code: 'InvalidSubnet.Range' }));
    expect(six('10.1.2.0/24', '2001:db8:1:5::/64')).toThrow(expect.objectContaining({ code: 'InvalidSubnet.Conflict' }));

    const make = async (CreationToken: string, more: object, where = SubnetId) => {
      const { FileSystemId } = await client.send(new CreateFileSystemCommand({ CreationToken }));
      clock.advance(5_000);
      return client.send(new CreateMountTargetCommand({ FileSystemId, SubnetId: where, ...more }));
    };
    expect(await make('four', {})).toMatchObject({ IpAddress: '10.1.1.4' });
    expect(await make('both', { IpAddressType: 'DUAL_STACK' })).toMatchObject({ IpAddress: '10.1.1.5', Ipv6Address: '2001:db8:1:5::4' });
    const alone = await make('six', { IpAddressType: 'IPV6_ONLY', Ipv6Address: '2001:0db8:1:5:0::a' });
    expect(alone).toMatchObject({ Ipv6Address: '2001:db8:1:5::a' });
    expect(alone.IpAddress).toBeUndefined();
    const refused: [string, object, string?][] = [
      ['IpAddressInUse', { IpAddressType: 'DUAL_STACK', Ipv6Address: '2001:db8:1:5::a' }],
      ['BadRequest', { IpAddressType: 'DUAL_STACK', Ipv6Address: '2001:db8:1:5::3' }],
      ['BadRequest', { IpAddressType: 'DUAL_STACK', Ipv6Address: '2001:db8:1:6::a' }],
      ['BadRequest', { IpAddressType: 'IPV4_ONLY', Ipv6Address: '2001:db8:1:5::b' }],
      ['BadRequest', { IpAddressType: 'IPV6_ONLY', IpAddress: '10.1.1.9' }],
      ['BadRequest', { IpAddressType: 'IPV6_ONLY' }, subnet.subnetId],
    ];
    for (const [name, more, where] of refused) { await expect(make(`no ${JSON.stringify(more)}`.slice(0, 64), more, where)).rejects.toMatchObject({ name }); }
  });

  test('a key must be usable', async () => {
    const key = kms.createKey();
    kms.createAlias('alias/data', key.keyId);
    const create = (CreationToken: string, KmsKeyId?: string) =>
      client.send(new CreateFileSystemCommand({ CreationToken, Encrypted: true, KmsKeyId }));
    expect((await create('own key', 'alias/data')).KmsKeyId).toEqual(key.arn);
    expect((await create('managed key')).KmsKeyId).toEqual(kms.resolve('alias/aws/elasticfilesystem'));
    kms.setEnabled(key.keyId, false);
    await expect(create('disabled', 'alias/data')).rejects.toMatchObject({ name: 'BadRequest', message: expect.stringContaining('disabled') });
  });
});
