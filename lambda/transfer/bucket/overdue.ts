import type { TransferStore } from './store';
import type { Retried } from '../../../src/contract/transfer';
import { saidBy } from '../../shared/errors';
import { log } from '../../shared/log';

type Transfer = 'import' | 'export';

/** Repetitions of one invocation that only lack of concurrency explains, because everything else is repeated fewer times. */
const MANY_RETRIES = 20;

/** Whether the time for a whole import or export is over. */
export function isOverdue(deadline: number | undefined): boolean {
  return deadline !== undefined && Date.now() > deadline;
}

/** Throws if the time for the whole import or export is over. */
export function refuseOverdue(deadline: number | undefined, what: Transfer): void {
  if (isOverdue(deadline)) { throw new Error(tookTooLong(what)); }
}

/** Records that Lambda refused this worker for minutes before it ran, because nothing else says so when the transfer does not end in time. */
export async function recordRefusals(store: TransferStore, id: string, { retries = 0 }: Retried): Promise<void> {
  if (retries < MANY_RETRIES) { return; }
  log({ event: 'waited for free concurrency', id, retries });
  await store.saveRefused(id).catch(error => log({ event: 'could not save that a worker was refused', id, error: saidBy(error) }));
}

/** Returns the reason why a transfer with workers did not end in time. */
export async function overdueReason(store: TransferStore, id: string, what: Transfer): Promise<string> {
  return await store.wasRefused(id)
    ? `the ${what} did not end in time, because Lambda had no free concurrency for its functions: other functions of the account used it all; `
      + 'have the quota of concurrent executions raised, or deploy again when less runs'
    : tookTooLong(what);
}

function tookTooLong(what: Transfer): string {
  return `the ${what} did not end in time; if it only takes long, set 'waitForCompletion' to false`;
}
