import { createHash } from 'node:crypto';
import {
  CompleteMultipartUploadCommand, CreateMultipartUploadCommand, GetObjectCommand, ListMultipartUploadsCommand,
  ListObjectVersionsCommand, PutObjectCommand, UploadPartCommand, type CompletedPart, type S3Client,
} from '@aws-sdk/client-s3';

export const BLOCK = 512 * 1024;

/** Returns bytes that differ from block to block; every third block is zeros. */
export function disk(blocks: number, seed: string): Buffer {
  const bytes = Buffer.concat(Array.from({ length: blocks }, (_, i) =>
    i % 3 === 1 ? Buffer.alloc(BLOCK) : Buffer.alloc(BLOCK, createHash('sha256').update(`${seed} ${i}`).digest())));
  // The signature of a boot sector.
  bytes.set([0x55, 0xaa], 510);
  return bytes;
}

/** What a user of the buckets does by other means. */
export class BucketContent {
  constructor(private readonly s3: S3Client) {}

  /** Returns the version id, if the bucket keeps versions. */
  public async put(Bucket: string, Key: string, Body: Buffer | string): Promise<string | undefined> {
    return (await this.s3.send(new PutObjectCommand({ Bucket, Key, Body }))).VersionId;
  }

  /** Uploads an object in two parts, each with its SHA-256. */
  public async putInParts(Bucket: string, Key: string, body: Buffer, firstPart: number): Promise<void> {
    const { UploadId } = await this.s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'SHA256' }));
    const Parts: CompletedPart[] = [];
    for (const [i, Body] of [body.subarray(0, firstPart), body.subarray(firstPart)].entries()) {
      const PartNumber = i + 1;
      const { ETag, ChecksumSHA256 } = await this.s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ChecksumAlgorithm: 'SHA256' }));
      Parts.push({ PartNumber, ETag, ChecksumSHA256 });
    }
    await this.s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  }

  public async get(Bucket: string, Key: string): Promise<Buffer> {
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket, Key }));
    return Buffer.from(await Body!.transformToByteArray());
  }

  /** Returns the keys of all versions, delete markers included. */
  public async keys(Bucket: string): Promise<string[]> {
    const { Versions = [], DeleteMarkers = [] } = await this.s3.send(new ListObjectVersionsCommand({ Bucket }));
    return [...Versions, ...DeleteMarkers].map(({ Key }) => Key!).sort();
  }

  public async uploads(Bucket: string): Promise<string[]> {
    const { Uploads = [] } = await this.s3.send(new ListMultipartUploadsCommand({ Bucket }));
    return Uploads.map(({ Key }) => Key!);
  }
}
