import type { ExportThings } from './clients';
import { log } from '../../shared/log';

/**
 * Removes what an export made: its multipart upload, its object, its manifest,
 * and last what is known of it; nothing else, even at the same key. Whoever
 * notices a failure calls this, as often as it likes: isComplete, Delete, or the rule on the
 * execution's end, which leaves the record and the reason to the others.
 */
export async function removeExport({ store, target }: ExportThings, exportId: string, { keepRecord = false } = {}): Promise<void> {
  const record = await store.record(exportId);
  if (record) {
    // First of all, so that nothing can become of it any more.
    await target.abort(record);
    await target.delete(record, await store.result(exportId));
    log({ event: 'removed an export', exportId, bucket: record.bucket, key: record.key });
  }
  await (keepRecord ? store.removeFailed(exportId) : store.remove(exportId));
}
