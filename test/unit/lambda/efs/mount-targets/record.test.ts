import {
  callDigest, currentRecord, holdersOf, isSuperseded, otherRecords, ownRecord, readRecord, recordTag, stackDigest, subnetsOfLeavingSets,
} from '../../../../../lambda/efs/mount-targets/record';
import type { SetRecord } from '../../../../../lambda/efs/mount-targets/record-text';
import type { Context } from '../../../../../lambda/shared/resource-lifecycle';

const SENT = 1_700_000_000_000;
const CONTEXT = { stackId: 'arn:stack', logicalId: 'Targets', requestId: 'request', identity: 'digest', deletionBegan: SENT } as Context;
const idOf = (type: 'subnet' | 'sg', number: number) => `${type}-0a1b2c3d4e5f6${String(number).padStart(4, '0')}`;
const ids = (type: 'subnet' | 'sg', count: number) => Array.from({ length: count }, (_, i) => idOf(type, i));
const [ONE, TWO, THREE] = ids('subnet', 3);
const RECORD: SetRecord = {
  state: 'ready', stack: stackDigest(CONTEXT), call: callDigest(CONTEXT), sent: SENT, subnetIds: [ONE, TWO], securityGroups: ids('sg', 1), owner: 'Stack/Targets',
};
const withTags = (...tags: ReturnType<typeof recordTag>[]) => ({ Tags: tags }) as Parameters<typeof readRecord>[0];
const asRead = (record: SetRecord) => readRecord(withTags(recordTag('c8', record)), 'c8');

test.each<[string, SetRecord]>([
  ['plain', RECORD],
  ['of a creation', { ...RECORD, state: 'creating' }],
  ['of a deletion', { ...RECORD, state: 'deleting' }],
  ['without subnets', { ...RECORD, subnetIds: [] }],
  ['without security groups', { ...RECORD, securityGroups: [] }],
  ['with security groups that are not known, and an owner that is not', { ...RECORD, securityGroups: undefined, owner: undefined }],
  ['with short ids', { ...RECORD, subnetIds: ['subnet-01234567'], securityGroups: ['sg-89abcdef'] }],
  ['with adopted mount targets', { ...RECORD, adopted: [TWO] }],
  ['with mount targets that a former set retained, and their security groups', { ...RECORD, retained: [ONE], formerGroups: ids('sg', 2) }],
  ['waiting for mount targets', { ...RECORD, settling: 'pending' }],
  ['waiting for DNS', { ...RECORD, adopted: [ONE], settling: 1_700_000_000_000 }],
])('a record %s is read as it was written', (_name, record) => {
  expect(asRead(record)).toEqual(JSON.parse(JSON.stringify(record)));
});

test('a record is only of its key', () => {
  expect(readRecord(withTags(recordTag('c8', RECORD)), 'c9')).toBeUndefined();
});

test('twelve subnets and five security groups fit into a tag, also if all are adopted and new ones wait for DNS', () => {
  const full: SetRecord = {
    ...RECORD, state: 'creating', subnetIds: ids('subnet', 12), adopted: ids('subnet', 12), securityGroups: ids('sg', 5), settling: SENT, owner: undefined,
  };
  expect(recordTag('c8', full).Value!.length).toBeLessThanOrEqual(256);
  expect(asRead(full)).toEqual(JSON.parse(JSON.stringify(full)));
});

test('where a tag has no room, the owner is left out, then the security groups; too many subnets are refused', () => {
  const full = { ...RECORD, subnetIds: ids('subnet', 12), securityGroups: ids('sg', 5) };
  expect(asRead(full)).toEqual({ ...full, owner: undefined });
  expect(asRead({ ...full, securityGroups: ids('sg', 16) })).toEqual({ ...full, owner: undefined, securityGroups: undefined });
  expect(asRead({ ...full, subnetIds: ids('subnet', 6) })).toEqual({ ...full, subnetIds: ids('subnet', 6) });
  expect(() => recordTag('c8', { ...full, subnetIds: ids('subnet', 20) })).toThrow("'vpcSubnets' takes too many Availability Zones at once");
});

test('the text of a record has only characters that EFS takes in the value of a tag', () => {
  expect(recordTag('c8', { ...RECORD, adopted: [ONE], retained: [TWO], formerGroups: ids('sg', 1), settling: SENT }).Value).toMatch(/^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$/u);
});

test('a tag that this library did not write is no record, and one of a later release is refused', () => {
  expect(readRecord(withTags({ ...recordTag('c8', RECORD), Value: 'nonsense' }), 'c8')).toBeUndefined();
  const { Key, Value } = recordTag('c8', RECORD);
  expect(() => readRecord(withTags({ Key, Value: Value!.replace(/^1/, '2') }), 'c8')).toThrow('was written by a later release of cdk-durable-storage');
});

test('a record belongs to one stack', () => {
  expect(ownRecord(RECORD, CONTEXT)).toBe(RECORD);
  expect(ownRecord(RECORD, { stackId: 'arn:other' })).toBeUndefined();
});

test('only the latest call may go on', () => {
  expect(currentRecord(RECORD, 'id', CONTEXT)).toBe(RECORD);
  expect(() => currentRecord(RECORD, 'id', { ...CONTEXT, requestId: 'earlier' })).toThrow('was superseded by a later one');
  expect(() => currentRecord({ ...RECORD, state: 'deleting' }, 'id', CONTEXT)).toThrow('is being deleted');
  expect(() => currentRecord(undefined, 'id', CONTEXT)).toThrow('was deleted while it was being made ready');
});

test('a call is superseded by one that CloudFormation sent in a later second', () => {
  expect(isSuperseded(RECORD, { ...CONTEXT, deletionBegan: SENT + 999 })).toBe(false);
  expect(isSuperseded(RECORD, { ...CONTEXT, deletionBegan: SENT - 1 })).toBe(true);
});

test('the holders of a mount target are the sets that record its subnet, but for those that are being deleted', () => {
  const fileSystem = withTags(
    recordTag('c8', { ...RECORD, adopted: [ONE] }),
    recordTag('c9', { ...RECORD, state: 'deleting', subnetIds: [ONE, THREE], settling: 'pending' }),
    { Key: 'Name', Value: 'deleting a b c' },
  );
  expect(otherRecords(fileSystem, 'c9').map(({ subnetIds }) => subnetIds)).toEqual([[ONE, TWO]]);
  const all = otherRecords(fileSystem, 'c7');
  expect([ONE, TWO, THREE].map(id => holdersOf(id, all).map(({ tagKey }) => tagKey.slice(-2)))).toEqual([['c8'], ['c8'], []]);
  expect(subnetsOfLeavingSets(fileSystem)).toEqual([THREE]);
});
