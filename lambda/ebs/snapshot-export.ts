import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Executions } from './executions';
import { exportDeadlineOf, exportFormatOf, exportLimitsOf, refuseLateExport, waitsForExport } from './export-limits';
import type { SnapshotExportAttributes, SnapshotExportProperties } from '../../src/contract/snapshot-export';
import { saidBy } from '../shared/errors';
import { log } from '../shared/log';
import { type Context, type Created, type Found, type Lifecycle } from '../shared/resource-lifecycle';
import type { Stacks } from '../shared/stacks';
import type { ExportThings } from '../transfer/export/clients';
import { refuseTooLarge } from '../transfer/export/layout';
import { removeExport } from '../transfer/export/leftovers';
import type { ExportRecord, ExportResult } from '../transfer/export/store';
import type { Snapshot, Snapshots } from '../transfer/snapshot/snapshots';

export interface SnapshotExportServices extends ExportThings {
  readonly snapshots: Snapshots;
  readonly executions: Executions;
  readonly stacks: Stacks;
}

/** Time for what is under way when an export is removed: parts that come in after an abort have to be aborted again. */
const AFTERMATH_MILLISECONDS = 5_000;

/**
 * An object in S3 with the content of a snapshot. S3 cannot be searched for
 * who made an object, and an upload has no tags: so a record in the transfer
 * bucket, written before anything is made, says what there is, as tags do for snapshots.
 */
