import { setTimeout as sleep } from 'node:timers/promises';
import { failAfter, leaveToken } from './completion';
import { requestDigest } from './idempotency';
import { waitsForCompletion } from './limits/deadlines';
import { exportDeadlineOf, exportFormatOf, exportLimitsOf, refuseLateExport } from './limits/export-limits';
import type { ExportServices } from './services';
import type { ExportInput } from '../../src/contract/export';
import type { SnapshotExportAttributes, SnapshotExportProperties } from '../../src/contract/snapshot-export';
import { OutOfReach } from '../shared/errors';
import { log } from '../shared/log';
import { UNDER_WAY, type Context, type Created, type Found, type Lifecycle, type ReadyContext } from '../shared/resource-lifecycle';
import { isRetained } from '../shared/retained';
import { overdueReason } from '../transfer/bucket/overdue';
import { refuseTooLarge } from '../transfer/export/layout';
import { removeExport } from '../transfer/export/leftovers';
import type { ExportRecord, ExportResult } from '../transfer/export/store';
import type { Snapshot } from '../transfer/snapshot/snapshots';

/** Pause for calls that are under way when an export is removed: parts that arrive after the abort have to be aborted again. */
const AFTERMATH_MILLISECONDS = 5_000;

/**
 * An object in S3 with the content of a snapshot. S3 cannot list objects by
 * who made them, and an upload has no tags. So a record in the transfer bucket,
 * written before anything else, takes the place of the tags that snapshots have.
 */
export class SnapshotExportLifecycle implements Lifecycle<SnapshotExportProperties, SnapshotExportAttributes> {
  public readonly identity = ['SnapshotId', 'SinceSnapshotId', 'Bucket', 'Key', 'Format'] as const;
  public readonly physicalId = /^export-[0-9a-f]{32}$/;
  public readonly allowsRetainedSiblings = true;
  public readonly isRepeatable = true;

  constructor(private readonly aws: ExportServices) {}

  public async create(properties: SnapshotExportProperties, context: Context): Promise<Created> {
    const { store, target } = this.aws;
    const exportId = `export-${requestDigest(context).slice(0, 32)}`;
    // The event is delivered a second time.
    if ((await store.record(exportId))?.uploadId !== undefined) { return { id: exportId }; }

    const volumeSize = await this.check(properties);
    const record = newRecord(exportId, properties, context, volumeSize);
    await target.refuseTaken(record);
    await target.refuseUnlistable(record);
    await store.saveRecord(record);
    const begun = { ...record, uploadId: await target.begin(record) };
    await store.saveRecord(begun);
    await this.aws.executions.startEarly(exportInput(begun, properties));
    log({ event: 'export begun', exportId, snapshotId: properties.SnapshotId, volumeSize });
    return { id: exportId };
  }

  public async ready(
    id: string, properties: SnapshotExportProperties, context: ReadyContext<SnapshotExportProperties>,
  ): Promise<SnapshotExportAttributes | typeof UNDER_WAY | undefined> {
    const { store, executions } = this.aws;
    const record = await store.record(id);
    if (!record?.uploadId) {
      const reason = `the record of export ${id} is missing; somebody emptied the transfer bucket, and another 'key' exports again`;
      if (context.old === undefined || context.replacedId !== undefined) { return this.fail(id, reason); }
      throw new OutOfReach(reason);
    }
    const result = await store.result(id);
    if (result && record.handedOut) { return this.handOut(record, result); }

    const execution = await executions.find(id);
    // Wait for the end of the execution, because the clean-up after a failed one removes the object.
    if (result && (execution === undefined || execution.status === 'SUCCEEDED')) { return this.handOutIfAwaited(record, result, context); }
    if (execution?.status === 'FAILED') { return this.executionFailed(record, context, execution.reason); }
    if (!execution) { await this.aws.executions.start(exportInput(record, properties)); }
    if (!waitsForCompletion(properties)) { return this.handOutIfAwaited(record, undefined, context); }
    if (Date.now() <= exportDeadlineOf(record.volumeSize, properties, record.started)) { return execution?.status === 'SUCCEEDED' ? undefined : UNDER_WAY; }
    return this.fail(id, await overdueReason(this.aws.store, id, 'export'));
  }

  public withoutReach(_id: string, { Bucket, Key }: SnapshotExportProperties): SnapshotExportAttributes {
    return { Bucket, Key, VersionId: '', ETag: '', ChecksumCrc32: '', ObjectSize: '', VolumeSize: '' };
  }

  public leaveToken(id: string, token: string): Promise<boolean> {
    return leaveToken(this.aws, id, token);
  }

  public async delete(id: string, properties: SnapshotExportProperties, context: Context): Promise<void> {
    const record = await this.aws.store.record(id);
    if (!record) { return log({ event: 'there is no record of an export', exportId: id }); }
    if (record.stackId !== context.stackId) { return log({ event: 'left an export alone that is not of this stack', exportId: id }); }
    if (!await this.isRetained(record, properties, context)) { await this.remove(id); }
  }

  public async gone(id: string, properties: SnapshotExportProperties, context: Context): Promise<boolean> {
    const record = await this.aws.store.record(id);
    return record === undefined || record.stackId !== context.stackId || this.isRetained(record, properties, context);
  }

