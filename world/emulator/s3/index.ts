import type { Clock } from '../clock';
import type { Kms } from '../kms';
import type { ResourcePolicy } from '../kms/resource-policy';
import { ServiceError, type Answer, type Call, type Service } from '../service';
import { Access, resolved } from './access';
import { Bucket, type Encryption, type StoredObject } from './bucket';
import {
  deleteBucketPolicy, getBucketLocation, getBucketPolicy, getBucketTagging, getBucketVersioning, headBucket, putBucketPolicy, putBucketTagging,
  validPolicy,
} from './buckets';
import { checksum } from './checksums';
import { FileContent, md5, MemoryContent, type FileSource } from './content';
import { invalidUri, noSuchBucket, notImplemented, refusal, S3Error } from './errors';
import { listObjectsV2, listObjectVersions } from './listings';
import { abortMultipartUpload, completeMultipartUpload, createMultipartUpload, listMultipartUploads, listParts, uploadPart } from './multipart';
import { deleteObject, deleteObjects, getObject, getObjectAttributes, headObject, putObject } from './objects';
import type { Completion, Handler } from './request';

export type { Bucket, Encryption, StoredObject, Version } from './bucket';
export type { FileSource } from './content';

export interface BucketOptions {
  readonly versioned?: boolean;
  /** Without it SSE-S3, as every bucket has it. */
  readonly encryption?: Encryption;
  readonly policy?: ResourcePolicy;
  readonly tags?: Record<string, string>;
  /** A bucket of another account admits only the principals that its policy names. @default - the emulated account */
  readonly owner?: string;
}

export interface S3Options {
  /**
   * Keys with the path segments `.` and `..`. The user guide says which ones are never valid; of the others it only says that they cause
   * trouble, and no source says whether S3 takes all of them.
   * @default 'taken'
   */
  readonly dotSegments?: 'taken' | 'refused';
  /**
   * An upload that is being completed. It is completed although its caller is gone, or has aborted it. `there`: it can be listed, completed
   * again and aborted; `gone`: S3 does not find it. The API reference says only that the completion may take minutes.
   * @default 'there'
   */
  readonly whileCompleting?: Completion['meanwhile'];
}

/** Method, what it is on, and the parameters that make it another operation. */
const OPERATIONS: Record<string, readonly [name: string, handler: Handler]> = {
  'HEAD bucket': ['HeadBucket', headBucket],
  'GET bucket?list-type': ['ListObjectsV2', listObjectsV2],
  'GET bucket?versions': ['ListObjectVersions', listObjectVersions],
  'GET bucket?location': ['GetBucketLocation', getBucketLocation],
  'GET bucket?versioning': ['GetBucketVersioning', getBucketVersioning],
  'GET bucket?tagging': ['GetBucketTagging', getBucketTagging],
  'PUT bucket?tagging': ['PutBucketTagging', putBucketTagging],
  'GET bucket?policy': ['GetBucketPolicy', getBucketPolicy],
  'PUT bucket?policy': ['PutBucketPolicy', putBucketPolicy],
  'DELETE bucket?policy': ['DeleteBucketPolicy', deleteBucketPolicy],
  'GET bucket?uploads': ['ListMultipartUploads', listMultipartUploads],
  'POST bucket?delete': ['DeleteObjects', deleteObjects],
  'GET object': ['GetObject', getObject],
  'HEAD object': ['HeadObject', headObject],
  'PUT object': ['PutObject', putObject],
  'DELETE object': ['DeleteObject', deleteObject],
  'GET object?attributes': ['GetObjectAttributes', getObjectAttributes],
  'POST object?uploads': ['CreateMultipartUpload', createMultipartUpload],
  'PUT object?uploadId': ['UploadPart', uploadPart],
  'POST object?uploadId': ['CompleteMultipartUpload', completeMultipartUpload],
  'DELETE object?uploadId': ['AbortMultipartUpload', abortMultipartUpload],
  'GET object?uploadId': ['ListParts', listParts],
};

/** Parameters that do not make it another operation; anything else is refused rather than ignored. */
const PARAMETERS = new Set([
  'x-id', 'versionId', 'partNumber', 'prefix', 'delimiter', 'max-keys', 'continuation-token', 'start-after', 'fetch-owner', 'encoding-type',
  'key-marker', 'version-id-marker', 'max-parts', 'part-number-marker', 'max-uploads', 'upload-id-marker',
]);

export class S3 implements Service {
  public readonly signingName = 's3';
  public readonly buckets = new Map<string, Bucket>();
  /** Milliseconds that S3 takes to complete a multipart upload: minutes for a large one. */
  public completionDelay = 0;

