import { CreateFileSystemCommand, CreateMountTargetCommand, DeleteMountTargetCommand, DescribeFileSystemsCommand, EFSClient } from '@aws-sdk/client-efs';
import { Efs } from '.';
import { Clock } from '../clock';
import { Ec2 } from '../ec2';
import { REGION } from '../environment';
import { Kms } from '../kms';
import { EmulatorServer } from '../server';

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

  test('a subnet that is full has no room for one', async () => {
    const { FileSystemId } = await client.send(new CreateFileSystemCommand({ CreationToken: 'full' }));
    clock.advance(5_000);
    const { groupId } = ec2.defaultSecurityGroup(vpc.vpcId)!;
    while (ec2.freeAddresses(subnet.subnetId) > 0) { ec2.createInterface(subnet.subnetId, { groups: [groupId] }); }
    await expect(client.send(new CreateMountTargetCommand({ FileSystemId, SubnetId: subnet.subnetId })))
      .rejects.toMatchObject({ name: 'NoFreeAddressesInSubnet', $metadata: { httpStatusCode: 409 } });
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