  public async find(_candidates: readonly SnapshotExportProperties[], { stackId, logicalId }: Context): Promise<Found[]> {
    const all = await this.aws.store.records();
    const ours = all.filter(record => record.stackId === stackId && record.logicalId === logicalId);
    return Promise.all(ours.map(async (record): Promise<Found> => {
      const { exportId: id, identity, requestId, sent } = record;
      return { id, identity, requestId, sent, state: await this.isUsable(record) ? 'usable' : 'unfinished' };
    }));
  }

  public async takeUp(id: string): Promise<void> {
    await this.aws.store.takeUp(id);
  }

  private async isRetained(
    { handedOut, sent: made, takenUp }: ExportRecord, properties: SnapshotExportProperties, context: Context,
  ): Promise<boolean> {
    return handedOut === true && isRetained({ made, takenUp: takenUp === true }, properties, context, this.aws.stacks);
  }

  /** With `waitForCompletion: false`, an export is handed out while it is being copied. */
  private async isUsable({ exportId, handedOut }: ExportRecord): Promise<boolean> {
    if (!handedOut) { return false; }
    return await this.aws.store.result(exportId) !== undefined || (await this.aws.executions.find(exportId))?.status === 'RUNNING';
  }

  /** Refuses an export that cannot succeed. Returns the size of the volume in GiB. */
  private async check(properties: SnapshotExportProperties): Promise<number> {
    const { SnapshotId, SinceSnapshotId } = properties;
    exportLimitsOf(properties);
    const format = exportFormatOf(properties);
    const { volumeSize } = await this.completedSnapshot(SnapshotId);
    if (SinceSnapshotId !== undefined) { await this.completedSnapshot(SinceSnapshotId); } else { refuseTooLarge(SnapshotId, volumeSize, format); }
    refuseLateExport(SnapshotId, volumeSize, properties);
    return volumeSize;
  }

  private async completedSnapshot(id: string): Promise<Snapshot> {
    const snapshot = await this.aws.snapshots.find(id);
    if (!snapshot) { throw new Error(`snapshot ${id} does not exist in this Region, or this account may not see it`); }
    if (snapshot.state !== 'completed') { throw new Error(`snapshot ${id} is ${snapshot.state}; only a completed one can be exported`); }
    return snapshot;
  }

  private async executionFailed(
    record: ExportRecord, { old }: ReadyContext<SnapshotExportProperties>, executionReason: string,
  ): Promise<SnapshotExportAttributes> {
    const { exportId, handedOut } = record;
    const reason = await this.aws.store.failure(exportId) ?? executionReason;
    if (!old || !handedOut) { return this.fail(exportId, reason); }
    // The resource was reported as complete before. An error would only keep it from changing, or from rolling back everything else.
    log({ event: 'left a failed export as it is: another key exports again', exportId, reason });
    return this.handOut(record, undefined);
  }

  /** undefined: CloudFormation has cancelled the operation that made the export. */
  private async handOutIfAwaited(
    record: ExportRecord, result: ExportResult | undefined, context: ReadyContext<SnapshotExportProperties>,
  ): Promise<SnapshotExportAttributes | undefined> {
    const { exportId: id, started: begun, handedOut } = record;
    const awaited = handedOut || await this.aws.stacks.isAwaited(context, { id, begun, remove: () => this.remove(id) });
    return awaited ? this.handOut(record, result) : undefined;
  }

  private async handOut(record: ExportRecord, result: ExportResult | undefined): Promise<SnapshotExportAttributes> {
    // Last, because from then on only CloudFormation decides whether the object is deleted.
    if (!await this.aws.store.handOut(record.exportId)) {
      return this.fail(record.exportId, `export ${record.exportId} was deleted while it was being handed out`);
    }
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

  private fail(id: string, reason: string): Promise<never> {
    return failAfter(() => this.remove(id), reason);
  }

  /**
   * Removes everything that an export made. Functions may still be at work after their execution has failed. The record stays as long as S3
   * may still make the object; then the next poll of the Delete goes on.
   */
  private async remove(id: string): Promise<void> {
    const { executions } = this.aws;
    const execution = await executions.find(id);
    await executions.stop(id);
    if (execution !== undefined && execution.status !== 'SUCCEEDED') {
      if (!await removeExport(this.aws, id, { keepRecord: true })) { return; }
      await sleep(AFTERMATH_MILLISECONDS);
    }
    await removeExport(this.aws, id);
  }
}

function exportInput(
  { exportId, bucket, bucketOwner, key, volumeSize, uploadId, started }: ExportRecord, properties: SnapshotExportProperties,
): ExportInput {
  return {
    exportId,
    owner: properties.Owner,
    snapshotId: properties.SnapshotId,
    sinceId: properties.SinceSnapshotId,
    format: exportFormatOf(properties),
    volumeSize,
    bucket,
    bucketOwner,
    key,
    uploadId: uploadId!,
    ...exportLimitsOf(properties),
    deadline: exportDeadlineOf(volumeSize, properties, started),
    ...(!waitsForCompletion(properties) && { background: true }),
  };
}

function newRecord(
  exportId: string, { Bucket, BucketOwner, Key, SinceSnapshotId }: SnapshotExportProperties, context: Context, volumeSize: number,
): ExportRecord {
  const { stackId, logicalId, identity, requestId, deletionBegan: sent } = context;
  return {
    exportId,
    stackId,
    logicalId,
    identity,
    requestId,
    sent,
    bucket: Bucket,
    bucketOwner: BucketOwner,
    key: Key,
    isDelta: SinceSnapshotId !== undefined,
    volumeSize,
    started: Date.now(),
  };
}
