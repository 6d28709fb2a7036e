import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as efs from 'aws-cdk-lib/aws-efs';
import type { IConstruct } from 'constructs';
import { FileSystemBase } from './file-system-base';

/**
 * What Amazon EFS publishes of a file system, once a minute; storage every 15 minutes.
 *
 * @see https://docs.aws.amazon.com/efs/latest/ug/efs-metrics.html
 * @internal
 */
export abstract class FileSystemMetrics extends FileSystemBase {
  /**
   * A metric of this file system.
   *
   * @param metricName Its name in the namespace `AWS/EFS`.
   * @param props Options of the metric.
   */
  public metric(metricName: string, props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return metricOf(this, metricName, props);
  }

  /**
   * The burst credits that are left, in bytes: the least of the period.
   *
   * Minimum by default.
   *
   * @param props Options of the metric.
   */
  public metricBurstCreditBalance(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('BurstCreditBalance', { statistic: 'Minimum', ...props });
  }

  /**
   * The connections of clients. With the standard client there is one per mounted instance; over a
   * period of more than a minute, divide by its minutes.
   *
   * Sum by default.
   *
   * @param props Options of the metric.
   */
  public metricClientConnections(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('ClientConnections', { statistic: 'Sum', ...props });
  }

  /**
   * The bytes that clients read.
   *
   * Sum by default.
   *
   * @param props Options of the metric.
   */
  public metricDataReadIOBytes(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('DataReadIOBytes', { statistic: 'Sum', ...props });
  }

  /**
   * The bytes that clients wrote.
   *
   * Sum by default.
   *
   * @param props Options of the metric.
   */
  public metricDataWriteIOBytes(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('DataWriteIOBytes', { statistic: 'Sum', ...props });
  }

  /**
   * The bytes of metadata operations.
   *
   * Sum by default.
   *
   * @param props Options of the metric.
   */
  public metricMetadataIOBytes(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('MetadataIOBytes', { statistic: 'Sum', ...props });
  }

  /**
   * The bytes that count against the throughput of the file system; reads count by a third.
   *
   * Sum by default.
   *
   * @param props Options of the metric.
   */
  public metricMeteredIOBytes(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('MeteredIOBytes', { statistic: 'Sum', ...props });
  }

  /**
   * The bytes of all operations.
   *
   * Sum by default.
   *
   * @param props Options of the metric.
   */
  public metricTotalIOBytes(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('TotalIOBytes', { statistic: 'Sum', ...props });
  }

  /**
   * How near the file system came to the I/O limit of the general purpose performance mode, in
   * percent.
   *
   * Maximum by default.
   *
   * @param props Options of the metric.
   */
  public metricPercentIOLimit(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('PercentIOLimit', { statistic: 'Maximum', ...props });
  }

  /**
   * The throughput that the file system can drive, in bytes per second: the least of the period.
   *
   * Minimum by default.
   *
   * @param props Options of the metric.
   */
  public metricPermittedThroughput(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('PermittedThroughput', { statistic: 'Minimum', ...props });
  }

  /**
   * The size of the data, in bytes.
   *
   * Average by default.
   *
   * @param props Options of the metric; the dimension `StorageClass` is `Total` by default, and may be `Standard`,
   * `IA`, `Archive`, and others that EFS publishes.
   */
  public metricStorageBytes(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metric('StorageBytes', { statistic: 'Average', ...props, dimensionsMap: { StorageClass: 'Total', ...props?.dimensionsMap } });
  }

  /**
   * The time since the last successful sync of a replication, in seconds.
   *
   * Maximum by default.
   *
   * @param destinationFileSystemId The id of the file system that this one is replicated to.
   * @param props Options of the metric.
   */
  public metricTimeSinceLastSync(destinationFileSystemId: string, props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    const dimensionsMap = { DestinationFileSystemId: destinationFileSystemId, ...props?.dimensionsMap };
    return this.metric('TimeSinceLastSync', { statistic: 'Maximum', ...props, dimensionsMap });
  }
}

/**
 * Returns a metric of any file system.
 *
 * @internal
 */
export function metricOf(fileSystem: efs.IFileSystem & IConstruct, metricName: string, props: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/EFS',
    metricName,
    ...props,
    dimensionsMap: { FileSystemId: fileSystem.fileSystemId, ...props.dimensionsMap },
  }).attachTo(fileSystem);
}
