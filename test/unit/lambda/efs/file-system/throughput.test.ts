import { FILES, fileSystem } from './given';
import { allowedTimeIn, isThroughputInForce, throughputOf } from '../../../../../lambda/efs/file-system/throughput';

test('the throughput is what the properties ask for, EFS\'s default if they no longer do, and left alone if they never did', () => {
  const elastic = { ...FILES, ThroughputMode: 'elastic' };
  expect(throughputOf(FILES)).toEqual({});
  expect(throughputOf(FILES, FILES)).toEqual({});
  expect(throughputOf(elastic)).toEqual({ ThroughputMode: 'elastic' });
  expect(throughputOf(FILES, elastic)).toEqual({ ThroughputMode: 'bursting' });
  expect(throughputOf({ ...FILES, ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: '12.5' }, elastic))
    .toEqual({ ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 12.5 });
  expect(() => throughputOf({ ...FILES, ProvisionedThroughputInMibps: 'much' })).toThrow("'provisionedThroughputPerSecond' must be a number, got much");
});

test('the throughput is in force if mode and rate are equal; a rate that is not wanted does not count', () => {
  const provisioned = fileSystem({}, { ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 10 });
  expect(isThroughputInForce(provisioned, { ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 10 })).toBe(true);
  expect(isThroughputInForce(provisioned, { ThroughputMode: 'provisioned' })).toBe(true);
  expect(isThroughputInForce(provisioned, { ThroughputMode: 'provisioned', ProvisionedThroughputInMibps: 9 })).toBe(false);
  expect(isThroughputInForce(provisioned, { ThroughputMode: 'elastic' })).toBe(false);
});

test.each([
  ['Throughput was changed recently. Wait until 2026-11-29T17:00:00Z to change it', new Date('2026-11-29T17:00:00Z')],
  ['Throughput was changed recently. Wait until tomorrow', undefined],
  ['Too many requests', undefined],
])('EFS names the time from which it allows the next change, if it does: %s', (message, time) => {
  expect(allowedTimeIn(message)).toEqual(time);
});
