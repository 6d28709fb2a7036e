import { CreateFileSystemCommand } from '@aws-sdk/client-efs';
import { readRecord, recordTag } from '../../../lambda/efs/mount-targets/record';
import { ownerDigest } from '../../../lambda/shared/ownership';
import { CREATION_TIMEOUT_SECONDS, EfsHandlerWorld } from '../../harness/efs/efs-handler-world';
import type { Stack } from '../../harness/stack';

const OWNED = { Owner: 'Stack/Targets', RemovalPolicy: 'Delete' };
const DIGEST = ownerDigest(OWNED);
const RECORD = `cdk-durable-storage:mount-targets:${DIGEST}`;

let world: EfsHandlerWorld;
let stack: Stack;
let id: string;
let set: Record<string, unknown>;
beforeEach(async () => {
  world = await EfsHandlerWorld.start();
  stack = world.stack('Custom::MountTargets');
  id = await fileSystem('first');
  set = { ...OWNED, FileSystemId: id, SecurityGroups: [world.group.one] };
});
afterEach(() => world.close());

async function fileSystem(CreationToken: string, more: { AvailabilityZoneName?: string } = {}): Promise<string> {
  const { FileSystemId } = await world.client.send(new CreateFileSystemCommand({ CreationToken, Encrypted: true, ...more }));
  world.clock.advance(10_000);
  return FileSystemId!;
}

type Name = keyof EfsHandlerWorld['subnet'];
const subnets = (...names: Name[]) => ({ SubnetIds: names.map(name => world.subnet[name]) });
const nameOf = (subnetId: string) => Object.entries(world.subnet).find(([, value]) => value === subnetId)![0];
const targets = () => world.efs.mountTargets;
const places = (fileSystemId = id) => targets().filter(target => target.fileSystemId === fileSystemId).map(({ subnetId }) => nameOf(subnetId)).sort();
const act = (event: any) => world.handlers.act(event);
const poll = (event: any) => world.handlers.poll(event);
const record = (key = DIGEST) => readRecord({ Tags: Object.entries(world.tags(id)).map(([Key, Value]) => ({ Key, Value })) } as any, key);

