import { IMPORT_METRICS } from '../../../src/contract/metrics';
import type { TransferInput } from '../../../src/contract/transfer';
import { log } from '../../shared/log';

/** What EventBridge tells when an execution ended. */
export interface ExecutionEnded {
  readonly detail: {
    /** The execution's input, as JSON. */
    readonly input: string;
    /** SUCCEEDED, FAILED, TIMED_OUT or ABORTED. */
    readonly status: string;
    /** Milliseconds since 1970. */
    readonly startDate: number;
    readonly stopDate: number | null;
  };
}

/** One line of the log, of which CloudWatch makes metrics (embedded metric format). */
export function reportOutcome({ detail: { input, status, startDate, stopDate } }: ExecutionEnded): void {
  const { snapshotId, owner } = JSON.parse(input) as TransferInput;
  const ended = stopDate ?? Date.now();
  const { namespace, dimension, succeeded, failed, duration } = IMPORT_METRICS;
  // Whoever deletes an import stops it: that is no failure.
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
