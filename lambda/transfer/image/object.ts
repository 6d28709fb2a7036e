import { Readable } from 'node:stream';
import {
  GetObjectAttributesCommand, GetObjectCommand, HeadObjectCommand, type GetObjectAttributesCommandOutput, type HeadObjectCommandOutput, type S3Client,
} from '@aws-sdk/client-s3';
import type { PinnedObject } from '../../../src/contract/transfer';
import { isDenial } from '../../shared/denials';
import { nameOf, saidBy } from '../../shared/errors';
import { log } from '../../shared/log';
import { passesByItself, RETRY_POLICIES, retrying } from '../../shared/retry';
import { imageChecksumOf, type ImageChecksum } from '../blocks/image-checksum';
import { sizeOf, type ImagePart } from '../blocks/unchanged-parts';
import { requestFor } from '../bucket/object-request';
import { isRefusedKey, statusOf } from '../bucket/s3-errors';
import { Wire, type WireRequest } from '../http/client';

/** The object, or one of its versions, that a user named. */
export interface ImageLocation {
  readonly bucket: string;
  readonly key: string;
  readonly versionId?: string;
  readonly bucketOwner?: string;
  readonly what?: PinnedObject['what'];
}

/** The disk image in S3. */
export class Source {
  private readonly wire: Wire;

  /** @param bodyTimeout Milliseconds after which a body that sends nothing is given up. */
  constructor(private readonly s3: S3Client, bodyTimeout = 20_000) {
    this.wire = new Wire({ bodyTimeout });
  }

  /** Returns the object as it is now. Throws if it is archived, so that it cannot be read. */
  public async pin(location: ImageLocation): Promise<PinnedObject> {
    const head = await this.head(location);
    refuseArchived(location, head);
    return {
      ...(location.what && { what: location.what }),
      bucket: location.bucket,
      key: location.key,
      ...(location.bucketOwner !== undefined && { bucketOwner: location.bucketOwner }),
      ...(head.VersionId !== undefined && { versionId: head.VersionId }),
      etag: head.ETag!,
      size: head.ContentLength!,
    };
  }

  /** Throws if the object was changed since the import began. Returns S3's checksum of the whole object, if it has one. */
  public async verify(source: PinnedObject): Promise<ImageChecksum | undefined> {
    return imageChecksumOf(await this.unchangedHead(source));
  }

  /**
   * Returns S3's SHA-256 of the whole object in hexadecimal digits; undefined if S3 has none. Throws if the object was changed since the import
   * began. S3 computes it itself of an object that was put in one piece with a SHA-256. That of a multipart upload is one of the parts' SHA-256.
   */
  public async sha256(source: PinnedObject): Promise<string | undefined> {
    const { ChecksumType, ChecksumSHA256 } = await this.unchangedHead(source);
    return ChecksumType === 'FULL_OBJECT' && ChecksumSHA256 !== undefined ? Buffer.from(ChecksumSHA256, 'base64').toString('hex') : undefined;
  }

