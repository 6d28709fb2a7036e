import {
  DeleteObjectsCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type ListObjectsV2CommandOutput, type S3Client,
} from '@aws-sdk/client-s3';
import { creationKeyOf, type CreationRecord } from './creation-record';
import type { Plan } from './plan';
import { parseFinishedRange, type FinishedRange } from './range-record';
import { isNamed, saidBy } from '../../shared/errors';
import { retrying } from '../../shared/retry';
import type { ImagePart } from '../blocks/unchanged-parts';

/**
 * The transfer bucket and the keys in it. Everything that belongs to one snapshot has the prefix `transfers/<snapshot id>/`:
 *
 *     record.json     that this stack has made the snapshot, see CreationRecord; of an AMI, `images/<AMI id>.json`
 *     plan.json       how the disk is divided into ranges
 *     progress/<n>    an unfinished range, see RangeRecord
 *     digests/<n>     a finished range, see RangeRecord
 *     parent/<n>      the digests of the parent's blocks in that range, for an increment
 *     reading/<n>     the same, while they are still being read from the parent
 *     parts.json      the parts that the image was uploaded in, if S3 has a SHA-256 of each
 *     hashing.json    how far the SHA-256 of the image is computed, if the user has pinned it and S3 has none
 *     sha256          that SHA-256, in hexadecimal digits
 *     refused         there if Lambda refused a worker for minutes, see overdue.ts
 *     token           ends the wait of the execution that answers CloudFormation, see wake.ts
 *     finished        there if the snapshot is complete and read back, a moment before the execution ends
 *     failure         why a range could not be copied, because a Distributed Map does not return it
 *     manifest.json   count and checksum with which the snapshot was sealed; digests without it are not believed
 */
export class TransferStore {
  constructor(protected readonly s3: S3Client, protected readonly bucket: string) {}

  /** Returns the record of a snapshot or AMI that this stack has made; undefined if there is none. */
  public async creation(id: string): Promise<CreationRecord | undefined> {
    try {
      const found = await this.readKey(creationKeyOf(id));
      const record = found && JSON.parse(found.bytes.toString()) as CreationRecord;
      return record?.id === id ? record : undefined;
    } catch (error) {
      if (isNamed(error, 'NoSuchBucket')) { return undefined; }
      throw error;
    }
  }

  public async saveCreation(record: CreationRecord): Promise<void> {
    await this.putKey(creationKeyOf(record.id), JSON.stringify(record));
  }

  public async removeCreation(id: string): Promise<void> {
    await this.removeKeys([creationKeyOf(id)]).catch(error => {
      if (!isNamed(error, 'NoSuchBucket')) { throw error; }
    });
  }

  /** Returns the ids of the snapshots that have anything in the bucket. */
  public snapshots(): Promise<string[]> {
    return this.idsBelow('transfers/snap-');
  }

  /** Returns the ids of the AMIs that have a record. */
  public images(): Promise<string[]> {
    return this.idsBelow('images/ami-', '.json');
  }

  public async savePlan(snapshotId: string, plan: Plan): Promise<void> {
    await this.put(snapshotId, 'plan.json', JSON.stringify(plan));
  }

  /** Throws if there is none, because the import was cancelled and cleaned up. */
  public async plan(snapshotId: string): Promise<Plan> {
    const plan = await this.findPlan(snapshotId);
    if (!plan) { throw cancelled(snapshotId); }
    return plan;
  }

  /** Throws if the import was cancelled meanwhile, because nothing would clean up what is saved after that. */
  public async refuseCancelled(snapshotId: string): Promise<void> {
    if (!await this.get(snapshotId, 'plan.json')) { throw cancelled(snapshotId); }
  }

  public async findPlan(snapshotId: string): Promise<Plan | undefined> {
    const plan = await this.get(snapshotId, 'plan.json');
    return plan && JSON.parse(plan.toString()) as Plan;
  }

  public async saveImageParts(snapshotId: string, parts: readonly ImagePart[]): Promise<void> {
    await this.put(snapshotId, 'parts.json', JSON.stringify(parts));
  }

  public async imageParts(snapshotId: string): Promise<ImagePart[] | undefined> {
    const parts = await this.get(snapshotId, 'parts.json');
    return parts && JSON.parse(parts.toString()) as ImagePart[];
  }

  public progress(snapshotId: string, n: number): Promise<Buffer | undefined> {
    return this.get(snapshotId, `progress/${n}`);
  }

  public async saveProgress(snapshotId: string, n: number, record: Buffer): Promise<void> {
    await this.put(snapshotId, `progress/${n}`, record);
  }

  public async digests(snapshotId: string, n: number): Promise<Buffer | undefined> {
    return (await this.range(snapshotId, n))?.digests;
  }

  /** Returns a finished range. */
  public async range(snapshotId: string, n: number): Promise<FinishedRange | undefined> {
    const saved = await this.get(snapshotId, `digests/${n}`);
    return saved && parseFinishedRange(saved);
  }