  /** `keys` checks the use of customers' keys; without it, only the caller's identity policies do. */
  constructor(private readonly clock: Clock, private readonly keys?: Kms, private readonly options: S3Options = {}) {}

  public createBucket(name: string, { versioned = false, encryption, policy, tags = {}, owner }: BucketOptions = {}): Bucket {
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) {
      throw new S3Error('InvalidBucketName', 400, 'The specified bucket is not valid.', { BucketName: name });
    }
    if (this.buckets.has(name)) {
      throw new S3Error('BucketAlreadyOwnedByYou', 409,
        'Your previous request to create the named bucket succeeded and you already own it.', { BucketName: name });
    }
    const bucket = new Bucket(name, this.clock.now(), owner);
    if (versioned) { bucket.versioning = 'Enabled'; }
    if (encryption) { bucket.encryption = encryption; }
    if (policy) { bucket.policy = validPolicy(bucket, JSON.stringify(policy)); }
    bucket.tags = { ...tags };
    this.buckets.set(name, bucket);
    return bucket;
  }

  public setPolicy(name: string, policy: ResourcePolicy | undefined): void {
    const bucket = this.bucket(name);
    bucket.policy = policy && validPolicy(bucket, JSON.stringify(policy));
  }

  /** Refused while any version is left, delete markers included. */
  public deleteBucket(name: string): void {
    if (!this.bucket(name).empty) { throw new S3Error('BucketNotEmpty', 409, 'The bucket you tried to delete is not empty', { BucketName: name }); }
    this.buckets.delete(name);
  }

  /** Stores an object without asking anyone; a file stays where it is, and is read when needed. */
  public async put(name: string, key: string, source: Buffer | string | FileSource, headers: Record<string, string> = {}): Promise<StoredObject> {
    const bucket = this.bucket(name);
    const bytes = typeof source === 'string' ? Buffer.from(source) : Buffer.isBuffer(source) ? source : undefined;
    const content = bytes ? new MemoryContent([bytes]) : await FileContent.of(source as FileSource);
    const object: StoredObject = {
      deleteMarker: false,
      key,
      content,
      etag: await md5(content),
      versionId: bucket.nextVersionId(),
      lastModified: this.clock.now(),
      headers: { 'content-type': 'binary/octet-stream', ...headers },
      encryption: resolved(bucket.encryption, this.keys),
      // A file has none, as objects from before 2025 have none: it would take as long again as its MD5.
      checksum: bytes && checksum('CRC64NVME', [bytes]),
    };
    bucket.add(object);
    return object;
  }

  /** The current version of an object, or the given one; `undefined` for what is deleted. */
  public object(name: string, key: string, versionId?: string): StoredObject | undefined {
    const bucket = this.bucket(name);
    const version = versionId === undefined ? bucket.latest(key) : bucket.find(key, versionId);
    return version?.deleteMarker === false ? version : undefined;
  }

  public operation(call: Call): string {
    return OPERATIONS[target(call).operation]?.[0] ?? target(call).operation;
  }

  public async handle(call: Call): Promise<Answer> {
    const { bucket: name, key, operation } = target(call);
    const handler = OPERATIONS[operation]?.[1];
    if (!handler) { throw notImplemented(operation); }
    this.refuseInvalid(key);
    const bucket = this.bucket(name);
    const completion = { delay: this.completionDelay, meanwhile: this.options.whileCompleting ?? 'there' };
    return handler({ call, bucket, key, access: new Access(call, bucket, this.keys), clock: this.clock, completion });
  }

  public refuse(error: ServiceError): Answer {
    return refusal(error.code === 'ThrottlingException' ? new ServiceError('SlowDown', 503, 'Please reduce your request rate.') : error);
  }

  private refuseInvalid(key: string): void {
    let depth = 0;
    for (const segment of key.split('/')) {
      const isDots = segment === '.' || segment === '..';
      if (isDots && this.options.dotSegments === 'refused') { throw invalidUri(); }
      if (segment === '..' && --depth < 0) { throw invalidUri(); }
      if (!isDots) { depth++; }
    }
  }

  private bucket(name: string): Bucket {
    const bucket = this.buckets.get(name);
    if (!bucket) { throw noSuchBucket(name); }
    return bucket;
  }
}

/** Reads a path-style request: `/bucket/key?parameters`. */
function target({ method, path, query }: Call): { bucket: string; key: string; operation: string } {
  const [, bucket, ...rest] = path.split('/').map(decodeURIComponent);
  const key = rest.join('/');
  const kind = [...new Set(query.keys())].filter(name => !PARAMETERS.has(name)).join('&');
  return { bucket, key, operation: `${method} ${key === '' ? 'bucket' : 'object'}${kind && `?${kind}`}` };
}