describe('creating a set', () => {
  // CloudFormation does so in express mode, with a resource whose dependencies were not ready.
  test('again while the mount targets of the creation before are still being made takes these over, and the former loses', async () => {
    const wanted = { ...set, ...subnets('a1', 'b1') };
    const first = stack.event('Create', wanted);
    const begun = { ...first, ...await act(first) };
    await poll(begun);
    const made = targets().map(target => target.id).sort();
    expect(targets().map(({ lifeCycleState }) => lifeCycleState)).toEqual(['creating', 'creating']);
    await stack.play(stack.event('Create', wanted));
    expect(targets().map(target => target.id).sort()).toEqual(made);
    await expect(poll(begun)).rejects.toThrow('superseded by a later one');
  });

  test('makes a mount target in each Availability Zone, and tells of each by the position of its subnet', async () => {
    const attributes = await stack.deploy({ ...set, ...subnets('b1', 'a1', 'c1') });

    expect(places()).toEqual(['a1', 'b1', 'c1']);
    expect(stack.physicalId).toBe(`${id}/${DIGEST}`);
    const by = (name: Name) => targets().find(({ subnetId }) => subnetId === world.subnet[name])!;
    const told = (name: Name, position: number, zone: string, zoneId: string) => ({
      [`MountTargetId${position}`]: by(name).id,
      [`IpAddress${position}`]: by(name).ipAddress,
      [`Ipv6Address${position}`]: '',
      [`NetworkInterfaceId${position}`]: by(name).networkInterfaceId,
      [`AvailabilityZoneId${position}`]: zoneId,
      [`AvailabilityZoneName${position}`]: zone,
    });
    expect(attributes).toEqual({
      ...told('b1', 0, 'eu-west-1b', 'euw1-az3'),
      ...told('a1', 1, 'eu-west-1a', 'euw1-az2'),
      ...told('c1', 2, 'eu-west-1c', 'euw1-az1'),
      MountTargetIds: [by('b1').id, by('a1').id, by('c1').id].join(),
    });
    for (const { lifeCycleState, securityGroups } of targets()) {
      expect({ lifeCycleState, securityGroups }).toEqual({ lifeCycleState: 'available', securityGroups: [world.group.one] });
    }
    expect(world.tags(id)[RECORD].length).toBeLessThanOrEqual(256);
    expect(record()).toMatchObject({ owner: OWNED.Owner, securityGroups: [world.group.one] });
    expect([...record()!.subnetIds].sort()).toEqual(targets().map(({ subnetId }) => subnetId).sort());
  });

  test('makes each once, however often the event is delivered, and although answers are lost', async () => {
    stack.deliveries = 2;
    world.server.faults.inject('efs:CreateMountTarget', { kind: 'lost-answer' }, { times: 2 });
    await stack.deploy({ ...set, ...subnets('a1', 'b1') });
    expect(places()).toEqual(['a1', 'b1']);
  });

  test('gives subnets of one Availability Zone one mount target, in the first of them, with a warning that names the others', async () => {
    const attributes = await stack.deploy({ ...set, ...subnets('a2', 'b1', 'a1') });
    expect(places()).toEqual(['a2', 'b1']);
    expect(attributes.MountTargetId2).toBe(attributes.MountTargetId0);
    expect(world.logged(/warning/)[0]).toMatchObject({ first: world.subnet.a2, others: [world.subnet.a1] });
  });

  test('tells of each Availability Zone in joined lists, if nobody knows the number of subnets before', async () => {
    const attributes = await stack.deploy({ ...set, ...subnets('a2', 'b1', 'a1'), JoinedAttributes: true, IpAddressType: 'DUAL_STACK' });
    const [first, second] = targets();
    expect(attributes).toEqual({
      MountTargetIds: `${first.id},${second.id}`,
      IpAddresses: `${first.ipAddress},${second.ipAddress}`,
      Ipv6Addresses: '2001:db8:1:2::4,2001:db8:1:3::4',
      NetworkInterfaceIds: `${first.networkInterfaceId},${second.networkInterfaceId}`,
      AvailabilityZoneIds: 'euw1-az2,euw1-az3',
      AvailabilityZoneNames: 'eu-west-1a,eu-west-1b',
    });
  });

  test('has attributes that fit into an answer to CloudFormation, if there are as many subnets as may be', async () => {
    const many = Array.from({ length: 12 }, (_, n) => ['a1', 'a2', 'b1'][n % 3] as Name);
    const attributes = await stack.deploy({ ...set, ...subnets(...many), IpAddressType: 'DUAL_STACK' });
    // As long as they can be.
    const longest = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name,
      name.startsWith('Ipv6') ? 'f'.repeat(39) : name.startsWith('Ip') ? '255.255.255.255' : name.startsWith('AvailabilityZoneName') ? 'ap-northeast-1a' : value]));
    expect(Object.keys(longest)).toHaveLength(73);
    // No Region has more than six Availability Zones.
    longest.MountTargetIds = Array.from({ length: 6 }, () => attributes.MountTargetId0).join();
    expect(JSON.stringify(longest).length).toBeLessThan(4_096 - 710);
    await expect(stack.deploy({ ...set, ...subnets(...many, 'a1') })).rejects.toThrow("'vpcSubnets' must select at most 12 subnets, got 13");
  });

  test('uses the addresses given', async () => {
    const attributes = await stack.deploy({ ...set, ...subnets('a1', 'b1'), IpAddresses: ['10.1.1.77', '10.1.3.77'] });
    expect(attributes).toMatchObject({ IpAddress0: '10.1.1.77', IpAddress1: '10.1.3.77' });
  });

  test.each<[string, { IpAddresses?: string[]; Ipv6Addresses: string[] }]>([
    ['DUAL_STACK', { IpAddresses: ['10.1.1.77', '10.1.3.77'], Ipv6Addresses: ['2001:db8:1:1::77', '2001:0db8:1:3::77'] }],
    ['IPV6_ONLY', { Ipv6Addresses: ['2001:db8:1:1::77', '2001:0db8:1:3::77'] }],
  ])('has addresses of IPv6 with %s, and knows them again', async (IpAddressType, addresses) => {
    const properties = { ...set, ...subnets('a1', 'b1'), IpAddressType, ...addresses };
    expect(await stack.deploy(properties)).toMatchObject({
      IpAddress0: addresses.IpAddresses?.[0] ?? '', Ipv6Address0: '2001:db8:1:1::77', Ipv6Address1: '2001:db8:1:3::77',
    });
    const before = targets().map(target => target.id);
    await stack.deploy({ ...properties, SecurityGroups: [world.group.two] });
    await stack.deploy({ ...properties, IpAddresses: undefined, Ipv6Addresses: undefined });
    expect(targets().map(target => target.id)).toEqual(before);
  });

  test('fails at once, if an address is somebody else\'s, and leaves nothing', async () => {
    world.server.faults.inject('efs:CreateMountTarget', { kind: 'error', code: 'IpAddressInUse', status: 409, message: 'in use' }, { skip: 1 });
    await expect(stack.deploy({ ...set, ...subnets('a1', 'b1'), IpAddresses: ['10.1.1.50', '10.1.3.50'] }))
      .rejects.toThrow(`IpAddressInUse: 'ipAddresses': in use (${world.subnet.b1}, address 10.1.3.50`);
    expect(world.server.count('efs:CreateMountTarget')).toBe(2);
    expect(targets()).toEqual([]);
  });

  test('waits for a security group that EFS does not see yet, and says which prop is wrong if it never does', async () => {
    const late = { kind: 'error', code: 'SecurityGroupNotFound', status: 400, message: 'not yet' } as const;
    world.server.faults.inject('efs:CreateMountTarget', late, { times: 3 });
    await stack.deploy({ ...set, ...subnets('a1') });
    expect(places()).toEqual(['a1']);

    const other = world.stack('Custom::MountTargets', 'Other');
    await expect(other.deploy({ ...set, Owner: 'Stack/Other', ...subnets('b1'), SecurityGroups: [world.group.other] }))
      .rejects.toThrow(`SecurityGroupNotFound: 'securityGroups': Security group '${world.group.other}' does not exist`);
    expect(places()).toEqual(['a1']);
  });

  test.each<[string, () => Promise<object> | object, RegExp]>([
    ['a subnet that does not exist', () => ({ SubnetIds: ['subnet-0123456789abcdef0'] }),
      /'vpcSubnets' must be existing subnets: .*subnet-0123456789abcdef0/],
    ['no subnet', () => ({ SubnetIds: [] }), /'vpcSubnets' must select at least one subnet/],
    ['two VPCs', () => subnets('a1', 'y1'), /'vpcSubnets' must be subnets of one VPC, got some of vpc-\w+ and vpc-\w+/],
    ['too few addresses', () => ({ ...subnets('a1', 'b1'), IpAddresses: ['10.1.1.9'] }),
      /'ipAddresses' must have one address for each of the 2 subnets/],
    ['two addresses for a zone', () => ({ ...subnets('a1', 'a2'), IpAddresses: ['10.1.1.9', '10.1.2.9'] }),
      /'ipAddresses' must have one .* euw1-az2/],
    ['too few addresses of IPv6', () => ({ ...subnets('a1', 'b1'), IpAddressType: 'DUAL_STACK', Ipv6Addresses: ['2001:db8:1:1::9'] }),
      /'ipv6Addresses' must have one address for each of the 2 subnets/],
    ['two addresses of IPv6 for a zone',
      () => ({ ...subnets('a1', 'a2'), IpAddressType: 'IPV6_ONLY', Ipv6Addresses: ['2001:db8:1:1::9', '2001:db8:1:2::9'] }),
      /'ipv6Addresses' must have one .* euw1-az2/],
    ['addresses of another kind', () => ({ ...subnets('a1'), Ipv6Addresses: ['2001:db8:1:1::9'] }),
      /'ipv6Addresses' cannot be combined with 'ipAddressType' IPV4_ONLY/],
    ['a subnet without IPv6', () => ({ ...subnets('a1', 'c1'), IpAddressType: 'DUAL_STACK' }),
      /'ipAddressType' is DUAL_STACK, but subnet-\w+ has no IPv6 CIDR block/],
    ['a missing file system', () => ({ FileSystemId: 'fs-0123456789abcdef0', ...subnets('a1') }),
      /'fileSystem' is fs-0123456789abcdef0, but there is no/],
    ['another zone than the only one',
      async () => ({ FileSystemId: await fileSystem('zone', { AvailabilityZoneName: 'eu-west-1b' }), ...subnets('b1', 'a1') }),
      /'vpcSubnets' must be subnets of eu-west-1b, the only Availability Zone/],
  ])('refuses %s at once', async (_, properties, message) => {
    await expect(act(stack.event('Create', { ...set, ...await properties() }))).rejects.toThrow(message);
    expect(targets()).toEqual([]);
    expect(world.efs.fileSystems.map(({ tags }) => tags)).not.toContainEqual({ [RECORD]: expect.anything() });
  });

  test('leaves no record behind, if it fails after the record was written', async () => {
    world.server.faults.inject('efs:TagResource', { kind: 'lost-answer' });
    world.server.faults.inject('efs:TagResource', { kind: 'error', code: 'BadRequest', status: 400, message: 'refused' });
    const before = world.tags(id);
    await expect(act(stack.event('Create', { ...set, ...subnets('a1') }))).rejects.toThrow('refused');
    // The creation wrote its record, its repetition was refused, and the clean-up marked the record before it removed it.
    expect(world.server.count('efs:TagResource')).toBe(3);
    expect(world.tags(id)).toEqual(before);
  });

  test('removes what it made, if one cannot be made', async () => {
    await expect(stack.deploy({ ...set, ...subnets('a1', 'b1'), IpAddresses: ['10.1.1.9', '10.9.9.9'] }))
      .rejects.toThrow(/BadRequest: .*10\.9\.9\.9/);
    expect(targets()).toEqual([]);
    expect(world.tags(id)).toEqual({});
  });

  test('fails, and leaves nothing, if a mount target gets into state error', async () => {
    const started = stack.event('Create', { ...set, ...subnets('a1') });
    const event = { ...started, ...await act(started) };
    await poll(event);
    world.efs.fail(targets()[0].id);
    await expect(poll(event)).rejects.toThrow(`mount target ${targets()[0].id} in ${world.subnet.a1} is in state error`);
    await stack.play(stack.event('Delete', event.ResourceProperties, { PhysicalResourceId: event.PhysicalResourceId }));
    expect(targets()).toEqual([]);
  });
});

