import type { ExportClients } from './clients';
import { log } from '../../shared/log';

/**
 * Removes what an export made, and nothing else, even at the same key: its multipart upload, its object, its manifest, and last its
 * files in the transfer bucket. May be called repeatedly, by polls, by Delete, and by the rule on the end of executions. The rule
 * keeps the record and the reason for the failure, which polls and Delete still need.
 */
export async function removeExport({ store, target }: ExportClients, exportId: string, { keepRecord = false } = {}): Promise<void> {
  const record = await store.record(exportId);
  if (record) {
    // Abort first: the upload can then no longer be completed.
    if (record.uploadId !== undefined) { await target.abort({ ...record, uploadId: record.uploadId }); }
    await target.delete(record, await store.result(exportId));
    log({ event: 'removed an export', exportId, bucket: record.bucket, key: record.key });
  }
  await (keepRecord ? store.removeFailed(exportId) : store.remove(exportId));
}
