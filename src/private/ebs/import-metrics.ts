import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { IConstruct } from 'constructs';
import { IMPORT_METRICS, TRANSFER_METRICS } from '../../contract/metrics';
import { ownerOf } from '../resource/owner';

/** A metric of one import, by the name that its handlers give it. */
export function importMetric(construct: IConstruct, metricName: string, props?: cloudwatch.MetricOptions): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: IMPORT_METRICS.namespace,
    metricName,
    dimensionsMap: { [IMPORT_METRICS.dimension]: ownerOf(construct) },
    statistic: cloudwatch.Stats.SUM,
    period: Duration.minutes(1),
    ...props,
  }).attachTo(construct);
}

/** What an import does, and what holds it up. */
export function importWidget(construct: IConstruct): cloudwatch.IWidget {
  const sum = (metricName: string, label: string) => importMetric(construct, metricName, { label });
  return new cloudwatch.GraphWidget({
    title: `Import ${construct.node.path}`,
    width: 12,
    left: [sum(TRANSFER_METRICS.blocks, 'blocks written')],
    right: [
      sum(TRANSFER_METRICS.throttles, 'throttled'),
      sum(TRANSFER_METRICS.notVisible, 'snapshot not visible yet'),
      sum(TRANSFER_METRICS.connections, 'broken connections'),
      sum(TRANSFER_METRICS.others, 'server errors'),
    ],
    leftYAxis: { min: 0 },
    rightYAxis: { min: 0, label: 'puts repeated' },
  });
}