describe('mount targets of others', () => {
  test('spares a mount target that somebody makes between the event and the first poll, in one of its subnets', async () => {
    const event = stack.event('Create', { ...set, ...subnets('a1', 'b1'), IpAddresses: ['10.1.1.50', '10.1.3.50'] });
    const started = { ...event, ...await act(event) };
    const foreign = await world.foreignTarget(id, world.subnet.a1);
    await expect(poll(started)).rejects.toThrow(`mount target ${foreign}`);
    await stack.play(stack.event('Delete', event.ResourceProperties, { PhysicalResourceId: started.PhysicalResourceId }));
    expect(targets().map(target => target.id)).toEqual([foreign]);
  });

  test('spares a mount target that somebody makes where EFS refused to make one, and the set is deleted later', async () => {
    const event = stack.event('Create', { ...set, ...subnets('a1', 'b1'), IpAddresses: ['10.1.1.50', '10.9.9.9'] });
    const started = { ...event, ...await act(event) };
    await expect(poll(started)).rejects.toThrow('10.9.9.9');
    // Without a rollback, hours may go by.
    const foreign = await world.foreignTarget(id, world.subnet.b1);
    await stack.play(stack.event('Delete', event.ResourceProperties, { PhysicalResourceId: started.PhysicalResourceId }));
    expect(targets().map(target => target.id)).toEqual([foreign]);
    expect(world.tags(id)).toEqual({});
  });

  test('are spared in a subnet that EFS refused, while the record keeps one of which EFS did not say whether it made something there', async () => {
    const [refused, unanswered] = [
      { kind: 'error', code: 'BadRequest', status: 400, message: 'refused' }, { kind: 'error', code: 'InternalServerError', status: 500, message: 'broken' },
    ] as const;
    let calls = 0;
    world.server.faults.choose(operation => operation === 'efs:CreateMountTarget' ? calls++ === 0 ? refused : unanswered : undefined);
    const event = stack.event('Create', { ...set, ...subnets('a1', 'b1') });
    const started = { ...event, ...await act(event) };
    await expect(poll(started)).rejects.toThrow('refused');
    expect(record()!.subnetIds).toEqual([world.subnet.b1]);
  });

  test('in a wanted Availability Zone are an error at once, and stay', async () => {
    const foreign = await world.foreignTarget(id, world.subnet.a2);
    await expect(stack.deploy({ ...set, ...subnets('b1', 'a1') })).rejects.toThrow(
      `file system ${id} has mount target ${foreign} (${world.subnet.a2}) in eu-west-1a, which is not of this set`);
    expect(places()).toEqual(['a2']);
    expect(world.tags(id)).toEqual({});
  });

  test('even in the very subnet are not taken over', async () => {
    await world.foreignTarget(id, world.subnet.a1);
    await expect(stack.deploy({ ...set, ...subnets('a1') })).rejects.toThrow('which is not of this set');
    await stack.cancel({ ...set, ...subnets('a1') });
    expect(places()).toEqual(['a1']);
  });

  test('in another VPC are an error', async () => {
    await world.foreignTarget(id, world.subnet.x1);
    await expect(stack.deploy({ ...set, ...subnets('b1') })).rejects.toThrow('EFS allows one VPC only');
  });

  test('elsewhere outlive all that happens to the set', async () => {
    await world.foreignTarget(id, world.subnet.c1);
    await stack.deploy({ ...set, ...subnets('a1', 'b1') });
    await stack.deploy({ ...set, ...subnets('a2') });
    expect(places()).toEqual(['a2', 'c1']);
    await stack.destroy();
    expect(places()).toEqual(['c1']);
    expect(world.tags(id)).toEqual({});
  });

  test('of a stack whose owner another stack pretends to be are an error', async () => {
    await stack.deploy({ ...set, ...subnets('a1') });
    const twin = world.stack('Custom::MountTargets', 'Thing', 'Twin');
    await expect(twin.deploy({ ...set, ...subnets('b1') })).rejects.toThrow('has mount targets of the set Stack/Targets, and this stack is another one');
    await twin.cancel({ ...set, ...subnets('b1') });
    expect(places()).toEqual(['a1']);
  });

  test('made in the zone while the set waits are not taken for its own', async () => {
    await stack.deploy({ ...set, ...subnets('a1') });
    const known = { PhysicalResourceId: stack.physicalId, OldResourceProperties: { ...set, ...subnets('a1') } as any };
    const update = stack.event('Update', { ...set, ...subnets('a2') }, known);
    const event = { ...update, ...await act(update) };
    expect(await poll(event)).toEqual({ IsComplete: false });
    world.clock.advance(60_000);
    const foreign = await world.foreignTarget(id, world.subnet.a2);
    await expect(poll(event)).rejects.toThrow(`mount target ${foreign}`);
  });
});