  /**
   * Returns the parts that the object was uploaded in, if S3 has a SHA-256 of each. Errors are only logged, such as a denial,
   * because an import can do without the parts. To be called after `verify`, which waits until the policy of the image is in effect.
   */
  public async parts(source: PinnedObject): Promise<ImagePart[] | undefined> {
    if (!isMultipart(source.etag)) { return undefined; }
    const parts: ImagePart[] = [];
    try {
      for (let marker: string | undefined; ;) {
        const { ETag, ObjectParts: { Parts = [], IsTruncated, NextPartNumberMarker } = {} } = await this.attributes(source, marker);
        // GetObjectAttributes returns the ETag without quotes.
        if (ETag !== source.etag.replace(/"/g, '')) { throw changed(source); }
        for (const { Size, ChecksumSHA256 } of Parts) {
          if (Size === undefined || ChecksumSHA256 === undefined) { return undefined; }
          parts.push({ size: Size, sha256: ChecksumSHA256 });
        }
        if (!IsTruncated) { return sizeOf(parts) === source.size ? parts : undefined; }
        marker = NextPartNumberMarker;
      }
    } catch (error) {
      log({ event: 'cannot tell which parts of the image changed', image: nameOfImage(source), because: saidBy(error) });
      return undefined;
    }
  }

  /**
   * Fills `into` with the image's bytes from `from` on. Continues where a body broke off, and calls `progress` with the
   * number of bytes that are there. Transient errors are thrown as they are if `giveUp` ended the retries.
   */
  public async read(
    source: PinnedObject, from: number, into: Buffer, giveUp?: () => boolean, progress?: (filled: number) => void,
  ): Promise<void> {
    let filled = 0;
    const attempt = async () => {
      await this.get(source, from + filled, into.subarray(filled), bytes => {
        filled += bytes;
        progress?.(filled);
      });
      if (filled < into.length) { throw Object.assign(new Error('the body ended too early'), { name: 'TimeoutError' }); }
    };
    await retrying(attempt, { what: 's3:GetObject', giveUp }).catch(error => {
      throw giveUp?.() && passesByItself(error) ? error : explained(error, source);
    });
  }

  /** The SDK makes the request and reads the answer, except for the body, which goes straight into the buffer. */
  private async get(source: PinnedObject, first: number, into: Buffer, received: (bytes: number) => void): Promise<void> {
    const last = first + into.length - 1;
    const command = new GetObjectCommand({
      ...requestFor(source), IfMatch: source.etag, Range: `bytes=${first}-${last}`,
    });
    command.middlewareStack.add(() => async ({ request }) => {
      const { statusCode, headers, body } = await this.wire.send(request as WireRequest, {
        into: answer => {
          if (answer.statusCode >= 300) { return undefined; }
          const range = answer.headers['content-range'];
          if (!range?.startsWith(`bytes ${first}-${last}/`)) {
            throw new Error(`S3 answered with ${range ?? 'the whole object'} when asked for bytes ${first}-${last}`);
          }
          return into;
        },
        received,
      });
      return { response: { statusCode, headers, body: statusCode < 300 ? Readable.from([]) : body } };
    }, { step: 'deserialize', priority: 'low', name: 'readIntoPlace' });
    await this.s3.send(command);
  }

  private attributes(source: PinnedObject, marker: string | undefined): Promise<GetObjectAttributesCommandOutput> {
    const command = new GetObjectAttributesCommand({
      ...requestFor(source), ObjectAttributes: ['ETag', 'ObjectParts'], PartNumberMarker: marker,
    });
    return retrying(() => this.s3.send(command), { what: 's3:GetObjectAttributes', policy: RETRY_POLICIES.OPTIONAL });
  }

  private async unchangedHead(source: PinnedObject): Promise<HeadObjectCommandOutput> {
    const head = await this.head(source, source.etag);
    if (head.ETag !== source.etag || head.ContentLength !== source.size) { throw changed(source); }
    return head;
  }

  private head(location: ImageLocation, etag?: string): Promise<HeadObjectCommandOutput> {
    const command = new HeadObjectCommand({ ...requestFor(location), IfMatch: etag, ChecksumMode: 'ENABLED' });
    return retrying(() => this.s3.send(command), { what: 's3:HeadObject' })
      .catch(error => { throw explained(error, { ...location, etag }); });
  }
}

/** Returns whether an object was uploaded in parts. */
export function isMultipart(etag: string): boolean {
  return /-\d+"?$/.test(etag);
}

export function nameOfImage({ bucket, key, versionId, what }: ImageLocation): string {
  return `${what ?? 'image'} s3://${bucket}/${key}${versionId === undefined ? '' : ` (version ${versionId})`}`;
}

function changed(source: ImageLocation): Error {
  return new Error(`${nameOfImage(source)} was replaced or deleted while it was being imported; deploy again when it stays as it is`);
}

/** Explains an error mostly by its status, because answers to HEAD have no body and hence no error code. */
function explained(error: unknown, source: ImageLocation & { readonly etag?: string }): Error {
  const image = nameOfImage(source);
  if (nameOf(error) === 'NoSuchBucket') { return new Error(`${image} does not exist: there is no bucket ${source.bucket}`); }
  if (nameOf(error) === 'InvalidObjectState') { return archived(source, 'its storage class'); }
  if (isRefusedKey(error, source.key)) {
    return new Error(`${image} cannot be read: S3 does not accept this key, which has '.' or '..' between slashes; copy the image to another key`);
  }
  if (isDenial(error)) {
    const version = source.versionId === undefined ? '' : ' and s3:GetObjectVersion';
    return new Error(`${image} cannot be read: access is denied (it needs s3:GetObject${version}, and kms:Decrypt if a customer key encrypts it, `
      + `which 'encryptionKey' of the DiskImage names; ${source.bucketOwner === undefined ? '' : `the bucket must be of 'bucketOwner' ${source.bucketOwner}; `}without s3:ListBucket it may also be missing); S3 said: ${saidBy(error)}`, { cause: error });
  }
  switch (statusOf(error)) {
    case 301: return new Error(`${image} lies in another Region; copy it into a bucket of this one`);
    case 404: case 405: return source.etag === undefined ? new Error(`${image} does not exist${likelyMistakeIn(source.key)}`) : changed(source);
    case 412: return changed(source);
    case 400: return new Error(`${image} cannot be read: S3 calls the request invalid; `
      + `${source.versionId === undefined ? '' : 'check the version id; '}an object that is encrypted with a key of the client (SSE-C) must be copied with another encryption`);
    default: return new Error(`${image} cannot be read: ${saidBy(error)}`, { cause: error });
  }
}

function likelyMistakeIn(key: string): string {
  if (key.startsWith('s3://')) { return ": its key begins with 's3://', but only what follows the bucket is the key"; }
  return key.startsWith('/') ? ": its key begins with '/', which is a part of the key in S3" : '';
}

const ARCHIVES = ['GLACIER', 'DEEP_ARCHIVE'];

function refuseArchived(location: ImageLocation, { StorageClass, ArchiveStatus, Restore }: HeadObjectCommandOutput): void {
  const archive = ArchiveStatus ?? (ARCHIVES.includes(StorageClass ?? '') ? StorageClass : undefined);
  if (archive !== undefined && !Restore?.includes('ongoing-request="false"')) { throw archived(location, archive); }
}

function archived(location: ImageLocation, archive: string): Error {
  return new Error(`${nameOfImage(location)} is archived (${archive}); restore it first`);
}
