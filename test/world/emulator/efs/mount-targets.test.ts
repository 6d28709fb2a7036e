import {
  CreateAccessPointCommand, CreateMountTargetCommand, DeleteFileSystemCommand, DeleteMountTargetCommand,
  DescribeMountTargetSecurityGroupsCommand, DescribeMountTargetsCommand, ModifyMountTargetSecurityGroupsCommand,
} from '@aws-sdk/client-efs';
import {
  HOUR, SECOND, client, clock, createFileSystem, createMountTarget, describeFileSystem, describeMountTargets, emulated, fileSystem,
  group, mountTarget, network, refusal, refused, restart, subnet,
} from './testing';
import { ACCOUNT, AVAILABILITY_ZONES, REGION } from '../../../../world/emulator/environment';

describe('a mount target', () => {
  test('is described as it was created, without security groups, and takes over a minute to come', async () => {
    const id = await fileSystem();
    const { $metadata, ...created } = await createMountTarget(id, '1a', { SecurityGroups: [group('11'), group('12')] });
    expect($metadata.httpStatusCode).toEqual(200);
    expect(created).toEqual({
      OwnerId: ACCOUNT,
      MountTargetId: expect.stringMatching(/^fsmt-[0-9a-f]{17}$/),
      FileSystemId: id,
      SubnetId: subnet('1a'),
      LifeCycleState: 'creating',
      IpAddress: '10.1.1.4',
      NetworkInterfaceId: 'eni-1a-10.1.1.4',
      AvailabilityZoneId: AVAILABILITY_ZONES[`${REGION}a`],
      AvailabilityZoneName: `${REGION}a`,
      VpcId: 'vpc-1',
    });
    expect((await describeFileSystem(id)).NumberOfMountTargets).toEqual(1);
    clock.advance(79 * SECOND);
    expect(await describeMountTargets(id)).toEqual([created]);
    clock.advance(SECOND);
    expect(await describeMountTargets(id)).toEqual([{ ...created, LifeCycleState: 'available' }]);
    expect(emulated.mountTargets[0].securityGroups).toEqual([group('11'), group('12')]);
  });

  test('has the default security group of the VPC if none is named', async () => {
    await mountTarget(await fileSystem(), '1b');
    expect([...network.interfaces.values()]).toEqual([{ subnetId: subnet('1b'), address: '10.1.2.4', groups: [group('10')] }]);
  });

  test('goes slowly; until then its file system is in use, its zone taken, its interface there', async () => {
    const id = await fileSystem();
    const target = await mountTarget(id, '1a');
    expect(await refusal(client.send(new DeleteFileSystemCommand({ FileSystemId: id })))).toEqual(refused('FileSystemInUse', 409));
    await client.send(new DeleteMountTargetCommand({ MountTargetId: target }));
    clock.advance(39 * SECOND);
    expect(await describeMountTargets(id)).toMatchObject([{ LifeCycleState: 'deleting' }]);
    expect(await refusal(client.send(new DeleteFileSystemCommand({ FileSystemId: id })))).toEqual(refused('FileSystemInUse', 409));
    expect(await refusal(createMountTarget(id, '1d'))).toEqual(refused('MountTargetConflict', 409));
    expect(network.interfaces.size).toEqual(1);
    clock.advance(SECOND);
    expect(await describeMountTargets(id)).toEqual([]);
    expect(network.interfaces.size).toEqual(0);
    expect(await refusal(client.send(new DescribeMountTargetsCommand({ MountTargetId: target })))).toEqual(refused('MountTargetNotFound', 404));
    expect(await refusal(client.send(new DeleteMountTargetCommand({ MountTargetId: target })))).toEqual(refused('MountTargetNotFound', 404));
    await client.send(new DeleteFileSystemCommand({ FileSystemId: id }));
  });

  test('needs a file system that is available', async () => {
    expect(await refusal(createMountTarget('fs-01234567', '1a'))).toEqual(refused('FileSystemNotFound', 404));
    const { FileSystemId } = await createFileSystem();
    expect(await refusal(createMountTarget(FileSystemId!, '1a'))).toEqual(refused('IncorrectFileSystemLifeCycleState', 409));
  });

  test('is the only one in its zone, and all are in one VPC', async () => {
    const id = await fileSystem();
    await createMountTarget(id, '1a');
    expect(await refusal(createMountTarget(id, '1a'))).toMatchObject({ name: 'MountTargetConflict', status: 409, message: 'mount target already exists in this AZ' });
    expect(await refusal(createMountTarget(id, '1d'))).toEqual(refused('MountTargetConflict', 409));
    expect(await refusal(createMountTarget(id, '2b'))).toMatchObject({ name: 'MountTargetConflict', message: expect.stringContaining('not in the same VPC') });
    await createMountTarget(id, '1b');
    await createMountTarget(await fileSystem({ CreationToken: 'other' }), '1a');
    expect(emulated.mountTargets).toHaveLength(3);
  });

  test('of a One Zone file system is in its zone only', async () => {
    const id = await fileSystem({ AvailabilityZoneName: `${REGION}b` });
    expect(await describeFileSystem(id)).toMatchObject({ AvailabilityZoneName: `${REGION}b`, AvailabilityZoneId: AVAILABILITY_ZONES[`${REGION}b`] });
    expect(await refusal(createMountTarget(id, '1a'))).toEqual(refused('AvailabilityZonesMismatch', 400));
    await createMountTarget(id, '1b');
  });

  test('is not to be had in a zone without EFS, nor is a One Zone file system', async () => {
    await restart({ unsupportedZones: [`${REGION}c`] });
    const id = await fileSystem();
    expect(await refusal(createMountTarget(id, '1c'))).toEqual(refused('UnsupportedAvailabilityZone', 400));
    expect(await refusal(createFileSystem({ CreationToken: 'one', AvailabilityZoneName: `${REGION}c` }))).toEqual(refused('UnsupportedAvailabilityZone', 400));
  });

  test('needs a subnet and security groups that exist, in one VPC, and at most five of them', async () => {
    const id = await fileSystem();
    const groups = (...SecurityGroups: string[]) => refusal(createMountTarget(id, '1a', { SecurityGroups }));
    expect(await refusal(createMountTarget(id, '2a'))).toEqual(refused('SubnetNotFound', 400));
    expect(await groups(group('11'), 'sg-99999999')).toEqual(refused('SecurityGroupNotFound', 400));
    expect(await groups(group('21'))).toEqual(refused('SecurityGroupNotFound', 400));
    expect(await groups(...['11', '12', '13', '14', '15', '16'].map(group))).toEqual(refused('SecurityGroupLimitExceeded', 400));
    expect(await groups(group('11'), group('11'))).toEqual(refused('BadRequest', 400));
    expect(emulated.mountTargets).toEqual([]);
    expect(network.interfaces.size).toEqual(0);
  });

  test('has the address asked for, if it is a free one of the subnet', async () => {
    const id = await fileSystem();
    for (const IpAddress of ['10.1.2.9', '10.1.1.3', '10.1.1.255', '10.1.1.300']) {
      expect(await refusal(createMountTarget(id, '1a', { IpAddress }))).toEqual(refused('BadRequest', 400));
    }
    expect((await createMountTarget(id, '1a', { IpAddress: '10.1.1.254' })).IpAddress).toEqual('10.1.1.254');
    const other = await fileSystem({ CreationToken: 'other' });
    expect(await refusal(createMountTarget(other, '1a', { IpAddress: '10.1.1.254' }))).toEqual(refused('IpAddressInUse', 409));
  });

  test('has no IPv6 address in a subnet without', async () => {
    const FileSystemId = await fileSystem();
    for (const more of [{ Ipv6Address: 'fd00::1' }, { IpAddressType: 'DUAL_STACK' }, { IpAddressType: 'IPV6_ONLY', IpAddress: '10.1.1.9' }] as const) {
      expect(await refusal(client.send(new CreateMountTargetCommand({ FileSystemId, SubnetId: subnet('1a'), ...more })))).toEqual(refused('BadRequest', 400));
    }
  });

  test('changes its security groups at once, but only while it is available', async () => {
    const id = await fileSystem();
    const { MountTargetId, NetworkInterfaceId } = await createMountTarget(id, '1a', { SecurityGroups: [group('11')] });
    const modify = (...SecurityGroups: string[]) => client.send(new ModifyMountTargetSecurityGroupsCommand({ MountTargetId, SecurityGroups }));
    const groups = async () => (await client.send(new DescribeMountTargetSecurityGroupsCommand({ MountTargetId }))).SecurityGroups;

    expect(await refusal(modify(group('12')))).toEqual(refused('IncorrectMountTargetState', 409));
    expect(await groups()).toEqual([group('11')]);
    clock.advance(80 * SECOND);
    await modify(group('12'), group('13'));
    expect(await groups()).toEqual([group('12'), group('13')]);
    expect(network.interfaces.get(NetworkInterfaceId!)!.groups).toEqual([group('12'), group('13')]);
    expect(await refusal(modify(group('21')))).toEqual(refused('SecurityGroupNotFound', 400));
    expect(await refusal(modify(...['11', '12', '13', '14', '15', '16'].map(group)))).toEqual(refused('SecurityGroupLimitExceeded', 400));
    expect(await refusal(modify())).toEqual(refused('BadRequest', 400));
    await client.send(new DeleteMountTargetCommand({ MountTargetId }));
    expect(await refusal(modify(group('12')))).toEqual(refused('IncorrectMountTargetState', 409));
    expect(await refusal(groups())).toEqual(refused('IncorrectMountTargetState', 409));
    clock.advance(40 * SECOND);
    expect(await refusal(groups())).toEqual(refused('MountTargetNotFound', 404));
  });

  test('that broke stays so until it is deleted', async () => {
    const id = await fileSystem();
    const { MountTargetId } = await createMountTarget(id, '1a');
    emulated.fail(MountTargetId!);
    clock.advance(HOUR);
    expect(await describeMountTargets(id)).toMatchObject([{ LifeCycleState: 'error' }]);
    await client.send(new DeleteMountTargetCommand({ MountTargetId }));
    clock.advance(40 * SECOND);
    expect(await describeMountTargets(id)).toEqual([]);
  });

  test('is listed by file system, by itself or by access point, and by one of them only', async () => {
    const id = await fileSystem();
    const { AccessPointId } = await client.send(new CreateAccessPointCommand({ ClientToken: 'token', FileSystemId: id }));
    const MountTargetId = await mountTarget(id, '1a');
    const list = async (by: { FileSystemId?: string; MountTargetId?: string; AccessPointId?: string }) =>
      (await client.send(new DescribeMountTargetsCommand(by))).MountTargets!.map(target => target.MountTargetId);
    expect(await list({ FileSystemId: id })).toEqual([MountTargetId]);
    expect(await list({ MountTargetId })).toEqual([MountTargetId]);
    expect(await list({ AccessPointId })).toEqual([MountTargetId]);
    expect(await refusal(list({}))).toEqual(refused('BadRequest', 400));
    expect(await refusal(list({ FileSystemId: id, MountTargetId }))).toEqual(refused('BadRequest', 400));
    expect(await refusal(list({ FileSystemId: 'fs-01234567' }))).toEqual(refused('FileSystemNotFound', 404));
    expect(await refusal(list({ AccessPointId: 'fsap-01234567' }))).toEqual(refused('AccessPointNotFound', 404));
  });

  test('is listed on pages', async () => {
    await restart({ limits: { mountTargetsPerPage: 2 } });
    const id = await fileSystem();
    for (const name of ['1a', '1b', '1c']) { await createMountTarget(id, name); }
    const first = await client.send(new DescribeMountTargetsCommand({ FileSystemId: id, MaxItems: 100 }));
    const second = await client.send(new DescribeMountTargetsCommand({ FileSystemId: id, Marker: first.NextMarker }));
    expect([first.MountTargets!.length, second.MountTargets!.length, second.NextMarker]).toEqual([2, 1, undefined]);
    expect(second.Marker).toEqual(first.NextMarker);
    const other = await fileSystem({ CreationToken: 'other' });
    expect(await refusal(client.send(new DescribeMountTargetsCommand({ FileSystemId: other, Marker: first.NextMarker })))).toEqual(refused('BadRequest', 400));
  });
});
