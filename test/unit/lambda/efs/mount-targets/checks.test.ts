import { candidate, other, situation, target } from './given';
import { checkProperties, checkSituation, isInStack } from '../../../../../lambda/efs/mount-targets/checks';
import type { MountTargetsProperties } from '../../../../../src/contract/mount-targets';

const [A1, A2, B1] = ['subnet-a1', 'subnet-a2', 'subnet-b1'];
const SET: MountTargetsProperties = {
  Owner: 'Stack/Targets', RemovalPolicy: 'Delete', FileSystemId: 'fs-1', SecurityGroups: [], SubnetIds: [A1, B1],
};

test.each<[Partial<MountTargetsProperties>, string]>([
  [{ SubnetIds: [] }, "'vpcSubnets' must select at least one subnet"],
  [{ SubnetIds: Array(13).fill(A1) }, "'vpcSubnets' must select at most 12 subnets, got 13"],
  [{ IpAddresses: ['10.0.0.1'] }, "'ipAddresses' must have one address for each of the 2 subnets, got 1"],
  [{ IpAddresses: ['10.0.0.1', '10.0.0.2'], IpAddressType: 'IPV6_ONLY' }, "'ipAddresses' cannot be combined with 'ipAddressType' IPV6_ONLY"],
  [{ Ipv6Addresses: ['::1', '::2'] }, "'ipv6Addresses' cannot be combined with 'ipAddressType' IPV4_ONLY"],
])('refuses %j', (change, message) => {
  expect(() => checkProperties({ ...SET, ...change })).toThrow(message);
});

test('allows any number of subnets with joined attributes', () => {
  checkProperties({ ...SET, SubnetIds: Array(13).fill(A1), JoinedAttributes: 'true' });
});

test('refuses a mount target that is not of the set, in the same Availability Zone or another VPC', () => {
  expect(() => checkSituation(situation([candidate(A1)], [target(A2)]))).toThrow('EFS allows one in each Availability Zone: delete it');
  expect(() => checkSituation(situation([candidate(A1)], [target(B1, { VpcId: 'vpc-2' })]))).toThrow('EFS allows one VPC only: delete it');
});

test('allows a mount target of the set, one that is going, and one in another Availability Zone', () => {
  checkSituation(situation([candidate(A1)], [target(A2)], [A2]));
  checkSituation(situation([candidate(A1)], [target(A2, { LifeCycleState: 'deleting' })]));
  checkSituation(situation([candidate(A1)], [target(B1)]));
});

test('allows a mount target of another set that is as wanted, and refuses others, with the name of that set', () => {
  checkSituation(situation([candidate(A1)], [target(A1)], [], {}, [other([A1])]));
  checkSituation(situation([candidate(A1), candidate(A2)], [target(A2)], [], {}, [other([A2])]));
  const theirs = [other([A2])];
  expect(() => checkSituation(situation([candidate(A1)], [target(A2)], [A2], {}, theirs))).toThrow('belongs to the set Other/Targets (tag cdk-durable-storage:mount-targets:c9)');
  expect(() => checkSituation(situation([candidate(A1)], [target(A2)], [], {}, [other([A2], { owner: undefined })])))
    .toThrow('belongs to the set (tag cdk-durable-storage:mount-targets:c9)');
  expect(() => checkSituation(situation([candidate(A2, { ipAddress: '10.0.0.9' })], [target(A2)], [], {}, theirs))).toThrow('belongs to the set Other/Targets');
});

test('a stack has the name of the owner, or is nested in one that has it', () => {
  const arn = (name: string) => `arn:aws:cloudformation:eu-west-1:111122223333:stack/${name}/0123`;
  expect(['App', 'App-Nested-1ABC', 'Apple', 'Other'].map(name => isInStack('App/Nested/Targets', arn(name)))).toEqual([true, true, false, false]);
});

test('refuses subnets that EFS would refuse', () => {
  expect(() => checkSituation(situation([candidate(A1), candidate(B1, { vpcId: 'vpc-2' })], []))).toThrow('must be subnets of one VPC, got some of vpc-1 and vpc-2');
  expect(() => checkSituation(situation([candidate(A1, { addressType: 'DUAL_STACK' })], []))).toThrow('subnet-a1 has no IPv6 CIDR block');
  expect(() => checkSituation(situation([candidate(A1, { ipAddress: '10.0.0.1' }), candidate(A2, { ipAddress: '10.0.0.2' })], [])))
    .toThrow("'ipAddresses' must have one address for each Availability Zone");
  const oneZone = { AvailabilityZoneId: 'az-a', AvailabilityZoneName: 'eu-west-1a' };
  expect(() => checkSituation(situation([candidate(B1)], [], [], oneZone))).toThrow('must be subnets of eu-west-1a, the only Availability Zone');
});
