import { candidate, target } from './given';
import { byZone, canonicalAddress, candidatesOf, isAsWanted } from '../../../../../lambda/efs/mount-targets/candidates';

test('candidates stand in the order of the subnets, each with its address', () => {
  const places = new Map(['subnet-a1', 'subnet-b1'].map(id => [id, candidate(id)]));
  const properties = {
    Owner: 'Stack/Targets',
    RemovalPolicy: 'Delete',
    FileSystemId: 'fs-1',
    SecurityGroups: [],
    SubnetIds: ['subnet-b1', 'subnet-a1'],
    IpAddressType: 'DUAL_STACK',
    Ipv6Addresses: ['2001:DB8:0::1', '2001:db8::2'],
  };
  expect(candidatesOf(properties, places)).toMatchObject([
    { subnetId: 'subnet-b1', addressType: 'DUAL_STACK', ipv6Address: '2001:db8::1' }, { subnetId: 'subnet-a1', ipv6Address: '2001:db8::2' },
  ]);
});

test('zones stand in the order in which they first appear', () => {
  const zones = byZone(['subnet-b1', 'subnet-a1', 'subnet-b2'].map(id => candidate(id)));
  expect([...zones].map(([zone, inZone]) => [zone, inZone.map(({ subnetId }) => subnetId)])).toEqual([['az-b', ['subnet-b1', 'subnet-b2']], ['az-a', ['subnet-a1']]]);
});

test('equal IPv6 addresses are equal, however they are written', () => {
  expect(canonicalAddress('2001:0DB8:0:0::1')).toBe('2001:db8::1');
  expect(canonicalAddress('nonsense')).toBe('nonsense');
  const wanted = candidate('subnet-a1', { addressType: 'IPV6_ONLY', ipv6Address: '2001:db8::1' });
  expect(isAsWanted(target('subnet-a1', { IpAddress: undefined, Ipv6Address: '2001:DB8::1' }), wanted)).toBe(true);
});
