import { exportThings, type ExportThings } from './clients';
import { removeExport } from './leftovers';
import type { ExportInput } from '../../../src/contract/export';
import { once } from '../../shared/environment';
import type { ExecutionEnded } from '../../shared/execution-ended';
import { log } from '../../shared/log';

const services = once(exportThings);

export const handler = (input: ExecutionEnded): Promise<void> => exportCleanUp(services(), input);

/** isComplete, which comes later, still has to learn why it failed; it, or Delete, removes that too. */
export async function exportCleanUp(aws: ExportThings, { detail: { input, status } }: ExecutionEnded): Promise<void> {
  const { exportId, owner, snapshotId } = JSON.parse(input) as ExportInput;
  log({ event: 'export ended', exportId, owner, snapshotId, status });
  if (status !== 'SUCCEEDED') { await removeExport(aws, exportId, { keepRecord: true }); }
}
