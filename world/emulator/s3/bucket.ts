import { randomBytes } from 'crypto';
import type { Algorithm, Checksum, ChecksumType } from './checksums';
import type { Content } from './content';
import { ACCOUNT } from '../environment';
import type { ResourcePolicy } from '../kms/resource-policy';
import type { Answer } from '../service';

export interface Encryption {
  readonly algorithm: 'AES256' | 'aws:kms';
  /** A customer's key: its ARN, id or alias. Without it, `aws:kms` means the key that AWS manages. */
  readonly kmsKey?: string;
}

export interface StoredObject {
  readonly deleteMarker: false;
  readonly key: string;
  /** `null`, literally, if the bucket kept no versions when this was written. */
  readonly versionId: string;
  readonly lastModified: number;
  readonly content: Content;
  /** Without quotes. */
  readonly etag: string;
  /** What the writer said of it and every reader hears: content-type, x-amz-meta-… */
  readonly headers: Record<string, string>;
  readonly encryption: Encryption;
  readonly checksum?: Checksum;
  /** Of a multipart upload; with checksums if the upload was created with an algorithm. */
  readonly parts?: readonly { readonly number: number; readonly size: number; readonly checksum?: Checksum }[];
}

export interface DeleteMarker {
  readonly deleteMarker: true;
  readonly key: string;
  readonly versionId: string;
  readonly lastModified: number;
}

export type Version = StoredObject | DeleteMarker;

export interface Part {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly lastModified: number;
  readonly checksum?: Checksum;
}

export interface Upload {
  readonly id: string;
  /** ARN of who began it. */
  readonly initiator: string;
  readonly initiated: number;
  readonly key: string;
  readonly headers: Record<string, string>;
  readonly encryption: Encryption;
  readonly checksum?: { readonly algorithm: Algorithm; readonly type: ChecksumType };
  readonly parts: Map<number, Part>;
  /** When it is completed, and the answer then. */
  completion?: { readonly moment: number; readonly answer: Promise<Answer> };
}

export class Bucket {
  /** Once on it can be suspended, never switched off. */
  public versioning: 'Enabled' | 'Suspended' | undefined;
  public encryption: Encryption = { algorithm: 'AES256' };
  public policy: ResourcePolicy | undefined;
  public tags: Record<string, string> = {};
  public readonly uploads = new Map<string, Upload>();
  /** Key → its versions, newest first. */
  private readonly objects = new Map<string, Version[]>();

  constructor(public readonly name: string, public readonly created: number, public readonly owner = ACCOUNT) {}

  public get arn(): string {
    return `arn:aws:s3:::${this.name}`;
  }

  public get empty(): boolean {
    return this.objects.size === 0;
  }

  /** All versions, by key in the order of its UTF-8 bytes, and newest first. */
  public versions(): Version[] {
    return [...this.objects].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))).flatMap(([, versions]) => versions);
  }

  public latest(key: string): Version | undefined {
    return this.objects.get(key)?.[0];
  }

  public find(key: string, versionId: string): Version | undefined {
    return this.objects.get(key)?.find(version => version.versionId === versionId);
  }

  public nextVersionId(): string {
    return this.versioning === 'Enabled' ? randomBytes(24).toString('base64url').replace(/-/g, '.') : 'null';
  }

  public add(version: Version): void {
    const older = (this.objects.get(version.key) ?? []).filter(other => other.versionId !== version.versionId);
    this.objects.set(version.key, [version, ...older]);
  }

  public remove(key: string, versionId: string): Version | undefined {
    const versions = this.objects.get(key) ?? [];
    const left = versions.filter(version => version.versionId !== versionId);
    if (left.length > 0) { this.objects.set(key, left); } else { this.objects.delete(key); }
    return versions.find(version => version.versionId === versionId);
  }
}
