import { once } from './environment';
import { removeExport } from './export-leftovers';
import { exportThings, type ExportThings } from './export-things';
import type { ExecutionEnded } from './outcome';
import type { ExportInput } from '../../src/contract/export';
import { log } from '../shared/log';

const services = once(exportThings);

export const handler = (input: ExecutionEnded): Promise<void> => exportCleanUp(services(), input);

/** isComplete, which comes later, still has to learn why it failed; it, or Delete, removes that too. */
export async function exportCleanUp(aws: ExportThings, { detail: { input, status } }: ExecutionEnded): Promise<void> {
  const { exportId, owner, snapshotId } = JSON.parse(input) as ExportInput;
  log({ event: 'export ended', exportId, owner, snapshotId, status });
  if (status !== 'SUCCEEDED') { await removeExport(aws, exportId, { keepRecord: true }); }
}