describe('updating a set', () => {
  beforeEach(() => stack.deploy({ ...set, ...subnets('a1', 'b1') }));

  test('adds and removes Availability Zones, and leaves the rest as it is', async () => {
    const kept = targets().find(({ subnetId }) => subnetId === world.subnet.b1)!.id;
    await stack.deploy({ ...set, ...subnets('b1', 'c1') });
    expect(places()).toEqual(['b1', 'c1']);
    expect(targets().map(target => target.id)).toContain(kept);
    expect(record()!.subnetIds).not.toContain(world.subnet.a1);
  });

  test('swaps the subnet within an Availability Zone', async () => {
    await stack.deploy({ ...set, ...subnets('a2', 'b1') });
    expect(places()).toEqual(['a2', 'b1']);
    expect(stack.physicalId).toBe(`${id}/${DIGEST}`);
  });

  test('leaves a mount target where it is, if its subnet is still in the list', async () => {
    const before = targets().map(target => target.id);
    await stack.deploy({ ...set, ...subnets('a2', 'b1', 'a1') });
    expect(targets().map(target => target.id)).toEqual(before);
  });

  test('changes an address, and takes one up again that was just given back', async () => {
    await stack.deploy({ ...set, ...subnets('a1', 'b1'), IpAddresses: ['10.1.1.50', '10.1.3.50'] });
    const inUse = { kind: 'error', code: 'IpAddressInUse', status: 409, message: 'in use' } as const;
    world.server.faults.inject('efs:CreateMountTarget', inUse, { skip: 1, times: 2 });
    await expect(stack.deploy({ ...set, ...subnets('a1', 'b1'), IpAddresses: ['10.1.1.51', '10.1.3.50'] }, { failAfter: true }))
      .rejects.toThrow('another resource failed');
    expect(targets().map(({ ipAddress }) => ipAddress).sort()).toEqual(['10.1.1.50', '10.1.3.50']);
  });

  test('changes the kind of addresses, and back in a rollback', async () => {
    await stack.deploy({ ...set, ...subnets('a1', 'b1'), IpAddressType: 'DUAL_STACK' });
    expect(targets().map(({ ipAddress, ipv6Address }) => [typeof ipAddress, typeof ipv6Address])).toEqual([['string', 'string'], ['string', 'string']]);
    await expect(stack.deploy({ ...set, ...subnets('a1', 'b1') }, { failAfter: true })).rejects.toThrow('another resource failed');
    expect(targets().map(({ ipv6Address }) => ipv6Address)).toEqual(['2001:db8:1:1::4', '2001:db8:1:3::4']);
  });

  describe('that may not be replaced', () => {
    const fixed = () => ({ ...set, ...subnets('a1', 'b1'), ReplaceMountTargets: false });
    beforeEach(() => stack.deploy(fixed()));

    test.each<[string, () => object, () => string]>([
      ['another subnet', () => subnets('a2', 'b1'), () => `from ${world.subnet.a1} (10.1.1.4) to ${world.subnet.a2} (any IPv4 address)`],
      ['another address', () => ({ IpAddresses: ['10.1.1.99', '10.1.3.4'] }), () => `from ${world.subnet.a1} (10.1.1.4) to ${world.subnet.a1} (10.1.1.99)`],
      ['addresses of another kind', () => ({ IpAddressType: 'DUAL_STACK' }),
        () => `from ${world.subnet.a1} (10.1.1.4) to ${world.subnet.a1} (10.1.1.4, any IPv6 address)`],
      ['another VPC', () => ({ ...subnets('x1'), SecurityGroups: [world.group.other] }),
        () => `from ${world.subnet.a1} of ${world.ec2.subnet(world.subnet.a1)!.vpcId} to ${world.subnet.x1} of ${world.ec2.subnet(world.subnet.x1)!.vpcId}`],
    ])('refuses %s before anything is touched', async (_, change, said) => {
      const [target] = targets();
      const [before, tag] = [targets().map(one => one.id), world.tags(id)[RECORD]];
      const event = stack.event('Update', { ...fixed(), ...change() }, { PhysicalResourceId: stack.physicalId, OldResourceProperties: fixed() as any });
      await expect(act(event)).rejects.toThrow(`mount target ${target.id} in eu-west-1a would be deleted and made anew, ${said()}, and `
        + "'replaceMountTargets' is false: leave 'vpcSubnets' and the addresses as they were, or set 'replaceMountTargets' to true");
      expect(targets().map(one => one.id)).toEqual(before);
      expect(world.tags(id)[RECORD]).toBe(tag);
    });

    test('takes Availability Zones in and out', async () => {
      await stack.deploy({ ...fixed(), ...subnets('b1', 'c1') });
      expect(places()).toEqual(['b1', 'c1']);
    });

    test('goes back in the rollback of a deployment that was allowed to replace them', async () => {
      const [PhysicalResourceId, was, wanted] = [stack.physicalId!, fixed() as any, { ...set, ...subnets('a2', 'b1') } as any];
      await stack.play(stack.event('Update', wanted, { PhysicalResourceId, OldResourceProperties: was }));
      expect(places()).toEqual(['a2', 'b1']);
      world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
      await stack.play(stack.event('Update', was, { PhysicalResourceId, OldResourceProperties: wanted }));
      expect(places()).toEqual(['a1', 'b1']);
    });
  });

  test('changes security groups in place', async () => {
    const before = targets().map(target => target.id);
    await stack.deploy({ ...set, ...subnets('a1', 'b1'), SecurityGroups: [world.group.two, world.group.one] });
    expect(targets().map(target => target.id)).toEqual(before);
    expect(targets().map(({ securityGroups }) => securityGroups)).toEqual([[world.group.two, world.group.one], [world.group.two, world.group.one]]);
    await stack.deploy({ ...set, ...subnets('a1', 'b1'), SecurityGroups: [world.group.one, world.group.two] });
    expect(world.server.count('efs:ModifyMountTargetSecurityGroups')).toBe(2);
  });

  test('moves to another VPC, and back in a rollback', async () => {
    const elsewhere = { ...set, ...subnets('x1', 'y1'), SecurityGroups: [world.group.other] };
    await stack.deploy(elsewhere);
    expect(places()).toEqual(['x1', 'y1']);
    await expect(stack.deploy({ ...set, ...subnets('a1', 'c1') }, { failAfter: true })).rejects.toThrow('another resource failed');
    expect(places()).toEqual(['x1', 'y1']);
    expect(targets().map(({ securityGroups }) => securityGroups)).toEqual([[world.group.other], [world.group.other]]);
    expect(world.server.calls.filter(({ operation, status }) => operation === 'efs:CreateMountTarget' && status !== 200)).toEqual([]);
  });

  test('is undone by a rollback, also from half way', async () => {
    await expect(stack.deploy({ ...set, ...subnets('a2', 'c1'), SecurityGroups: [world.group.two] }, { failAfter: true })).rejects.toThrow();
    expect(places()).toEqual(['a1', 'b1']);

    const [PhysicalResourceId, was, wanted] = [stack.physicalId!, { ...set, ...subnets('a1', 'b1') }, { ...set, ...subnets('a2', 'c1') }];
    const update = stack.event('Update', wanted, { PhysicalResourceId, OldResourceProperties: was as any });
    const event = { ...update, ...await act(update) };
    await poll(event);
    await stack.play(stack.event('Update', was, { PhysicalResourceId, OldResourceProperties: wanted as any }));
    expect(places()).toEqual(['a1', 'b1']);

    // Its waiter does not know that it was cancelled.
    await expect(poll(event)).rejects.toThrow('superseded by a later one');
    expect(places()).toEqual(['a1', 'b1']);
  });

  test('brings back what somebody deleted', async () => {
    targets()[0].phase.begin('deleting', 'deleted', 1_000);
    await stack.deploy({ ...set, ...subnets('a1', 'b1'), SecurityGroups: [world.group.two] });
    expect(places()).toEqual(['a1', 'b1']);
  });
});

