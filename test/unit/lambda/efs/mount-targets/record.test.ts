import {
  currentRecord, ownRecord, readRecord, recordKey, recordTag, requestDigest, resourceDigest, subnetsOfLeavingSets, subnetsOfSets, type SetRecord,
} from '../../../../../lambda/efs/mount-targets/record';
import type { Context } from '../../../../../lambda/shared/resource-lifecycle';

const CONTEXT: Context = { stackId: 'arn:stack', logicalId: 'Targets', requestId: 'request', identity: 'digest', deletionBegan: 0 };
const RECORD: SetRecord = { state: 'ready', resource: resourceDigest(CONTEXT), request: requestDigest(CONTEXT), subnetIds: ['subnet-1', 'subnet-2'] };
const withTags = (...tags: ReturnType<typeof recordTag>[]) => ({ Tags: tags }) as Parameters<typeof readRecord>[0];

test.each<[string, SetRecord]>([
  ['plain', RECORD],
  ['without subnets', { ...RECORD, subnetIds: [] }],
  ['with adopted mount targets', { ...RECORD, adopted: ['subnet-2'] }],
  ['waiting for mount targets', { ...RECORD, settling: 'pending' }],
  ['waiting for DNS', { ...RECORD, adopted: ['subnet-1'], settling: 1_700_000_000_000 }],
])('a record %s is read as it was written', (_name, record) => {
  expect(readRecord(withTags(recordTag('c8', record)), 'c8')).toEqual(record);
});

test('a record is only of its address', () => {
  expect(readRecord(withTags(recordTag('c8', RECORD)), 'c9')).toBeUndefined();
});

test('twelve subnets fit into a tag, also if all are adopted, and one more is refused', () => {
  const subnetIds = (count: number) => Array.from({ length: count }, (_, i) => `subnet-${String(i).padStart(17, '0')}`);
  const full = { ...RECORD, state: 'creating' as const, subnetIds: subnetIds(12) };
  expect(recordTag('c8', full).Value!.length).toBeLessThanOrEqual(256);
  expect(() => recordTag('c8', { ...full, subnetIds: subnetIds(14) })).toThrow("'vpcSubnets' takes too many Availability Zones at once");
});

test('a record belongs to one logical id of one stack', () => {
  expect(ownRecord(RECORD, CONTEXT)).toBe(RECORD);
  expect(ownRecord(RECORD, { ...CONTEXT, logicalId: 'Others' })).toBeUndefined();
  expect(ownRecord(RECORD, { ...CONTEXT, stackId: 'arn:other' })).toBeUndefined();
});

test('only the latest request may go on', () => {
  expect(currentRecord(RECORD, 'id', CONTEXT)).toBe(RECORD);
  expect(() => currentRecord(RECORD, 'id', { ...CONTEXT, requestId: 'earlier' })).toThrow('was superseded by a later one');
  expect(() => currentRecord({ ...RECORD, state: 'deleting' }, 'id', CONTEXT)).toThrow('is being deleted');
  expect(() => currentRecord(undefined, 'id', CONTEXT)).toThrow('was deleted while it was being made ready');
});

test('subnets of other sets, and of those that are being deleted', () => {
  const fileSystem = withTags(
    recordTag('c8', { ...RECORD, adopted: ['subnet-1'] }), recordTag('c9', { ...RECORD, state: 'deleting', subnetIds: ['subnet-3'], settling: 'pending' }),
    { Key: 'Name', Value: 'deleting a b c' },
  );
  expect(subnetsOfSets(fileSystem, recordKey('c9'))).toEqual(['subnet-1', 'subnet-2']);
  expect(subnetsOfLeavingSets(fileSystem)).toEqual(['subnet-3']);
});
