import { IMPORT_METRICS, TRANSFER_METRICS } from '../../../src/contract/metrics';
import { log } from '../../shared/log';
import { isThrottle } from '../../shared/retry';
import { BLOCK_SIZE } from '../blocks/sizes';
import { isNotYetVisible } from '../snapshot/errors';

type Cause = 'throttles' | 'notVisible' | 'connections' | 'others';

const UNITS: Record<keyof typeof TRANSFER_METRICS, string> = {
  bytes: 'Bytes', blocks: 'Count', rate: 'Count/Second', throttles: 'Count', notVisible: 'Count', connections: 'Count', others: 'Count',
};

/** Counts what one invocation of `copy` does, for a line in the log from which CloudWatch makes metrics (embedded metric format). */
export class RangeMetrics {
  private readonly started = Date.now();
  private readonly counts = { bytes: 0, blocks: 0, throttles: 0, notVisible: 0, connections: 0, others: 0 };

  /** Counts a block. @param put Whether it was written, not inherited or left out. */
  public copied({ put }: { readonly put: boolean }): void {
    this.counts.bytes += BLOCK_SIZE;
    if (put) { this.counts.blocks++; }
  }

  public retried(error: unknown): void {
    this.counts[causeOf(error)]++;
  }

  /** Writes the line. @param name Name of the import, the only dimension of the metrics. */
  public report(name: string, details: { readonly event: string; readonly [detail: string]: unknown }): void {
    const now = Date.now();
    const seconds = Math.max(now - this.started, 1) / 1000;
    const values = { ...this.counts, rate: this.counts.blocks / seconds };
    const keys = Object.keys(TRANSFER_METRICS) as (keyof typeof TRANSFER_METRICS)[];
    log({
      ...details,
      seconds,
      [IMPORT_METRICS.dimension]: name,
      ...Object.fromEntries(keys.map(key => [TRANSFER_METRICS[key], values[key]])),
      _aws: {
        Timestamp: now,
        CloudWatchMetrics: [{
          Namespace: IMPORT_METRICS.namespace,
          Dimensions: [[IMPORT_METRICS.dimension]],
          Metrics: keys.map(key => ({ Name: TRANSFER_METRICS[key], Unit: UNITS[key] })),
        }],
      },
    });
  }
}

function causeOf(error: unknown): Cause {
  if (isThrottle(error)) { return 'throttles'; }
  if (isNotYetVisible(error)) { return 'notVisible'; }
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === undefined ? 'connections' : 'others';
}