describe('a delay until DNS names are known', () => {
  const slow = (...names: Name[]) => ({ ...set, ...subnets(...names), DnsPropagationDelay: 90 });
  const took = async (work: () => Promise<unknown>) => {
    const start = world.clock.now();
    await work();
    return (world.clock.now() - start) / 1000;
  };

  test('begins when all are available, and is kept once', async () => {
    const without = await took(() => stack.deploy({ ...set, ...subnets('a1', 'b1') }));
    await stack.destroy();
    const patient = await took(() => stack.deploy(slow('a1', 'b1')));
    expect(patient - without).toBeGreaterThanOrEqual(90);
    expect(patient - without).toBeLessThan(105);
    expect(await took(() => stack.deploy({ ...slow('a1', 'b1'), SecurityGroups: [world.group.two] }))).toBeLessThan(10);
    expect(await took(() => stack.deploy(slow('b1')))).toBeLessThan(60);
    expect(await took(() => stack.deploy(slow('b1', 'c1')))).toBeGreaterThanOrEqual(80 + 90);
    expect(record()!.settling).toBeUndefined();
  });

  test('is not for what was there before', async () => {
    await stack.deploy({ ...set, ...subnets('a1') });
    expect(await took(() => stack.deploy(slow('a1')))).toBeLessThan(10);
  });
});

