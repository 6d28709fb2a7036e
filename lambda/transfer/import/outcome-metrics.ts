import { IMPORT_METRICS } from '../../../src/contract/metrics';
import type { ExecutionEnded, TransferInput } from '../../../src/contract/transfer';
import { log } from '../../shared/log';

/** Writes a line of the log from which CloudWatch makes metrics (embedded metric format). */
export function reportOutcome({ detail: { input, status, startDate, stopDate } }: ExecutionEnded): void {
  const { snapshotId, owner } = JSON.parse(input) as TransferInput;
  const ended = stopDate ?? Date.now();
  const { namespace, dimension, succeeded, failed, duration } = IMPORT_METRICS;
  // An import that is deleted is stopped, which counts as no failure.
  const outcomes = { [succeeded]: status === 'SUCCEEDED' ? 1 : 0, [failed]: status === 'FAILED' || status === 'TIMED_OUT' ? 1 : 0 };
  log({
    event: 'import ended',
    snapshotId,
    status,
    [dimension]: owner ?? snapshotId,
    ...outcomes,
    ...(status === 'SUCCEEDED' && { [duration]: (ended - startDate) / 1000 }),
    _aws: {
      Timestamp: ended,
      CloudWatchMetrics: [{
        Namespace: namespace,
        Dimensions: [[dimension]],
        Metrics: [
          ...Object.keys(outcomes).map(Name => ({ Name, Unit: 'Count' })),
          ...status === 'SUCCEEDED' ? [{ Name: duration, Unit: 'Seconds' }] : [],
        ],
      }],
    },
  });
}
