import { setTimeout as sleep } from 'node:timers/promises';
import { SFNClient } from '@aws-sdk/client-sfn';
import { exportClients, type ExportClients } from './clients';
import { removeExport } from './leftovers';
import type { ExportInput } from '../../../src/contract/export';
import type { ExecutionEnded } from '../../../src/contract/transfer';
import { clientConfig } from '../../shared/client-config';
import { once } from '../../shared/environment';
import { log } from '../../shared/log';
import { LONG_PATIENCE_MILLISECONDS, withPatience } from '../../shared/patience';
import { worker } from '../../shared/worker';
import { cleanUpAndWake } from '../bucket/wake';
import { isNamedAfter } from '../flow/execution-name';

const PAUSE_MILLISECONDS = 15_000;

const services = once(() => ({ ...exportClients(), sfn: new SFNClient(clientConfig()) }));

export const handler = worker((input: ExecutionEnded) => {
  const { exportId: id } = JSON.parse(input.detail.input) as ExportInput;
  return cleanUpAndWake(services(), { id, succeeded: input.detail.status === 'SUCCEEDED' }, () => exportCleanUp(services(), input));
});

/** Removes what an export made that did not succeed. Keeps the record and the reason for the next poll; that or Delete removes these. */
export async function exportCleanUp(aws: ExportClients, { detail: { name, input, status } }: ExecutionEnded): Promise<void> {
  const { exportId, owner, snapshotId } = JSON.parse(input) as ExportInput;
  if (!isNamedAfter(exportId, name)) { return log({ event: 'ignored an execution that was not started for its export', exportId }); }
  log({ event: 'export ended', exportId, owner, snapshotId, status });
  if (status !== 'SUCCEEDED') { await withPatience(LONG_PATIENCE_MILLISECONDS, () => removeFailed(aws, exportId)); }
}

/** Removes a failed export. After an export was handed out, no poll follows, so this function itself waits for an object that S3 may still make. */
async function removeFailed(aws: ExportClients, exportId: string): Promise<void> {
  const end = Date.now() + LONG_PATIENCE_MILLISECONDS;
  const { handedOut } = await aws.store.record(exportId) ?? {};
  if (handedOut && await aws.store.result(exportId)) { return log({ event: 'left an export that is complete and in use', exportId }); }
  while (!await removeExport(aws, exportId, { keepRecord: true }) && handedOut && Date.now() < end) { await sleep(PAUSE_MILLISECONDS); }
}