describe('another file system', () => {
  let other: string;
  beforeEach(async () => {
    other = await fileSystem('other');
    await stack.deploy({ ...set, ...subnets('a1', 'b1') });
  });

  test('gets a set of its own, and the old one loses it afterwards', async () => {
    await stack.deploy({ ...set, FileSystemId: other, ...subnets('a1') });
    expect([places(id), places(other)]).toEqual([[], ['a1']]);
    expect(stack.physicalId).toBe(`${other}/${DIGEST}`);
    expect(world.tags(id)).toEqual({});
  });

  test.each(['old', 'new'] as const)('is left again by a rollback with the %s id, and nothing remains there', async rollbackWith => {
    const before = targets().map(target => target.id);
    await expect(stack.deploy({ ...set, FileSystemId: other, ...subnets('a1', 'c1') }, { failAfter: true, rollbackWith: 'new' })).rejects.toThrow();
    expect([places(id), places(other)]).toEqual([['a1', 'b1'], []]);

    await expect(stack.deploy({ ...set, FileSystemId: other, ...subnets('a1', 'c1'), SecurityGroups: [world.group.other] }, { rollbackWith }))
      .rejects.toThrow('SecurityGroupNotFound');
    world.clock.advance(60_000);
    expect([places(id), places(other)]).toEqual([['a1', 'b1'], []]);
    expect(targets().map(target => target.id)).toEqual(before);
    expect(world.tags(other)).toEqual({});
    expect(stack.physicalId).toBe(`${id}/${DIGEST}`);
  });

  test('loses the set in a rollback even if the cancelled move was completed there before the event came', async () => {
    const old = { ...set, ...subnets('a1', 'b1') };
    const moved = { ...old, FileSystemId: other };
    await stack.play(stack.event('Update', moved, { PhysicalResourceId: stack.physicalId, OldResourceProperties: old as any }));
    expect(places(other)).toEqual(['a1', 'b1']);
    world.stacks.statuses.set(stack.stackId, 'UPDATE_ROLLBACK_IN_PROGRESS');
    await stack.play(stack.event('Update', old, { PhysicalResourceId: stack.physicalId, OldResourceProperties: moved as any }));
    expect(places()).toEqual(['a1', 'b1']);
    expect(places(other)).toEqual([]);
    expect(Object.keys(world.tags(other))).toEqual([]);
  });

  test('that cannot take the set leaves the old one alone', async () => {
    await world.foreignTarget(other, world.subnet.a2);
    await expect(stack.deploy({ ...set, FileSystemId: other, ...subnets('a1') })).rejects.toThrow('not of this set');
    expect([places(id), places(other)]).toEqual([['a1', 'b1'], ['a2']]);
  });
});

