import type { ExportClients } from './clients';
import { mayComeLate } from './completion';
import { log } from '../../shared/log';

/**
 * Removes what an export made, and nothing else, even at the same key: its multipart upload, its object, its manifest, and last its
 * files in the transfer bucket. May be called repeatedly, by polls, by Delete, and by the rule on the end of executions. The rule
 * keeps the record and the reason for the failure, which polls and Delete still need.
 *
 * Returns false, and keeps the record, as long as S3 may still make the object, although the upload was aborted. It is to be called again then.
 */
export async function removeExport(aws: ExportClients, exportId: string, { keepRecord = false } = {}): Promise<boolean> {
  const { store } = aws;
  const isGone = await removeFromTarget(aws, exportId);
  if (!isGone) { await store.markRemoved(exportId); }
  await (keepRecord || !isGone ? store.removeFailed(exportId) : store.remove(exportId));
  return isGone;
}

async function removeFromTarget({ store, target }: ExportClients, exportId: string): Promise<boolean> {
  const begun = await store.record(exportId);
  // Abort first: no call that completes the upload begins after that.
  if (begun?.uploadId !== undefined) { await target.abort({ ...begun, uploadId: begun.uploadId }); }
  // Read the record again, because such a call may have begun before the abort; and before the object is looked for, because that may come now.
  const record = await store.record(exportId);
  if (!record) { return true; }
  const { completing, bucket, key } = record;
  const wasThere = await target.delete(record, await store.result(exportId) ?? completing);
  if (wasThere && completing) { await store.endCompletion(exportId); }
  const isGone = wasThere || !completing || !mayComeLate(completing);
  log({ event: isGone ? 'removed an export' : 'waiting for S3, which may complete an upload that was aborted', exportId, bucket, key });
  return isGone;
}