  public async saveRange(snapshotId: string, n: number, record: Buffer): Promise<void> {
    await this.put(snapshotId, `digests/${n}`, record);
  }

  public parentDigests(snapshotId: string, n: number): Promise<Buffer | undefined> {
    return this.get(snapshotId, `parent/${n}`);
  }

  public async saveParentDigests(snapshotId: string, n: number, digests: Buffer): Promise<void> {
    await this.put(snapshotId, `parent/${n}`, digests);
  }

  public parentProgress(snapshotId: string, n: number): Promise<Buffer | undefined> {
    return this.get(snapshotId, `reading/${n}`);
  }

  public async saveParentProgress(snapshotId: string, n: number, digests: Buffer): Promise<void> {
    await this.put(snapshotId, `reading/${n}`, digests);
  }

  public async hashing(snapshotId: string): Promise<Hashing | undefined> {
    const hashing = await this.get(snapshotId, 'hashing.json');
    return hashing && JSON.parse(hashing.toString()) as Hashing;
  }

  public async saveHashing(snapshotId: string, hashing: Hashing): Promise<void> {
    await this.put(snapshotId, 'hashing.json', JSON.stringify(hashing));
  }

  public async sha256(snapshotId: string): Promise<string | undefined> {
    return (await this.get(snapshotId, 'sha256'))?.toString();
  }

  public async saveSha256(snapshotId: string, sha256: string): Promise<void> {
    await this.put(snapshotId, 'sha256', sha256);
  }

  public async manifest(snapshotId: string): Promise<Manifest | undefined> {
    const manifest = await this.get(snapshotId, 'manifest.json');
    return manifest && JSON.parse(manifest.toString()) as Manifest;
  }

  public async saveManifest(manifest: Manifest): Promise<void> {
    await this.put(manifest.snapshotId, 'manifest.json', JSON.stringify(manifest));
  }

  /** Writes a manifest unless there is one. Returns whether it was written. */
  public async createManifest(manifest: Manifest): Promise<boolean> {
    try {
      await this.put(manifest.snapshotId, 'manifest.json', JSON.stringify(manifest), { IfNoneMatch: '*' });
      return true;
    } catch (error) {
      if (isNamed(error, ...NOT_FIRST)) { return false; }
      throw error;
    }
  }

  public async failure(snapshotId: string): Promise<string | undefined> {
    return (await this.get(snapshotId, 'failure'))?.toString();
  }

  /** Saves the first of several failures, because the others may follow from it. */
  public async saveFailure(snapshotId: string, sentence: string): Promise<void> {
    // After the clean-up, nothing would remove it.
    if (!await this.get(snapshotId, 'plan.json')) { return; }
    await this.put(snapshotId, 'failure', sentence, { IfNoneMatch: '*' });
  }

  public async saveRefused(id: string): Promise<void> {
    // After the clean-up, nothing would remove it.
    if (await this.get(id, 'plan.json')) { await this.put(id, 'refused', ''); }
  }

  /** Returns whether Lambda refused a worker for minutes, or ran none at all. */
  public async wasRefused(id: string): Promise<boolean> {
    if (await this.get(id, 'refused')) { return true; }
    const begun = ['progress/', 'digests/', 'ranges/', 'reading/', 'parent/'].map(folder => keyOf(id, folder));
    return !(await this.list(id)).some(key => begun.some(prefix => key.startsWith(prefix)));
  }

  public async token(id: string): Promise<string | undefined> {
    return (await this.get(id, 'token'))?.toString();
  }

  public async saveToken(id: string, token: string): Promise<void> {
    await this.put(id, 'token', token);
  }

  public removeToken(id: string): Promise<void> {
    return this.removeKeys([keyOf(id, 'token')]);
  }

  /** Records that nothing is left to be done, although the execution has not ended yet. */
  public async saveFinished(id: string): Promise<void> {
    await this.put(id, 'finished', 'true');
  }

  public async isFinished(id: string): Promise<boolean> {
    return await this.get(id, 'finished') !== undefined;
  }

  /** Removes what only an execution needs that runs. */
  public removeEnd(id: string): Promise<void> {
    return this.removeKeys([keyOf(id, 'token'), keyOf(id, 'finished')]);
  }

  /** Removes everything that belongs to a snapshot. Succeeds if there is nothing, or not even the bucket. */
  public remove(snapshotId: string, { keepFailure = false, keepRecord = false } = {}): Promise<void> {
    return this.removeAllBut(snapshotId, [...keepFailure ? ['failure'] : [], ...keepRecord ? ['record.json'] : []]);
  }

  protected async removeAllBut(snapshotId: string, kept: readonly string[]): Promise<void> {
    const keptKeys = kept.map(name => keyOf(snapshotId, name));
    for (;;) {
      // List from the start each time, because the keys of the last page are gone.
      const keys = (await this.list(snapshotId)).filter(key => !keptKeys.includes(key));
      if (keys.length === 0) { return; }
      await this.removeKeys(keys);
    }
  }