describe('deleting a set', () => {
  test('waits until its mount targets are gone, and leaves no trace', async () => {
    await stack.deploy({ ...set, ...subnets('a1', 'b1', 'c1') });
    await stack.destroy();
    expect(targets()).toEqual([]);
    expect(world.tags(id)).toEqual({});
    expect(world.ec2.networkInterfaces).toEqual([]);
  });

  test('succeeds without the file system, and a second time', async () => {
    await stack.deploy({ ...set, ...subnets('a1') });
    const event = stack.event('Delete', { ...set, ...subnets('a1') }, { PhysicalResourceId: stack.physicalId });
    await stack.play(event);
    await stack.play(event);
    await stack.play({ ...event, PhysicalResourceId: `fs-0123456789abcdef0/${DIGEST}` });
    expect(targets()).toEqual([]);
  });

  test('goes by the physical id, whatever the properties say', async () => {
    await stack.deploy({ ...set, ...subnets('a1') });
    const other = { ...set, FileSystemId: 'fs-0123456789abcdef0', ...subnets('c1') };
    await stack.play(stack.event('Delete', other, { PhysicalResourceId: stack.physicalId }));
    expect(targets()).toEqual([]);
  });
});

describe('a creation that CloudFormation cancels', () => {
  test('is undone, and what still waits for it makes nothing more', async () => {
    const properties = { ...set, ...subnets('a1', 'b1') };
    const create = stack.event('Create', properties);
    const event = { ...create, ...await act(create) };
    await poll(event);
    expect(places()).toEqual(['a1', 'b1']);

    const cancelled = stack.cancel(properties);
    while (targets().some(({ lifeCycleState }) => lifeCycleState !== 'deleting')) { await new Promise(resolve => setImmediate(resolve)); }
    await expect(poll(event)).rejects.toThrow('is being deleted');
    await cancelled;
    await expect(poll(event)).rejects.toThrow('was deleted while it was being made ready');
    expect(targets()).toEqual([]);
    expect(world.tags(id)).toEqual({});
  });

  test('leaves nothing, if the Create runs after the Delete began', async () => {
    const properties = { ...set, ...subnets('a1') };
    const create = stack.event('Create', properties, { Since: `${world.clock.now()}` });
    const cancelled = stack.cancel(properties);
    await world.clock.sleep((CREATION_TIMEOUT_SECONDS - 10) * 1000);
    const event = { ...create, ...await act(create) };
    // Refused, if the Delete has seen already what was begun.
    await poll(event).catch(error => expect(error.message).toContain('is being deleted'));
    await cancelled;
    // The Create deletes a mount target itself that the Delete could not find, and that one takes its time to go.
    await world.clock.sleep(60_000);
    expect(targets()).toEqual([]);
    expect(world.tags(id)).toEqual({});
  });

  test('leaves nothing, if the Delete writes the record between the Create reading it and making a mount target', async () => {
    const create = stack.event('Create', { ...set, ...subnets('a1') });
    const event = { ...create, ...await act(create) };
    const deleting = recordTag(DIGEST, { ...record()!, state: 'deleting' });
    const { tagSet } = world.efs.fileSystems.find(one => one.id === id)!;
    world.server.faults.before('efs:CreateMountTarget', () => tagSet.put([{ Key: RECORD, Value: deleting.Value! }]));

    await expect(poll(event)).rejects.toThrow('is being deleted');
    await stack.cancel(event.ResourceProperties);
    expect(targets()).toEqual([]);
    expect(world.tags(id)).toEqual({});
  });

  test('leaves the world as it is, if there was no Create', async () => {
    await world.tag(id, { a: 'b' });
    await stack.cancel({ ...set, ...subnets('a1') });
    expect(world.tags(id)).toEqual({ a: 'b' });
  });
});
