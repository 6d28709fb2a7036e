import { setTimeout as sleep } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateMultipartUploadCommand, DeleteObjectCommand, HeadObjectCommand,
  ListMultipartUploadsCommand, ListPartsCommand, PutObjectCommand, UploadPartCommand, type CompletedPart, type HeadObjectCommandOutput, type S3Client,
} from '@aws-sdk/client-s3';
import type { ExportRecord, ExportResult } from './store';
import { sendStreamed } from './streamed-body';
import { manifestKeyOf } from '../../../src/contract/snapshot-export';
import { isDenial } from '../../shared/denials';
import { isNamed, nameOf, saidBy } from '../../shared/errors';
import { RETRY_POLICIES, retrying, type RetryOptions } from '../../shared/retry';
import { isRefusedKey, statusOf } from '../bucket/s3-errors';
import { isTransient } from '../snapshot/errors';

type Place = Pick<ExportRecord, 'exportId' | 'bucket' | 'key'>;
type Upload = Pick<ExportRecord, 'bucket' | 'key'> & { readonly uploadId: string };

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
  public async refuseTaken({ bucket, key, exportId, isDelta }: ExportRecord): Promise<void> {
    for (const name of isDelta ? [key] : [key, manifestKeyOf(key)]) {
      const found = await this.head(bucket, name);
      if (!found) { continue; }
      const by = found.Metadata?.[MARK];
      if (by === exportId) { continue; }
      throw new Error(`s3://${bucket}/${name} exists already${by === undefined ? '' : ', made by another export'}; nothing is overwritten: `
        + 'choose another key, for instance one with the id of the snapshot in it, or remove the object first');
    }
  }

  public async begin({ bucket, key, exportId }: Place): Promise<string> {
    const { UploadId } = await this.call('s3:PutObject', bucket, key, () => this.s3.send(new CreateMultipartUploadCommand({
      Bucket: bucket, Key: key, Metadata: { [MARK]: exportId }, ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT',
    })));
    return UploadId!;
  }

  /**
   * Uploads a part from a stream, which is made anew for every attempt and never held in memory. Returns the checksum that S3
   * computed. Throws errors of the stream unchanged.
   */
  public async uploadPart({ bucket, key, uploadId }: Upload, part: number, size: number, body: () => AsyncIterable<Buffer>, giveUp: () => boolean) {
    const { ChecksumCRC32 } = await this.call('s3:PutObject', bucket, key, () => sendStreamed(body, (Body, abortSignal) => this.s3.send(new UploadPartCommand({
      Bucket: bucket, Key: key, UploadId: uploadId, PartNumber: part, Body, ContentLength: size, ChecksumAlgorithm: 'CRC32',
    }), { abortSignal })), { giveUp, policy: RETRY_POLICIES.STREAM });
    return ChecksumCRC32;
  }

  /** Returns all parts, in order. */
  public async parts({ bucket, key, uploadId }: Upload): Promise<StoredPart[]> {
    const all: StoredPart[] = [];
    for (let marker: string | undefined; ;) {
      const { Parts = [], IsTruncated, NextPartNumberMarker } = await this.call('s3:ListMultipartUploadParts', bucket, key, () =>
        this.s3.send(new ListPartsCommand({ Bucket: bucket, Key: key, UploadId: uploadId, PartNumberMarker: marker })));
      all.push(...Parts.map(({ PartNumber, ETag, Size, ChecksumCRC32 }) => ({ part: PartNumber!, etag: ETag!, size: Size!, crc32: ChecksumCRC32 })));
      if (!IsTruncated) { return all; }
      marker = NextPartNumberMarker;
    }
  }

  /** Makes the object from its parts. S3 refuses if the checksum of the whole differs, or if there is an object already. */
  public async complete({ bucket, key, uploadId }: Upload, parts: readonly StoredPart[], size: number, crc32: string): Promise<void> {
    const command = new CompleteMultipartUploadCommand({
      Bucket: bucket,
      Key: key,
      UploadId: uploadId,
      IfNoneMatch: '*',
      ChecksumCRC32: crc32,
      ChecksumType: 'FULL_OBJECT',
      MpuObjectSize: size,
      MultipartUpload: { Parts: parts.map((stored): CompletedPart => ({ PartNumber: stored.part, ETag: stored.etag, ChecksumCRC32: stored.crc32 })) },
    });
    await this.call('s3:PutObject', bucket, key, () => this.s3.send(command));
  }

  /** Writes the manifest, unless there is one already. Returns whether the manifest of this export is there. */
  public async putManifest({ bucket, key, exportId }: Place, size: number, body: () => AsyncIterable<Buffer>): Promise<boolean> {
    const name = manifestKeyOf(key);
    try {
      await this.call('s3:PutObject', bucket, name, () => sendStreamed(body, (Body, abortSignal) => this.s3.send(new PutObjectCommand({
        Bucket: bucket, Key: name, Body, ContentLength: size, ChecksumAlgorithm: 'CRC32', Metadata: { [MARK]: exportId }, IfNoneMatch: '*',
      }), { abortSignal })), { policy: RETRY_POLICIES.STREAM });
      return true;
    } catch (error) {
      if (!isNamed(error, 'PreconditionFailed')) { throw error; }
      // It may be ours if the answer to an earlier attempt was lost.
      return (await this.head(bucket, name))?.Metadata?.[MARK] === exportId;
    }
  }

  /** Returns the object as S3 has it. Returns undefined if there is none, or if the export did not make it. */
  public async find({ bucket, key, exportId }: Place): Promise<ExportResult | undefined> {
    const head = await this.head(bucket, key);
    if (head?.Metadata?.[MARK] !== exportId) { return undefined; }
    return { versionId: head.VersionId, etag: head.ETag!, size: head.ContentLength!, crc32: head.ChecksumCRC32 ?? '' };
  }

  /** Aborts the upload, and all others that the same function began for that key and whose ids were lost. */
  public async abort({ bucket, key, uploadId, initiator }: Pick<ExportRecord, 'bucket' | 'key' | 'uploadId' | 'initiator'>): Promise<void> {
    const lost = initiator === undefined ? [] : await this.uploadsOf(bucket, key, initiator);
    for (const id of new Set([...uploadId === undefined ? [] : [uploadId], ...lost])) { await this.abortOne({ bucket, key, uploadId: id }); }
  }

  /** Deletes the object and the manifest that the export made, and nothing else. In a bucket with versions, deletes only the version. */
  public async delete(record: ExportRecord, result: ExportResult | undefined): Promise<void> {
    await this.deleteOne(record, record.key, result?.versionId);
    if (!record.isDelta) { await this.deleteManifest(record); }
  }

  public async deleteManifest(place: Place): Promise<void> {
    await this.deleteOne(place, manifestKeyOf(place.key));
  }

  private async deleteOne({ bucket, exportId }: Place, key: string, versionId?: string): Promise<void> {
    const head = await this.head(bucket, key, versionId);
    if (head?.Metadata?.[MARK] !== exportId) { return; }
    const which = head.VersionId === undefined ? { IfMatch: head.ETag } : { VersionId: head.VersionId };
    const action = head.VersionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion';
    await this.call(action, bucket, key, () => this.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, ...which })));
  }

  private async uploadsOf(bucket: string, key: string, initiator: string): Promise<string[]> {
    const found: string[] = [];
    for (let after: { KeyMarker?: string; UploadIdMarker?: string } = {}; ;) {
      const { Uploads = [], IsTruncated, NextKeyMarker, NextUploadIdMarker } = await this.ifBucket(this.call('s3:ListBucketMultipartUploads', bucket, key, () =>
        this.s3.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key, ...after }))));
      found.push(...Uploads.filter(({ Key, Initiator }) => Key === key && Initiator?.ID?.split('/').at(-1) === initiator).map(({ UploadId }) => UploadId!));
      if (!IsTruncated) { return found; }
      after = { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker };
    }
  }

  private async ifBucket<T extends object>(listing: Promise<T>): Promise<Partial<T>> {
    try {
      return await listing;
    } catch (error) {
      if (isNamed(error, 'NoSuchBucket')) { return {}; }
      throw error;
    }
  }

  private async abortOne(upload: Upload): Promise<void> {
    const { bucket, key, uploadId } = upload;
    for (let aborts = 1; ; aborts++) {
      try {
        await this.call('s3:AbortMultipartUpload', bucket, key, () =>
          this.s3.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId })));
        await this.parts(upload);
      } catch (error) {
        if (isNamed(error, 'NoSuchUpload', 'NoSuchBucket')) { return; }
        throw error;
      }
      if (aborts === MOST_ABORTS) { throw new Error(`the parts of a multipart upload to s3://${bucket}/${key} could not be removed (upload ${uploadId})`); }
      await sleep(PAUSE);
    }
  }

  private async head(bucket: string, key: string, versionId?: string): Promise<HeadObjectCommandOutput | undefined> {
    try {
      // The answer to HEAD has no body that could name the action.
      return await this.call(versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion', bucket, key, () =>
        this.s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId, ChecksumMode: 'ENABLED' })));
    } catch (error) {
      // Answers to HEAD have no body, hence no error code. 405 stands for a delete marker.
      if (isNamed(error, 'NotFound', 'NoSuchKey', 'NoSuchVersion', 'NoSuchBucket', '405', 'MethodNotAllowed')) { return undefined; }
      throw error;
    }
  }

  private async call<T>(
    action: string, bucket: string, key: string, request: () => Promise<T>, { giveUp, policy }: Pick<RetryOptions, 'giveUp' | 'policy'> = {},
  ): Promise<T> {
    try {
      return await retrying(request, { what: action, retryIf: isTransientWrite, giveUp, policy });
    } catch (error) {
      const status = statusOf(error);
      if (status === 404 || status === 405) { throw Object.assign(error as Error, { name: status === 405 ? '405' : nameOf(error) }); }
      const { code } = error as { code?: string };
      const isOfStream = status === undefined && code === undefined && nameOf(error) === 'Error';
      if (isOfStream || isNamed(error, 'PreconditionFailed', 'InvalidPart') || (giveUp?.() && (isTransient(error) || isTransientWrite(error)))) { throw error; }
      if (isRefusedKey(error, key)) {
        throw new Error(`${action} failed for s3://${bucket}/${key}: S3 does not accept this key, which has '.' or '..' between slashes; choose another key`);
      }
      throw new Error(`${action} failed for s3://${bucket}/${key}: ${isDenial(error) ? 'access is denied: ' : ''}${saidBy(error)}`, { cause: error });
    }
  }
}

/** Whether S3 refused a write because the body broke or came too slowly, or because of another writer at the same time. */
export function isTransientWrite(error: unknown): boolean {
  return isNamed(error, 'RequestTimeout', 'BadDigest', 'IncompleteBody', 'ConditionalRequestConflict');
}