export function snapshotExport(aws: SnapshotExportServices): Lifecycle<SnapshotExportProperties, SnapshotExportAttributes> {
  const { snapshots, executions, store, target, stacks } = aws;

  async function create(properties: SnapshotExportProperties, context: Context): Promise<Created> {
    const exportId = idOf(context);
    const { Bucket, Key, SinceSnapshotId } = properties;
    const known = await store.record(exportId);
    // The event is delivered a second time.
    if (known?.uploadId !== undefined) { return { id: exportId }; }

    exportLimitsOf(properties);
    const format = exportFormatOf(properties);
    const { volumeSize } = await readable(properties.SnapshotId);
    if (SinceSnapshotId !== undefined) { await readable(SinceSnapshotId); } else { refuseTooLarge(properties.SnapshotId, volumeSize, format); }
    refuseLateExport(properties.SnapshotId, volumeSize, properties);
    const record: ExportRecord = {
      exportId,
      stackId: context.stackId,
      logicalId: context.logicalId,
      identity: context.identity,
      requestId: context.requestId,
      bucket: Bucket,
      key: Key,
      isDelta: SinceSnapshotId !== undefined,
      volumeSize,
      initiator: process.env.AWS_LAMBDA_FUNCTION_NAME,
      started: Date.now(),
    };
    await target.refuseTaken(record);
    await store.saveRecord(record);
    await store.saveRecord({ ...record, uploadId: await target.begin(record) });
    log({ event: 'export begun', exportId, snapshotId: properties.SnapshotId, volumeSize });
    return { id: exportId };
  }

  async function readable(id: string): Promise<Snapshot> {
    const snapshot = await snapshots.find(id);
    if (!snapshot) { throw new Error(`snapshot ${id} does not exist in this Region, or this account may not see it`); }
    if (snapshot.state !== 'completed') { throw new Error(`snapshot ${id} is ${snapshot.state}; only a completed one can be exported`); }
    return snapshot;
  }

  /** Even after its end, functions that an execution began may be at work. */
  async function remove(id: string): Promise<void> {
    const execution = await executions.find(id);
    await executions.stop(id);
    if (execution !== undefined && execution.status !== 'SUCCEEDED') {
      await removeExport(aws, id, { keepRecord: true });
      await sleep(AFTERMATH_MILLISECONDS);
    }
    await removeExport(aws, id);
  }

  /** The export failed, or will never succeed: nothing of it may stay. */
  async function fail(id: string, reason: string): Promise<never> {
    try {
      await remove(id);
    } catch (error) {
      throw new Error(`${reason}; and then cleaning up failed: ${saidBy(error)}`);
    }
    throw new Error(reason);
  }

  async function begin(record: ExportRecord, properties: SnapshotExportProperties): Promise<void> {
    const { exportId, bucket, key, volumeSize, uploadId, started } = record;
    await executions.start({
      exportId,
      owner: properties.Owner,
      snapshotId: properties.SnapshotId,
      sinceId: properties.SinceSnapshotId,
      format: exportFormatOf(properties),
      volumeSize,
      bucket,
      key,
      uploadId: uploadId!,
      ...exportLimitsOf(properties),
      deadline: exportDeadlineOf(volumeSize, properties, started),
    });
  }

  async function handOut(record: ExportRecord, result: ExportResult | undefined): Promise<SnapshotExportAttributes> {
    // Last: from now on only CloudFormation decides what becomes of it.
    if (!await store.handOut(record.exportId)) { return fail(record.exportId, `export ${record.exportId} was deleted while it was being handed out`); }
    return {
      Bucket: record.bucket,
      Key: record.key,
      VersionId: result?.versionId ?? '',
      ETag: result?.etag ?? '',
      ChecksumCrc32: result?.crc32 ?? '',
      ObjectSize: result === undefined ? '' : `${result.size}`,
      VolumeSize: `${record.volumeSize}`,
    };
  }

  return {
    identity: ['SnapshotId', 'SinceSnapshotId', 'Bucket', 'Key', 'Format'],
    physicalId: /^export-[0-9a-f]{32}$/,
    several: true,
    inRollback: stackId => stacks.isRollingBack(stackId, true),

    create,

    async ready(id, properties, context) {
      const record = await store.record(id);
      if (!record?.uploadId) { return fail(id, `nothing is known of export ${id} any more; somebody emptied the transfer bucket`); }
      const result = await store.result(id);
      if (result && record.handedOut) { return handOut(record, result); }

      const execution = await executions.find(id);
      const background = !waitsForExport(properties);
      /** Unless CloudFormation has cancelled what the export was made for. */
      const handOutIfWanted = async (written: typeof result) => {
        const wanted = record.handedOut || await stacks.isAwaited(context, { id, begun: record.started, remove: () => remove(id) });
        return wanted ? handOut(record, written) : undefined;
      };
      // Not before its end: whoever cleans up after a failed execution removes the object.
      if (result && (execution === undefined || execution.status === 'SUCCEEDED')) { return handOutIfWanted(result); }
      if (execution?.status === 'FAILED') {
        const reason = await store.failure(id) ?? execution.reason;
        // CloudFormation was told that the resource is complete. An error would only keep it from changing, or rolling back, all the rest.
        if (context.old && record.handedOut) {
          log({ event: 'left a failed export as it is: another key exports again', exportId: id, reason });
          return handOut(record, undefined);
        }
        return fail(id, reason);
      }
      if (!execution) { await begin(record, properties); }
      if (background) { return handOutIfWanted(undefined); }
      return Date.now() > exportDeadlineOf(record.volumeSize, properties, record.started) ? fail(id, TOO_LATE) : undefined;
    },

    async delete(id, { RemovalPolicy }, { stackId }) {
      const record = await store.record(id);
      if (!record) { return log({ event: 'nothing is known of an export', exportId: id }); }
      if (record.stackId !== stackId) { return log({ event: 'left an export alone that is not of this stack', exportId: id }); }
      if (record.handedOut && RemovalPolicy === 'Retain' && await store.result(id)) {
        throw new Error(`s3://${record.bucket}/${record.key} is not deleted, for its removalPolicy is RETAIN; CloudFormation should not have asked for it`);
      }
      await remove(id);
    },

    async gone(id, _properties, { stackId }) {
      const record = await store.record(id);
      return record === undefined || record.stackId !== stackId;
    },

    async find(_candidates, { stackId, logicalId }) {
      const all = await store.records();
      const ours = all.filter(record => record.stackId === stackId && record.logicalId === logicalId);
      return Promise.all(ours.map(async ({ exportId, identity, requestId, handedOut }): Promise<Found> => {
        // One that nobody waits for is handed out while it is being copied.
        const usable = handedOut && (await store.result(exportId) !== undefined || (await executions.find(exportId))?.status === 'RUNNING');
        return { id: exportId, identity, requestId, state: usable ? 'usable' : 'unfinished' };
      }));
    },
  };
}

const TOO_LATE = 'the export did not end in time; if it only takes long, set waitForCompletion to false';

/** From the request: the same again when its event is delivered twice. */
function idOf({ stackId, logicalId, requestId }: Context): string {
  return `export-${createHash('sha256').update(JSON.stringify([stackId, logicalId, requestId])).digest('hex').slice(0, 32)}`;
}
