import { setTimeout as sleep } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateMultipartUploadCommand, DeleteObjectCommand, HeadObjectCommand,
  ListPartsCommand, PutObjectCommand, UploadPartCommand, type CompletedPart, type HeadObjectCommandOutput, type S3Client,
} from '@aws-sdk/client-s3';
import type { Completing } from './completion';
import type { ExportRecord, ExportResult } from './store';
import { sendStreamed } from './streamed-body';
import { manifestKeyOf } from '../../../src/contract/snapshot-export';
import { isDenial } from '../../shared/denials';
import { isNamed, nameOf, RefusedForNow, saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { RETRY_POLICIES, retrying, type RetryOptions, type RetryPolicy } from '../../shared/retry';
import { requestFor } from '../bucket/object-request';
import { isRefusedKey, statusOf } from '../bucket/s3-errors';
import { isTransient } from '../snapshot/errors';

type Target = Pick<ExportRecord, 'bucket' | 'bucketOwner' | 'key'>;
type Place = Target & Pick<ExportRecord, 'exportId'>;
type Upload = Target & { readonly uploadId: string };

/** A part of an upload, as S3 lists it. */
export interface StoredPart {
  readonly part: number;
  readonly etag: string;
  readonly size: number;
  /** Base64. */
  readonly crc32: string | undefined;
}

/** Metadata key that marks the objects this library wrote. Visible to every reader of the object. */
const MARK = 'cdk-durable-storage-export';
/** Limit for repeating an abort, because parts that were on their way may arrive after it. */
const MOST_ABORTS = 5;
const PAUSE = 1_000;

/** The object that an export makes, and its manifest beside it. */
export class ExportTarget {
  constructor(private readonly s3: S3Client) {}

  /** Throws if there is an object or a manifest already. Neither foreign objects nor those of other exports are overwritten. */
  public async refuseTaken(record: ExportRecord): Promise<void> {
    const { bucket, key, exportId, isDelta } = record;
    for (const name of isDelta ? [key] : [key, manifestKeyOf(key)]) {
      const found = await this.head({ ...record, key: name });
      if (!found) { continue; }
      const by = found.Metadata?.[MARK];
      if (by === exportId) { continue; }
      throw new Error(`s3://${bucket}/${name} exists already${by === undefined ? '' : ', made by another export'}; nothing is overwritten: `
        + 'choose another key, for instance one with the id of the snapshot in it, or remove the object first');
    }
  }

  /** Throws if the parts of an upload may not be listed, which its end and its clean-up need. S3 denies that before it looks for the upload. */
  public async refuseUnlistable(target: Target): Promise<void> {
    try {
      await this.parts({ ...target, uploadId: 'none' });
    } catch (error) {
      if (isDenial(error)) { throw error; }
    }
  }

  public async begin(place: Place): Promise<string> {
    const { UploadId } = await this.call('s3:PutObject', place, () => this.s3.send(new CreateMultipartUploadCommand({
      ...requestFor(place), Metadata: { [MARK]: place.exportId }, ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT',
    })));
    return UploadId!;
  }

  /**
   * Uploads a part from a stream, which is made anew for every attempt and never held in memory. Returns the checksum that S3
   * computed. Throws errors of the stream unchanged.
   */
  public async uploadPart(upload: Upload, part: number, size: number, body: () => AsyncIterable<Buffer>, giveUp: () => boolean) {
    const { ChecksumCRC32 } = await this.call('s3:PutObject', upload, () => sendStreamed(body, (Body, abortSignal) => this.s3.send(new UploadPartCommand({
      ...requestFor(upload), UploadId: upload.uploadId, PartNumber: part, Body, ContentLength: size, ChecksumAlgorithm: 'CRC32',
    }), { abortSignal })), { giveUp, policy: RETRY_POLICIES.STREAM });
    return ChecksumCRC32;
  }

  /** Returns all parts, in order. */
  public async parts(upload: Upload, policy?: RetryPolicy): Promise<StoredPart[]> {
    const all: StoredPart[] = [];
    for (let marker: string | undefined; ;) {
      const { Parts = [], IsTruncated, NextPartNumberMarker } = await this.call('s3:ListMultipartUploadParts', upload, () =>
        this.s3.send(new ListPartsCommand({ ...requestFor(upload), UploadId: upload.uploadId, PartNumberMarker: marker })), { policy });
      all.push(...Parts.map(({ PartNumber, ETag, Size, ChecksumCRC32 }) => ({ part: PartNumber!, etag: ETag!, size: Size!, crc32: ChecksumCRC32 })));
      if (!IsTruncated) { return all; }
      marker = NextPartNumberMarker;
    }
  }

  /** Makes the object from its parts. S3 refuses if the checksum of the whole differs, or if there is an object already. */
  public async complete(
    upload: Upload, parts: readonly StoredPart[], { size, crc32 }: Pick<Completing, 'size' | 'crc32'>, onRetry?: RetryOptions['onRetry'],
  ): Promise<void> {
    const command = new CompleteMultipartUploadCommand({
      ...requestFor(upload),
      UploadId: upload.uploadId,
      IfNoneMatch: '*',
      ChecksumCRC32: crc32,
      ChecksumType: 'FULL_OBJECT',
      MpuObjectSize: size,
      MultipartUpload: { Parts: parts.map((stored): CompletedPart => ({ PartNumber: stored.part, ETag: stored.etag, ChecksumCRC32: stored.crc32 })) },
    });
    await this.call('s3:PutObject', upload, () => this.s3.send(command), { onRetry });
  }

  /** Writes the manifest, unless there is one already. Returns whether the manifest of this export is there. */
  public async putManifest({ exportId, ...image }: Place, size: number, body: () => AsyncIterable<Buffer>): Promise<boolean> {
    const manifest = { ...image, key: manifestKeyOf(image.key) };
    try {
      await this.call('s3:PutObject', manifest, () => sendStreamed(body, (Body, abortSignal) => this.s3.send(new PutObjectCommand({
        ...requestFor(manifest), Body, ContentLength: size, ChecksumAlgorithm: 'CRC32', Metadata: { [MARK]: exportId }, IfNoneMatch: '*',
      }), { abortSignal })), { policy: RETRY_POLICIES.STREAM });
      return true;
    } catch (error) {
      if (!isNamed(error, 'PreconditionFailed')) { throw error; }
      // It may be ours if the answer to an earlier attempt was lost.
      return (await this.head(manifest))?.Metadata?.[MARK] === exportId;
    }
  }

  /** Returns the object as S3 has it. Returns undefined if there is none, or if the export did not make it. */
  public async find(place: Place): Promise<ExportResult | undefined> {
    const head = await this.head(place);
    if (head?.Metadata?.[MARK] !== place.exportId) { return undefined; }
    return { versionId: head.VersionId, etag: head.ETag!, size: head.ContentLength!, crc32: head.ChecksumCRC32 ?? '' };
  }

  /** Aborts an upload, which may be aborted or completed already. Throws `RefusedForNow` as long as parts are on their way to S3. */
  public async abort(upload: Upload): Promise<void> {
    for (let aborts = 1; await this.hasParts(upload); aborts++) {
      if (aborts > MOST_ABORTS) {
        throw new RefusedForNow(`parts of a multipart upload to s3://${upload.bucket}/${upload.key} are still on their way (upload ${upload.uploadId})`);
      }
      await sleep(PAUSE);
    }
  }

  /**
   * Deletes the object and the manifest that the export made, and nothing else. In a bucket with versions, deletes only the version.
   * `made` is what is known of the object: another one is not the export's, even with its mark, which whoever copies an object copies too.
   * Returns whether there was an object.
   */
  public async delete(record: ExportRecord, made: Partial<ExportResult> = {}): Promise<boolean> {
    const deleted = await this.deleteOne(record, made);
    if (!record.isDelta) { await this.deleteManifest(record); }
    return deleted;
  }

  public async deleteManifest(place: Place): Promise<void> {
    await this.deleteOne({ ...place, key: manifestKeyOf(place.key) });
  }

  private async deleteOne(place: Place, made: Partial<ExportResult> = {}): Promise<boolean> {
    const head = await this.head(place, made.versionId);
    if (head?.Metadata?.[MARK] !== place.exportId || !isMade(head, made)) { return false; }
    const { VersionId, ETag } = head;
    // The version `null` may be overwritten meanwhile, as an object in a bucket without versions may.
    const IfMatch = VersionId === undefined || VersionId === 'null' ? ETag : undefined;
    const action = VersionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion';
    try {
      await this.call(action, place, () => this.s3.send(new DeleteObjectCommand({ ...requestFor(place), VersionId, IfMatch })));
      return true;
    } catch (error) {
      if (isNamed(error, 'PreconditionFailed', 'NoSuchKey')) { return false; }
      throw error;
    }
  }

  /** Aborts an upload. Returns whether S3 still has parts of it, which it got while it was aborted. */
  private async hasParts(upload: Upload): Promise<boolean> {
    let aborted = false;
    try {
      await this.call('s3:AbortMultipartUpload', upload, () =>
        this.s3.send(new AbortMultipartUploadCommand({ ...requestFor(upload), UploadId: upload.uploadId })));
      aborted = true;
      await this.parts(upload, RETRY_POLICIES.OPTIONAL);
      return true;
    } catch (error) {
      if (isNamed(error, 'NoSuchUpload', 'NoSuchBucket')) { return false; }
      if (!aborted || !isDenial(error)) { throw error; }
      // Only parts that were on their way can be left. The second removal of an export that was at work aborts again.
      log({ event: 'could not look whether parts of an aborted upload are left', bucket: upload.bucket, key: upload.key, error: saidBy(error) });
      return false;
    }
  }

  private async head(target: Target, versionId?: string): Promise<HeadObjectCommandOutput | undefined> {
    try {
      // The answer to HEAD has no body that could name the action.
      return await this.call(versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion', target, () =>
        this.s3.send(new HeadObjectCommand({ ...requestFor({ ...target, versionId }), ChecksumMode: 'ENABLED' })));
    } catch (error) {
      // Answers to HEAD have no body, hence no error code. 405 stands for a delete marker.
      if (isNamed(error, 'NotFound', 'NoSuchKey', 'NoSuchVersion', 'NoSuchBucket', '405', 'MethodNotAllowed')) { return undefined; }
      throw error;
    }
  }

  private async call<T>(
    action: string, { bucket, bucketOwner, key }: Target, request: () => Promise<T>,
    { giveUp, policy, onRetry }: Pick<RetryOptions, 'giveUp' | 'policy' | 'onRetry'> = {},
  ): Promise<T> {
    try {
      return await retrying(request, { what: action, retryIf: isTransientWrite, giveUp, policy, onRetry });
    } catch (error) {
      const status = statusOf(error);
      if (status === 404 || status === 405) { throw Object.assign(error as Error, { name: status === 405 ? '405' : nameOf(error) }); }
      const { code } = error as { code?: string };
      const isOfStream = status === undefined && code === undefined && nameOf(error) === 'Error';
      if (isOfStream || isNamed(error, 'PreconditionFailed', 'InvalidPart') || (giveUp?.() && (isTransient(error) || isTransientWrite(error)))) { throw error; }
      if (isRefusedKey(error, key)) {
        throw new Error(`${action} failed for s3://${bucket}/${key}: S3 does not accept this key, which has '.' or '..' between slashes; choose another key`);
      }
      throw new Error(`${action} failed for s3://${bucket}/${key}: ${isDenial(error) ? denied(bucketOwner) : ''}${saidBy(error)}`, { cause: error });
    }
  }
}

/** Whether an object has all that is known of the one that was made. */
function isMade({ ETag, ContentLength, ChecksumCRC32 }: HeadObjectCommandOutput, { etag, size, crc32 }: Partial<ExportResult>): boolean {
  return (etag === undefined || etag === ETag) && (size === undefined || size === ContentLength) && (crc32 === undefined || crc32 === (ChecksumCRC32 ?? ''));
}

function denied(bucketOwner: string | undefined): string {
  return `access is denied${bucketOwner === undefined ? '' : ` (the bucket must be of 'bucketOwner' ${bucketOwner})`}: `;
}

/** Whether S3 refused a write because the body broke or came too slowly, or because of another writer at the same time. */
export function isTransientWrite(error: unknown): boolean {
  return isNamed(error, 'RequestTimeout', 'BadDigest', 'IncompleteBody', 'ConditionalRequestConflict');
}
