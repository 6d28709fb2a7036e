import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import type { ExportPlan } from './layout';
import { isNamed } from '../../shared/errors';
import { BlockSet } from '../blocks/block-set';
import { NOT_FIRST, TransferStore } from '../bucket/store';

/** What is known of an export as long as its resource exists: S3 cannot be searched for who made an object. */
export interface ExportRecord {
  readonly exportId: string;
  readonly stackId: string;
  readonly logicalId: string;
  /** Digest of the properties whose change means another export. */
  readonly identity: string;
  readonly requestId: string;
  readonly bucket: string;
  readonly key: string;
  /** Of a delta; that has no manifest beside it. */
  readonly isDelta: boolean;
  /** GiB. */
  readonly volumeSize: number;
  /** Absent until S3 has answered. */
  readonly uploadId?: string;
  /** The function that began it, by which S3 knows uploads whose ids were lost. */
  readonly initiator?: string;
  /** Milliseconds since 1970. */
  readonly started: number;
  /** CloudFormation was told that it is complete. */
  readonly handedOut?: boolean;
}

/** A part that S3 has taken. */
export interface DonePart {
  readonly part: number;
  readonly crc32: number;
  /** SHA-256 of its blocks, in base64. */
  readonly digests: string;
}

/** What became of it. */
export interface ExportResult {
  readonly versionId?: string;
  readonly etag: string;
  /** Base64. */
  readonly crc32: string;
  readonly size: number;
}

const PREFIX = 'transfers/';

/**
 * Where the things of exports lie in the transfer bucket, below `transfers/<export id>/`:
 *
 *     record.json   what it is, from before it begins until it is deleted
 *     plan.json     how it is divided
 *     prelude       of a delta: how the object begins
 *     present       of qcow2: which blocks the snapshot has
 *     progress/<n>  the parts of an unfinished range that are uploaded
 *     ranges/<n>    the parts of a finished range
 *     result.json   what became of it; all but this and the record are gone then
 *     failure       why a range could not be copied
 */
export class ExportStore extends TransferStore {
  public async record(exportId: string): Promise<ExportRecord | undefined> {
    return this.json<ExportRecord>(exportId, 'record.json');
  }

  public async saveRecord(record: ExportRecord): Promise<void> {
    await this.put(record.exportId, 'record.json', JSON.stringify(record));
  }

  /** Marks it as told to be complete; false: it was removed meanwhile, of which no record may be left. */
  public async handOut(exportId: string): Promise<boolean> {
    for (;;) {
      const present = await this.read(exportId, 'record.json');
      if (!present) { return false; }
      const record = JSON.parse(present.bytes.toString()) as ExportRecord;
      if (record.handedOut) { return true; }
      try {
        await this.put(exportId, 'record.json', JSON.stringify({ ...record, handedOut: true }), { IfMatch: present.etag });
        return true;
      } catch (error) {
        // The answer may have been lost; the next look tells.
        if (!isNamed(error, 'NoSuchKey', ...NOT_FIRST)) { throw error; }
      }
    }
  }

  /** Those of all exports of the stack. */
  public async records(): Promise<ExportRecord[]> {
    const ids: string[] = [];
    for (let token: string | undefined; ;) {
      const { CommonPrefixes = [], NextContinuationToken } = await this.exportPrefixes(token);
      ids.push(...CommonPrefixes.map(({ Prefix }) => Prefix!.slice(PREFIX.length, -1)));
      token = NextContinuationToken;
      if (token === undefined) { break; }
    }
    const records = await Promise.all(ids.map(id => this.record(id)));
    return records.filter(record => record !== undefined);
  }

  public async saveExportPlan(exportId: string, plan: ExportPlan): Promise<void> {
    await this.put(exportId, 'plan.json', JSON.stringify(plan));
  }

  /** Missing only if the export was cleaned up. */
  public async exportPlan(exportId: string): Promise<ExportPlan> {
    const plan = await this.json<ExportPlan>(exportId, 'plan.json');
    if (!plan) { throw new Error(`the export ${exportId} was cancelled`); }
    return plan;
  }

  public async savePrelude(exportId: string, prelude: Buffer): Promise<void> {
    await this.put(exportId, 'prelude', prelude);
  }

  public async prelude(exportId: string): Promise<Buffer> {
    const prelude = await this.get(exportId, 'prelude');
    if (!prelude) { throw new Error(`the export ${exportId} was cancelled`); }
    return prelude;
  }

  public async savePresentBlocks(exportId: string, present: BlockSet): Promise<void> {
    await this.put(exportId, 'present', present.bytes);
  }

  public async presentBlocks(exportId: string): Promise<BlockSet> {
    const bytes = await this.get(exportId, 'present');
    if (!bytes) { throw new Error(`the export ${exportId} was cancelled`); }
    return new BlockSet(bytes);
  }

  /** Those of a range, as far as it is done. */
  public async parts(exportId: string, n: number): Promise<DonePart[]> {
    return await this.json<DonePart[]>(exportId, `ranges/${n}`) ?? await this.json<DonePart[]>(exportId, `progress/${n}`) ?? [];
  }

  /** A range that is finished stays so, whatever a worker saves that was given it too. */
  public async saveParts(exportId: string, n: number, parts: readonly DonePart[], { finished }: { finished: boolean }): Promise<void> {
    await this.put(exportId, `${finished ? 'ranges' : 'progress'}/${n}`, JSON.stringify(parts));
  }

  public result(exportId: string): Promise<ExportResult | undefined> {
    return this.json<ExportResult>(exportId, 'result.json');
  }

  public async saveResult(exportId: string, result: ExportResult): Promise<void> {
    await this.put(exportId, 'result.json', JSON.stringify(result));
  }

  /** What only the work needed. */
  public removeWork(exportId: string): Promise<void> {
    return this.removeAllBut(exportId, ['record.json', 'result.json']);
  }

  /** All but what isComplete still has to learn. */
  public removeFailed(exportId: string): Promise<void> {
    return this.removeAllBut(exportId, ['record.json', 'failure']);
  }

  private async json<T>(exportId: string, name: string): Promise<T | undefined> {
    const found = await this.get(exportId, name);
    return found && JSON.parse(found.toString()) as T;
  }

  private async exportPrefixes(ContinuationToken: string | undefined): Promise<Partial<ListObjectsV2CommandOutput>> {
    try {
      return await this.call('s3:ListBucket', () => this.s3.send(new ListObjectsV2Command({
        Bucket: this.bucket, Prefix: `${PREFIX}export-`, Delimiter: '/', ContinuationToken,
      })));
    } catch (error) {
      if (isNamed(error, 'NoSuchBucket')) { return {}; }
      throw error;
    }
  }
}
