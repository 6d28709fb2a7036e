import { Duration, Stack } from 'aws-cdk-lib';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { FileSystem } from '../../../../src';

const stack = new Stack();
const fileSystem = new FileSystem(stack, 'Files', { vpc: new ec2.Vpc(stack, 'Vpc') });
const shown = (metric: Metric) => ({
  metricName: metric.metricName, statistic: metric.statistic, dimensions: stack.resolve(metric.dimensions), namespace: metric.namespace,
});
const dimensions = { FileSystemId: stack.resolve(fileSystem.fileSystemId) };

test.each<[keyof FileSystem, string]>([
  ['metricBurstCreditBalance', 'Minimum'],
  ['metricClientConnections', 'Sum'],
  ['metricDataReadIOBytes', 'Sum'],
  ['metricDataWriteIOBytes', 'Sum'],
  ['metricMetadataIOBytes', 'Sum'],
  ['metricMeteredIOBytes', 'Sum'],
  ['metricTotalIOBytes', 'Sum'],
  ['metricPercentIOLimit', 'Maximum'],
  ['metricPermittedThroughput', 'Minimum'],
])('%s is what EFS publishes, by default as %s', (method, statistic) => {
  expect(shown((fileSystem[method] as () => Metric)())).toEqual({ namespace: 'AWS/EFS', metricName: method.slice('metric'.length), statistic, dimensions });
});

test('storage has a class, a replication a destination', () => {
  expect(shown(fileSystem.metricStorageBytes()).dimensions).toEqual({ ...dimensions, StorageClass: 'Total' });
  expect(shown(fileSystem.metricStorageBytes({ dimensionsMap: { StorageClass: 'IA' } })).dimensions).toEqual({ ...dimensions, StorageClass: 'IA' });
  expect(shown(fileSystem.metricTimeSinceLastSync('fs-12345678'))).toMatchObject({
    metricName: 'TimeSinceLastSync', statistic: 'Maximum', dimensions: { ...dimensions, DestinationFileSystemId: 'fs-12345678' },
  });
});

test('options win', () => {
  const metric = fileSystem.metricTotalIOBytes({ period: Duration.hours(1), statistic: 'Average' });
  expect(metric).toMatchObject({ statistic: 'Average', period: Duration.hours(1) });
});

test('any other, and those of an imported file system, go by name', () => {
  expect(shown(fileSystem.metric('MetadataReadIOBytes'))).toMatchObject({ metricName: 'MetadataReadIOBytes', dimensions });
  const imported = FileSystem.fromFileSystemAttributes(stack, 'Imported', {
    fileSystemId: 'fs-12345678', securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-12345678'),
  });
  expect(shown(FileSystem.metricOf(imported, 'TotalIOBytes', { statistic: 'Sum' }))).toEqual({
    namespace: 'AWS/EFS', metricName: 'TotalIOBytes', statistic: 'Sum', dimensions: { FileSystemId: 'fs-12345678' },
  });
});
