import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as efs from 'aws-cdk-lib/aws-efs';
import type { IConstruct } from 'constructs';

export function metricOf(fileSystem: efs.IFileSystem & IConstruct, metricName: string, props: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: 'AWS/EFS',
    metricName,
    ...props,
    dimensionsMap: { FileSystemId: fileSystem.fileSystemId, ...props.dimensionsMap },
  }).attachTo(fileSystem);
}