  private async removeKeys(keys: readonly string[]): Promise<void> {
    const { Errors = [] } = await this.call('s3:DeleteObject', () => this.s3.send(new DeleteObjectsCommand({
      Bucket: this.bucket, Delete: { Objects: keys.map(Key => ({ Key })), Quiet: true },
    })));
    if (Errors.length > 0) {
      throw new Error(`transfer bucket ${this.bucket}: ${Errors[0].Key} could not be deleted: ${Errors[0].Code}: ${Errors[0].Message}`);
    }
  }

  private async list(snapshotId: string): Promise<string[]> {
    try {
      const { Contents = [] } = await this.call('s3:ListBucket', () => this.s3.send(new ListObjectsV2Command({
        Bucket: this.bucket, Prefix: keyOf(snapshotId, ''),
      })));
      return Contents.map(({ Key }) => Key!);
    } catch (error) {
      if (isNamed(error, 'NoSuchBucket')) { return []; }
      throw error;
    }
  }

  /** Returns the ids in keys that begin with `<folder>/<kind of id>`: they end before `end`. Returns none if there is no bucket. */
  protected async idsBelow(prefix: string, end = '/'): Promise<string[]> {
    const ids: string[] = [];
    for (let token: string | undefined; ;) {
      const { CommonPrefixes = [], NextContinuationToken } = await this.page(prefix, end, token);
      ids.push(...CommonPrefixes.map(({ Prefix }) => Prefix!.slice(prefix.indexOf('/') + 1, -end.length)));
      token = NextContinuationToken;
      if (token === undefined) { return ids; }
    }
  }

  private async page(Prefix: string, Delimiter: string, ContinuationToken: string | undefined): Promise<Partial<ListObjectsV2CommandOutput>> {
    try {
      return await this.call('s3:ListBucket', () => this.s3.send(new ListObjectsV2Command({ Bucket: this.bucket, Prefix, Delimiter, ContinuationToken })));
    } catch (error) {
      if (isNamed(error, 'NoSuchBucket')) { return {}; }
      throw error;
    }
  }

  protected async get(snapshotId: string, name: string): Promise<Buffer | undefined> {
    return (await this.read(snapshotId, name))?.bytes;
  }

  protected read(snapshotId: string, name: string): Promise<SavedObject | undefined> {
    return this.readKey(keyOf(snapshotId, name));
  }

  protected put(snapshotId: string, name: string, body: string | Buffer, conditions: Conditions = {}): Promise<unknown> {
    return this.putKey(keyOf(snapshotId, name), body, conditions);
  }

  private async readKey(Key: string): Promise<SavedObject | undefined> {
    const command = new GetObjectCommand({ Bucket: this.bucket, Key });
    try {
      return await this.call('s3:GetObject', async () => {
        const { Body, ETag } = await this.s3.send(command);
        return { bytes: Buffer.from(await Body!.transformToByteArray()), etag: ETag! };
      });
    } catch (error) {
      if (isNamed(error, 'NoSuchKey')) { return undefined; }
      throw error;
    }
  }

  private putKey(Key: string, Body: string | Buffer, conditions: Conditions = {}): Promise<unknown> {
    const command = new PutObjectCommand({ Bucket: this.bucket, Key, Body, ...conditions });
    return this.call('s3:PutObject', () => this.s3.send(command));
  }

  protected call<T>(action: string, request: () => Promise<T>): Promise<T> {
    return retrying(request, { what: action }).catch((error: Error) => {
      if (isNamed(error, 'NoSuchKey', 'NoSuchBucket', ...NOT_FIRST)) { throw error; }
      throw new Error(`${action} failed in transfer bucket ${this.bucket}: ${saidBy(error)}`, { cause: error });
    });
  }
}

interface SavedObject {
  readonly bytes: Buffer;
  readonly etag: string;
}

interface Conditions {
  readonly IfNoneMatch?: '*';
  readonly IfMatch?: string;
}

/** Errors of a conditional write if another writer was first, or is writing at the same time. */
export const NOT_FIRST = ['PreconditionFailed', 'ConditionalRequestConflict'];

/** How far the SHA-256 of an object is computed. */
export interface Hashing {
  /** Bytes from the start of the object that were hashed. */
  readonly hashed: number;
  /** State of the hash after these bytes, in base64. */
  readonly state: string;
}

/** Count and checksum with which a snapshot was sealed. */
export interface Manifest {
  readonly snapshotId: string;
  /** Number of blocks that were put. */
  readonly blocks: number;
  /** LINEAR checksum of the blocks that were put, in base64. */
  readonly checksum: string;
  /** SHA-256 of the digests of all blocks, put or not, in base64. Absent in manifests of earlier releases. */
  readonly digests?: string;
  /** Whether the snapshot was sealed more than once. */
  readonly again?: true;
}

function cancelled(snapshotId: string): Error {
  return new Error(`the import of snapshot ${snapshotId} was cancelled`);
}

function keyOf(snapshotId: string, name: string): string {
  return `transfers/${snapshotId}/${name}`;
}
